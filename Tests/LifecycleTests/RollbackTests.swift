import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

@Suite struct RollbackTests {
  private static let timeout: Int64 = 60_000
  private static let savepoint = "file:///sp-9"

  /// The job runs, stable; then a spec with another image comes and its incarnation is made.
  private func upgraded(_ mode: UpgradeMode, isEnabled: Bool = true) throws -> World {
    var world = World()
    world.adjust = { settings in
      settings.isRollbackEnabled = isEnabled
      settings.readinessTimeout = Self.timeout
    }
    world.target = .success(World.target(mode))
    _ = world.turn()
    try world.become()
    world.seeJob("RUNNING")
    _ = world.turn()
    #expect(world.status.lifecycleState == .stable)

    var target = World.target(mode)
    target.spec.image = "flink:bad"
    world.metadata.generation = 2
    world.target = .success(target)
    _ = world.turn()
    if mode == .savepoint {
      world.jobManager.savepoint = .seen(.completed(location: Self.savepoint), at: World.now)
      _ = world.turn()
    } else if mode == .lastState {
      world.seeJob("CANCELED")
      _ = world.turn()
      world.seeCheckpoint(7, at: World.now + 10_000)
      _ = world.turn()
    }
    world.vanish()
    _ = world.turn()
    try world.become()
    #expect(world.status.reconciliationStatus.state == .deployed)
    #expect(world.status.operation?.attempt == 2)
    return world
  }

  /// Seconds after the upgrade, and what is decided.
  private func late(_ world: inout World) -> Decision { world.turn(at: World.now + Self.timeout) }

  @Test func waitsForTheReadinessDeadline() throws {
    var world = try upgraded(.savepoint)
    let early = world.turn(at: World.now + Self.timeout - 1)
    #expect(early.status.reconciliationStatus.state == .deployed)
    #expect(early.wake.delay == 1)
    #expect(late(&world).status.reconciliationStatus.state == .rollingBack)
  }

  @Test(arguments: [UpgradeMode.stateless, .savepoint, .lastState])
  func startsTheStableSpecFromWhereTheFailedOneWasToStart(_ mode: UpgradeMode) throws {
    var world = try upgraded(mode)
    let failed = try #require(try world.status.reconciliationStatus.lastReconciledSpec?.spec())
    let decision = late(&world)
    #expect(decision.status.lifecycleState == .rollingBack)
    #expect(decision.events.map(\.reason).contains("Rollback"))
    #expect(decision.status.observedGeneration == 2)
    #expect(decision.status.operation?.kind == .rollback)
    world.vanish()
    guard case .createIncarnation(let incarnation) = late(&world).effect else {
      Issue.record("nothing is created")
      return
    }
    #expect(incarnation.spec.image == "flink:1.20")
    #expect(incarnation.attempt == 3)
    let plan: RestorePlan =
      switch mode {
      case .stateless: .empty
      case .savepoint: .path(Self.savepoint)
      case .lastState: .path("file:///cp/chk-7")
      }
    #expect(incarnation.restorePlan == plan)
    try world.become(at: World.now + Self.timeout)
    let status = world.status
    #expect(status.reconciliationStatus.state == .rolledBack)
    #expect(try status.reconciliationStatus.lastReconciledSpec?.spec().image == failed.image)
    #expect(try status.reconciliationStatus.lastStableSpec?.spec().image == "flink:1.20")
    world.seeJob("RUNNING", at: World.now + Self.timeout)
    let end = late(&world).status
    #expect(end.lifecycleState == .rolledBack)
    #expect(end.observedGeneration == 2)
    for (type, value, reason) in [
      (ConditionType.ready, ConditionStatus.false, "RolledBack"), (ConditionType.stalled, .true, "RolledBack"),
      (ConditionType.running, .true, "Running"), (ConditionType.reconciling, .false, "Settled"),
    ] {
      #expect(end.conditions[type: type]?.status == value)
      #expect(end.conditions[type: type]?.reason == reason)
    }
    #expect(world.turn(at: World.now + 2 * Self.timeout).status == end, "it stays there without writes")
  }

