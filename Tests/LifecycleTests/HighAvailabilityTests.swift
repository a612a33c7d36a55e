import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

@Suite struct HighAvailabilityTests {
  private static let foreignJob = "ffffffffffffffffffffffffffffffff"

  private func highlyAvailable(_ world: World) -> World {
    var world = world
    world.adjust = { settings in
      settings.isHighAvailabilityEnabled = true
      settings.usesKubernetesHighAvailability = true
      settings.checkpointDirectory = "file:///cp"
    }
    return world
  }

  private func running(_ mode: UpgradeMode = .lastState) throws -> World {
    highlyAvailable(try World.running(mode))
  }

  private func metadata(_ world: World, checkpoints: [Int64] = [7], graph: Bool = true) -> Fact<HAMetadata> {
    let job = world.status.jobStatus.jobId ?? ""
    return .seen(
      HAMetadata(
        cluster: HAMetadata.Cluster(
          map: ObjectIdentity(name: "demo-cluster-config-map", uid: "c"), graphs: graph ? [job] : []),
        jobs: [
          HAMetadata.Job(
            jobID: job, map: ObjectIdentity(name: "demo-\(job)-config-map", uid: "j"), checkpointIDs: checkpoints)
        ]), at: World.now)
  }

  private func edit(_ world: inout World, _ mode: UpgradeMode = .lastState, state: DesiredJobState = .running) {
    world.metadata.generation += 1
    world.target = .success(World.target(mode, state: state, parallelism: 2))
  }

  private func empty(_ world: inout World) {
    world.cluster = .seen(ClusterFacts(), at: World.now)
    world.quorum = .seen(ClusterFacts(), at: World.now)
  }

  @Test func anUpgradeTakesTheJobManagerAwayAndLeavesItsMetadata() throws {
    var world = try running()
    world.haMetadata = metadata(world)
    let job = world.status.jobStatus.jobId
    edit(&world)
    guard case .scaleDown = world.turn().effect else {
      Issue.record("the Deployment is not scaled down")
      return
    }
    #expect(world.status.operation?.restorePlan == .lastState)
    #expect(world.status.restorePoint?.chosen?.kind == .haMetadata)
    #expect(world.status.restorePoint?.chosen?.checkpointID == 7)
    empty(&world)
    guard case .tidyHAMetadata(let tidying, _) = world.turn().effect else {
      Issue.record("the old graph stays")
      return
    }
    #expect(tidying.droppedGraphs == [job])
    #expect(tidying.mapsSetAside == [])
    world.haMetadata = metadata(world, graph: false)
    guard case .createIncarnation(let incarnation) = world.turn(at: World.now + 5_000).effect else {
      Issue.record("nothing is started")
      return
    }
    #expect(incarnation.restorePlan == .lastState)
    #expect(incarnation.jobID == job, "the metadata is that of this job")
    #expect(world.status.jobStatus.upgradeSavepointPath == JobStatus.lastStateMarker)
  }

  @Test func metadataThatCannotBeReadIsWaitedFor() throws {
    var world = try running()
    edit(&world)
    world.haMetadata = .unknown(why: "timeout", since: World.now)
    let decision = world.turn()
    #expect(decision.effect == nil)
    #expect(decision.wake.delay != nil)
    #expect(decision.status.operation?.phase == Phase.Word.running.rawValue)
  }

  @Test func metadataThatVanishesWhileTheJobIsTakenAwayIsNoEmptyStart() throws {
    var world = try running()
    world.haMetadata = metadata(world)
    edit(&world)
    _ = world.turn()
    empty(&world)
    world.haMetadata = .seen(.none, at: World.now)
    // Its place in storage is known by Flink's layout.
    guard case .createIncarnation(let incarnation) = world.turn().effect else {
      Issue.record("\(String(describing: world.status.conditions[type: ConditionType.stalled]?.message))")
      return
    }
    #expect(incarnation.restorePlan == .path("file:///cp/\(Identity.jobID(uid: World.uid, attempt: 1))/chk-7"))
    #expect(incarnation.jobID != Identity.jobID(uid: World.uid, attempt: 1))
  }

  @Test func aLostJobManagerIsRecoveredFromTheMetadataInEveryMode() throws {
    for mode in [UpgradeMode.lastState, .savepoint, .stateless] {
      var world = try running(mode)
      world.haMetadata = metadata(world, graph: false)
      empty(&world)
      let decision = world.turn()
      #expect(decision.events.map(\.reason).contains("RecoverDeployment"))
      guard case .createIncarnation(let incarnation) = world.turn().effect else {
        Issue.record("\(mode): not recovered")
        continue
      }
      #expect(incarnation.restorePlan == .lastState, "\(mode)")
    }
  }

