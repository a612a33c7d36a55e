import FlinkBlueprint
import FlinkModel
import KubernetesAPI
import KubernetesRuntime
import Lifecycle
import Logging
import Synchronization
import Testing

@testable import FlinkController

/// A JobManager is asked at its pod's address until its Service leads there.
@Suite struct StartingJobManagerTests {
  private static let job = "0123456789abcdef0123456789abcdef"

  private func pod(
    _ name: String = "demo-1", attempt: String? = "3", resource: String = "uid-1", phase: String = "Running",
    address: String? = "10.1.0.5", started: Bool? = false, state: String = "running", isBeingDeleted: Bool = false,
    component: String = "jobmanager", hostNetwork: Bool = false
  ) -> KubernetesObject {
    var metadata: JSONValue = [
      "name": .string(name), "namespace": "prod", "uid": .string("uid of \(name)"), "resourceVersion": "1",
      "labels": ["app": "demo", "component": .string(component)],
    ]
    var annotations = [Blueprint.resourceUIDAnnotation: resource]
    annotations[Blueprint.attemptAnnotation] = attempt
    metadata["annotations"] = JSONValue(annotations)
    if isBeingDeleted { metadata["deletionTimestamp"] = "2026-11-22T00:00:00Z" }
    let states: JSONValue = .object([state: [:]])
    var container: JSONValue = ["name": .string(Blueprint.mainContainer), "state": states]
    if let started { container["started"] = .bool(started) }
    var status: JSONValue = ["phase": .string(phase), "containerStatuses": [container]]
    if let address { status["podIP"] = .string(address) }
    var spec: JSONValue = [:]
    if hostNetwork { spec["hostNetwork"] = true }
    return KubernetesObject(["metadata": metadata, "spec": spec, "status": status])
  }

  private func service(target: JSONValue? = 8082) -> KubernetesObject {
    var port: JSONValue = ["name": "rest", "port": 8081]
    if let target { port["targetPort"] = target }
    return KubernetesObject([
      "metadata": ["name": "demo-rest", "namespace": "prod", "uid": "s", "labels": ["app": "demo"]],
      "spec": ["clusterIP": "10.96.0.7", "ports": [port]],
    ])
  }

  private func found(_ pods: [KubernetesObject], behind service: KubernetesObject?) -> StartingJobManager? {
    StartingJobManager(among: pods, behind: service, attempt: 3, of: "uid-1")
  }

  // MARK: Which pod

  @Test func thePodOfThisIncarnationIsFound() {
    let others = [
      pod("demo-taskmanager-1", component: "taskmanager"), pod("demo-0", attempt: "2", phase: "Failed"),
      pod("demo-2", phase: "Succeeded", isBeingDeleted: true),
    ]
    let manager = found(others + [pod()], behind: service())
    #expect(manager?.podUID == "uid of demo-1")
    #expect(manager?.address == "10.1.0.5")
    #expect(manager?.port == 8082, "the pod's own port, not the Service's")
  }

