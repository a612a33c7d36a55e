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
    /// The operator has died: none of its calls has an effect or an answer any more.
    var isCrashed = false
    /// Until then watches deliver nothing.
    var silentUntil: Int64 = 0
    var podsSilentUntil: Int64 = 0
    /// After the silence the operator dies.
    var crashesAfterSilence = false
    /// The operator's changing calls.
    var calls: [String] = []
    /// The operator's reading calls.
    var reads = 0
    var violations: [String] = []
    /// Resources that wait for their name to be free.
    var pending: [JSONValue] = []
    var oracle = SafetyOracle()
  }

  static let namespace = "default"
  private let state: Mutex<State>

  init(plan: FaultPlan, seed: UInt64 = 1) {
    let start: Int64 = 1_800_000_000_000
    state = Mutex(
      State(
        server: InMemoryAPIServer(
          options: InMemoryAPIServer.Options(seed: seed), at: Timestamp(epochMilliseconds: start)), now: start,
        plan: plan))
  }

  func with<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    try state.withLock { try body(&$0) }
  }

  var now: Int64 { state.withLock { $0.now } }
}

extension SimulatedWorld.State {
  var timestamp: Timestamp { Timestamp(epochMilliseconds: now) }

  /// A request by somebody who is not the operator; nil where the server refuses it.
  @discardableResult
  mutating func request(_ request: KubernetesRequest) -> JSONValue? {
    let response = server.handle(request.request, at: timestamp)
    guard response.status < 400 else { return nil }
    return response.json
  }

  /// As `request`, for what must not be refused.
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
