import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

@Suite struct FirstDeploymentTests {
  @Test func setsTheFinalizerFirstAndSaysThatItBegins() {
    var world = World()
    world.metadata.finalizers = []
    let decision = world.decide()
    #expect(decision.effect == .setFinalizer)
    #expect(decision.status.conditions[type: ConditionType.ready]?.status == .unknown)
    #expect(decision.status.conditions[type: ConditionType.reconciling]?.status == .true)
    #expect(decision.status.operation == nil)
  }

  @Test func storesTheApacheOperatorsRecordBeforeItCreatesAnything() throws {
    let decision = World().decide()
    guard case .createIncarnation(let incarnation) = decision.effect else {
      Issue.record("no creation but \(String(describing: decision.effect))")
      return
    }
    let status = decision.status
    #expect(status.reconciliationStatus.state == .upgrading)
    #expect(status.reconciliationStatus.lastReconciledSpec?.jobState == .suspended)
    #expect(status.reconciliationStatus.lastReconciledSpec?.firstDeployment == true)
    #expect(status.observedGeneration == 1)
    #expect(status.lifecycleState == .upgrading)
    #expect(status.operation?.id == incarnation.operationID)
    #expect(status.operation?.attempt == 1)
    #expect(status.jobStatus.jobId == incarnation.jobID)
    #expect(incarnation.jobID.count == 32)
    #expect(incarnation.spec.job?.state == .running)
    #expect(incarnation.restorePlan == .empty)
    #expect(decision.effect?.requiredOperation == status.operation?.id)
  }

  @Test func startsFromTheInitialSavepoint() {
    var world = World()
    var target = World.target(.savepoint)
    target.spec.job?.initialSavepointPath = "file:///sp-1"
    world.target = .success(target)
    guard case .createIncarnation(let incarnation) = world.decide().effect else {
      Issue.record("nothing is created")
      return
    }
    #expect(incarnation.restorePlan == .path("file:///sp-1"))
  }

  @Test func createsNothingUnlessAQuorumShowsThatNothingIsThere() {
    var world = World()
    world.quorum = .unknown(why: "timeout", since: World.now)
    #expect(world.decide().effect == nil)
    #expect(world.decide().wake.delay != nil)
    world.quorum = .seen(
      ClusterFacts(pods: [PodFacts(name: "demo-1", uid: "p", component: .taskManager, phase: "Running")]),
      at: World.now)
    #expect(world.decide().effect == nil)
    world.quorum = .seen(
      ClusterFacts(pods: [PodFacts(name: "demo-1", uid: "p", component: .taskManager, phase: "Failed")]), at: World.now)
    #expect(world.decide().effect != nil)
  }

  @Test func doesNotDoTwiceWhatItHasJustDone() throws {
    var world = World()
    let effect = try #require(world.turn().effect)
    world.lastEffect = EffectOutcome(identity: effect.identity, at: World.now, result: .succeeded)
    #expect(world.decide(at: World.now + 100).effect == nil)
    #expect(world.decide(at: World.now + 5_000).effect == effect)
  }

  @Test func becomesDeployedWhenBothDeploymentsAreSeen() throws {
    var world = World()
    _ = world.turn()
    let operation = try #require(world.status.operation)
    world.cluster = .seen(world.deployments(operation), at: World.now)
    world.quorum = .unknown(why: "not asked for", since: World.now)
    let status = world.turn().status
    #expect(status.reconciliationStatus.state == .deployed)
    #expect(status.reconciliationStatus.lastReconciledSpec?.jobState == .running)
    #expect(status.jobManagerDeploymentStatus == .deploying)
    #expect(status.jobStatus.state == .reconciling)
    #expect(status.taskManager?.labelSelector == "component=taskmanager,app=demo")
    #expect(status.lifecycleState == .deployed)
  }

  @Test func isStableWhenTheJobRuns() throws {
    let world = try World.running()
    #expect(world.status.lifecycleState == .stable)
    #expect(world.status.jobManagerDeploymentStatus == .ready)
    #expect(world.status.conditions[type: ConditionType.ready]?.status == .true)
    #expect(world.status.conditions[type: ConditionType.running]?.status == .true)
    #expect(world.status.conditions[type: ConditionType.stalled]?.status == .false)
    var again = world
    #expect(again.turn(at: World.now + 1_000).status == world.status)
  }
}

