import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// A resource in the middle of its life, to be varied.
struct World {
  static let uid = "11111111-2222-3333-4444-555555555555"
  static let now: Int64 = 1_800_000_000_000

  var metadata = ObjectMetadata(
    name: "demo", namespace: "default", uid: World.uid, resourceVersion: "7", generation: 1,
    finalizers: [FlinkDeployment.finalizer])
  var target: Result<Target, InvalidField> = .success(World.target())
  var status = FlinkDeploymentStatus()
  var cluster: Fact<ClusterFacts> = .seen(ClusterFacts(), at: World.now)
  var quorum: Fact<ClusterFacts> = .seen(ClusterFacts(), at: World.now)
  var jobManager = JobManagerFacts.unknown("not asked", since: World.now)
  var haMetadata: Fact<HAMetadata> = .seen(.none, at: World.now)
  var lastEffect: EffectOutcome?
  var errorLimits = StatusError.Limits()
  var podWarnings: Fact<PodWarnings> = .unknown(why: "not asked for", since: 0)
  var crashReports: [String: CrashReport] = [:]
  /// By vertex, of what runs.
  var deployedOverrides: [String: Int] = [:]
  /// Changes the settings of what runs and of what is to run.
  var adjust: @Sendable (inout LifecycleSettings) -> Void = { _ in }

  static func target(
    _ mode: UpgradeMode = .stateless, state: DesiredJobState = .running, parallelism: Int = 1
  ) -> Target {
    var settings = LifecycleSettings()
    settings.savepointDirectory = "file:///savepoints"
    settings.taskManagers = parallelism
    return Target(
      spec: FlinkDeploymentSpec(
        job: JobSpec(jarURI: "local:///a.jar", parallelism: parallelism, state: state, upgradeMode: mode),
        image: "flink:1.20", flinkVersion: .v1_20, mode: .standalone), settings: settings)
  }

  func decide(at now: Int64 = World.now) -> Decision {
    Lifecycle.decide(observation(), Record(status, uid: metadata.uid), now: now)
  }

  func observation() -> Observation {
    var deployed: Target? = status.reconciliationStatus.deployedSpec.flatMap { recorded in
      (try? recorded.spec()).map {
        Target(spec: $0, settings: World.target(parallelism: $0.job?.parallelism ?? 1).settings)
      }
    }
    if var known = deployed {
      adjust(&known.settings)
      known.settings.parallelismOverrides = deployedOverrides
      deployed = known
    }
    var target = target
    if case .success(var present) = target {
      adjust(&present.settings)
      target = .success(present)
    }
    var observation = Observation(
      metadata: metadata, target: target, deployed: deployed, cluster: cluster, quorum: quorum,
      jobManager: jobManager, haMetadata: haMetadata, lastEffect: lastEffect)
    observation.podWarnings = podWarnings
    observation.errorLimits = errorLimits
    observation.crashReports = crashReports
    return observation
  }

  /// The next turn sees what this one has stored.
  mutating func turn(at now: Int64 = World.now) -> Decision {
    let decision = decide(at: now)
    status = decision.status
    return decision
  }

  func deployments(_ operation: OperationRecord, replicas: Int64 = 1, available: Int64 = 1) -> ClusterFacts {
    ClusterFacts(
      deployments: [("demo", ClusterComponent.jobManager), ("demo-taskmanager", .taskManager)].map { name, component in
        DeploymentFacts(
          name: name, uid: "uid-\(name)-\(operation.attempt)", component: component, ownerUIDs: [World.uid],
          operationID: operation.id, attempt: operation.attempt, generation: operation.generation,
          desiredReplicas: replicas, availableReplicas: available)
      })
  }

  /// The job of the recorded incarnation runs.
  static func running(_ mode: UpgradeMode = .stateless) throws -> World {
    var world = World()
    world.target = .success(World.target(mode))
    _ = world.turn()
    let operation = try #require(world.status.operation)
    world.cluster = .seen(world.deployments(operation), at: World.now)
    world.quorum = .unknown(why: "not asked for", since: World.now)
    _ = world.turn()
    world.seeJob("RUNNING")
    _ = world.turn()
    return world
  }

  mutating func seeJob(_ state: String, at time: Int64 = World.now) {
    jobManager.jobs = .seen(
      [
        JobOverview(
          id: status.jobStatus.jobId ?? "", name: "demo", state: state, startTime: World.now, endTime: -1,
          tasks: ["total": 1, "running": state == "RUNNING" ? 1 : 0])
      ], at: time)
  }

  /// - Parameter id: of the newest completed checkpoint; nil where there is none.
  mutating func seeCheckpoint(_ id: Int64?, at time: Int64 = World.now) {
    jobManager.checkpoints = .seen(
      CheckpointStatistics(
        completedCount: Int(id ?? 0), failedCount: 0, inProgressCount: 0,
        latestCompleted: id.map {
          CheckpointRecord(id: $0, isSavepoint: false, externalPath: "file:///cp/chk-\($0)", timestamp: World.now)
        },
        latestSavepoint: nil, latestRestored: nil), at: time)
  }
}
