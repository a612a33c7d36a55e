import FlinkModel
import KubernetesAPI
import Testing

@Suite struct CronExpressionTests {
  private func moment(_ text: String) throws -> Int64 {
    try #require(Timestamp(rfc3339: text)?.epochMilliseconds)
  }

  /// Expression, from where, and the next moments after it. 2026-11-21 is a Saturday.
  static let table: [(String, String, [String])] = [
    ("0 0 2 * * ?", "2026-11-21T14:00:00Z", ["2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z"]),
    ("0 0/15 * * * ?", "2026-11-21T14:00:00Z", ["2026-11-21T14:15:00Z", "2026-11-21T14:30:00Z"]),
    ("*/20 * * * * ?", "2026-11-21T23:59:50.5Z", ["2026-11-22T00:00:00Z", "2026-11-22T00:00:20Z"]),
    ("0 30 8-9,17 * * MON-FRI", "2026-11-21T14:00:00Z", ["2026-11-23T08:30:00Z", "2026-11-23T09:30:00Z"]),
    ("0 0 22-2 ? * *", "2026-11-21T23:30:00Z", ["2026-11-22T00:00:00Z", "2026-11-22T01:00:00Z"]),
    ("0 0 0 L * ?", "2027-02-01T00:00:00Z", ["2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z"]),
    ("0 0 0 L-2 * ?", "2028-02-01T00:00:00Z", ["2028-02-27T00:00:00Z"]),
    ("0 0 0 15W * ?", "2026-11-01T00:00:00Z", ["2026-11-16T00:00:00Z", "2026-12-15T00:00:00Z"]),
    ("0 0 0 1W * ?", "2026-07-31T00:00:00Z", ["2026-08-03T00:00:00Z"]),
    ("0 0 0 LW * ?", "2026-10-01T00:00:00Z", ["2026-10-30T00:00:00Z", "2026-11-30T00:00:00Z"]),
    ("0 0 0 ? * 6L", "2026-11-21T00:00:00Z", ["2026-11-27T00:00:00Z"]),
    ("0 0 0 ? * FRI#3", "2026-11-21T00:00:00Z", ["2026-12-18T00:00:00Z"]),
    ("0 0 0 29 2 ?", "2026-11-21T00:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
    ("0 0 0 1 JAN ? 2030-2031", "2026-11-21T00:00:00Z", ["2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"]),
    ("0 0 12 ? * SUN", "2026-11-21T00:00:00Z", ["2026-11-22T12:00:00Z"]),
  ]

  @Test(arguments: table.indices) func tellsTheNextMoments(_ index: Int) throws {
    let (text, from, expected) = Self.table[index]
    let cron = try #require(CronExpression(text), "\(text)")
    var time = try moment(from)
    for wanted in expected {
      time = try #require(cron.next(after: time), "\(text)")
      #expect(Timestamp(epochMilliseconds: time).rfc3339Seconds == wanted, "\(text)")
    }
  }

  @Test func endsWithItsYears() throws {
    let cron = try #require(CronExpression("0 0 0 1 1 ? 2020"))
    #expect(cron.next(after: try moment("2026-11-21T00:00:00Z")) == nil)
    let never = try #require(CronExpression("0 0 0 30 2 ?"))
    #expect(never.next(after: 0) == nil)
  }

  @Test(arguments: [
    "", "* * * * *", "0 0 0 1 1 ? 2020 1", "60 * * * * ?", "* * 24 * * ?", "0 0 0 32 * ?", "0 0 0 * 13 ?",
    "0 0 0 ? * 8", "0 0 0 ? * ?", "0 0 0 1 * MON", "0 0/0 * * * ?", "0 -5 * * * ?", "0 5- * * * ?", "a * * * * ?",
    "0 0 0 ? * FRI#6", "0 0 0 0W * ?", "0 1,,2 * * * ?", "0 99999999999999999999 * * * ?",
  ])
  func refusesWhatIsNoExpression(_ text: String) { #expect(CronExpression(text) == nil) }

  @Test func readsIntervalsAndExpressions() throws {
    let key = "kubernetes.operator.periodic.savepoint.interval"
    #expect(try PeriodicTrigger.read("6 h", key: key) == .interval(21_600_000))
    #expect(try PeriodicTrigger.read(" ", key: key) == nil)
    #expect(try PeriodicTrigger.read("0", key: key) == nil)
    #expect(try PeriodicTrigger.read("0 0 2 * * ?", key: key)?.next(after: 0) == 7_200_000)
    let error = #expect(throws: InvalidField.self) { try PeriodicTrigger.read("each night", key: key) }
    #expect(error?.description.contains(key) == true)
    #expect(error?.description.contains("each night") == true)
  }
}
