import FlinkModel
import KubernetesAPI
import Lifecycle
import Synchronization
import Testing

@testable import FlinkController

@Suite struct JobManagerPollTests {
  private static let job = "0123456789abcdef0123456789abcdef"

  /// Asks ten times, `pause` apart; how often statistics were read.
  private func reads(of known: Int64?, _ polling: Polling, every pause: Int64) async -> Int {
    let flink = OneJob(id: Self.job, checkpoint: known)
    let time = Mutex<Int64>(1_800_000_000_000)
    let clock = OperatorClock { time.withLock { $0 } }
    var poll = JobManagerPoll(polling: polling, now: clock.now())
    for _ in 0..<10 {
      await poll.ask(flink, at: FlinkEndpoint(host: "jobmanager", port: 8081), clock: clock)
      time.withLock { $0 += pause }
    }
    return flink.reads.withLock { $0 }
  }

  private func steady(lifetime: Int64?) -> Polling {
    var polling = Polling(attempt: 1, jobID: Self.job, pace: .steady, wantsCheckpoints: true)
    polling.checkpointLifetime = lifetime
    return polling
  }

  /// What is known of a JobManager that dies has to be there still.
  @Test func statisticsAreReadAsOftenAsCheckpointsAreReplaced() async {
    #expect(await reads(of: 3, steady(lifetime: 20_000), every: 10_000) == 10)
    #expect(await reads(of: 3, steady(lifetime: 40_000), every: 10_000) == 6)
    #expect(await reads(of: 3, steady(lifetime: nil), every: 10_000) == 4, "something else tells of checkpoints")
    #expect(await reads(of: nil, steady(lifetime: nil), every: 10_000) == 10, "there is none yet")
  }

  /// Flink's overview comes from a cache.
  @Test(arguments: [(Polling.Pace.fast, "RUNNING"), (.steady, "INITIALIZING")])
  func aJobThatStartsIsSeenToRunAtOnce(_ pace: Polling.Pace, _ state: String) async {
    let flink = OneJob(id: Self.job, checkpoint: nil, state: "INITIALIZING")
    let clock = OperatorClock { 1_800_000_000_000 }
    var poll = JobManagerPoll(polling: Polling(attempt: 1, jobID: Self.job, pace: pace), now: clock.now())
    await poll.ask(flink, at: FlinkEndpoint(host: "jobmanager", port: 8081), clock: clock)
    let job = poll.facts.jobs.value?.first
    #expect(job?.state == state)
    if pace == .fast { #expect(job?.isFullyRunning == false, "whether its tasks run is not known yet") }
  }

  /// The first answers of a JobManager that has just started take long: its news do not wait for the others.
  @Test func thatAJobRunsIsToldBeforeTheRestIsAskedFor() async {
    let flink = OneJob(id: Self.job, checkpoint: 3)
    let clock = OperatorClock { 1_800_000_000_000 }
    let polling = Polling(attempt: 1, jobID: Self.job, pace: .fast, wantsCheckpoints: true)
    var poll = JobManagerPoll(polling: polling, now: clock.now())
    await poll.ask(flink, at: FlinkEndpoint(host: "jobmanager", port: 8081), clock: clock)
    #expect(poll.facts.jobs.value?.first?.state == "RUNNING")
    #expect(poll.hasMoreToAsk && poll.requests == 1 && poll.facts.checkpoints.value == nil)
    await poll.ask(flink, at: FlinkEndpoint(host: "jobmanager", port: 8081), clock: clock)
    #expect(!poll.hasMoreToAsk && poll.facts.checkpoints.value != nil)

    var stopping = polling
    stopping.savepointTriggerID = "0123"
    poll = JobManagerPoll(polling: stopping, now: clock.now())
    await poll.ask(flink, at: FlinkEndpoint(host: "jobmanager", port: 8081), clock: clock)
    #expect(!poll.hasMoreToAsk, "the savepoint is the news that is waited for")
  }

  /// Another operator may have asked for a savepoint since.
  @Test func answersAboutAnotherRequestDoNotCount() {
    var polling = steady(lifetime: nil)
    polling.savepointTriggerID = "first"
    var facts = JobManagerFacts.unknown("not asked", since: 0)
    facts.savepoint = .seen(.failed(cause: "declined"), at: 5)
    var status = FlinkDeploymentStatus()
    status.operation = OperationRecord(
      uid: "u", generation: 2, kind: .upgrade, id: "g2", attempt: 1, startedAt: Timestamp(epochMilliseconds: 0))
    status.operation?.savepoint = SavepointRequest(triggerID: "first", targetDirectory: nil)
    #expect(facts.answering(status, asked: polling, since: 3).savepoint == facts.savepoint)
    status.operation?.savepoint = SavepointRequest(triggerID: "second", targetDirectory: nil)
    guard case .unknown(_, since: 3) = facts.answering(status, asked: polling, since: 3).savepoint else {
      Issue.record("the failure of the first savepoint is taken for that of the second")
      return
    }
  }

  @Test func restartsAreCountedWhereTheyAreAskedFor() async {
    var polling = steady(lifetime: nil)
    polling.healthWindow = 120_000
    let time = Mutex<Int64>(1_800_000_000_000)
    let clock = OperatorClock { time.withLock { $0 } }
    var poll = JobManagerPoll(polling: polling, now: clock.now())
    for _ in 0..<5 {
      await poll.ask(
        OneJob(id: Self.job, checkpoint: 1), at: FlinkEndpoint(host: "jobmanager", port: 8081), clock: clock)
      time.withLock { $0 += 10_000 }
    }
    #expect(poll.facts.health?.recentRestarts == 0, "each is another JobManager, whose count begins anew")
    let one = OneJob(id: Self.job, checkpoint: 1)
    for _ in 0..<5 {
      await poll.ask(one, at: FlinkEndpoint(host: "jobmanager", port: 8081), clock: clock)
      time.withLock { $0 += 10_000 }
    }
    #expect(poll.facts.health?.recentRestarts == 40)
    #expect(poll.facts.health?.withoutCheckpoint == 80_000, "as of the last time that statistics were read")
  }

  private func parallelism(
    _ bounds: Result<[String: ParallelismBounds], FlinkError>, wanted: Bool = true
  ) async -> JobManagerFacts {
    let clock = OperatorClock { 1_800_000_000_000 }
    var polling = steady(lifetime: nil)
    polling.wantsParallelism = wanted
    var poll = JobManagerPoll(polling: steady(lifetime: nil), now: 7).following(polling, now: 8, guards: .all)
    await poll.ask(
      OneJob(id: Self.job, checkpoint: nil, bounds: bounds), at: FlinkEndpoint(host: "jobmanager", port: 8081),
      clock: clock)
    return poll.facts
  }

  /// Only what Flink will say again is an answer: a job that it does not know may be one that it does not know yet.
  @Test func aRefusalToTellTheBoundsIsNoOutage() async {
    let bounds = ["v": ParallelismBounds(lower: 1, upper: 2)]
    let facts = await parallelism(.success(bounds))
    #expect(facts.bounds?.value == bounds)
    #expect(facts.parallelism?.value == ["v": 2])
    #expect(await parallelism(.failure(.rejected(code: 405, message: ""))).bounds?.isGone == true)
    for error in [FlinkError.rejected(code: 404, message: ""), .rejected(code: 503, message: ""), .interrupted("")] {
      guard case .unknown(_, since: 1_800_000_000_000) = await parallelism(.failure(error)).bounds else {
        Issue.record("\(error) is taken for an answer, or for an outage that began later")
        continue
      }
    }
    #expect(await parallelism(.success(bounds), wanted: false).bounds == nil)
  }

  @Test(arguments: [(Int64(60_000), Int64(30_000)), (3_000, 1_500), (100, 1_000)])
  func steadyPollsKeepUpWithCheckpoints(lifetime: Int64, pause: Int64) {
    #expect(JobManagerPoll(polling: steady(lifetime: lifetime), now: 0).checkpointPause == pause)
    #expect(JobManagerPoll(polling: steady(lifetime: nil), now: 0).checkpointPause == nil)
  }
}

/// A JobManager whose job runs, with one checkpoint or none.
private final class OneJob: FlinkGateway {
  let id: String
  let checkpoint: Int64?
  /// By the overview; it runs.
  let state: String
  let reads = Mutex(0)
  /// Ten more at each look.
  let restarts = Mutex<Int64>(0)