@Suite struct SpecChangeTests {
  private func edited(_ mode: UpgradeMode, state: DesiredJobState = .running) throws -> World {
    var world = try World.running(mode)
    world.metadata.generation = 2
    world.target = .success(World.target(mode, state: state, parallelism: 2))
    return world
  }

  @Test func aStatelessUpgradeScalesDownFirst() throws {
    let decision = try edited(.stateless).decide()
    guard case .scaleDown(let objects, _) = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(Set(objects.map(\.name)) == ["demo", "demo-taskmanager"])
    #expect(decision.status.lifecycleState == .upgrading)
    #expect(decision.events.map(\.reason).contains("SpecChanged"))
    #expect(decision.events.map(\.reason).contains("Suspended"))
  }

  @Test func aSavepointUpgradeStoresItsTriggerBeforeItAsks() throws {
    let decision = try edited(.savepoint).decide()
    guard case .stopWithSavepoint(_, let request, _, _, let operation) = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(decision.status.operation?.savepoint == request)
    #expect(decision.status.operation?.id == operation)
    #expect(request.triggerID.count == 32)
    #expect(decision.status.observedGeneration == 1, "frozen while upgrading")
  }

  @Test func takesNothingAwayBeforeThePathIsStored() throws {
    var world = try edited(.savepoint)
    _ = world.turn()
    world.jobManager.savepoint = .seen(.inProgress, at: World.now)
    #expect(world.turn().effect == nil)
    world.jobManager.savepoint = .seen(.completed(location: "file:///sp-9"), at: World.now)
    let decision = world.turn()
    guard case .scaleDown = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(decision.status.operation?.restorePlan == .path("file:///sp-9"))
    #expect(decision.status.jobStatus.upgradeSavepointPath == "file:///sp-9")
    #expect(decision.status.restorePoint?.chosen?.path == "file:///sp-9")
  }

  @Test func anUnreachableJobManagerIsNoReasonToStartEmpty() throws {
    for mode in [UpgradeMode.savepoint, .lastState] {
      var world = try edited(mode)
      world.jobManager = .unknown("timeout", since: World.now - 60_000)
      let decision = world.decide()
      #expect(decision.effect == nil)
      #expect(decision.status.operation?.phase == Phase.Word.running.rawValue)
      let late = world.decide(at: World.now + 3_600_000)
      #expect(late.effect == nil)
    }
  }

  @Test func waitingForTheJobManagerDoesNotWriteAgainAndAgain() throws {
    var world = try edited(.savepoint)
    world.jobManager = .unknown("timeout", since: World.now - 60_000)
    _ = world.turn()
    let before = world.status
    #expect(world.turn(at: World.now + 10_000).status == before)
    #expect(world.turn(at: World.now + 400_000).status.conditions[type: ConditionType.stalled]?.status == .true)
  }

  @Test func anInvalidEditKeepsTheJobRunning() throws {
    var world = try edited(.savepoint)
    let problem = InvalidField(field: "spec.job.parallelism", value: "0", fix: "must be at least 1")
    world.target = .failure(problem)
    let decision = world.turn()
    #expect(decision.effect == nil)
    #expect(decision.events.map(\.reason) == ["ValidationError"])
    #expect(decision.status.jobStatus.state == .running)
    #expect(decision.status.observedGeneration == 2)
    let stalled = decision.status.conditions[type: ConditionType.stalled]
    #expect(stalled?.status == .true)
    #expect(stalled?.reason == "InvalidSpec")
    #expect(stalled?.message.contains("spec.job.parallelism") == true)
    let again = world.turn(at: World.now + 60_000)
    #expect(again.status == decision.status)
    #expect(again.events == [])
    world.metadata.generation = 3
    world.target = .success(World.target(.savepoint))
    let fixed = world.turn()
    #expect(fixed.status.conditions[type: ConditionType.ready]?.status == .true)
    #expect(fixed.effect == nil)
    #expect(fixed.status.error == nil)
  }

  @Test func anOlderViewOfTheResourceIsNotActedUpon() throws {
    var world = try edited(.stateless)
    _ = world.turn()
    world.metadata.generation = 1
    world.target = .success(World.target())
    let decision = world.decide()
    #expect(decision.effect == nil)
    #expect(decision.status == world.status)
  }

