import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// What the Apache operator was in the middle of when it was replaced is carried on with: nothing starts without the
/// state that its status tells of.
@Suite struct UnsettledTakeoverTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    var status: JSONValue
    var generation: Int64 = 1
    /// Generation on the JobManager's Deployment; nil for none.
    var deployment: Int64?
    var job: FlinkJobState?
    var mode = UpgradeMode.savepoint
    var image = "flink:1.20"
    /// The checkpoint in the HA metadata of the job; nil without high availability, 0 for none.
    var metadata: Int64?
    /// The newest checkpoint of the job by its JobManager.
    var checkpoint: Int64?
    /// What is started from; nil where nothing must start.
    let plan: RestorePlan?
    var startedImage = "flink:1.20"
    var testDescription: String { name }
  }

  private typealias Fixtures = TakeoverFixtures

  private static let chk = "file:///cp/chk-9"

  private static func suspended(_ mode: String, first: Bool = false, initialPath: String? = nil) -> String {
    Fixtures.record(Fixtures.spec(state: "suspended", mode: mode, initialPath: initialPath), first: first)
  }

  private static func upgrading(
    _ mode: String, path: String? = nil, job: FlinkJobState = .finished, generation: Int64 = 2,
    manager: JobManagerDeploymentStatus = .missing
  ) -> JSONValue {
    Fixtures.status(
      .upgrading, last: suspended(mode), stable: nil, job: job, jobManager: manager, generation: generation, path: path,
      lifecycle: "UPGRADING")
  }

  private static let good = Fixtures.record(Fixtures.spec())

  static let rows: [Row] = [
    Row(
      name: "first deployment, recorded and not made",
      status: Fixtures.status(
        .upgrading, last: suspended("stateless", first: true), stable: nil, job: .reconciling, jobManager: .missing,
        lifecycle: "UPGRADING"), plan: .empty),
    Row(
      name: "first deployment from a savepoint, recorded and not made",
      status: Fixtures.status(
        .upgrading, last: suspended("savepoint", first: true, initialPath: "s3://initial"), stable: nil,
        job: .reconciling, jobManager: .missing, path: "s3://initial", lifecycle: "UPGRADING"),
      plan: .path("s3://initial")),
    Row(
      name: "stopped with a savepoint, its cluster gone", status: upgrading("savepoint", path: "s3://sp"),
      generation: 2, plan: .path("s3://sp")),
    Row(
      name: "stopped with a savepoint natively, its JobManager there",
      status: upgrading("savepoint", path: "s3://sp", manager: .ready), generation: 2, deployment: 1, job: .finished,
      plan: .path("s3://sp")),
    Row(
      name: "taken away for last-state", status: upgrading("last-state", path: JobStatus.lastStateMarker),
      generation: 2, mode: .lastState, metadata: 7, plan: .lastState),
    Row(
      name: "taken away for last-state, its metadata gone",
      status: upgrading("last-state", path: JobStatus.lastStateMarker), generation: 2, mode: .lastState, metadata: 0,
      plan: nil),
    Row(
      name: "stopped without state", status: upgrading("stateless"), generation: 2, mode: .stateless, plan: .empty),
    Row(
      name: "being cancelled for last-state",
      status: Fixtures.status(
        .upgrading, last: Fixtures.record(Fixtures.spec()), stable: good, job: .cancelling, lifecycle: "UPGRADING"),
      generation: 2, deployment: 1, job: .canceled, mode: .lastState, checkpoint: 9, plan: .path(chk)),
    Row(
      name: "cancelled by somebody, seen by the Apache operator",
      // The record tells the mode of the first deployment, whatever the spec's is.
      status: Fixtures.status(
        .deployed, last: suspended("stateless"), stable: Fixtures.record(Fixtures.spec(mode: "stateless")),
        job: .canceled, path: chk, lifecycle: "SUSPENDED"),
      deployment: 1, job: .canceled, checkpoint: 9, plan: .path(chk)),
    Row(
      name: "cancelled by somebody, its JobManager gone since",
      status: Fixtures.status(
        .deployed, last: suspended("stateless"), stable: Fixtures.record(Fixtures.spec(mode: "stateless")),
        job: .canceled, jobManager: .missing, path: chk, lifecycle: "SUSPENDED"), plan: .path(chk)),
    Row(
      name: "rolling back by last-state, its cluster gone",
      status: Fixtures.status(
        .rollingBack, last: Fixtures.record(Fixtures.spec(mode: "last-state", image: "flink:bad")),
        stable: Fixtures.record(Fixtures.spec(mode: "last-state")), job: .finished, jobManager: .missing, generation: 2,
        path: JobStatus.lastStateMarker, lifecycle: "ROLLING_BACK"),
      generation: 2, mode: .lastState, image: "flink:bad", metadata: 7, plan: .lastState),
    Row(
      name: "rolling back by last-state, its metadata gone",
      status: Fixtures.status(
        .rollingBack, last: Fixtures.record(Fixtures.spec(mode: "last-state", image: "flink:bad")),
        stable: Fixtures.record(Fixtures.spec(mode: "last-state")), job: .finished, jobManager: .missing, generation: 2,
        path: JobStatus.lastStateMarker, lifecycle: "ROLLING_BACK"),
      generation: 2, mode: .lastState, image: "flink:bad", metadata: 0, plan: nil),
    Row(
      name: "lost, its HA metadata there",
      status: Fixtures.status(
        .deployed, last: Fixtures.record(Fixtures.spec(mode: "last-state")),
        stable: Fixtures.record(Fixtures.spec(mode: "last-state")), job: .reconciling, jobManager: .missing,
        path: JobStatus.lastStateMarker, lifecycle: "STABLE"),
      mode: .lastState, metadata: 7, plan: .lastState),
  ]

  private func world(_ row: Row) -> World {
    var world = World()
    var target = World.target(row.mode)
    target.spec.image = row.image
    world.target = .success(target)
    world.status = FlinkDeploymentStatus(json: row.status)
    world.metadata.generation = row.generation
    let isHighlyAvailable = row.metadata != nil
    world.adjust = { settings in
      settings.isHighAvailabilityEnabled = isHighlyAvailable
      settings.usesKubernetesHighAvailability = isHighlyAvailable
      settings.retainsCheckpoints = true
    }
    if let generation = row.deployment {
      world.cluster = .seen(
        ClusterFacts(
          deployments: [("demo", ClusterComponent.jobManager), ("demo-taskmanager", .taskManager)].map {
            DeploymentFacts(
              name: $0, uid: "uid-\($0)", component: $1, ownerUIDs: [World.uid], generation: generation,
              availableReplicas: 1)
          }), at: World.now)
    }
    world.quorum = world.cluster
    if let job = row.job { world.seeJob(job.rawValue) }
    if let checkpoint = row.metadata, checkpoint > 0 {
      world.haMetadata = .seen(
        HAMetadata(jobs: [
          HAMetadata.Job(
            jobID: Fixtures.jobID, map: ObjectIdentity(name: "demo-\(Fixtures.jobID)-config-map", uid: "map"),
            checkpointIDs: [checkpoint])
        ]), at: World.now)
    }
    if let checkpoint = row.checkpoint { world.seeCheckpoint(checkpoint, at: World.now + 3_600_000) }
    return world
  }

  /// Takes turns, a minute apart, in a world that does at once what it is told.
  private func firstStart(_ world: inout World) -> Incarnation? {
    for turn in 0..<12 {
      let decision = world.turn(at: World.now + Int64(turn) * 60_000)
      switch decision.effect {
      case .createIncarnation(let incarnation): return incarnation
      case .scaleDown, .deleteDeployments:
        world.cluster = .seen(ClusterFacts(), at: World.now)
        world.quorum = world.cluster
        world.jobManager = .unknown("gone", since: World.now)
      case .stopWithSavepoint, .cancelJob: Issue.record("\(String(describing: decision.effect))")
      default: break
      }
    }
    return nil
  }

  @Test(arguments: rows) func isCarriedOn(_ row: Row) throws {
    var world = world(row)
    let incarnation = firstStart(&world)
    let said = world.status.conditions.map { "\($0.type)=\($0.status.rawValue) \($0.reason): \($0.message)" }
    #expect(incarnation?.restorePlan == row.plan, "\(said.joined(separator: "\n"))")
    guard let incarnation else {
      #expect(world.status.conditions[type: ConditionType.stalled]?.status == .true, "\(said)")
      return
    }
    #expect(incarnation.spec.image == row.startedImage)
    #expect(incarnation.restorePlan != .lastState || incarnation.jobID == Fixtures.jobID, "its metadata is that job's")
  }

  @Test func aRollbackUnderWayEndsRolledBack() throws {
    let row = try #require(Self.rows.first { $0.name == "rolling back by last-state, its cluster gone" })
    var world = world(row)
    _ = firstStart(&world)
    try world.become(at: World.now + 720_000)
    let status = world.turn(at: World.now + 720_000).status
    #expect(status.reconciliationStatus.state == .rolledBack)
    #expect(try status.reconciliationStatus.lastReconciledSpec?.spec().image == "flink:bad")
    #expect(try status.reconciliationStatus.lastStableSpec?.spec().image == "flink:1.20")
  }

  /// The spec was changed while no operator was there.
  @Test(arguments: [UpgradeMode.savepoint, .stateless]) func aChangeMeanwhileIsActedUpon(_ mode: UpgradeMode) throws {
    var world = world(
      Row(
        name: "changed meanwhile", status: Fixtures.status(.deployed, last: Self.good, stable: Self.good),
        generation: 2, deployment: 1, job: .running, mode: mode, image: "flink:new", plan: nil))
    var effect: Effect?
    for _ in 0..<3 where effect == nil { effect = world.turn().effect }
    switch (effect, mode) {
    case (.stopWithSavepoint(let job, _, _, _, _), .savepoint): #expect(job == Fixtures.jobID)
    case (.scaleDown, .stateless): break
    default: Issue.record("\(String(describing: effect))")
    }
    #expect(world.status.operation?.generation == 2)
  }
}
