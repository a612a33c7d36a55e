import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// What a job may have done without anybody's having written it down, or heard of it.
@Suite struct UnheardStateTests {
  private func edited(_ mode: UpgradeMode) throws -> World {
    var world = try World.running(mode)
    world.metadata.generation = 2
    world.target = .success(World.target(mode, parallelism: 2))
    return world
  }

  /// Nothing keeps what a job has done before its first checkpoint, unless it is saved.
  @Test func aJobIsNotCancelledBeforeItsFirstCheckpoint() throws {
    var world = try edited(.lastState)
    let unread = world.decide()
    #expect(unread.effect == nil)
    #expect(unread.status.conditions[type: ConditionType.ready]?.reason == "ReadingCheckpoints")
    #expect(unread.wake.delay != nil && unread.polling?.wantsCheckpoints == true)
    world.seeCheckpoint(nil)
    guard case .stopWithSavepoint = world.decide().effect else {
      Issue.record("\(String(describing: world.decide().effect))")
      return
    }
    world.adjust = { $0.savepointDirectory = nil }
    world.target = .success(Target(spec: try world.target.get().spec, settings: LifecycleSettings()))
    guard case .cancelJob = world.decide().effect else {
      Issue.record("\(String(describing: world.decide().effect))")
      return
    }
  }

  /// A job that was to be cancelled before it ran goes on where the request was lost, and does what nothing keeps.
  @Test func aCancellationThatWasLostIsThoughtOver() throws {
    var world = try edited(.savepoint)
    world.seeJob("INITIALIZING")
    guard case .cancelJob = world.turn().effect else {
      Issue.record("\(String(describing: world.status.operation))")
      return
    }
    world.lastEffect = nil
    world.seeJob("RUNNING", at: World.now + 6_000)
    world.seeCheckpoint(nil, at: World.now + 6_000)
    let decision = world.turn(at: World.now + 6_000)
    guard case .stopWithSavepoint(_, let request, _, _, _) = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(decision.status.operation?.savepoint?.triggerID == request.triggerID)
  }

  /// Whatever the JobManager has said is forgotten by whoever ceases to ask it.
  @Test func whatIsKnownIsKeptWhileItIsUnclearWhetherTheJobManagerIsThere() throws {
    var world = try World.running(.savepoint)
    world.seeCheckpoint(9)
    world.cluster = .seen(ClusterFacts(), at: World.now)
    let decision = world.turn()
    #expect(decision.polling != nil)
    #expect(decision.status.restorePoint?.chosen?.checkpointID == 9)
    world.cluster = .unknown(why: "the watch has not begun", since: World.now)
    #expect(world.turn().polling != nil)
    world.metadata.generation = 0
    #expect(world.turn().polling != nil, "an older view of the resource")
  }

  /// A view that shows no Deployments may be old: what was made long ago may have run since.
  @Test func aStartIsNotTakenBackUnlessNothingOfItIsThere() throws {
    var world = World()
    world.target = .success(World.target(.savepoint))
    let effect = try #require(world.turn().effect)
    let operation = try #require(world.status.operation)
    world.lastEffect = EffectOutcome(identity: effect.identity, at: World.now, result: .failed("no answer"))
    world.metadata.generation = 2
    world.target = .success(World.target(.savepoint, parallelism: 2))
    #expect(Lifecycle.needsQuorum(Record(world.status, uid: World.uid), world.observation()))
    world.quorum = .unknown(why: "no answer", since: World.now)
    #expect(world.decide().status.operation?.phase == "starting", "nothing is known")
    world.quorum = .seen(world.deployments(operation), at: World.now)
    #expect(world.decide().status.operation?.phase == "running", "all of it is there")
    world.quorum = .seen(ClusterFacts(), at: World.now)
    #expect(world.decide().status.operation?.phase == "draining", "nothing of it is there")
  }

  /// An operator that was away has not seen what ran meanwhile.
  @Test(arguments: [true, false]) func aLostJobManagerThatWasNotWatchedMayHaveRun(_ wasWatched: Bool) throws {
    var world = World()
    world.target = .success(World.target(.savepoint))
    _ = world.turn()
    let operation = try #require(world.status.operation)
    world.cluster = .seen(world.deployments(operation, available: 0), at: World.now)
    world.quorum = .unknown(why: "not asked for", since: World.now)
    _ = world.turn()
    world.cluster = .seen(ClusterFacts(), at: World.now)
    world.quorum = .seen(ClusterFacts(), at: World.now)
    let later = World.now + 3_600_000
    world.jobManager = .unknown("no answer", since: wasWatched ? World.now : later)
    let decision = world.decide(at: later)
    #expect(decision.status.operation?.phase == (wasWatched ? "draining" : "running"))
    #expect((decision.status.conditions[type: ConditionType.stalled]?.status == .true) == !wasWatched)
  }
}
