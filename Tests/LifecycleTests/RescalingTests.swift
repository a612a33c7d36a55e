import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// Another parallelism through the adaptive scheduler.
@Suite struct RescalingTests {
  static let now = World.now

  /// A job that runs with parallelism 2, whose spec asks for another.
  private func world(
    parallelism: Int, mode: UpgradeMode = .lastState, from before: Int = 2,
    _ change: (inout FlinkDeploymentSpec) -> Void = { _ in }
  ) throws -> World {
    var world = World()
    world.adjust = {
      $0.isRescalable = true
      $0.parallelism = $0.taskManagers
      $0.restCacheTime = 3_000
    }
    world.target = .success(World.target(mode, parallelism: before))
    _ = world.turn()
    let operation = try #require(world.status.operation)
    world.cluster = .seen(
      world.deployments(operation, replicas: Int64(before), available: Int64(before)), at: Self.now)
    world.quorum = .unknown(why: "not asked for", since: Self.now)
    _ = world.turn()
    world.seeJob("RUNNING")
    _ = world.turn()
    world.see(bounds: ["v1": before, "v2": before], at: Self.now)
    world.seeCheckpoint(1)
    try world.wish(parallelism: parallelism, mode: mode, change)
    return world
  }

  @Test func growsTheTaskManagersFirst() throws {
    var world = try world(parallelism: 3)
    let before = world.status
    let first = world.turn()
    guard case .scaleTaskManagers(let object, 3, let operation) = first.effect else {
      Issue.record("\(String(describing: first.effect))")
      return
    }
    #expect(object.name == "demo-taskmanager")
    #expect(first.status.operation?.id == operation)
    #expect(first.status.operation?.scaling?.parallelism == ["v1": 3, "v2": 3])
    #expect(first.events.contains { $0.reason == "SpecChanged" })
    // Not deployed before Flink has agreed.
    #expect(first.status.observedGeneration == 1)
    #expect(first.status.conditions[type: "Ready"]?.reason == "Scaling")
    #expect(first.polling?.wantsParallelism == true)

    // As long as they are not there nothing is asked: each number would start the job again.
    world.seeTaskManagers(3, available: 2)
    #expect(world.turn(at: Self.now + 1_000).effect == nil)
    world.seeTaskManagers(3, available: 3)
    let asked = world.turn(at: Self.now + 2_000)
    let bounds = ["v1": ParallelismBounds(lower: 1, upper: 3), "v2": ParallelismBounds(lower: 1, upper: 3)]
    #expect(
      asked.effect
        == .boundParallelism(jobID: before.jobStatus.jobId ?? "", bounds, operationID: before.operation?.id ?? ""))
    #expect(asked.events.contains { $0.reason == "Scaling" && $0.message == "In-place scaling triggered" })
    #expect(asked.status.observedGeneration == 1)
    // A crash before the request: it is sent, as the record says.
    #expect(world.turn(at: Self.now + 2_010).effect == asked.effect)

    // Agreed: the spec is the deployed one.
    world.see(bounds: ["v1": 3, "v2": 3], at: Self.now + 3_000)
    world.see(parallelism: ["v1": 2, "v2": 2], at: Self.now + 3_000)
    let agreed = world.turn(at: Self.now + 3_000)
    #expect(agreed.effect == nil)
    #expect(agreed.status.observedGeneration == 2)
    #expect(agreed.status.reconciliationStatus.state == .deployed)
    #expect(try agreed.status.reconciliationStatus.lastReconciledSpec?.spec().job?.parallelism == 3)
    #expect(agreed.status.taskManager?.replicas == 3)
    #expect(agreed.status.operation?.attempt == before.operation?.attempt)
    #expect(agreed.status.jobStatus.jobId == before.jobStatus.jobId)
    #expect(world.turn(at: Self.now + 4_000).status.conditions[type: "Ready"]?.status == .false)

