import KubernetesAPI
import Testing

@Suite struct TimestampTests {
  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2026-11-21T04:10:00Z", 1_795_234_200_000),
      ("2000-02-29T23:59:59.999Z", 951_868_799_999),
      ("1969-12-31T23:59:59.5Z", -500), ("2026-11-21T06:10:00+02:00", 1_795_234_200_000),
      ("2026-11-20T20:40:00.123456789-07:30", 1_795_234_200_123), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
      ("9999-12-31T23:59:59Z", 253_402_300_799_000), ("1600-03-01T00:00:00Z", -11_670_912_000_000),
    ] as [(String, Int64)])
  func reads(text: String, milliseconds: Int64) throws {
    let timestamp = try #require(Timestamp(rfc3339: text))
    #expect(timestamp.epochMilliseconds == milliseconds)
    #expect(Timestamp(rfc3339: timestamp.rfc3339Micros) == timestamp)
  }

  @Test(arguments: [
    "", "2026-11-21", "2026-11-21T04:10Z", "2026-11-21T04:10:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
    "2026-11-21T24:00:00Z", "2026-11-21T04:10:60Z", "2026-11-21T04:10:00.Z", "2026-11-21T04:10:00Z ",
    "2026-11-21T04:10:00+0200", "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z", "+026-01-01T00:00:00Z",
  ])
  func refuses(text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }

  @Test func writes() {
    let timestamp = Timestamp(epochMilliseconds: 1_795_234_200_023)
    #expect(timestamp.rfc3339Seconds == "2026-11-21T04:10:00Z")
    #expect(timestamp.rfc3339Micros == "2026-11-21T04:10:00.023000Z")
    #expect((timestamp + .seconds(61)).rfc3339Milliseconds == "2026-11-21T04:11:01.023Z")
    #expect(timestamp + .seconds(1) - timestamp == .seconds(1))
    #expect(Timestamp(epochMilliseconds: -1).rfc3339Milliseconds == "1969-12-31T23:59:59.999Z")
  }

  @Test func everyDayOfFourCenturiesReturns() {
    for day in stride(from: Int64(-80_000), to: 80_000, by: 1) {
      let timestamp = Timestamp(epochMilliseconds: day * 86_400_000)
      #expect(Timestamp(rfc3339: timestamp.rfc3339Seconds) == timestamp)
    }
  }
}
