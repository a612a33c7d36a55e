import FlinkModel
import KubernetesRuntime
import Testing

@testable import FlinkController

/// Keys of the operator's own configuration that set up its parts.
@Suite struct OperatorSettingsTests {
  private func settings(_ values: [String: String]) throws -> OperatorSettings {
    try OperatorSettings(
      OperatorDefaults(
        Dictionary(uniqueKeysWithValues: values.map { ("kubernetes.operator.\($0.key)", $0.value) })))
  }

  // covers: kubernetes.operator.retry.initial.interval, kubernetes.operator.retry.interval.multiplier
  // covers: kubernetes.operator.retry.max.interval
  @Test func failedTurnsAreTriedAgainAsConfigured() throws {
    #expect(try settings([:]).turnBackoff == .turns)
    let policy = try settings([
      "retry.initial.interval": "2 s", "retry.interval.multiplier": "3", "retry.max.interval": "20 s",
    ]).turnBackoff
    #expect(policy == BackoffPolicy(base: .seconds(2), cap: .seconds(20), factor: 3))
    // Each delay is spread over its upper half.
    let delays = [1, 2, 3, 4, 40].map { policy.delay(failures: $0, jitter: 0) }
    #expect(delays == [.seconds(1), .seconds(3), .seconds(9), .seconds(10), .seconds(10)])
    // The longest is never shorter than the first.
    #expect(try settings(["retry.initial.interval": "5 min"]).turnBackoff.cap == .seconds(300))
  }

  // covers: kubernetes.operator.leader-election.lease-duration, kubernetes.operator.leader-election.renew-deadline
  // covers: kubernetes.operator.leader-election.retry-period
  @Test func leasesLastAsConfigured() throws {
    #expect(try settings([:]).leaseElection == LeaseElectionMachine.Settings())
    let election = try settings([
      "leader-election.lease-duration": "30 s", "leader-election.renew-deadline": "20 s",
      "leader-election.retry-period": "5 s",
    ]).leaseElection
    #expect(election.leaseDuration == .seconds(30))
    #expect(election.renewDeadline == .seconds(20))
    #expect(election.retryPeriod == .seconds(5))
  }

  @Test(arguments: [
    ["leader-election.renew-deadline": "15 s"], ["leader-election.retry-period": "10 s"],
    ["leader-election.retry-period": "0"], ["retry.interval.multiplier": "0.5"], ["retry.max.interval": "0"],
    ["health.probe.port": "70000"], ["flink.client.timeout": "0"],
  ])
  func whatCannotWorkIsNamed(_ values: [String: String]) {
    #expect(throws: InvalidField.self) { try settings(values) }
  }

  // covers: kubernetes.operator.reconcile.interval
  @Test func whatIsSettledIsLookedAtAsOftenAsConfigured() throws {
    #expect(try settings([:]).pollingInterval == .seconds(10))
    #expect(try settings(["reconcile.interval": "45 s"]).pollingInterval == .seconds(45))
    #expect(try settings(["reconciler.reschedule.interval": "60 s"]).pollingInterval == .seconds(60))
    #expect(try settings(["reconcile.interval": "45 s", "polling.interval": "3 s"]).pollingInterval == .seconds(3))
  }

  // covers: kubernetes.operator.polling.fast-interval, kubernetes.operator.polling.budget
  @Test func jobManagersAreAskedAsOftenAsConfigured() throws {
    let settings = try settings(["polling.fast-interval": "2 s", "polling.budget": "1"])
    let schedule = PollSchedule(settings)
    // What has taken long is asked about once in the interval.
    #expect(schedule.pause(.transition, waiting: 200_000, seed: 7) == 2_000)
    #expect(PollSchedule(try self.settings([:])) == PollSchedule())
    let budget = PollBudget(requestsPerSecond: settings.pollingBudget)
    let pauses = (0..<20).map { _ in budget.pause(10, isUrgent: false, requests: 1, now: 1_000_000) }
    #expect(pauses.last.map { $0 > 10_000 } == true)
  }
}
