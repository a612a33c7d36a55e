import KubernetesAPI

/// A request of a scenario, its placeholders replaced.
struct ReplayRequest: Sendable {
  var method: String
  /// Path and query, percent-encoded.
  var target: String
  /// Names in lower case.
  var headers: [String: String]
  /// Whether the administrator's credentials go with it; without them an `authorization` header is the only identity.
  var isAdministrator: Bool
  var body: [UInt8]?
}

struct ReplayAnswer: Sendable {
  var status: Int
  /// Names in lower case.
  var headers: [(name: String, value: String)]
  var body: [UInt8]
}

/// What a scenario is replayed against. One scenario uses it at a time.
protocol ReplayServer: AnyObject {
  /// The time that `wait` moves on.
  var milliseconds: Int64 { get }
  func send(_ request: ReplayRequest) async throws(ReplayProblem) -> ReplayAnswer
  /// Opens a stream that is read from now on; an answer that is not 200 comes with its body.
  func openWatch(_ name: String, _ request: ReplayRequest) async throws(ReplayProblem) -> ReplayAnswer
  /// The next event of a stream; nil when none comes before that time or the stream has ended.
  func nextEvent(of name: String, before end: Int64) async -> JSONValue?
  func hasEnded(_ name: String) async -> Bool
  func closeWatch(_ name: String) async
  func wait(milliseconds: Int64) async
  /// Makes the webhook answer on a port of 127.0.0.1.
  func start(_ webhook: ReplayWebhook) async throws(ReplayProblem) -> Int
  func stop(_ webhook: ReplayWebhook) async
}
