import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// `kubernetes.operator.cluster.health-check.*`
@Suite struct JobHealthTests {
  private static let key = "kubernetes.operator.cluster.health-check"

  private func settings(_ more: [String: String] = [:]) throws -> HealthSettings? {
    let configuration = ["\(Self.key).enabled": "true"].merging(more) { $1 }
    return try LifecycleSettings(FlinkConfiguration(configuration)).health
  }

  // covers: kubernetes.operator.cluster.health-check.enabled
  // covers: kubernetes.operator.cluster.health-check.restarts.window
  // covers: kubernetes.operator.cluster.health-check.restarts.threshold
  // covers: kubernetes.operator.cluster.health-check.checkpoint-progress.enabled
  // covers: kubernetes.operator.cluster.health-check.checkpoint-progress.window
  @Test func keysAreRead() throws {
    #expect(try LifecycleSettings(FlinkConfiguration([:])).health == nil)
    #expect(try settings()?.restartsThreshold == 64)
    #expect(try settings()?.checkpointWindow == nil, "there is nothing to wait for")
    let restarts = try settings(["\(Self.key).restarts.window": "1 min", "\(Self.key).restarts.threshold": "3"])
    #expect(restarts?.restartsWindow == 60_000 && restarts?.restartsThreshold == 3)
    let interval = ["execution.checkpointing.interval": "10 s", "execution.checkpointing.timeout": "1 min"]
    #expect(try settings(interval)?.checkpointWindow == 120_000)
    let explicit = interval.merging(["\(Self.key).checkpoint-progress.window": "5 min"]) { $1 }
    #expect(try settings(explicit)?.checkpointWindow == 300_000)
    let short = interval.merging(["\(Self.key).checkpoint-progress.window": "5 s"]) { $1 }
    #expect(try settings(short)?.checkpointWindow == 120_000, "less than a healthy job may need")
    let off = interval.merging(["\(Self.key).checkpoint-progress.enabled": "false"]) { $1 }
    #expect(try settings(off)?.checkpointWindow == nil)
  }

  @Test func restartsAreCountedOverTheWindow() {
    var health = JobHealth()
    health.note(restarts: 5, checkpoints: nil, window: 100, now: 0)
    #expect(health.recentRestarts == 0, "what was before is not known")
    health.note(restarts: 9, checkpoints: nil, window: 100, now: 50)
    #expect(health.recentRestarts == 4)
    health.note(restarts: nil, checkpoints: nil, window: 100, now: 60)
    #expect(health.recentRestarts == 4, "no answer is no news")
    health.note(restarts: 25, checkpoints: nil, window: 100, now: 200)
    #expect(health.recentRestarts == 10, "twenty in twice the window")
    health.note(restarts: 26, checkpoints: nil, window: 100, now: 210)
    #expect(health.recentRestarts == 1, "the base has moved on")
    health.note(restarts: 0, checkpoints: nil, window: 100, now: 220)
    #expect(health.recentRestarts == 0)
  }

  @Test func timeWithoutACheckpointIsMeasured() {
    var health = JobHealth()
    health.note(restarts: nil, checkpoints: 3, window: 100, now: 0)
    health.note(restarts: nil, checkpoints: 3, window: 100, now: 70)
    #expect(health.withoutCheckpoint == 70)
    health.note(restarts: nil, checkpoints: 4, window: 100, now: 80)
    #expect(health.withoutCheckpoint == 0)
  }

  /// A job that runs and has restarted so often.
  private func world(_ mode: UpgradeMode, restarts: Int64, isRecovered: Bool = true) throws -> World {
    var world = try World.running(mode)
    world.adjust = { settings in
      settings.health = HealthSettings()
      settings.isRecoveryEnabled = isRecovered
    }
    var health = JobHealth()
    health.note(restarts: 0, checkpoints: nil, window: 120_000, now: 0)
    health.note(restarts: restarts, checkpoints: nil, window: 120_000, now: 60_000)
    world.jobManager.health = health
    return world
  }

  @Test func aJobThatRestartsTooOftenIsStartedAgain() throws {
    var world = try world(.stateless, restarts: 65)
    let decision = world.turn()
    #expect(decision.events.contains { $0.reason == "RestartUnhealthyJob" && $0.message.contains("65 times in 120 s") })
    #expect(decision.status.operation?.kind == .restart)
    #expect(decision.status.operation?.restorePlan == .empty)
  }

  /// A savepoint would fail as its checkpoints do.
  @Test func itGoesOnFromItsNewestCheckpoint() throws {
    var world = try world(.savepoint, restarts: 65)
    guard case .cancelJob = world.turn().effect else {
      Issue.record("\(String(describing: world.status.operation))")
      return
    }
    #expect(world.status.operation?.kind == .restart)
  }

  /// What it goes on from is in its metadata, which is looked at only where something depends on it.
  @Test(arguments: [(Int64(64), false), (65, true)])
  func theMetadataOfAJobThatIsNotHealthyIsAskedFor(restarts: Int64, isAsked: Bool) throws {
    var world = try world(.lastState, restarts: restarts)
    world.adjust = { settings in
      settings.health = HealthSettings()
      settings.isHighAvailabilityEnabled = true
      settings.usesKubernetesHighAvailability = true
    }
    let record = Record(world.status, uid: World.uid)
    #expect(Lifecycle.needsHAMetadata(record, world.observation()) == isAsked)
    world.haMetadata = .seen(
      HAMetadata(jobs: [
        HAMetadata.Job(
          jobID: world.status.jobStatus.jobId ?? "", map: ObjectIdentity(name: "demo-config-map", uid: "map"),
          checkpointIDs: [3])
      ]), at: World.now)
    let decision = world.turn()
    #expect(decision.status.operation?.kind == (isAsked ? .restart : .deploy))
    if isAsked { #expect(decision.status.operation?.restorePlan == .lastState) }
  }

  @Test(arguments: [(Int64(64), true), (65, false)])
  func itIsLeftAlone(restarts: Int64, isRecovered: Bool) throws {
    var world = try world(.savepoint, restarts: restarts, isRecovered: isRecovered)
    let decision = world.turn()
    #expect(decision.effect == nil)
    #expect(decision.status.operation?.kind == .deploy)
  }
}