  @Test func theNextIncarnationWaitsForTheEndOfTheLast() throws {
    var world = try edited(.stateless)
    _ = world.turn()
    let operation = try #require(world.status.operation)
    let pod = PodFacts(name: "demo-x", uid: "p", component: .jobManager, phase: "Running", isBeingDeleted: true)
    var left = world.deployments(operation, replicas: 0)
    left.pods = [pod]
    world.cluster = .seen(left, at: World.now)
    #expect(world.turn().effect == nil)
    left.pods = []
    world.cluster = .seen(left, at: World.now)
    guard case .deleteDeployments(let objects, _) = world.turn().effect else {
      Issue.record("the Deployments are not deleted")
      return
    }
    #expect(objects.allSatisfy { !$0.uid.isEmpty })
    world.cluster = .seen(ClusterFacts(), at: World.now)
    #expect(world.turn().effect == nil, "the watch says nothing about absence")
    world.quorum = .seen(ClusterFacts(pods: [pod]), at: World.now)
    #expect(world.turn().effect == nil)
    world.quorum = .seen(ClusterFacts(), at: World.now)
    guard case .createIncarnation(let incarnation) = world.turn().effect else {
      Issue.record("the next incarnation is not created")
      return
    }
    #expect(incarnation.attempt == 2)
    #expect(incarnation.spec.job?.parallelism == 2)
    #expect(incarnation.generation == 2)
  }

  @Test func podsThatDoNotGoStallWithAWayOut() throws {
    var world = try edited(.stateless)
    _ = world.turn()
    let operation = try #require(world.status.operation)
    var left = world.deployments(operation, replicas: 0)
    left.pods = [PodFacts(name: "demo-x", uid: "p", component: .jobManager, phase: "Running", nodeName: "n1")]
    world.cluster = .seen(left, at: World.now)
    let late = World.now + 400_000
    let decision = world.decide(at: late)
    #expect(decision.effect == nil)
    #expect(decision.status.conditions[type: ConditionType.stalled]?.reason == "OldPodsUnreachable")
    world.metadata.annotations[IncarnationAnnotation.assumePodsGone] = operation.id
    guard case .deleteDeployments = world.decide(at: late).effect else {
      Issue.record("the annotation does not let it go on")
      return
    }
  }

  @Test func theLastCheckpointIsNotReadFromAnAnswerThatMayBeOlderThanTheEnd() throws {
    var world = try edited(.lastState)
    world.seeCheckpoint(6)
    guard case .cancelJob = world.turn().effect else {
      Issue.record("the job is not cancelled")
      return
    }
    world.seeJob("CANCELED")
    world.seeCheckpoint(7, at: World.now + 1_000)
    let early = world.turn()
    #expect(early.effect == nil)
    #expect(early.wake.delay != nil)
    world.seeCheckpoint(8, at: World.now + 3_000)
    let decision = world.turn(at: World.now + 3_100)
    #expect(decision.status.operation?.restorePlan == .path("file:///cp/chk-8"))
    guard case .scaleDown = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
  }

  @Test func aFailedSavepointIsAskedForAgainUnderAnotherId() throws {
    var world = try edited(.savepoint)
    let first = try #require(world.turn().status.operation?.savepoint?.triggerID)
    world.jobManager.savepoint = .seen(.failed(cause: "declined"), at: World.now)
    let failed = world.turn(at: World.now + 1_000)
    #expect(failed.effect == nil)
    #expect(failed.events.map(\.reason) == ["SavepointError"])
    #expect(failed.status.jobStatus.state == .running)
    guard case .stopWithSavepoint(_, let request, _, _, _) = world.turn(at: World.now + 10_000).effect else {
      Issue.record("no second try")
      return
    }
    #expect(request.triggerID != first)
    #expect(world.status.operation?.savepoint?.triggerID == request.triggerID)
  }

  @Test func aSuspendedJobKeepsItsRestorePoint() throws {
    var world = try edited(.savepoint, state: .suspended)
    _ = world.turn()
    world.jobManager.savepoint = .seen(.completed(location: "file:///sp-9"), at: World.now)
    _ = world.turn()
    world.cluster = .seen(ClusterFacts(), at: World.now)
    world.quorum = .seen(ClusterFacts(), at: World.now)
    let suspended = world.turn()
    #expect(suspended.status.lifecycleState == .suspended)
    #expect(suspended.status.reconciliationStatus.isLastReconciledSpecStable)
    #expect(suspended.status.conditions[type: ConditionType.ready]?.status == .true)
    world.metadata.generation = 3
    world.target = .success(World.target(.savepoint))
    guard case .createIncarnation(let incarnation) = world.turn().effect else {
      Issue.record("it does not resume")
      return
    }
    #expect(incarnation.restorePlan == .path("file:///sp-9"))
  }
}