  @Test func anyOtherPodIsLeftToTheService() {
    let others: [(String, KubernetesObject)] = [
      ("its startup probe has passed", pod(started: true)), ("nothing is said of its start", pod(started: nil)),
      ("its container waits", pod(state: "waiting")), ("its container has ended", pod(state: "terminated")),
      ("it has no address", pod(address: nil)), ("its address is empty", pod(address: "")),
      ("it is terminating", pod(isBeingDeleted: true)), ("it is of an older incarnation", pod(attempt: "2")),
      ("it is of no incarnation", pod(attempt: nil)), ("it is another resource's", pod(resource: "uid-0")),
      ("its address is its node's", pod(hostNetwork: true)), ("it has ended", pod(phase: "Failed")),
      ("it is a TaskManager", pod(component: "taskmanager")),
    ]
    for (why, other) in others { #expect(found([other], behind: service()) == nil, "\(why)") }
    for second in [pod("demo-2"), pod("demo-2", isBeingDeleted: true), pod("demo-2", attempt: "2")] {
      #expect(found([pod(), second], behind: service()) == nil, "it is not the only one")
    }
    #expect(found([], behind: service()) == nil)
  }

  @Test func thePortIsTheOneThatTheServiceLeadsTo() {
    #expect(found([pod()], behind: nil) == nil)
    #expect(found([pod()], behind: service(target: nil)) == nil)
    #expect(found([pod()], behind: service(target: "rest")) == nil)
  }

  // MARK: Which way

  @Test func aPodThatRefusesIsTriedThreeTimesOfFour() throws {
    let manager = try #require(found([pod()], behind: service()))
    var route = PodRoute()
    var ways: [Bool] = []
    for failures in 0..<9 {
      let isDirect = route.leads(to: manager, failures: failures, now: 0)
      route.note(manager, isDirect: isDirect, hasAnswered: false, isSilent: true, took: 5, now: 0)
      ways.append(isDirect)
    }
    #expect(ways == [true, true, true, false, true, true, true, false, true])
    #expect(!route.hasAnswered(manager))
    route.note(manager, isDirect: true, hasAnswered: true, isSilent: false, took: 5, now: 0)
    #expect(route.leads(to: manager, failures: 0, now: 0) && route.hasAnswered(manager))
    route.note(manager, isDirect: false, hasAnswered: true, isSilent: false, took: 5, now: 0)
    #expect(!route.leads(to: manager, failures: 0, now: 0) && !route.hasAnswered(manager), "the Service leads to it")
    #expect(route.leads(to: manager, failures: 1, now: 0), "and then no more")

    let next = try #require(found([pod("demo-2")], behind: service()))
    #expect(route.leads(to: next, failures: 0, now: 0), "of another pod nothing is known")
    #expect(!route.hasAnswered(next))
  }

  /// As where a policy of the network lets nobody at pods.
  @Test func triesThatAreLostAreNotRepeatedForAnHour() throws {
    let manager = try #require(found([pod()], behind: service()))
    let next = try #require(found([pod("demo-2")], behind: service()))
    var route = PodRoute()
    route.note(manager, isDirect: true, hasAnswered: false, isSilent: true, took: 3_000, now: 10_000)
    for pod in [manager, next] {
      #expect(!route.leads(to: pod, failures: 0, now: 10_000))
      #expect(!route.leads(to: pod, failures: 1, now: 3_609_999))
      #expect(route.leads(to: pod, failures: 1, now: 3_610_000))
    }
    var other = PodRoute()
    other.note(manager, isDirect: false, hasAnswered: false, isSilent: true, took: 3_000, now: 10_000)
    #expect(other.leads(to: manager, failures: 1, now: 10_000), "it was the Service that did not answer")
    other.note(manager, isDirect: true, hasAnswered: false, isSilent: false, took: 3_000, now: 10_000)
    #expect(other.leads(to: manager, failures: 1, now: 10_000), "it is slow, as one is that has just started")
  }

  // MARK: Polls

  /// Hosts that tell of jobs, or refuse connections.
  private final class Hosts: Sendable {
    final class Time: Sendable { let now = Mutex<Int64>(1_800_000_000_000) }

    private let state = Mutex<(jobs: [String: [String]], asked: [String])>(([:], []))

    func set(_ host: String, _ jobs: [String]?) { state.withLock { $0.jobs[host] = jobs } }

    /// The hosts that were asked since the last look.
    func takeAsked() -> [String] {
      state.withLock { state in
        defer { state.asked = [] }
        return state.asked
      }
    }

    func tell(_ endpoint: FlinkEndpoint) -> [JobOverview]? {
      let host = "\(endpoint.host):\(endpoint.port)"
      return state.withLock { state in
        state.asked.append(host)
        return state.jobs[host]?.map { JobOverview(id: $0, name: "demo", state: "RUNNING", startTime: 1, endTime: -1) }
      }
    }
  }

  private let hosts = Hosts()
  private let key = ObjectKey(namespace: "prod", name: "demo")
  private let direct = "10.1.0.5:8082"

  /// With resource `prod/demo` and its REST service in view.
  private func reconciler(
    _ resolver: any JobManagerResolver = ServiceNameResolver(), answersAfter delay: Int64 = 0
  ) throws -> FlinkDeploymentReconciler {
    let time = Hosts.Time()
    let flink = NoFlink(told: { [hosts] endpoint in
      time.now.withLock { $0 += delay }
      return hosts.tell(endpoint)
    })
    let reconciler = FlinkDeploymentReconciler(
      kubernetes: DeletionsOnly(), flink: flink, resolver: resolver,
      settings: try OperatorSettings(OperatorDefaults([:])), clock: OperatorClock { time.now.withLock { $0 } },
      logger: Logger(label: "test"), recordEvent: { _ in })
    let resource = KubernetesObject([
      "metadata": ["name": "demo", "namespace": "prod", "uid": "uid-1", "resourceVersion": "1"]
    ])
    reconciler.stores.resources.replaceAll(ObjectList(items: [resource], resourceVersion: "1"))
    reconciler.stores.services.replaceAll(ObjectList(items: [service()], resourceVersion: "1"))
    _ = reconciler.follow(Polling(attempt: 3, jobID: Self.job, pace: .fast), key, "uid-1")
    return reconciler
  }

  private func show(_ pods: [KubernetesObject], to reconciler: FlinkDeploymentReconciler) {
    for change in reconciler.stores.pods.replaceAll(ObjectList(items: pods, resourceVersion: "1")) {
      _ = reconciler.stores.note(change, in: .pods)
    }
  }

  private func poll(_ reconciler: FlinkDeploymentReconciler, times: Int = 1) async -> [String] {
    for _ in 0..<times { _ = await reconciler.poll(key) }
    return hosts.takeAsked()
  }

  private func jobs(_ reconciler: FlinkDeploymentReconciler) -> [String]? {
    reconciler.memory(key, uid: "uid-1").poll?.facts.jobs.value?.map(\.id)
  }

  @Test(arguments: [
    (ServiceNameResolver() as any JobManagerResolver, "demo-rest.prod:8081"), (ClusterIPResolver(), "10.96.0.7:8081"),
  ])
  func thePodIsAskedUntilItIsReady(_ resolver: any JobManagerResolver, _ behind: String) async throws {
    let reconciler = try reconciler(resolver)
    #expect(await poll(reconciler) == [behind], "no pod is seen yet")
    show([pod()], to: reconciler)
    #expect(await poll(reconciler, times: 4) == [direct, direct, behind, direct])
    #expect(jobs(reconciler) == nil, "that it refuses tells nothing of the job")
    hosts.set(direct, [Self.job])
    #expect(await poll(reconciler).last == direct)
    #expect(jobs(reconciler) == [Self.job])
    #expect(
      try reconciler.endpoint(key, reconciler.memory(key, uid: "uid-1")).host == "10.1.0.5", "and told what to do")
    show([pod(started: true)], to: reconciler)
    hosts.set(behind, [Self.job])
    #expect(await poll(reconciler) == [behind])
    #expect("\(try reconciler.endpoint(key, reconciler.memory(key, uid: "uid-1")))" == "http://\(behind)")
  }

