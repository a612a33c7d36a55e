import FlinkModel
import InMemoryKubernetes
import KubernetesAPI
import Synchronization

/// Everything outside of the operator: an API server, a node, Flink, and time. It outlives the operator's crashes.
final class SimulatedWorld: Sendable {
  struct State {
    var server: InMemoryAPIServer
    var flink = SimulatedFlink()
    var node = SimulatedNode()
    /// Epoch milliseconds.
    var now: Int64
    var plan: FaultPlan
    /// Lives of the operator that have ended: none of their calls has an effect or an answer any more.
    var deadLives: Set<Int> = []
    /// Lives that end at a time.
    var deaths: [(life: Int, at: Int64)] = []
    /// Another operator is to act beside the first.
    var isSecondWanted = false
    /// Until when watches deliver nothing, by plural; `*` is all of them.
    var silence: [String: Int64] = [:]
    /// What was held back comes as the last state of each object.
    var coalesces = false
    /// Watches have to list again: `watchGone` or `viewRolledBack`.
    var relist: FaultKind?
    /// The next operator begins with a view of some seconds before.
    var nextLifeLooksBack = false
    /// Added to the operator's clock.
    var clockOffset: Int64 = 0
    var flinkOutage: (kind: FaultKind, until: Int64)?
    /// Earlier states of the server, oldest first; only where a plan needs them.
    var past: [(at: Int64, server: InMemoryAPIServer)] = []
    /// The operator's changing calls.
    var calls: [String] = []
    /// Of each of them, what the faults' applicability depends on.
    var contexts: [FaultKind.Context] = []
    /// The operator's reading calls.
    var reads = 0
    var violations: [String] = []
    /// Resources that wait for their name to be free.
    var pending: [JSONValue] = []
    /// A copy of the resource that somebody keeps.
    var backup: JSONValue?
    var oracle = SafetyOracle()
  }

  static let namespace = "default"
  private let state: Mutex<State>

  init(plan: FaultPlan, seed: UInt64 = 1) {
    let start: Int64 = 1_800_000_000_000
    state = Mutex(
      State(
        server: InMemoryAPIServer(
          options: InMemoryAPIServer.Options(seed: seed, tracksFieldManagers: false),
          at: Timestamp(epochMilliseconds: start)), now: start,
        plan: plan))
  }

  func with<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    try state.withLock { try body(&$0) }
  }

  var now: Int64 { state.withLock { $0.now } }
}

extension SimulatedWorld.State {
  /// Keeps a state of the server for each of the last seconds.
  mutating func remember() {
    guard plan.looksBack, past.last.map({ now - $0.at >= 1_000 }) ?? true else { return }
    past.append((now, server))
    if past.count > 20 { past.removeFirst() }
  }

  /// The server as it was some seconds ago.
  var serverBefore: InMemoryAPIServer? { past.last { now - $0.at >= 8_000 }?.server ?? past.first?.server }

  var timestamp: Timestamp { Timestamp(epochMilliseconds: now) }

  /// A request by somebody who is not the operator; nil where the server refuses it.
  @discardableResult
  mutating func request(_ request: KubernetesRequest) -> JSONValue? {
    let response = server.handle(request.request, at: timestamp)
    guard response.status < 400 else { return nil }
    return response.json
  }

  /// As `request`, for what must not be refused.
  @discardableResult
  mutating func must(_ request: KubernetesRequest) -> JSONValue {
    let response = server.handle(request.request, at: timestamp)
    guard response.status < 400, let json = response.json else {
      violations.append(
        "the simulation's own request failed: \(request.name): \(String(decoding: response.bodyBytes, as: UTF8.self))")
      return [:]
    }
    return json
  }

  mutating func list(_ type: ResourceType, _ labelSelector: String? = nil) -> [JSONValue] {
    request(.list(type, SimulatedWorld.namespace, ListOptions(labelSelector: labelSelector)))?["items"]?.arrayValue
      ?? []
  }
}
