import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// What the Apache operator has left is taken over as it is, and what we leave it can read.
@Suite struct TakeoverTests {
  static let now = World.now

  private func world(_ row: TakeoverFixtures.Row) -> World {
    var world = World()
    var target = World.target(row.mode, state: row.state)
    target.spec.image = row.image
    if row.isSession { target.spec.job = nil }
    if row.isHighlyAvailable {
      world.adjust = { settings in
        settings.isHighAvailabilityEnabled = true
        settings.usesKubernetesHighAvailability = true
      }
    }
    world.target = .success(target)
    world.status = FlinkDeploymentStatus(json: row.status)
    world.metadata.generation = world.status.observedGeneration ?? 1
    if let generation = row.deployment {
      world.cluster = .seen(
        ClusterFacts(
          deployments: [("demo", ClusterComponent.jobManager), ("demo-taskmanager", .taskManager)].map {
            DeploymentFacts(
              name: $0, uid: "uid-\($0)", component: $1, ownerUIDs: [World.uid], generation: generation,
              availableReplicas: row.problem == nil ? 1 : 0)
          },
          pods: row.problem.map { problem in
            [
              PodFacts(
                name: "demo-1", uid: "pod", component: .jobManager, phase: "Pending", problem: problem)
            ]
          } ?? []), at: Self.now)
    }
    world.quorum = world.cluster
    if let job = row.job { world.seeJob(job.rawValue) }
    if row.isSession { world.jobManager.jobs = .seen([], at: Self.now) }
    return world
  }