  /// The view of a pod may be old: its address may be another cluster's by now.
  @Test func aPodIsBelievedOnlyWhatItKnowsOfTheJob() async throws {
    let reconciler = try reconciler()
    show([pod()], to: reconciler)
    for others in [[], ["fedcba9876543210fedcba9876543210"]] {
      hosts.set(direct, others)
      #expect(await poll(reconciler) == [direct])
      #expect(jobs(reconciler) == nil)
      let memory = reconciler.memory(key, uid: "uid-1")
      #expect(try reconciler.endpoint(key, memory).host == "demo-rest.prod", "nothing is changed there")
    }
    hosts.set("demo-rest.prod:8081", [])
    _ = await poll(reconciler, times: 2)
    #expect(jobs(reconciler) == [], "the Service leads to no other cluster")
  }

  /// The first answer of a JobManager takes long on a machine that is busy.
  @Test(arguments: [([], "10.1.0.5:8082"), (nil, "demo-rest.prod:8081")] as [([String]?, String)])
  func oneThatIsSlowIsAskedAgain(_ jobs: [String]?, _ next: String) async throws {
    let reconciler = try reconciler(answersAfter: 3_000)
    show([pod()], to: reconciler)
    hosts.set(direct, jobs)
    #expect(await poll(reconciler, times: 2) == [direct, next])
  }

  @Test func encryptedAndSessionAndSteadyClustersAreAskedByTheirService() async throws {
    let encrypted = try reconciler()
    encrypted.update(key, uid: "uid-1") { $0.isRESTEncrypted = true }
    let session = try reconciler()
    _ = session.follow(Polling(attempt: 3, jobID: "", pace: .fast), key, "uid-1")
    let steady = try reconciler()
    _ = steady.follow(Polling(attempt: 3, jobID: Self.job, pace: .steady), key, "uid-1")
    for reconciler in [encrypted, session, steady] {
      show([pod()], to: reconciler)
      #expect(await poll(reconciler) == ["demo-rest.prod:8081"])
    }
  }
}