  let bounds: Result<[String: ParallelismBounds], FlinkError>

  init(
    id: String, checkpoint: Int64?, state: String = "RUNNING",
    bounds: Result<[String: ParallelismBounds], FlinkError> = .success([:])
  ) {
    self.bounds = bounds
    self.id = id
    self.state = state
    self.checkpoint = checkpoint
  }

  func clusterConfig(at endpoint: FlinkEndpoint) async throws(FlinkError) -> ClusterConfig {
    ClusterConfig(flinkVersion: "1.20.5", flinkRevision: "")
  }

  func jobs(at endpoint: FlinkEndpoint) async throws(FlinkError) -> [JobOverview] {
    [JobOverview(id: id, name: "demo", state: state, startTime: 1, endTime: -1)]
  }

  func jobStatus(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> String? { "RUNNING" }

  func checkpoints(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> CheckpointStatistics? {
    reads.withLock { $0 += 1 }
    let completed = checkpoint.map {
      CheckpointRecord(id: $0, isSavepoint: false, externalPath: "file:///cp/chk-\($0)", timestamp: 1)
    }
    return CheckpointStatistics(
      completedCount: 1, failedCount: 0, inProgressCount: 0, latestCompleted: completed, latestSavepoint: nil,
      latestRestored: nil)
  }

  func exceptions(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [JobExceptionEntry] { [] }

  func restartCount(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> Int64? {
    restarts.withLock { count in
      count += 10
      return count
    }
  }

  func cancel(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) {}

  func stopWithSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String,
    drain: Bool
  ) async throws(FlinkError) {}

  func triggerSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String
  ) async throws(FlinkError) {}

  func savepointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> AsyncOperationResult { .inProgress }

  func triggerCheckpoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, type: String
  ) async throws(FlinkError) {}

  func checkpointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> CheckpointTriggerResult { throw .rejected(code: 404, message: "not asked for") }

  func disposeSavepoint(at endpoint: FlinkEndpoint, path: String) async throws(FlinkError) {}

  func resourceRequirements(
    at endpoint: FlinkEndpoint, job: String
  ) async throws(FlinkError) -> [String: ParallelismBounds] { try bounds.get() }

  func setResourceRequirements(
    at endpoint: FlinkEndpoint, job: String, _ requirements: [String: ParallelismBounds]
  ) async throws(FlinkError) {}

  func parallelism(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [String: Int] { ["v": 2] }

  func taskManagerCount(at endpoint: FlinkEndpoint) async throws(FlinkError) -> Int { 1 }
}
