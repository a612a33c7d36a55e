import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// Edits that come while an upgrade is under way.
@Suite struct ChangeOfMindTests {
  static let now = World.now
  /// Its container ends again and again.
  private static let crashingJobManager = PodFacts(
    name: "demo-1", uid: "p", component: .jobManager, phase: "Running", restarts: 3,
    problem: PodProblem(reason: "CrashLoopBackOff", message: "[flink-main-container] CrashLoop - exit code 1"))

  private func edit(_ world: inout World, _ change: (inout FlinkDeploymentSpec) -> Void) {
    guard case .success(var target) = world.target else { return }
    change(&target.spec)
    world.target = .success(target)
    world.metadata.generation += 1
  }

  /// The job has been asked to stop with a savepoint.
  private func stopping() throws -> World {
    var world = try World.running(.savepoint)
    edit(&world) { $0.job?.parallelism = 2 }
    let decision = world.turn()
    #expect(decision.status.operation?.phase == "stopping")
    world.jobManager.savepoint = .seen(.inProgress, at: Self.now)
    return world
  }

  @Test func givingTheStateUpEndsTheWaitForTheSavepoint() throws {
    var world = try stopping()
    #expect(world.turn().status.operation?.phase == "stopping")
    edit(&world) { $0.job?.upgradeMode = .stateless }
    let decision = world.turn()
    #expect(decision.status.operation?.phase == "draining")
    #expect(decision.status.operation?.restorePlan == .empty)
    #expect(decision.status.reconciliationStatus.lastReconciledSpec?.upgradeMode == .stateless)
    #expect(decision.status.observedGeneration == 3)
  }

  @Test func namingAPlaceEndsTheWaitForTheSavepoint() throws {
    var world = try stopping()
    edit(&world) {
      $0.job?.savepointRedeployNonce = 1
      $0.job?.initialSavepointPath = "file:/elsewhere"
    }
    let decision = world.turn()
    #expect(decision.status.operation?.restorePlan == .path("file:/elsewhere"))
    #expect(decision.status.operation?.phase == "draining")
  }

  @Test func anotherSpecDoesNotEndTheWait() throws {
    var world = try stopping()
    let trigger = world.status.operation?.savepoint?.triggerID
    edit(&world) { $0.job?.parallelism = 3 }
    let decision = world.turn()
    #expect(decision.status.operation?.phase == "stopping")
    #expect(decision.status.operation?.savepoint?.triggerID == trigger)
    #expect(decision.effect == nil)
  }

  /// Where savepoints fail the newest checkpoint is what a user turns to: whether it is reached depends on what is kept.
  @Test(arguments: [true, false]) func lastStateEndsTheWaitForASavepointThatFails(_ retains: Bool) throws {
    var world = try stopping()
    world.adjust = { $0.retainsCheckpoints = retains }
    world.jobManager.savepoint = .seen(.failed(cause: "no space left"), at: Self.now)
    let failed = world.turn()
    let said = failed.status.conditions[type: ConditionType.reconciling]?.message ?? ""
    #expect(said.contains("no space left") && said.contains("upgradeMode to last-state"), "\(said)")
    edit(&world) { $0.job?.upgradeMode = .lastState }
    world.seeCheckpoint(1)
    let decision = world.turn(at: Self.now + 1_000)
    let trigger = decision.status.operation?.savepoint?.triggerID
    guard retains else {
      #expect(trigger != nil, "the checkpoints go with the job, so the savepoint is tried again")
      return
    }
    #expect(trigger == nil)
    guard case .cancelJob = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    // Cancelled, it leaves its last checkpoint.
    world.jobManager.savepoint = .unknown(why: "not asked for", since: Self.now)
    world.seeJob("CANCELED")
    _ = world.turn(at: Self.now + 2_000)
    world.seeCheckpoint(7, at: Self.now + 20_000)
    let drained = world.turn(at: Self.now + 20_000)
    #expect(drained.status.operation?.phase == "draining")
    #expect(drained.status.operation?.restorePlan == .path("file:///cp/chk-7"))
    #expect(drained.status.observedGeneration == 3)
  }