    // What Flink may have kept from before is not believed.
    world.see(parallelism: ["v1": 3, "v2": 3], at: Self.now + 5_000)
    #expect(world.turn(at: Self.now + 5_000).status.conditions[type: "Ready"]?.status == .false)
    world.see(parallelism: ["v1": 3, "v2": 3], at: Self.now + 6_500)
    let done = world.turn(at: Self.now + 6_500)
    #expect(done.status.conditions[type: "Ready"]?.status == .true)
    #expect(done.status.operation?.kind == .deploy)
    #expect(done.polling?.wantsParallelism == false)
    // Left alone from then on.
    world.seeTaskManagers(7, available: 7)
    #expect(world.turn(at: Self.now + 8_000).effect == nil)
  }

  @Test func shrinksTheTaskManagersLast() throws {
    var world = try world(parallelism: 1)
    guard case .boundParallelism = world.turn().effect else {
      Issue.record("the bounds come first")
      return
    }
    world.see(bounds: ["v1": 1, "v2": 1], at: Self.now + 1_000)
    world.see(parallelism: ["v1": 2, "v2": 2], at: Self.now + 1_000)
    #expect(world.turn(at: Self.now + 1_000).effect == nil)
    world.see(parallelism: ["v1": 2, "v2": 1], at: Self.now + 9_000)
    #expect(world.turn(at: Self.now + 9_000).effect == nil)
    world.see(parallelism: ["v1": 1, "v2": 1], at: Self.now + 10_000)
    guard case .scaleTaskManagers(_, 1, _) = world.turn(at: Self.now + 10_000).effect else {
      Issue.record("the TaskManager that is not needed goes")
      return
    }
    world.seeTaskManagers(1, available: 1)
    #expect(world.turn(at: Self.now + 11_000).status.conditions[type: "Ready"]?.status == .true)
  }

  /// What was asked for in the middle counts, also where the view of the Deployment is from before.
  @Test func anOldViewLeavesNoTaskManagerTooMany() throws {
    var world = try world(parallelism: 4)
    guard case .scaleTaskManagers(_, 4, _) = world.turn().effect else {
      Issue.record("the TaskManagers come first")
      return
    }
    #expect(world.status.operation?.scaling?.taskManagers == 4)
    // Taken back, and the watch still shows two.
    try world.wish(parallelism: 2)
    world.see(bounds: ["v1": 2, "v2": 2], at: Self.now + 1_000)
    world.see(parallelism: ["v1": 2, "v2": 2], at: Self.now + 10_000)
    _ = world.turn(at: Self.now + 10_000)
    world.see(parallelism: ["v1": 2, "v2": 2], at: Self.now + 20_000)
    guard case .scaleTaskManagers(_, 2, _) = world.turn(at: Self.now + 20_000).effect else {
      Issue.record("the TaskManagers that were asked for are not wanted any more")
      return
    }
    let done = world.turn(at: Self.now + 30_000)
    #expect(done.effect == nil)
    #expect(done.status.operation?.kind == .deploy)
  }

  @Test func aRefusalLeadsToAnUpgrade() throws {
    var world = try world(parallelism: 1)
    let effect = try #require(world.turn().effect)
    world.lastEffect = EffectOutcome(
      identity: effect.identity, at: Self.now + 100, result: .refused("JobManager answered 400: no"))
    let decision = world.turn(at: Self.now + 200)
    #expect(decision.status.operation?.phase == "stopping")
    #expect(decision.status.operation?.scaling == nil)
    #expect(decision.events.contains { $0.reason == "ScalingRefused" && $0.message.contains("answered 400") })

    // A failure does not.
    var other = try self.world(parallelism: 1)
    _ = other.turn()
    other.lastEffect = EffectOutcome(identity: effect.identity, at: Self.now + 100, result: .failed("503"))
    #expect(other.turn(at: Self.now + 200).status.operation?.phase == "running")
  }

  @Test func verticesThatTheProgramHasFixedStayAsTheyAre() throws {
    var world = try world(parallelism: 1)
    world.see(bounds: ["v1": 2, "sink": 1, "wide": 8], at: Self.now)
    let decision = world.turn()
    #expect(decision.status.operation?.scaling?.parallelism == ["v1": 1])
    guard case .boundParallelism(_, let bounds, _) = decision.effect else { return }
    #expect(bounds["sink"] == ParallelismBounds(lower: 1, upper: 1))
    #expect(bounds["wide"] == ParallelismBounds(lower: 1, upper: 8))
  }

  /// A source that must not run twice has parallelism 1 too.
  @Test func whatFollowsTheSpecIsNotKnownOfAJobThatHasOne() throws {
    var world = try world(parallelism: 3, from: 1)
    #expect(world.turn().status.operation?.phase == "stopping")
  }

  @Test func onceScaledItIsKnown() throws {
    var world = try world(parallelism: 1)
    _ = world.turn()
    world.see(bounds: ["v1": 1, "v2": 1], at: Self.now + 1_000)
    _ = world.turn(at: Self.now + 1_000)
    try world.wish(parallelism: 2)
    let decision = world.turn(at: Self.now + 2_000)
    #expect(decision.status.operation?.phase == "running")
    #expect(decision.status.operation?.scaling?.parallelism == ["v1": 2, "v2": 2])
  }

  @Test func whatWasAskedForIsTakenBackWithTheSpec() throws {
    var world = try world(parallelism: 1)
    _ = world.turn()
    // Flink may have it or not.
    try world.wish(parallelism: 2)
    world.see(bounds: ["v1": 1, "v2": 1], at: Self.now + 1_000)
    let decision = world.turn(at: Self.now + 1_000)
    guard case .boundParallelism(_, let bounds, _) = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(bounds["v1"]?.upper == 2)
    world.see(bounds: ["v1": 2, "v2": 2], at: Self.now + 2_000)
    #expect(world.turn(at: Self.now + 2_000).status.observedGeneration == 3)
  }

  @Test func anUpgradeInTheMiddleIsOne() throws {
    var world = try world(parallelism: 3)
    _ = world.turn()
    try world.wish(parallelism: 3) { $0.image = "flink:other" }
    let decision = world.turn(at: Self.now + 1_000)
    #expect(decision.status.operation?.phase == "stopping")
    #expect(decision.status.operation?.scaling == nil)
  }

  @Test func withoutRoomItEndsInAStallThatSaysSo() throws {
    var world = try world(parallelism: 3)
    _ = world.turn()
    world.seeTaskManagers(3, available: 2)
    world.see(parallelism: ["v1": 2, "v2": 2], at: Self.now + 299_000)
    #expect(world.turn(at: Self.now + 299_000).status.conditions[type: "Stalled"]?.status == .false)
    let late = world.turn(at: Self.now + 301_000)
    let stalled = try #require(late.status.conditions[type: "Stalled"])
    #expect(stalled.status == .true)
    #expect(stalled.message.contains("parallelism 3 and has 2; 2 of 3 TaskManagers are there"))
    #expect(stalled.message.contains("set the parallelism back"))
    #expect(late.wake.delay != nil)
    // Room, late.
    world.seeTaskManagers(3, available: 3)
    guard case .boundParallelism = world.turn(at: Self.now + 302_000).effect else {
      Issue.record("it goes on by itself")
      return
    }
  }

  @Test func aJobThatIsBegunAnewIsAskedAgain() throws {
    var world = try world(parallelism: 1)
    _ = world.turn()
    world.see(bounds: ["v1": 1, "v2": 1], at: Self.now + 1_000)
    world.see(parallelism: ["v1": 1, "v2": 1], at: Self.now + 9_000)
    _ = world.turn(at: Self.now + 1_000)
    _ = world.turn(at: Self.now + 9_000)
    world.seeTaskManagers(1, available: 1)
    #expect(world.turn(at: Self.now + 10_000).status.operation?.kind == .deploy)

    world.adjust = {
      $0.isRescalable = true
      $0.parallelism = $0.taskManagers
      $0.isHighAvailabilityEnabled = true
    }
    world.jobManager.jobs = .seen(
      [
        JobOverview(
          id: world.status.jobStatus.jobId ?? "", name: "demo", state: "RUNNING", startTime: Self.now + 20_000,
          endTime: -1, tasks: ["total": 2, "running": 2])
      ], at: Self.now + 21_000)
    world.see(bounds: ["v1": 2, "v2": 2], at: Self.now + 21_000)
    guard case .boundParallelism(_, let bounds, _) = world.turn(at: Self.now + 21_000).effect else {
      Issue.record("its objects say 2")
      return
    }
    #expect(bounds["v1"]?.upper == 1)
  }

  @Test func itWaitsForTheBoundsAndNotForEver() throws {
    var world = try world(parallelism: 1)
    world.jobManager.bounds = nil
    #expect(world.turn(at: Self.now + 500).polling?.wantsParallelism == true)
    world.jobManager.bounds = .unknown(why: "503", since: Self.now)
    let decision = world.turn(at: Self.now + 1_000)
    #expect(decision.effect == nil)
    #expect(decision.polling?.wantsParallelism == true)
    #expect(decision.status.operation?.phase == "running")
    #expect(world.turn(at: Self.now + 11_000).status.operation?.phase == "stopping")

    var refused = try self.world(parallelism: 1)
    refused.jobManager.bounds = .gone(at: Self.now)
    #expect(refused.turn().status.operation?.phase == "stopping")
  }

  /// Right after a request what was read before it is unknown: no reason to take the job away.
  @Test func itWaitsForAnAnswerAfterItsRequest() throws {
    var world = try world(parallelism: 1, mode: .stateless)
    _ = world.turn()
    world.jobManager.jobs = .unknown(why: "read before the last request", since: Self.now + 100)
    world.jobManager.bounds = .unknown(why: "read before the last request", since: Self.now + 100)
    let decision = world.turn(at: Self.now + 200)
    #expect(decision.effect == nil)
    #expect(decision.status.operation?.phase == "running")
  }

  /// As by the Apache operator: Flink takes it with the next restart.
  @Test func aJobThatStartsAgainIsScaledToo() throws {
    var world = try world(parallelism: 1)
    world.seeJob("RESTARTING")
    guard case .boundParallelism = world.turn().effect else {
      Issue.record("it can be asked")
      return
    }
    var other = try self.world(parallelism: 1)
    other.seeJob("INITIALIZING")
    #expect(other.turn().status.operation?.phase == "stopping")
  }

  @Test func olderVersionsOfFlinkAreUpgraded() throws {
    var world = try world(parallelism: 1)
    guard case .success(var target) = world.target else { return }
    target.spec.flinkVersion = .v1_17
    world.target = .success(target)
    let diff = world.turn()
    #expect(diff.status.operation?.scaling == nil)
  }

  @Test func theRecordReadsBack() throws {
    var world = try world(parallelism: 1)
    _ = world.turn()
    world.see(bounds: ["v1": 1, "v2": 1], at: Self.now + 1_000)
    let status = world.turn(at: Self.now + 1_000).status
    let operation = try #require(status.operation)
    #expect(operation.scaling?.acceptedAt != nil)
    #expect(operation.scaling?.runStartedAt == World.now)
    #expect(FlinkDeploymentStatus(json: status.json).operation == operation)
  }
}