  @Test func whatIsNotUsedGoesOnlyAfterItsSuccessorIsRecorded() throws {
    var world = try running(.stateless)
    world.haMetadata = metadata(world)
    edit(&world, .stateless)
    guard case .scaleDown = world.turn().effect else {
      Issue.record("the Deployment is not scaled down")
      return
    }
    #expect(world.status.operation?.restorePlan == .empty)
    empty(&world)
    let decision = world.turn()
    guard case .deleteHAMetadata(let maps, let operation) = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(Set(maps.map(\.uid)) == ["c", "j"])
    #expect(operation == decision.status.operation?.id)
    #expect(decision.status.operation?.phase == Phase.Word.draining.rawValue, "nothing starts beside it")
    world.haMetadata = .seen(.none, at: World.now)
    guard case .createIncarnation = world.turn(at: World.now + 5_000).effect else {
      Issue.record("nothing is started")
      return
    }
  }

  @Test func metadataOfAnotherResourceIsSetAsideAndSaid() {
    var world = highlyAvailable(World())
    world.target = .success(World.target(.lastState))
    world.haMetadata = .seen(
      HAMetadata(
        cluster: HAMetadata.Cluster(
          map: ObjectIdentity(name: "demo-cluster-config-map", uid: "c"), graphs: [Self.foreignJob]),
        jobs: [
          HAMetadata.Job(
            jobID: Self.foreignJob, map: ObjectIdentity(name: "demo-\(Self.foreignJob)-config-map", uid: "j"),
            checkpointIDs: [3])
        ]), at: World.now)
    _ = world.turn()
    let decision = world.turn()
    guard case .tidyHAMetadata(let tidying, _) = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(tidying.graphsSetAside == [Self.foreignJob])
    #expect(tidying.mapsSetAside.map(\.uid) == ["j"])
    let event = decision.events.first { $0.reason == "ForeignHAMetadata" }
    #expect(event?.message.contains("file:///cp/\(Self.foreignJob)/chk-3") == true)
    world.haMetadata = .seen(
      HAMetadata(
        cluster: HAMetadata.Cluster(
          map: ObjectIdentity(name: "demo-cluster-config-map", uid: "c"), graphs: [], holdsOthers: true)), at: World.now
    )
    guard case .createIncarnation(let incarnation) = world.turn(at: World.now + 5_000).effect else {
      Issue.record("nothing is started")
      return
    }
    #expect(incarnation.restorePlan == .empty)
  }

  @Test func aSuspendedJobKeepsItsMetadataAndResumesFromIt() throws {
    var world = try running()
    world.haMetadata = metadata(world)
    edit(&world, state: .suspended)
    _ = world.turn()
    empty(&world)
    let suspended = world.turn()
    #expect(suspended.effect == nil)
    #expect(suspended.status.lifecycleState == .suspended)
    edit(&world)
    world.haMetadata = metadata(world, graph: false)
    guard case .createIncarnation(let incarnation) = world.turn().effect else {
      Issue.record("it does not resume")
      return
    }
    #expect(incarnation.restorePlan == .lastState)
  }

  @Test func aSuspendedJobWhoseMetadataIsGoneStallsAndSaysSo() throws {
    var world = try running()
    world.adjust = { settings in
      settings.isHighAvailabilityEnabled = true
      settings.usesKubernetesHighAvailability = true
    }
    world.haMetadata = metadata(world)
    edit(&world, state: .suspended)
    _ = world.turn()
    empty(&world)
    _ = world.turn()
    edit(&world)
    world.haMetadata = .seen(.none, at: World.now)
    let decision = world.turn()
    #expect(decision.effect == nil)
    let stalled = decision.status.conditions[type: ConditionType.stalled]
    #expect(stalled?.status == .true)
    #expect(stalled?.message.contains(UnrecoverableError.haMetadataNotAvailable) == true)
  }

  @Test func aSilentJobManagerGivesWayOnlyWhereTheMetadataIsKnown() throws {
    var world = try running(.savepoint)
    world.jobManager = .unknown("timeout", since: World.now - 60_000)
    _ = world.turn()
    edit(&world, .savepoint)
    world.haMetadata = metadata(world)
    #expect(world.decide(at: World.now + 2_000).effect == nil, "it may answer again")
    guard case .scaleDown = world.decide(at: World.now + 20_000).effect else {
      Issue.record("it waits although the metadata holds the state")
      return
    }
    world.haMetadata = .seen(.none, at: World.now)
    #expect(world.decide(at: World.now + 20_000).effect == nil)
  }

  @Test func aCheckpointThatWasReplacedWhileTheJobWasTakenAwayIsNotStartedFrom() throws {
    var world = try running()
    world.jobManager = .unknown("timeout", since: World.now - 60_000)
    _ = world.turn()
    edit(&world)
    // Its metadata is not for another version, but for its path to the newest checkpoint.
    var target = World.target(.lastState, parallelism: 2)
    target.spec.flinkVersion = .v1_18
    world.target = .success(target)
    world.haMetadata = metadata(world)
    guard case .scaleDown = world.turn(at: World.now + 20_000).effect else {
      Issue.record("the Deployment is not scaled down")
      return
    }
    let folder = "file:///cp/\(world.status.jobStatus.jobId ?? "")"
    #expect(world.status.operation?.restorePlan == .path("\(folder)/chk-7"))
    empty(&world)
    world.haMetadata = .unknown(why: "timeout", since: World.now)
    #expect(world.decide(at: World.now + 22_000).effect == nil, "the job may have gone on")
    world.haMetadata = metadata(world, checkpoints: [8])
    guard case .deleteHAMetadata = world.turn(at: World.now + 22_000).effect else {
      Issue.record("the metadata stays")
      return
    }
    #expect(world.status.operation?.restorePlan == .path("\(folder)/chk-8"))
    #expect(world.status.operation?.phase == Phase.Word.draining.rawValue)
  }