  /// A savepoint that takes longer than the configuration allows: said, with what to do; it still counts when it comes.
  @Test func aSavepointThatHangsStallsAndSaysWhatToDo() throws {
    var world = try World.running(.savepoint)
    world.adjust = { $0.checkpointTimeout = 120_000 }
    edit(&world) { $0.job?.parallelism = 2 }
    _ = world.turn()
    world.jobManager.savepoint = .seen(.inProgress, at: Self.now)
    func stalled(at time: Int64) -> Condition? {
      world.status = world.decide(at: time).status
      return world.status.conditions[type: ConditionType.stalled]
    }
    #expect(stalled(at: Self.now + 179_000)?.status == .false)
    let condition = try #require(stalled(at: Self.now + 181_000))
    #expect(condition.status == .true)
    #expect(condition.message.contains("execution.checkpointing.timeout"), "\(condition.message)")
    #expect(condition.message.contains("last-state"), "\(condition.message)")
    let settled = world.status
    #expect(stalled(at: Self.now + 600_000)?.status == .true)
    #expect(world.status == settled, "it goes on writing")
    world.jobManager.savepoint = .seen(.completed(location: "s3://late"), at: Self.now + 700_000)
    let done = world.turn(at: Self.now + 700_000)
    #expect(done.status.operation?.restorePlan == .path("s3://late"))
    #expect(done.status.conditions[type: ConditionType.stalled]?.status == .false)
  }

  @Test func lastStateEndsTheWaitForASavepointThatHangs() throws {
    var world = try stopping()
    world.adjust = { $0.retainsCheckpoints = true }
    edit(&world) { $0.job?.upgradeMode = .lastState }
    #expect(world.turn().effect == nil, "it may be complete in a moment")
    let late = Self.now + 3_600_000
    world.seeJob("RUNNING", at: late)
    world.seeCheckpoint(1, at: late)
    world.jobManager.savepoint = .seen(.inProgress, at: late)
    guard case .cancelJob = world.turn(at: late).effect else {
      Issue.record("\(String(describing: world.status.conditions))")
      return
    }
  }

  @Test(arguments: [true, false]) func aDeletionKeepsTheSavepointThatItsUserWants(_ isWanted: Bool) throws {
    var world = try stopping()
    world.adjust = { $0.takesSavepointOnDeletion = isWanted }
    let trigger = world.status.operation?.savepoint?.triggerID
    world.metadata.deletionTimestamp = Timestamp(epochMilliseconds: Self.now).rfc3339Seconds
    let decision = world.turn()
    #expect(decision.status.operation?.kind == .delete)
    #expect(decision.status.operation?.phase == (isWanted ? "stopping" : "draining"))
    if isWanted {
      #expect(decision.status.operation?.savepoint?.triggerID == trigger)
      #expect(decision.effect == nil)
      world.jobManager.savepoint = .seen(.completed(location: "file:/savepoints/last"), at: Self.now + 10)
      let done = world.turn(at: Self.now + 20)
      #expect(done.status.operation?.phase == "draining")
      #expect(done.status.jobStatus.upgradeSavepointPath == "file:/savepoints/last")
    }
  }