/// Overrides by vertex, in native mode.
@Suite struct OverrideTests {
  private func world(_ before: [String: Int], _ after: [String: Int]) throws -> World {
    var world = try World.running(.lastState)
    world.seeCheckpoint(1)
    world.adjust = { $0.isRescalable = true }
    for (index, overrides) in [before, after].enumerated() {
      guard case .success(var target) = world.target else { continue }
      target.spec.mode = .native
      let text = overrides.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ",")
      target.spec.flinkConfiguration = ["pipeline.jobvertex-parallelism-overrides": .string(text)]
      target.settings.parallelismOverrides = overrides
      if index == 0 {
        let previous = try #require(world.status.reconciliationStatus.lastReconciledSpec)
        world.status.reconciliationStatus.lastReconciledSpec = ReconciledSpec(
          target.spec, firstDeployment: false, jobState: .running, upgradeMode: .lastState,
          keepingTriggerNoncesOf: previous)
        world.deployedOverrides = overrides
      }
      world.target = .success(target)
    }
    guard case .seen(var cluster, _) = world.cluster else { return world }
    cluster.deployments.removeAll { $0.component == .taskManager }
    world.cluster = .seen(cluster, at: World.now)
    world.metadata.generation = 2
    world.see(bounds: ["a": before["a"] ?? 1, "b": before["b"] ?? 1], at: World.now)
    return world
  }

  @Test func changedOverridesBecomeBounds() throws {
    var world = try world(["a": 2], ["a": 3, "b": 2, "unknown": 9])
    let decision = world.turn()
    guard case .boundParallelism(_, let bounds, _) = decision.effect else {
      Issue.record("\(String(describing: decision.effect)) \(decision.status.operation?.phase ?? "")")
      return
    }
    #expect(bounds == ["a": ParallelismBounds(lower: 1, upper: 3), "b": ParallelismBounds(lower: 1, upper: 2)])
  }

  @Test func anOverrideThatIsTakenBackIsAnUpgrade() throws {
    var world = try world(["a": 2], ["b": 3])
    #expect(world.turn().status.operation?.phase == "stopping")
  }
}

extension World {
  fileprivate mutating func wish(
    parallelism: Int, mode: UpgradeMode = .lastState, _ change: (inout FlinkDeploymentSpec) -> Void = { _ in }
  ) throws {
    var next = World.target(mode, parallelism: parallelism)
    change(&next.spec)
    target = .success(next)
    metadata.generation += 1
  }

  fileprivate mutating func see(bounds: [String: Int], at time: Int64) {
    jobManager.bounds = .seen(bounds.mapValues { ParallelismBounds(lower: 1, upper: $0) }, at: time)
  }

  fileprivate mutating func see(parallelism: [String: Int], at time: Int64) {
    jobManager.parallelism = .seen(parallelism, at: time)
  }

  fileprivate mutating func seeTaskManagers(_ replicas: Int64, available: Int64) {
    guard case .seen(var cluster, let at) = cluster,
      let index = cluster.deployments.firstIndex(where: { $0.component == .taskManager })
    else { return }
    cluster.deployments[index].desiredReplicas = replicas
    cluster.deployments[index].availableReplicas = available
    self.cluster = .seen(cluster, at: at)
  }
}