@Suite struct LossTests {
  @Test func aMissingDeploymentInAWatchIsNotMissing() throws {
    var world = try World.running()
    world.cluster = .seen(ClusterFacts(), at: World.now)
    let decision = world.decide()
    #expect(decision.effect == nil)
    #expect(decision.status == world.status)
    #expect(decision.wake.delay != nil)
  }

  @Test func aStatelessJobIsRecovered() throws {
    var world = try World.running()
    world.cluster = .seen(ClusterFacts(), at: World.now)
    world.quorum = .seen(ClusterFacts(), at: World.now)
    let decision = world.turn()
    #expect(decision.events.map(\.reason).contains("Missing"))
    #expect(decision.events.map(\.reason).contains("RecoverDeployment"))
    guard case .createIncarnation(let incarnation) = world.turn().effect else {
      Issue.record("it is not started again")
      return
    }
    #expect(incarnation.attempt == 2)
  }

  @Test func aJobWithStateIsNotStartedEmpty() throws {
    for mode in [UpgradeMode.savepoint, .lastState] {
      var world = try World.running(mode)
      world.cluster = .seen(ClusterFacts(), at: World.now)
      world.quorum = .seen(ClusterFacts(), at: World.now)
      let decision = world.turn()
      #expect(decision.effect == nil)
      #expect(decision.status.conditions[type: ConditionType.stalled]?.reason == "JobManagerMissing")
      #expect(decision.status.lifecycleState == .failed)
      world.metadata.generation = 2
      world.target = .success(World.target(mode, parallelism: 2))
      #expect(world.turn().effect == nil)
    }
  }

  @Test func aRestoredBackupLosesItsOperationButNotItsPaths() throws {
    var world = try World.running(.savepoint)
    world.status.jobStatus.upgradeSavepointPath = "file:///sp"
    world.metadata.uid = "another"
    let record = Record(world.status, uid: world.metadata.uid)
    #expect(record.phase == .unowned)
    #expect(record.status.jobStatus.upgradeSavepointPath == "file:///sp")
  }

  @Test func oneMissedAnswerIsNoNews() throws {
    var world = try World.running()
    world.jobManager.jobs = .unknown(why: "timeout", since: World.now - 500)
    #expect(world.decide().status == world.status)
    let later = world.decide(at: World.now + 10_000).status
    #expect(later.jobManagerDeploymentStatus == .deployedNotReady)
    #expect(later.conditions[type: ConditionType.ready]?.status == .false)
    #expect(later.conditions[type: ConditionType.reconciling]?.status == .true)
  }
}

@Suite struct DeletionTests {
  @Test func takesTheClusterAwayBeforeItLetsTheResourceGo() throws {
    var world = try World.running()
    world.metadata.deletionTimestamp = "2027-01-15T08:00:00Z"
    let decision = world.turn()
    guard case .scaleDown = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(decision.status.lifecycleState == .deleting)
    #expect(decision.events.map(\.reason) == ["Cleanup"])
    world.cluster = .seen(ClusterFacts(), at: World.now)
    #expect(world.turn().effect == nil)
    world.quorum = .seen(ClusterFacts(), at: World.now)
    #expect(world.turn().effect == .removeFinalizer)
  }

  @Test func endsEvenWhenPodsCannotBeConfirmedGone() throws {
    var world = try World.running()
    world.metadata.deletionTimestamp = "2027-01-15T08:00:00Z"
    _ = world.turn()
    let decision = world.turn(at: World.now + 400_000)
    #expect(decision.effect == .removeFinalizer)
    #expect(decision.events.map(\.reason) == ["CleanupFailed"])
  }

  @Test func aResourceWithoutAnythingGoesAtOnce() {
    var world = World()
    world.metadata.deletionTimestamp = "2027-01-15T08:00:00Z"
    #expect(world.decide().effect == .removeFinalizer)
  }
}

@Suite struct IdentityTests {
  @Test func idsAreStableAndDifferent() {
    let id = Identity.jobID(uid: "a", attempt: 1)
    #expect(id == Identity.jobID(uid: "a", attempt: 1))
    #expect(id != Identity.jobID(uid: "a", attempt: 2))
    #expect(id != Identity.jobID(uid: "b", attempt: 1))
    #expect(id.count == 32)
    #expect(id.allSatisfy { $0.isHexDigit && !$0.isUppercase })
    let first = Identity.triggerID(uid: "a", operation: "o", previous: nil)
    #expect(first != Identity.triggerID(uid: "a", operation: "o", previous: first))
  }
}