  /// Tasks that run, of two; whether a TaskManager has a problem; minutes since the start; the phase that follows.
  @Test(arguments: [
    (2, false, 0, "stopping"), (1, false, 0, "running"), (1, true, 0, "stopping"), (1, false, 6, "stopping"),
  ])
  func aSavepointWaitsForAllTasksButNotForEver(
    _ running: Int, _ hasProblem: Bool, _ minutes: Int64, _ phase: String
  ) throws {
    var world = try World.running(.savepoint)
    let job = try #require(world.status.jobStatus.jobId)
    let overview = JobOverview(
      id: job, name: "demo", state: "RUNNING", startTime: Self.now, endTime: -1,
      tasks: ["total": 2, "running": running])
    world.jobManager.jobs = .seen([overview], at: Self.now)
    _ = world.turn()
    guard case .seen(var cluster, _) = world.cluster else { return }
    if hasProblem {
      cluster.pods = [
        PodFacts(
          name: "tm", uid: "tm", component: .taskManager, phase: "Pending",
          problem: PodProblem(reason: "ImagePullBackOff", message: "no image"))
      ]
      world.cluster = .seen(cluster, at: Self.now)
    }
    edit(&world) { $0.job?.parallelism = 2 }
    let decision = world.turn(at: Self.now + minutes * 60_000)
    #expect(decision.status.operation?.phase == phase)
    // With all tasks a savepoint, without them a cancellation: the last checkpoint is what there is.
    if phase == "stopping" { #expect((decision.status.operation?.savepoint != nil) == (running == 2)) }
  }

  /// The JobManager ends again and again, and nobody has seen its job, or nobody sees it any more: the spec that mends it
  /// is deployed from what is known. What shows of its pods may be old, so its silence counts too.
  @Test(arguments: [(false, false), (true, false), (false, true)])
  func aCrashingJobManagerDoesNotHoldItsRepairUp(_ hasRun: Bool, _ isHeard: Bool) throws {
    var world = try World.running(.savepoint)
    edit(&world) { $0.job?.args = ["--bad"] }
    _ = world.turn()
    world.jobManager.savepoint = .seen(.completed(location: "s3://sp"), at: Self.now)
    _ = world.turn()
    world.vanish()
    _ = world.turn()
    try world.become()
    if hasRun {
      world.seeJob("RUNNING")
      world.jobManager.savepoint = .unknown(why: "not asked for", since: Self.now)
      _ = world.turn()
      #expect(world.status.jobStatus.startTime != nil)
    }
    guard case .seen(var cluster, _) = world.cluster else { return }
    cluster.deployments[0].availableReplicas = 0
    cluster.pods = [Self.crashingJobManager]
    world.cluster = .seen(cluster, at: Self.now)
    let later = Self.now + 60_000
    world.jobManager = .unknown("connection refused", since: isHeard ? later - 1_000 : Self.now)
    _ = world.turn(at: later)
    edit(&world) { $0.job?.args = [] }
    let decision = world.turn(at: later)
    #expect(decision.status.operation?.phase == (isHeard ? "running" : "draining"))
    if !isHeard { #expect(decision.status.operation?.restorePlan == .path("s3://sp")) }
  }

  /// An operator that was away may have missed a job that ran and made checkpoints before its JobManager began to crash:
  /// it is not started without them.
  @Test(arguments: [(Int64(0), true), (30_000, false)])
  func aCrashingJobManagerThatWasNotWatchedMayHaveRunItsJob(_ away: Int64, _ goesOn: Bool) throws {
    var world = World()
    world.target = .success(World.target(.savepoint))
    _ = world.turn()
    var cluster = world.deployments(try #require(world.status.operation), available: 0)
    world.cluster = .seen(cluster, at: Self.now)
    world.quorum = .unknown(why: "not asked for", since: Self.now)
    _ = world.turn()
    cluster.pods = [Self.crashingJobManager]
    world.cluster = .seen(cluster, at: Self.now)
    let later = Self.now + 60_000
    world.jobManager = .unknown("connection refused", since: Self.now + away)
    edit(&world) { $0.job?.args = ["--good"] }
    let decision = world.turn(at: later)
    #expect(decision.status.operation?.phase == (goesOn ? "draining" : "running"))
    #expect(goesOn || decision.status.conditions[type: ConditionType.stalled]?.reason == "RestorePointUnknown")
  }
}
