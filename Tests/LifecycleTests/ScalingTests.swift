import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

@Suite struct ScalingTests {
  static let now = World.now

  private func world(isReactive: Bool = true, _ change: (inout FlinkDeploymentSpec) -> Void) throws -> World {
    var world = try World.running(.lastState)
    world.adjust = { $0.isReactive = isReactive }
    var target = World.target(.lastState, parallelism: 3)
    change(&target.spec)
    world.target = .success(target)
    world.metadata.generation = 2
    world.seeCheckpoint(1)
    return world
  }

  @Test func onlyTheNumberOfTaskManagersChanges() throws {
    var world = try world { _ in }
    let before = world.status
    let decision = world.turn()
    guard case .scaleTaskManagers(let object, let replicas, let operation) = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(object.name == "demo-taskmanager")
    #expect(replicas == 3)
    // What authorises it is stored first, and is the Apache operator's record of a deployed spec.
    #expect(decision.status.operation?.id == operation)
    #expect(decision.status.operation?.kind == .scale)
    #expect(decision.status.operation?.attempt == before.operation?.attempt)
    #expect(decision.status.reconciliationStatus.state == .deployed)
    #expect(try decision.status.reconciliationStatus.lastReconciledSpec?.spec().job?.parallelism == 3)
    #expect(decision.status.reconciliationStatus.lastReconciledSpec?.jobState == .running)
    #expect(decision.status.taskManager?.replicas == 3)
    #expect(decision.status.observedGeneration == 2)
    #expect(decision.status.jobStatus.jobId == before.jobStatus.jobId)

    // A crash before the request: it is sent, as the record says.
    #expect(world.turn(at: Self.now + 10).effect == decision.effect)

    // Seen: that is all, and it is left alone from then on.
    guard case .seen(var cluster, _) = world.cluster else { return }
    let index = try #require(cluster.deployments.firstIndex { $0.component == .taskManager })
    cluster.deployments[index].desiredReplicas = 3
    world.cluster = .seen(cluster, at: Self.now + 20)
    let done = world.turn(at: Self.now + 20)
    #expect(done.effect == nil)
    #expect(done.events.contains { $0.reason == "Scaling" && $0.component == .job })
    #expect(done.status.operation?.kind == .deploy)
    cluster.deployments[index].desiredReplicas = 7
    world.cluster = .seen(cluster, at: Self.now + 30)
    #expect(world.turn(at: Self.now + 30).effect == nil)
  }

  @Test func withoutTheReactiveModeItIsAnUpgrade() throws {
    var world = try world(isReactive: false) { _ in }
    #expect(world.turn().status.operation?.phase == "stopping")
  }

  @Test func togetherWithAnotherChangeItIsAnUpgrade() throws {
    var world = try world { $0.image = "flink:other" }
    #expect(world.turn().status.operation?.phase == "stopping")
  }
}
