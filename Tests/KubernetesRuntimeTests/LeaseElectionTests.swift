import KubernetesAPI
import KubernetesRuntime
import Logging
import Synchronization
import Testing

/// A gateway that holds one Lease, as an API server would, and can be made to hang or to fail.
private final class LeaseGateway: KubernetesGateway {
  struct State: Sendable {
    var lease: JSONValue?
    var version: Int64 = 0
    var hangs = false
    var calls = 0
  }

  let state = Mutex(State())
  var holder: String? { state.withLock { $0.lease?["spec", "holderIdentity"]?.stringValue } }

  private func rejection(_ code: Int, _ reason: String) -> KubernetesError {
    KubernetesError(
      attempt: "test", cause: .rejected(APIStatus(code: code, reason: reason, message: reason), retryAfter: nil))
  }

  /// A call that never ends by itself.
  private func enter() async throws(KubernetesError) {
    state.withLock { $0.calls += 1 }
    while state.withLock({ $0.hangs }) {
      if Task.isCancelled { throw KubernetesError(attempt: "test", cause: .cancelled) }
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  private func store(_ object: JSONValue) -> KubernetesObject {
    state.withLock { state in
      state.version += 1
      var object = object
      object.set(.string(String(state.version)), at: ["metadata", "resourceVersion"])
      state.lease = object
      return KubernetesObject(object)
    }
  }

  func get(_ type: ResourceType, namespace: String?, name: String) async throws(KubernetesError) -> KubernetesObject {
    try await enter()
    guard type == .leases, namespace == "n", name == "l", let lease = state.withLock({ $0.lease }) else {
      throw rejection(404, "NotFound")
    }
    return KubernetesObject(lease)
  }

  func create(
    _ type: ResourceType, namespace: String?, _ object: JSONValue, options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    try await enter()
    guard state.withLock({ $0.lease }) == nil else { throw rejection(409, "AlreadyExists") }
    return store(object)
  }

  func replace(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ object: JSONValue,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    try await enter()
    let version = state.withLock { $0.lease?["metadata", "resourceVersion"] }
    guard version == object["metadata", "resourceVersion"] else { throw rejection(409, "Conflict") }
    return store(object)
  }

  func list(_ type: ResourceType, namespace: String?, options: ListOptions) async throws(KubernetesError) -> ObjectList
  {
    throw rejection(405, "MethodNotAllowed")
  }
  func patch(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ patch: PatchBody,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject { throw rejection(405, "MethodNotAllowed") }
  func delete(
    _ type: ResourceType, namespace: String?, name: String, options: DeleteOptions
  ) async throws(KubernetesError) -> KubernetesObject? { throw rejection(405, "MethodNotAllowed") }
  func watch(
    _ type: ResourceType, namespace: String?, options: WatchOptions, handle: (WatchEvent) async -> Void
  ) async throws(KubernetesError) { throw rejection(405, "MethodNotAllowed") }
  func podLog(namespace: String, name: String, options: PodLogOptions) async throws(KubernetesError) -> String {
    throw rejection(405, "MethodNotAllowed")
  }
  func raw(path: String) async throws(KubernetesError) -> JSONValue { throw rejection(405, "MethodNotAllowed") }
}

@Suite struct LeaseElectionTests {
  /// Quick, so that tests need not wait; the lease's duration still has room for a busy machine.
  static let settings: LeaseElectionMachine.Settings = {
    var settings = LeaseElectionMachine.Settings()
    settings.leaseDuration = .seconds(5)
    settings.renewDeadline = .seconds(3)
    settings.retryPeriod = .milliseconds(50)
    return settings
  }()

  private static func candidate(
    _ name: String, _ gateway: LeaseGateway, _ settings: LeaseElectionMachine.Settings = settings
  ) -> LeaseElection {
    LeaseElection(
      gateway: gateway, namespace: "n", name: "l", identity: name, settings: settings, logger: Logger(label: "test"))
  }

  /// For what must not depend on how fast this machine is.
  private static var patient: LeaseElectionMachine.Settings {
    var settings = LeaseElectionMachine.Settings()
    settings.leaseDuration = .seconds(900)
    settings.renewDeadline = .seconds(600)
    return settings
  }

  /// Ends only by cancellation.
  @Sendable static func forever() async throws { while true { try await Task.sleep(for: .seconds(60)) } }

  static func eventually(_ condition: () -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(30)
    while !condition() {
      try #require(ContinuousClock.now < limit, "it never became true")
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  @Test func theSecondLeadsWhenTheFirstEnds() async throws {
    let gateway = LeaseGateway()
    let first = Self.candidate("a", gateway)
    let second = Self.candidate("b", gateway)
    let a = Task { try await first.run(Self.forever) }
    try await Self.eventually { first.isLeader }
    let b = Task { try await second.run { #expect(gateway.holder == "b") } }
    let calls = gateway.state.withLock { $0.calls }
    try await Self.eventually { gateway.state.withLock { $0.calls } > calls + 10 }
    #expect(first.isLeader && !second.isLeader)
    #expect(first.remainingMargin > .zero && first.remainingMargin <= .seconds(5))
    a.cancel()
    await #expect(throws: CancellationError.self) { try await a.value }
    try await b.value
    #expect(gateway.holder == "", "the second has given it back as well")
  }

  /// No answer for the renew deadline: the loss is reported though the call still hangs.
  @Test func aHangingServerCostsTheLease() async throws {
    let gateway = LeaseGateway()
    let election = Self.candidate("a", gateway)
    let losses = Mutex<[LeaseLoss]>([])
    let run = Task {
      try await election.run(onLoss: { loss in losses.withLock { $0.append(loss) } }, Self.forever)
    }
    try await Self.eventually { election.isLeader }
    gateway.state.withLock { $0.hangs = true }
    let loss = await #expect(throws: LeaseLoss.self) { try await run.value }
    #expect(loss?.reason == .notRenewed(within: .seconds(3), lastFailure: nil))
    #expect(losses.withLock { $0 } == [loss])
    #expect(!election.isLeader)
    #expect(gateway.holder == "a", "what is lost is not given back: another may hold it by now")
  }

  @Test func anotherHolderIsNoticed() async throws {
    let gateway = LeaseGateway()
    let election = Self.candidate("a", gateway)
    let run = Task { try await election.run(Self.forever) }
    try await Self.eventually { election.isLeader }
    gateway.state.withLock { state in
      state.version += 1
      state.lease?.set("b", at: ["spec", "holderIdentity"])
      state.lease?.set("stolen", at: ["metadata", "resourceVersion"])
    }
    let loss = await #expect(throws: LeaseLoss.self) { try await run.value }
    #expect(loss?.description == "lost the lease n/l: b has taken it")
  }

  @Test func whatTheWorkThrowsComesThrough() async throws {
    struct Broken: Error {}
    let gateway = LeaseGateway()
    await #expect(throws: Broken.self) { try await Self.candidate("a", gateway, Self.patient).run { throw Broken() } }
    #expect(gateway.holder == "")
  }

  @Test func aCandidateCanBeCancelled() async throws {
    let gateway = LeaseGateway()
    let leader = Self.candidate("a", gateway)
    let a = Task { try await leader.run(Self.forever) }
    try await Self.eventually { leader.isLeader }
    let calls = gateway.state.withLock { $0.calls }
    let b = Task { try await Self.candidate("b", gateway).run { Issue.record("it must not lead") } }
    try await Self.eventually { gateway.state.withLock { $0.calls } > calls + 3 }
    b.cancel()
    try await b.value
    #expect(gateway.holder == "a")
    a.cancel()
    _ = await a.result
  }

  @Test func identitiesAreUnique() {
    let first = LeaseElection.newIdentity()
    #expect(first != LeaseElection.newIdentity())
    #expect(first.contains("_"))
  }
}
