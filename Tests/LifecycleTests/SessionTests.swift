import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

@Suite struct SessionTests {
  private static func target(image: String = "flink:1.20") -> Result<Target, InvalidField> {
    var target = World.target()
    target.spec.job = nil
    target.spec.image = image
    return .success(target)
  }

  private func running() throws -> World {
    var world = World()
    world.target = Self.target()
    let first = world.turn()
    guard case .createIncarnation(let incarnation) = first.effect else {
      Issue.record("nothing is created")
      return world
    }
    #expect(incarnation.spec.job == nil)
    try world.become()
    world.jobManager.jobs = .seen([], at: World.now)
    _ = world.turn()
    return world
  }

  @Test func isStableWhenItsJobManagerAnswers() throws {
    let status = try running().status
    #expect(status.lifecycleState == .stable)
    #expect(status.jobManagerDeploymentStatus == .ready)
    #expect(status.jobStatus == JobStatus())
    #expect(status.taskManager == nil)
    #expect(status.conditions[type: ConditionType.ready]?.status == .true)
    #expect(status.conditions[type: ConditionType.running]?.reason == "JobManagerReady")
  }

  @Test func isPolledWithoutAJob() throws {
    var world = try running()
    let polling = try #require(world.turn().polling)
    #expect(polling.jobID.isEmpty)
    #expect(!polling.wantsCheckpoints)
    #expect(polling.pace == .steady)
  }

  @Test func aJobManagerThatDoesNotAnswerIsNotReady() throws {
    var world = try running()
    world.jobManager = .unknown("timeout", since: World.now)
    let status = world.turn(at: World.now + 10_000).status
    #expect(status.jobManagerDeploymentStatus != .ready)
    #expect(status.jobStatus.state == nil)
    #expect(status.conditions[type: ConditionType.running]?.status == .false)
  }

  @Test func aChangedSpecIsDeployedAnew() throws {
    var world = try running()
    world.metadata.generation = 2
    world.target = Self.target(image: "flink:new")
    let decision = world.turn()
    guard case .scaleDown = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(decision.events.map(\.reason) == ["SpecChanged"])
    world.vanish()
    guard case .createIncarnation(let incarnation) = world.turn().effect else {
      Issue.record("it does not come back")
      return
    }
    #expect(incarnation.spec.image == "flink:new")
    #expect(world.status.jobStatus.state == nil)
  }

  @Test func cannotBecomeAnApplication() throws {
    var world = try running()
    world.metadata.generation = 2
    world.target = .success(World.target())
    let decision = world.turn()
    #expect(decision.effect == nil)
    #expect(decision.status.conditions[type: ConditionType.stalled]?.status == .true)
  }

  @Test func comesBackWhenItIsLost() throws {
    var world = try running()
    world.vanish()
    #expect(world.turn().events.map(\.reason).contains("RecoverDeployment"))
    guard case .createIncarnation = world.turn().effect else {
      Issue.record("it does not come back")
      return
    }
  }

  /// (blocks, states of its jobs, what holds the deletion up)
  @Test(arguments: [
    (true, ["RUNNING"], true), (true, ["FINISHED"], false), (true, [], false), (false, ["RUNNING"], false),
  ])
  func isNotDeletedUnderItsJobs(_ blocks: Bool, _ states: [String], _ waits: Bool) throws {
    var world = try running()
    world.adjust = { $0.blocksDeletionOnJobs = blocks }
    world.metadata.deletionTimestamp = "2027-01-15T08:00:00Z"
    world.jobManager.jobs = .seen(
      states.map { JobOverview(id: "aa", name: "x", state: $0, startTime: 1, endTime: -1) }, at: World.now)
    let decision = world.turn()
    #expect((decision.effect == nil) == waits)
    #expect(decision.events.map(\.reason) == [waits ? "CleanupFailed" : "Cleanup"])
    if waits {
      #expect(decision.wake.delay != nil)
      #expect(world.turn().events == [])
    }
  }
}