  @Test func aDeletionTakesTheMetadataAwayLast() throws {
    var world = try running()
    world.haMetadata = metadata(world)
    world.metadata.deletionTimestamp = "2027-01-15T08:00:00Z"
    let decision = world.turn()
    #expect(decision.events.first { $0.reason == "Cleanup" }?.message.contains("chk-7") == true)
    empty(&world)
    guard case .deleteHAMetadata = world.turn().effect else {
      Issue.record("the metadata stays")
      return
    }
    world.haMetadata = .seen(.none, at: World.now)
    #expect(world.turn(at: World.now + 5_000).effect == .removeFinalizer)
  }

  /// Kubernetes takes its own finalizer away with the last object of the cluster, before the operator sees the end.
  @Test(arguments: [true, false]) func aForegroundCascadeLeavesTheMetadata(_ isSeen: Bool) throws {
    var world = try running()
    world.haMetadata = metadata(world)
    world.metadata.deletionTimestamp = "2027-01-15T08:00:00Z"
    if isSeen {
      world.metadata.finalizers.append("foregroundDeletion")
      let begun = world.turn()
      #expect(begun.events.contains { $0.reason == "Cleanup" && $0.message.contains("HA metadata stays") })
      world.metadata.finalizers.removeAll { $0 == "foregroundDeletion" }
    }
    // Otherwise it was all over when the operator came back.
    empty(&world)
    for _ in 0..<2 where !isSeen { _ = world.turn() }
    #expect(world.turn().effect == .removeFinalizer)
  }

  /// The savepoint that the user wanted of the deletion was under way when Kubernetes ended the JobManager.
  @Test func aSavepointCutOffByACascadeLeavesTheMetadata() throws {
    var world = try running()
    let adjust = world.adjust
    world.adjust = { settings in
      adjust(&settings)
      settings.takesSavepointOnDeletion = true
    }
    world.haMetadata = metadata(world)
    world.metadata.deletionTimestamp = "2027-01-15T08:00:00Z"
    world.metadata.finalizers.append("foregroundDeletion")
    guard case .stopWithSavepoint = world.turn().effect else {
      Issue.record("no savepoint is asked for")
      return
    }
    world.metadata.finalizers.removeAll { $0 == "foregroundDeletion" }
    empty(&world)
    world.jobManager = .unknown("gone", since: World.now)
    for _ in 0..<2 { #expect(world.turn().effect != .removeFinalizer || world.status.operation?.phase == "draining") }
    #expect(world.turn().effect == .removeFinalizer)
    #expect(world.status.operation?.restorePlan == .lastState)
  }

  @Test func tooOldACheckpointIsNoGoodForLastState() throws {
    var world = try running()
    let adjust = world.adjust
    world.adjust = { settings in
      adjust(&settings)
      settings.maximalCheckpointAge = 60_000
    }
    world.haMetadata = metadata(world)
    edit(&world)
    func statistics(at time: Int64, inProgress: Int = 0) -> CheckpointStatistics {
      CheckpointStatistics(
        completedCount: 1, failedCount: 0, inProgressCount: inProgress,
        latestCompleted: CheckpointRecord(id: 7, isSavepoint: false, externalPath: "file:///cp/7", timestamp: time),
        latestSavepoint: nil, latestRestored: nil)
    }
    let later = World.now + 600_000
    world.seeJob("RUNNING", at: later)
    world.jobManager.checkpoints = .seen(statistics(at: World.now), at: later)
    guard case .stopWithSavepoint = world.decide(at: later).effect else {
      Issue.record("no savepoint for \(String(describing: world.decide(at: later).effect))")
      return
    }
    world.jobManager.checkpoints = .seen(statistics(at: World.now, inProgress: 1), at: later)
    #expect(world.decide(at: later).effect == nil)
    world.jobManager.checkpoints = .seen(statistics(at: later - 1_000), at: later)
    guard case .scaleDown = world.decide(at: later).effect else {
      Issue.record("a young checkpoint does not do")
      return
    }
  }

  @Test func aJobIsCancelledForLastStateWhereTheUserWantsThat() throws {
    var world = try running()
    let adjust = world.adjust
    world.adjust = { settings in
      adjust(&settings)
      settings.cancelsForLastState = true
    }
    world.haMetadata = metadata(world)
    world.seeCheckpoint(7)
    edit(&world)
    guard case .cancelJob = world.turn().effect else {
      Issue.record("it is not cancelled")
      return
    }
  }
}
