import Testing

@testable import FlinkController

@Suite struct PollScheduleTests {
  private let schedule = PollSchedule()

  @Test func isFastInTransitions() {
    #expect(schedule.pause(isFast: true, failures: 0, seed: 7) == 250)
  }

  @Test func spreadsSteadyPolls() {
    let pauses = (0..<1_000).map { schedule.pause(isFast: false, failures: 0, seed: $0 &* 0x9e37_79b9_7f4a_7c15) }
    #expect(pauses.allSatisfy { (8_000...12_000).contains($0) })
    #expect(Set(pauses).count > 100)
  }

  @Test func backsOffFromAnUnreachableJobManager() {
    let fast = (1...20).map { schedule.pause(isFast: true, failures: $0, seed: 0) }
    #expect(fast.first == 250)
    #expect(fast.last == 1_000)
    #expect(fast == fast.sorted())
    #expect(schedule.pause(isFast: false, failures: 50, seed: 0) == 30_000)
  }
}