  @Test func doesNotHappenWhereItMustNot() throws {
    let cases: [(name: String, change: (inout World) -> Void)] = [
      ("not enabled", { $0.adjust = { $0.readinessTimeout = Self.timeout } }),
      ("no stable spec", { $0.status.reconciliationStatus.lastStableSpec = nil }),
      (
        "stable",
        { $0.status.reconciliationStatus.lastStableSpec = $0.status.reconciliationStatus.lastReconciledSpec }
      ),
      (
        "the stable spec was suspended",
        {
          $0.status.reconciliationStatus.lastStableSpec =
            $0.status.reconciliationStatus.lastStableSpec?.settingJob(state: .suspended)
        }
      ),
      ("the job runs", { $0.seeJob("RUNNING", at: World.now + Self.timeout) }),
    ]
    for (name, change) in cases {
      var world = try upgraded(.savepoint)
      change(&world)
      let status = late(&world).status
      #expect(status.reconciliationStatus.state == .deployed, "\(name)")
      #expect(status.operation?.phase == Phase.Word.running.rawValue, "\(name)")
    }
  }

  @Test func prefersACheckpointOfTheFailedIncarnation() throws {
    var world = try upgraded(.savepoint)
    world.seeJob("FAILED")
    _ = world.turn()
    world.seeCheckpoint(3, at: World.now + 30_000)
    #expect(late(&world).status.operation?.restorePlan == .path("file:///cp/chk-3"))
  }

  /// Flink's JobManager ends with a job that cannot take its state up, each time its container is started again.
  @Test func waitsForNoStatisticsOfAJobManagerThatHasEnded() throws {
    var world = try upgraded(.savepoint)
    world.seeJob("FAILED")
    _ = world.turn()
    world.jobManager.jobs = .unknown(why: "connection refused", since: World.now + 1)
    #expect(late(&world).standingReason == "ReadingCheckpoints", "it may answer again")
    #expect(world.status.reconciliationStatus.state == .deployed)

    var pod = PodFacts(name: "demo-1", uid: "p", component: .jobManager, phase: "Running", restarts: 1)
    pod.lastEndAt = World.now - 2_000
    world.cluster = try .seen(world.upgradedCluster(pod), at: World.now)
    #expect(late(&world).standingReason == "ReadingCheckpoints", "it ended before the job began")
    pod.lastEndAt = World.now
    world.cluster = try .seen(world.upgradedCluster(pod), at: World.now)
    let decision = late(&world)
    #expect(decision.status.reconciliationStatus.state == .rollingBack)
    #expect(decision.status.operation?.restorePlan == .path(Self.savepoint))
  }

  /// A node that cannot be reached tells of no problem, and of nothing else.
  @Test(arguments: [true, false]) func doesNotHappenWhereTheJobMayRunUnheard(_ hasBegun: Bool) throws {
    var world = try upgraded(.savepoint)
    if hasBegun {
      world.seeJob("INITIALIZING")
      _ = world.turn()
    }
    world.jobManager.jobs = .unknown(why: "no route to host", since: World.now)
    var pod = PodFacts(name: "demo-1", uid: "p", component: .jobManager, phase: "Pending", nodeName: "n1")
    world.cluster = try .seen(world.upgradedCluster(pod), at: World.now)
    let decision = late(&world)
    #expect(decision.standingReason == "JobManagerUnreachable")
    #expect(decision.status.reconciliationStatus.state == .deployed)
    #expect(decision.effect == nil && decision.polling != nil)

    // A container that ends has told what it had to tell; one that was not begun has not run.
    for change: (inout PodFacts) -> Void in [
      { $0.restarts = 1 }, { $0.nodeName = nil },
      { $0.problem = PodProblem(reason: "ImagePullBackOff", message: "no image") },
    ] {
      var (after, other) = (world, pod)
      change(&other)
      after.cluster = try .seen(after.upgradedCluster(other), at: World.now)
      #expect(late(&after).status.reconciliationStatus.state == .rollingBack)
    }
    pod.phase = "Running"
    world.cluster = try .seen(world.upgradedCluster(pod), at: World.now)
    #expect(late(&world).standingReason == "JobManagerUnreachable")
  }

  @Test func asksARunningJobToEndFirst() throws {
    var world = try upgraded(.savepoint)
    world.seeJob("RESTARTING")
    guard case .cancelJob = late(&world).effect else {
      Issue.record("\(String(describing: world.status.operation))")
      return
    }
    #expect(world.status.reconciliationStatus.state == .rollingBack)
    // It does not answer any more: what it has left is known.
    world.jobManager = .unknown("timeout", since: World.now + Self.timeout)
    let decision = world.turn(at: World.now + 3_600_000)
    #expect(decision.status.operation?.phase == Phase.Word.draining.rawValue)
    #expect(decision.status.operation?.restorePlan == .path(Self.savepoint))
  }

