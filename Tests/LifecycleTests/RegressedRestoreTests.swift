import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// A JobManager that Kubernetes starts again by its old arguments (S4).
@Suite struct RegressedRestoreTests {
  private func statistics(_ id: Int64, at time: Int64 = World.now) -> CheckpointStatistics {
    CheckpointStatistics(
      completedCount: 1, failedCount: 0, inProgressCount: 0,
      latestCompleted: CheckpointRecord(
        id: id, isSavepoint: false, externalPath: "file:///cp/chk-\(id)", timestamp: time),
      latestSavepoint: nil, latestRestored: nil)
  }

  /// Its job has completed checkpoint 9 and begins again ten seconds later.
  private func restarted(_ mode: UpgradeMode, isHighlyAvailable: Bool = false) throws -> World {
    var world = try World.running(mode)
    world.jobManager.checkpoints = .seen(statistics(9), at: World.now)
    _ = world.turn()
    world.seeJob("RUNNING", at: World.now + 10_000)
    var jobs = world.jobManager.jobs.value ?? []
    jobs[0].startTime = World.now + 10_000
    world.jobManager.jobs = .seen(jobs, at: World.now + 11_000)
    world.jobManager.earlierRun = statistics(9)
    world.jobManager.checkpoints = .unknown(why: "of the run before", since: World.now + 10_000)
    if isHighlyAvailable {
      world.adjust = { settings in
        settings.isHighAvailabilityEnabled = true
        settings.usesKubernetesHighAvailability = true
      }
    }
    return world
  }

  @Test(arguments: [UpgradeMode.savepoint, .lastState])
  func isRepairedFromTheNewestPoint(_ mode: UpgradeMode) throws {
    var world = try restarted(mode)
    let decision = world.turn(at: World.now + 11_000)
    #expect(decision.events.map(\.reason).contains("RegressedRestore"))
    guard case .scaleDown = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(decision.status.operation?.kind == .recover)
    #expect(decision.status.operation?.restorePlan == .path("file:///cp/chk-9"))
    #expect(decision.status.restorePoint?.chosen?.checkpointID == 9)
  }

  @Test func ofAStatelessJobIsOnlySaid() throws {
    var world = try restarted(.stateless)
    let decision = world.turn(at: World.now + 11_000)
    #expect(decision.effect == nil)
    #expect(decision.events.map(\.reason).contains("RegressedRestore"))
    #expect(world.turn(at: World.now + 12_000).events.isEmpty, "said once")
  }

  @Test func isNoneWithHighAvailability() throws {
    var world = try restarted(.lastState, isHighlyAvailable: true)
    let decision = world.turn(at: World.now + 11_000)
    #expect(decision.effect == nil)
    #expect(!decision.events.map(\.reason).contains("RegressedRestore"))
  }

  @Test func stallsWhereTheUserWantsThat() throws {
    var world = try restarted(.lastState)
    world.adjust = { $0.restoresUnconfirmed = false }
    let decision = world.turn(at: World.now + 11_000)
    #expect(decision.effect == nil)
    #expect(decision.status.conditions[type: ConditionType.stalled]?.reason == "RegressedRestore")
    let again = world.turn(at: World.now + 60_000)
    #expect(again.status == decision.status, "it stays said, and nothing more is written")
  }

  @Test func stallsWhereTheNewRunHasWrittenOverTheOldCheckpoints() throws {
    var world = try restarted(.lastState)
    world.jobManager.checkpoints = .seen(statistics(9, at: World.now + 60_000), at: World.now + 61_000)
    let decision = world.turn(at: World.now + 61_000)
    #expect(decision.effect == nil)
    #expect(decision.status.conditions[type: ConditionType.stalled]?.reason == "RegressedRestore")
  }

  @Test func thePresentRunsPointsAreNotTakenForTheLostOnes() throws {
    var world = try restarted(.lastState)
    world.jobManager.earlierRun = nil
    world.jobManager.checkpoints = .seen(statistics(1, at: World.now + 12_000), at: World.now + 13_000)
    let decision = world.turn(at: World.now + 13_000)
    #expect(decision.status.operation?.restorePlan == .path("file:///cp/chk-9"), "from the record")
  }

  /// What dies with the JobManager has to be known before.
  @Test(arguments: [(UpgradeMode.savepoint, false, Int64?(30_000)), (.savepoint, true, nil), (.stateless, false, nil)])
  func checkpointsAreFollowedWhereOnlyTheJobManagerTellsOfThem(
    _ mode: UpgradeMode, isHighlyAvailable: Bool, lifetime: Int64?
  ) throws {
    var world = try World.running(mode)
    world.adjust = { settings in
      settings.checkpointInterval = 10_000
      settings.retainedCheckpoints = 3
      settings.isHighAvailabilityEnabled = isHighlyAvailable
      settings.usesKubernetesHighAvailability = isHighlyAvailable
    }
    #expect(world.turn().polling?.checkpointLifetime == lifetime)
  }

  /// Nobody can be asked any more for what was known of the checkpoints of a JobManager that is gone.
  @Test func whatWasKnownOfALostJobManagerIsWrittenDown() throws {
    var world = try World.running(.savepoint)
    world.adjust = { settings in
      settings.isRecoveryEnabled = false
    }
    world.jobManager.checkpoints = .seen(statistics(3), at: World.now)
    _ = world.turn()
    #expect(world.status.restorePoint?.chosen?.checkpointID == 3)
    world.jobManager.checkpoints = .seen(statistics(9, at: World.now + 10_000), at: World.now + 10_000)
    world.cluster = .seen(ClusterFacts(), at: World.now + 10_000)
    world.quorum = .seen(ClusterFacts(), at: World.now + 10_000)
    _ = world.turn(at: World.now + 10_000)
    #expect(world.status.restorePoint?.chosen?.checkpointID == 9)
  }

  /// Flink takes a checkpoint away when it has newer ones; what stays is the savepoint.
  @Test func aSavepointStaysBehindTheCheckpointsThatFollowIt() throws {
    var world = try World.running(.savepoint)
    var known = statistics(9)
    known.latestSavepoint = CheckpointRecord(
      id: 8, isSavepoint: true, externalPath: "file:///sp-8", timestamp: World.now - 1_000)
    world.jobManager.checkpoints = .seen(known, at: World.now)
    _ = world.turn()
    #expect(world.status.restorePoint?.chosen?.checkpointID == 9)
    #expect(world.status.restorePoint?.rejected.map(\.point.path) == ["file:///sp-8"])
  }
}