  @Test(arguments: TakeoverFixtures.settled) func aSettledResourceIsNotTouched(_ row: TakeoverFixtures.Row) throws {
    var world = world(row)
    let before = world.status
    for turn in 0..<4 {
      let decision = world.turn(at: Self.now + Int64(turn) * 1_000)
      #expect(decision.effect == nil, "\(row.name), turn \(turn)")
      #expect(!decision.events.contains { ["Submit", "SpecChanged", "Suspended"].contains($0.reason) })
    }
    let settled = world.status
    #expect(world.turn(at: Self.now + 10_000).status == settled, "it goes on writing")
    #expect(settled.lifecycleState == row.lifecycle)
    #expect(settled.observedGeneration == before.observedGeneration)
    #expect(settled.reconciliationStatus.state == before.reconciliationStatus.state)
    // Compared as they are stored.
    #expect(
      settled.reconciliationStatus.lastReconciledSpec?.text == before.reconciliationStatus.lastReconciledSpec?.text)
    #expect(settled.reconciliationStatus.lastStableSpec?.text == before.reconciliationStatus.lastStableSpec?.text)
    #expect(settled.jobStatus.jobId == before.jobStatus.jobId)
    #expect(settled.jobStatus.upgradeSavepointPath == before.jobStatus.upgradeSavepointPath)
    #expect(settled.taskManager == before.taskManager)
    #expect(settled.clusterInfo["total-cpu"] == "2.0")
  }

  @Test func aJobThatWasSuspendedWithASavepointResumesFromIt() throws {
    let row = try #require(TakeoverFixtures.settled.first { $0.name == "suspended with a savepoint" })
    var world = world(row)
    _ = world.turn()
    _ = world.turn()
    world.target = .success(World.target(.savepoint))
    world.metadata.generation = 2
    let decision = world.turn()
    guard case .createIncarnation(let incarnation) = decision.effect else {
      Issue.record("\(String(describing: decision.effect)) \(String(describing: decision.status.conditions))")
      return
    }
    #expect(incarnation.restorePlan == .path("s3://savepoints/sp"))
    #expect(incarnation.jobID != TakeoverFixtures.jobID)
  }

  @Test func anUpgradeThatWasDoneButNotRecordedIsRecorded() throws {
    let suspended = TakeoverFixtures.record(TakeoverFixtures.spec(state: "suspended"))
    var world = world(
      TakeoverFixtures.Row(
        name: "upgraded",
        status: TakeoverFixtures.status(
          .upgrading, last: suspended, stable: nil, job: .finished, jobManager: .missing, path: "s3://sp",
          lifecycle: "UPGRADING"), deployment: 1, lifecycle: .deployed))
    let decision = world.turn()
    #expect(decision.effect == nil)
    #expect(decision.status.reconciliationStatus.state == .deployed)
    #expect(decision.status.reconciliationStatus.lastReconciledSpec?.jobState == .running)
    #expect(decision.status.operation?.phase == "running")
  }

  @Test func anUpgradeThatWasNotBegunGoesOnFromItsSavepoint() throws {
    let suspended = TakeoverFixtures.record(TakeoverFixtures.spec(state: "suspended"))
    var world = world(
      TakeoverFixtures.Row(
        name: "upgrading",
        status: TakeoverFixtures.status(
          .upgrading, last: suspended, stable: nil, job: .finished, jobManager: .missing, path: "s3://sp",
          lifecycle: "UPGRADING"), lifecycle: .upgrading))
    var plan: RestorePlan?
    for _ in 0..<4 {
      if case .createIncarnation(let incarnation) = world.turn().effect { plan = incarnation.restorePlan }
    }
    #expect(plan == .path("s3://sp"))
  }

  @Test func aPendingSavepointOfTheApacheOperatorIsFollowed() throws {
    let record = TakeoverFixtures.record(TakeoverFixtures.spec())
    var status = TakeoverFixtures.status(.deployed, last: record, stable: record)
    status.set(
      [
        "triggerId": "0123456789abcdef0123456789abcdef", "triggerTimestamp": JSONValue(Self.now - 1_000),
        "triggerType": "PERIODIC", "formatType": "CANONICAL", "savepointHistory": [],
        "lastPeriodicSavepointTimestamp": 0,
      ], at: ["jobStatus", "savepointInfo"])
    var world = world(
      TakeoverFixtures.Row(name: "pending", status: status, deployment: 1, job: .running, lifecycle: .stable))
    _ = world.turn()
    let decision = world.turn()
    #expect(decision.polling?.savepointTriggerID == "0123456789abcdef0123456789abcdef")
    #expect(decision.effect == nil)
    world.jobManager.savepoint = .seen(.completed(location: "s3://p"), at: Self.now)
    #expect(world.turn().status.jobStatus.savepointInfo?.lastPeriodicSavepointTimestamp == Self.now - 1_000)
  }

  // MARK: The way back

  @Test func whatWeWriteHasTheApacheOperatorsTypesAndWords() throws {
    let status = try World.running(.savepoint).status.json
    #expect(status["jobStatus", "startTime"]?.stringValue.flatMap { Int64($0) } != nil)
    #expect(status["jobStatus", "updateTime"]?.stringValue.flatMap { Int64($0) } != nil)
    #expect(status["jobStatus", "jobId"]?.stringValue?.count == 32)
    #expect(status["jobStatus", "state"] == "RUNNING")
    #expect(status["jobManagerDeploymentStatus"] == "READY")
    #expect(status["lifecycleState"] == "STABLE")
    #expect(status["observedGeneration"]?.intValue == 1)
    #expect(status["reconciliationStatus", "state"] == "DEPLOYED")
    #expect(status["reconciliationStatus", "reconciliationTimestamp"]?.intValue == Self.now)
    let text = try #require(status["reconciliationStatus", "lastReconciledSpec"]?.stringValue)
    #expect(status["reconciliationStatus", "lastStableSpec"]?.stringValue == text)
    // It compares the texts of its own making, in this order and with every null.
    #expect(text == TakeoverFixtures.record(TakeoverFixtures.spec(mode: "stateless"), first: true))
    #expect(status["taskManager", "labelSelector"] == "component=taskmanager,app=demo")
    #expect(status["taskManager", "replicas"]?.intValue == 1)
  }

  /// While an upgrade is under way the Apache operator begins anew, without state, what it takes for a first deployment.
  @Test(arguments: [UpgradeMode.stateless, .savepoint, .lastState], [DesiredJobState.running, .suspended])
  func anUpgradeUnderWayIsNoFirstDeployment(_ mode: UpgradeMode, _ state: DesiredJobState) throws {
    var world = try World.running(mode)
    #expect(world.status.reconciliationStatus.lastReconciledSpec?.firstDeployment == true)
    world.metadata.generation = 2
    world.target = .success(World.target(mode, state: state, parallelism: 2))
    func check() {
      let reconciliation = world.status.reconciliationStatus
      let isFirst = reconciliation.lastReconciledSpec?.firstDeployment
      #expect(reconciliation.state != .upgrading || isFirst == false, "\(world.status.operation?.phase ?? "")")
    }
    _ = world.turn()
    check()
    world.jobManager.savepoint = .seen(.completed(location: "s3://sp"), at: World.now)
    if mode == .lastState {
      world.seeJob("CANCELED")
      _ = world.turn()
      check()
    }
    world.seeCheckpoint(7, at: World.now + 10_000)
    _ = world.turn(at: World.now + 10_000)
    check()
    world.vanish()
    _ = world.turn(at: World.now + 10_000)
    check()
    #expect(world.status.reconciliationStatus.state == (state == .running ? .upgrading : .deployed))
    // How the Apache operator would go on, or resume.
    let record = world.status.reconciliationStatus.lastReconciledSpec
    #expect(record?.jobState == .suspended)
    #expect(record?.upgradeMode == (mode == .stateless ? .stateless : .savepoint))
    let path = ["stateless": nil, "savepoint": "s3://sp", "last-state": "file:///cp/chk-7"][mode.rawValue] ?? nil
    #expect(world.status.jobStatus.upgradeSavepointPath == path)
    #expect(world.status.jobManagerDeploymentStatus == .missing)
    #expect(world.status.observedGeneration == 2)
  }

  @Test func aStatusFromABackupKeepsItsPathsAndStartsFromThem() throws {
    var world = try World.running(.savepoint)
    world.status.jobStatus.upgradeSavepointPath = "s3://old"
    world.status.operation?.uid = "another"
    world.status.reconciliationStatus.lastReconciledSpec = ReconciledSpec(
      stored: TakeoverFixtures.record(TakeoverFixtures.spec(state: "suspended")))
    world.status.reconciliationStatus.state = .upgrading
    world.cluster = .seen(ClusterFacts(), at: Self.now)
    world.quorum = .seen(ClusterFacts(), at: Self.now)
    world.jobManager = .unknown("not asked", since: Self.now)
    var incarnation: Incarnation?
    for _ in 0..<4 { if case .createIncarnation(let made) = world.turn().effect { incarnation = made } }
    #expect(incarnation?.restorePlan == .path("s3://old"))
    #expect(world.status.operation?.uid == World.uid)
  }

  /// The job was being stopped when the copy was made: how it was started says nothing of what it has by then.
  @Test func aBackupOfAnUpgradeDoesNotStartWithoutTheStateItKnows() throws {
    var world = try World.running(.savepoint)
    world.status.operation?.uid = "another"
    world.status.operation?.phase = "stopping"
    world.status.reconciliationStatus.state = .upgrading
    world.status.reconciliationStatus.lastReconciledSpec = ReconciledSpec(
      stored: TakeoverFixtures.record(TakeoverFixtures.spec(mode: "stateless")))
    world.status.restorePoint = RestorePointRecord(
      chosen: RestorePoint(
        kind: .checkpoint, path: "s3://checkpoints/chk-7", provenance: .jobManager, jobID: world.status.jobStatus.jobId,
        checkpointID: 7, timestamp: Timestamp(epochMilliseconds: Self.now)))
    world.cluster = .seen(ClusterFacts(), at: Self.now)
    world.quorum = .seen(ClusterFacts(), at: Self.now)
    world.jobManager = .unknown("not asked", since: Self.now)
    var incarnation: Incarnation?
    for _ in 0..<4 { if case .createIncarnation(let made) = world.turn().effect { incarnation = made } }
    #expect(incarnation?.restorePlan == .path("s3://checkpoints/chk-7"))
  }
}
