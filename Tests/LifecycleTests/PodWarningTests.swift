import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

@Suite struct PodWarningTests {
  private static let message = #"MountVolume.SetUp failed for volume "keys" : secret "keys" not found"#

  private func event(_ reason: String, _ message: String, at time: String) -> JSONValue {
    ["reason": .string(reason), "message": .string(message), "lastTimestamp": .string("2027-01-15T08:00:\(time)Z")]
  }

  @Test func theNewestComplaintCounts() {
    let problem = PodProblem(preparation: [
      event("Scheduled", "assigned", at: "00"), event("FailedMount", Self.message, at: "40"),
      event("FailedAttachVolume", "busy", at: "10"),
    ])
    #expect(problem == PodProblem(reason: "FailedMount", message: Self.message))
  }

  @Test func aPodThatHasComeFurtherSinceComplainsNoMore() {
    #expect(
      PodProblem(preparation: [
        event("Pulling", "image", at: "20"), event("FailedMount", "not in the cache yet", at: "01"),
      ]) == nil)
    #expect(PodProblem(preparation: []) == nil)
  }

  @Test func onlyAScheduledPodWithoutContainersIsBeingPrepared() {
    func pod(_ node: String?, _ phase: String, _ reason: String?) -> JSONValue {
      [
        "spec": ["nodeName": node.map { .string($0) } ?? .null],
        "status": [
          "phase": .string(phase),
          "containerStatuses": .array(reason.map { [["state": ["waiting": ["reason": .string($0)]]]] } ?? []),
        ],
      ]
    }
    #expect(PodFacts.isBeingPrepared(pod("n", "Pending", "ContainerCreating")))
    #expect(PodFacts.isBeingPrepared(pod("n", "Pending", nil)))
    #expect(!PodFacts.isBeingPrepared(pod(nil, "Pending", nil)))
    #expect(!PodFacts.isBeingPrepared(pod("n", "Pending", "ImagePullBackOff")))
    #expect(!PodFacts.isBeingPrepared(pod("n", "Running", nil)))
  }

  /// The JobManager's pod has hung for so many milliseconds.
  private func world(hangingFor time: Int64) throws -> (World, PodFacts) {
    var world = World()
    _ = world.turn()
    let operation = try #require(world.status.operation)
    var cluster = world.deployments(operation, available: 0)
    var pod = PodFacts(name: "demo-1", uid: "pod-1", component: .jobManager, phase: "Pending", nodeName: "node")
    pod.createdAt = World.now - time
    pod.isBeingPrepared = true
    cluster.pods = [pod]
    world.cluster = .seen(cluster, at: World.now)
    world.quorum = .unknown(why: "not asked for", since: World.now)
    _ = world.turn()
    return (world, pod)
  }

  @Test func eventsAreReadOfPodsThatHangOnly() throws {
    func asked(_ time: Int64, _ change: (inout PodFacts) -> Void = { _ in }) throws -> [String] {
      var (world, pod) = try world(hangingFor: time)
      change(&pod)
      guard case .seen(var cluster, _) = world.cluster else { return [] }
      cluster.pods = [pod]
      world.cluster = .seen(cluster, at: World.now)
      return Lifecycle.inspections(
        Record(world.status, uid: World.uid), world.observation(), now: World.now
      ).map(\.uid)
    }
    #expect(try asked(PodWarnings.patience) == ["pod-1"])
    #expect(try asked(PodWarnings.patience - 1) == [])
    #expect(try asked(60_000) { $0.isBeingPrepared = false } == [])
    #expect(try asked(60_000) { $0.isBeingDeleted = true } == [])
    #expect(try asked(60_000) { $0.problem = PodProblem(reason: "ImagePullBackOff", message: "") } == [])
  }

  @Test func theComplaintIsErrorEventAndCondition() throws {
    var (world, _) = try world(hangingFor: 30_000)
    world.podWarnings = .unknown(why: "not asked for", since: 0)
    #expect(world.decide().status.error == nil)
    world.podWarnings = .seen(
      PodWarnings(problems: ["pod-1": PodProblem(reason: "FailedMount", message: Self.message)]), at: World.now)
    let decision = world.turn()
    #expect(StatusError.message(of: decision.status.error ?? "") == Self.message)
    #expect(decision.status.jobManagerDeploymentStatus == .error)
    #expect(decision.events.contains { $0.reason == "FailedMount" && $0.message == Self.message })
    let reconciling = decision.status.conditions[type: ConditionType.reconciling]
    #expect(reconciling?.reason == "FailedMount")
    #expect(reconciling?.message.contains("secret \"keys\" not found") == true)
    // Said once.
    #expect(!world.turn(at: World.now + 1_000).events.contains { $0.reason == "FailedMount" })
    // Past the deadline it is a stall with the same words.
    let late = world.turn(at: World.now + 3_600_000)
    #expect(late.status.conditions[type: ConditionType.stalled]?.reason == "FailedMount")
  }
}