  @Test func refusesToLoseTheStateOfAJobThatHasRun() throws {
    var world = try upgraded(.savepoint)
    world.status.operation?.restorePlan = .empty
    world.status.restorePoint = nil
    world.status.jobStatus.startTime = World.now
    let decision = late(&world)
    #expect(decision.effect == nil)
    #expect(decision.status.reconciliationStatus.state == .deployed)
    #expect(decision.status.conditions[type: ConditionType.stalled]?.reason == "RestorePointUnknown")
  }

  @Test func aNewSpecTakesItsPlace() throws {
    var world = try upgraded(.savepoint)
    _ = late(&world)
    var target = World.target(.savepoint, parallelism: 2)
    target.spec.image = "flink:good"
    world.metadata.generation = 3
    world.target = .success(target)
    world.vanish()
    let decision = late(&world)
    guard case .createIncarnation(let incarnation) = decision.effect else {
      Issue.record("nothing is created")
      return
    }
    #expect(incarnation.spec.image == "flink:good")
    #expect(incarnation.restorePlan == .path(Self.savepoint))
    #expect(decision.status.reconciliationStatus.state == .upgrading)
    #expect(decision.status.operation?.kind == .upgrade)
    #expect(decision.status.observedGeneration == 3)
  }

  /// (parallelism, image) of the next spec, whether anything is done about it, and the state after.
  @Test(arguments: [
    ("flink:bad", false, ReconciliationState.rolledBack), ("flink:1.20", false, .deployed),
    ("flink:new", true, .deployed),
  ])
  func whatTheNextSpecLeadsTo(_ image: String, _ acts: Bool, _ state: ReconciliationState) throws {
    var world = try upgraded(.savepoint)
    _ = late(&world)
    world.vanish()
    _ = late(&world)
    try world.become(at: World.now + Self.timeout)
    world.seeJob("RUNNING", at: World.now + Self.timeout)
    _ = late(&world)
    var target = World.target(.savepoint)
    target.spec.image = image
    target.spec.job?.allowNonRestoredState = true
    world.metadata.generation = 3
    world.target = .success(target)
    let decision = late(&world)
    #expect((decision.effect != nil) == acts)
    if acts { return }
    #expect(decision.status.reconciliationStatus.state == state)
    #expect(decision.status.observedGeneration == 3)
    #expect(decision.status.reconciliationStatus.isLastReconciledSpecStable == (state == .deployed))
    let after = world.turn(at: World.now + Self.timeout + 1_000).status
    #expect(after.lifecycleState == (state == .deployed ? .stable : .rolledBack))
    #expect(after.conditions[type: ConditionType.ready]?.status == (state == .deployed ? .true : .false))
  }

  @Test func aJobThatFailsAgainAndAgainIsNotStable() throws {
    var world = try upgraded(.savepoint)
    world.seeJob("RUNNING")
    #expect(world.turn(at: World.now + 20_000).status.lifecycleState == .deployed)
    #expect(world.turn(at: World.now + 29_999).status.lifecycleState == .deployed)
    var flapping = world
    #expect(world.turn(at: World.now + 30_000).status.lifecycleState == .stable)
    flapping.seeJob("RESTARTING")
    _ = flapping.turn(at: World.now + 29_999)
    flapping.seeJob("RUNNING")
    #expect(flapping.turn(at: World.now + 30_001).status.lifecycleState == .deployed)
    flapping.seeJob("RESTARTING")
    #expect(late(&flapping).status.reconciliationStatus.state == .rollingBack)
  }
}

extension World {
  /// What was authorised exists.
  mutating func become(at time: Int64 = World.now) throws {
    let operation = try #require(status.operation)
    cluster = .seen(deployments(operation, available: 0), at: time)
    quorum = .unknown(why: "not asked for", since: time)
    jobManager = .unknown("it does not answer yet", since: time)
    _ = turn(at: time)
  }

  /// Nothing is left of what was there.
  mutating func vanish() {
    cluster = .seen(ClusterFacts(), at: World.now)
    quorum = .seen(ClusterFacts(), at: World.now)
    jobManager = .unknown("gone", since: World.now)
  }
}

extension World {
  fileprivate func upgradedCluster(_ pod: PodFacts) throws -> ClusterFacts {
    var facts = deployments(try #require(status.operation))
    facts.pods = [pod]
    return facts
  }
}

extension Decision {
  fileprivate var standingReason: String? { status.conditions[type: ConditionType.ready]?.reason }
}
