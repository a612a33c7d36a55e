import Testing

@testable import FlinkController

@Suite struct PollScheduleTests {
  private let schedule = PollSchedule()

  @Test func isFastInTransitionsAndFasterWhereAJobIsDown() {
    #expect(schedule.pause(.savepoint, waiting: 0, seed: 7) == 50)
    #expect(schedule.pause(.transition, waiting: 0, seed: 7) == 100)
  }

  @Test func asksLessOftenForWhatTakesLong() {
    for urgency in [PollSchedule.Urgency.savepoint, .transition] {
      let pauses = stride(from: Int64(0), through: 60_000, by: 500)
        .map { schedule.pause(urgency, waiting: $0, seed: 7) }
      #expect(pauses == pauses.sorted())
      #expect(pauses.last == 250)
    }
  }

  @Test func spreadsSteadyPolls() {
    let pauses = (0..<1_000)
      .map { schedule.pause(.steady, waiting: 0, seed: $0 &* 0x9e37_79b9_7f4a_7c15) }
    #expect(pauses.allSatisfy { (8_000...12_000).contains($0) })
    #expect(Set(pauses).count > 100)
  }

  @Test func backsOffFromAnUnreachableJobManager() {
    let fast = stride(from: Int64(0), through: 120_000, by: 500)
      .map { schedule.pause(.transition, waiting: $0, failing: $0, failures: 1 + Int($0 / 100), seed: 0) }
    #expect(fast.first == 100)
    #expect(fast.last == 1_000)
    #expect(fast == fast.sorted())
    #expect(schedule.pause(.steady, waiting: 0, failing: 100_000, failures: 50, seed: 0) == 30_000)
  }
}

@Suite struct PollBudgetTests {
  @Test func doesNotStretchWhatIsWithinIt() {
    var budget = PollBudgetMachine(requestsPerSecond: 300)
    let pauses = (0..<100).map { budget.pause(50, isUrgent: true, requests: 2, now: 1_000_000 + Int64($0) * 10) }
    #expect(pauses.allSatisfy { $0 == 50 })
  }

  @Test func keepsManyJobsToIt() {
    // A thousand jobs, each asked as soon as it may be: the polls of ten seconds are counted.
    var budget = PollBudgetMachine(requestsPerSecond: 300)
    var due = (0..<1_000).map { _ in Int64(5_000_000) }
    var requests = 0
    for now in stride(from: Int64(5_000_000), to: 5_010_000, by: 1) {
      for job in due.indices where due[job] <= now {
        requests += 2
        due[job] = now + budget.pause(50, isUrgent: true, requests: 2, now: now)
      }
    }
    // The first look at each, the burst of a second, and 300 each second.
    #expect((3_000...5_600).contains(requests), "\(requests)")
  }

  @Test func steadyPollsDoNotDelayUrgentOnes() {
    var budget = PollBudgetMachine(requestsPerSecond: 300)
    for _ in 0..<10_000 { _ = budget.pause(10_000, isUrgent: false, requests: 2, now: 1_000_000) }
    #expect(budget.pause(50, isUrgent: true, requests: 2, now: 1_000_000) == 50)
    #expect(budget.pause(10_000, isUrgent: false, requests: 2, now: 1_000_000) > 10_000)
  }

  @Test func urgentPollsPutSteadyOnesOffButNotForEver() {
    var budget = PollBudgetMachine(requestsPerSecond: 300)
    for _ in 0..<100_000 { _ = budget.pause(50, isUrgent: true, requests: 2, now: 1_000_000) }
    let delay = budget.pause(10_000, isUrgent: false, requests: 1, now: 1_000_000)
    #expect(delay > 10_000 && delay <= PollBudgetMachine.longestDelay)
  }
}
