internal import AsyncHTTPClient
public import FlinkModel
internal import KubernetesAPI
public import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// Flink's REST interface over HTTP.
///
/// Connections are pooled and bounded; each call has one deadline over connecting, head and body; answers are read up to
/// a limit; redirects are not followed.
public final class FlinkRESTClient: FlinkGateway {
  public struct Settings: Sendable, Hashable {
    public var connectTimeout = Duration.seconds(3)
    /// For a whole call, the body of the answer included.
    public var deadline = Duration.seconds(10)
    public var maximumAnswerBytes = 4 << 20
    /// Calls at once to one JobManager; more wait in line until their deadline.
    public var connectionsPerJobManager = 4
    /// JobManagers whose connections stay open between calls.
    public var keptConnections = 256
    public var idleTimeout = Duration.seconds(30)
    /// Entries asked of `/exceptions`.
    public var maximumExceptions = 10

    public init() {}

    /// With the deadline of `kubernetes.operator.flink.client.timeout`.
    public init(_ settings: OperatorSettings) {
      deadline = settings.flinkClientTimeout
      connectTimeout = min(connectTimeout, deadline)
    }
  }

  let settings: Settings
  private let logger: Logger
  private let client: HTTPClient
  private let origin = ContinuousClock.now
  private let keepAlive: Mutex<KeepAlivePolicy>

  /// The client must be shut down before it is released.
  ///
  /// - Parameter tls: for `https` endpoints; nil trusts what the system trusts.
  public init(settings: Settings = Settings(), tls: FlinkTLS? = nil, logger: Logger) {
    self.settings = settings
    self.logger = logger
    var configuration = HTTPClient.Configuration()
    configuration.tlsConfiguration = tls?.configuration
    configuration.redirectConfiguration = .disallow
    configuration.httpVersion = .http1Only
    configuration.timeout.connect = TimeAmount(settings.connectTimeout)
    configuration.connectionPool.idleTimeout = TimeAmount(settings.idleTimeout)
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.connectionsPerJobManager
    // A JobManager that is not there is told so at once; the next poll tries again.
    configuration.connectionPool.retryConnectionEstablishment = false
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    keepAlive = Mutex(KeepAlivePolicy(capacity: settings.keptConnections, expiry: settings.idleTimeout))
  }

  /// Ends all connections; calls under way fail.
  public func shutdown() async {
    do {
      try await client.shutdown()
    } catch {
      logger.debug("the Flink client did not shut down in good order", metadata: ["error": "\(error)"])
    }
  }

  // MARK: Calls

  public func clusterConfig(at endpoint: FlinkEndpoint) async throws(FlinkError) -> ClusterConfig {
    try FlinkAnswers.clusterConfig(await get(endpoint, "/config"))
  }

  public func jobs(at endpoint: FlinkEndpoint) async throws(FlinkError) -> [JobOverview] {
    try FlinkAnswers.jobs(await get(endpoint, "/jobs/overview"))
  }

  public func jobStatus(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> String? {
    try FlinkAnswers.jobStatus(await get(endpoint, "/jobs/\(escaped(job))/status"))
  }

  public func checkpoints(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> CheckpointStatistics? {
    do throws(FlinkError) {
      return try FlinkAnswers.checkpoints(await get(endpoint, "/jobs/\(escaped(job))/checkpoints"))
    } catch .rejected(_, let message) where message.contains("Checkpointing has not been enabled") {
      return nil
    } catch {
      throw error
    }
  }

  public func exceptions(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [JobExceptionEntry] {
    let path = "/jobs/\(escaped(job))/exceptions?maxExceptions="
    do throws(FlinkError) {
      return try FlinkAnswers.exceptions(await get(endpoint, path + "\(settings.maximumExceptions)"))
    } catch .undecodable(Self.tooLarge) {
      return try FlinkAnswers.exceptions(await get(endpoint, path + "1"))
    } catch {
      throw error
    }
  }

  public func restartCount(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> Int64? {
    try FlinkAnswers.metric("numRestarts", await get(endpoint, "/jobs/\(escaped(job))/metrics?get=numRestarts"))
  }

  public func cancel(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) {
    _ = try await send(.PATCH, endpoint, "/jobs/\(escaped(job))?mode=cancel", nil)
  }

  public func stopWithSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String,
    drain: Bool
  ) async throws(FlinkError) {
    // Camel case here, kebab case in /savepoints: Flink's two request classes differ.
    var body: JSONValue = [
      "drain": .bool(drain), "formatType": .string(formatType), "triggerId": .string(triggerID),
    ]
    if let targetDirectory { body["targetDirectory"] = .string(targetDirectory) }
    try await trigger(endpoint, "/jobs/\(escaped(job))/stop", body, triggerID: triggerID)
  }

  public func triggerSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String
  ) async throws(FlinkError) {
    var body: JSONValue = [
      "cancel-job": false, "formatType": .string(formatType), "triggerId": .string(triggerID),
    ]
    if let targetDirectory { body["target-directory"] = .string(targetDirectory) }
    try await trigger(endpoint, "/jobs/\(escaped(job))/savepoints", body, triggerID: triggerID)
  }

  public func savepointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> AsyncOperationResult {
    try FlinkAnswers.operation(await get(endpoint, "/jobs/\(escaped(job))/savepoints/\(escaped(triggerID))"))
  }

  public func triggerCheckpoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, type: String
  ) async throws(FlinkError) {
    let body: JSONValue = ["checkpointType": .string(type), "triggerId": .string(triggerID)]
    try await trigger(endpoint, "/jobs/\(escaped(job))/checkpoints", body, triggerID: triggerID)
  }

  public func checkpointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> CheckpointTriggerResult {
    try FlinkAnswers.checkpointOperation(
      await get(endpoint, "/jobs/\(escaped(job))/checkpoints/\(escaped(triggerID))"))
  }

  public func disposeSavepoint(at endpoint: FlinkEndpoint, path: String) async throws(FlinkError) {
    _ = try await send(.POST, endpoint, "/savepoint-disposal", ["savepoint-path": .string(path)])
  }

  public func resourceRequirements(
    at endpoint: FlinkEndpoint, job: String
  ) async throws(FlinkError) -> [String: ParallelismBounds] {
    try FlinkAnswers.resourceRequirements(await get(endpoint, "/jobs/\(escaped(job))/resource-requirements"))
  }

  public func setResourceRequirements(
    at endpoint: FlinkEndpoint, job: String, _ requirements: [String: ParallelismBounds]
  ) async throws(FlinkError) {
    let body = FlinkAnswers.json(of: requirements)
    _ = try await send(.PUT, endpoint, "/jobs/\(escaped(job))/resource-requirements", body)
  }

  public func parallelism(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [String: Int] {
    try FlinkAnswers.parallelism(await get(endpoint, "/jobs/\(escaped(job))"))
  }

  public func taskManagerCount(at endpoint: FlinkEndpoint) async throws(FlinkError) -> Int {
    try FlinkAnswers.taskManagerCount(await get(endpoint, "/taskmanagers"))
  }

  private func trigger(
    _ endpoint: FlinkEndpoint, _ path: String, _ body: JSONValue, triggerID: String
  ) async throws(FlinkError) {
    let id = try FlinkAnswers.requestID(try parse(await send(.POST, endpoint, path, body)))
    guard id.lowercased() == triggerID.lowercased() else {
      throw .undecodable("the operation runs as \(FlinkAnswers.line(id)) although \(triggerID) was asked for")
    }
  }

  // MARK: HTTP

  private static let tooLarge = "the answer is too large"

  private func get(_ endpoint: FlinkEndpoint, _ path: String) async throws(FlinkError) -> JSONValue {
    let deadline = NIODeadline.now() + TimeAmount(settings.deadline)
    do throws(FlinkError) {
      return try parse(await exchange(request(.GET, endpoint, path, nil), until: deadline))
    } catch .interrupted(Self.closed) {
      // A kept connection that the JobManager closed in the moment of its use. Reading twice does no harm.
      return try parse(await exchange(request(.GET, endpoint, path, nil), until: deadline))
    } catch {
      throw error
    }
  }

  private func send(
    _ method: HTTPMethod, _ endpoint: FlinkEndpoint, _ path: String, _ body: JSONValue?
  ) async throws(FlinkError) -> [UInt8] {
    let deadline = NIODeadline.now() + TimeAmount(settings.deadline)
    return try await exchange(request(method, endpoint, path, body), until: deadline)
  }

  private func parse(_ bytes: [UInt8]) throws(FlinkError) -> JSONValue {
    do throws(JSONError) {
      return try JSONValue(parsing: bytes)
    } catch {
      throw .undecodable("not JSON: \(error)")
    }
  }

  private func request(
    _ method: HTTPMethod, _ endpoint: FlinkEndpoint, _ path: String, _ body: JSONValue?
  ) -> HTTPClientRequest {
    let host = endpoint.host.contains(":") ? "[\(endpoint.host)]" : endpoint.host
    var request = HTTPClientRequest(url: "\(endpoint.scheme)://\(host):\(endpoint.port)\(path)")
    request.method = method
    request.headers.add(name: "Accept", value: "application/json")
    let now = origin.duration(to: .now)
    if !keepAlive.withLock({ $0.keeps(endpoint, now: now) }) { request.headers.add(name: "Connection", value: "close") }
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(body.serialized())
    }
    return request
  }

  private func exchange(_ request: HTTPClientRequest, until deadline: NIODeadline) async throws(FlinkError) -> [UInt8] {
    let response: HTTPClientResponse
    do {
      response = try await client.execute(request, deadline: deadline)
    } catch {
      throw Self.failure(error, settings)
    }
    let body: [UInt8]
    do {
      body = try await read(response.body, until: deadline, isError: response.status.code >= 300)
    } catch let error as FlinkError {
      throw error
    } catch {
      throw Self.failure(error, settings)
    }
    switch response.status.code {
    case 200..<300: return body
    case 300..<400: throw .rejected(code: Int(response.status.code), message: "a redirect, which is not followed")
    default: throw .rejected(code: Int(response.status.code), message: FlinkAnswers.errorMessage(body))
    }
  }

  /// Reads a body under a deadline of its own: AsyncHTTPClient's ends with the head. The timer is the event loop's, which
  /// forgets it when cancelled; a cancelled `Task.sleep` would keep its memory until the deadline.
  private func read(
    _ body: HTTPClientResponse.Body, until deadline: NIODeadline, isError: Bool
  ) async throws -> [UInt8] {
    let limit = settings.maximumAnswerBytes
    let reading = Task { () throws -> [UInt8] in
      var bytes: [UInt8] = []
      for try await chunk in body {
        guard bytes.count + chunk.readableBytes <= limit else {
          // The status of an error says enough.
          if isError { return bytes }
          throw FlinkError.undecodable(Self.tooLarge)
        }
        bytes.append(contentsOf: chunk.readableBytesView)
      }
      // A cancelled body may look like one that has ended.
      try Task.checkCancellation()
      return bytes
    }
    let timer = client.eventLoopGroup.any().scheduleTask(deadline: deadline) { reading.cancel() }
    defer { timer.cancel() }
    do {
      return try await withTaskCancellationHandler {
        try await reading.value
      } onCancel: {
        reading.cancel()
      }
    } catch  where reading.isCancelled && NIODeadline.now() >= deadline {
      throw HTTPClientError.deadlineExceeded
    }
  }

  private static let closed = "the connection was closed"

  /// Says whether anything was sent. In doubt it was.
  private static func failure(_ error: any Error, _ settings: Settings) -> FlinkError {
    switch error {
    case let error as HTTPClientError:
      switch error {
      case .connectTimeout: return .unreachable("no connection within \(settings.connectTimeout)")
      case .getConnectionFromPoolTimeout: return .unreachable("no free connection in time")
      case .invalidURL, .emptyHost, .emptyScheme, .tlsHandshakeTimeout, .alreadyShutdown:
        return .unreachable("\(error)")
      case .deadlineExceeded, .readTimeout: return .interrupted("no answer within \(settings.deadline)")
      case .remoteConnectionClosed: return .interrupted(closed)
      default: return .interrupted("\(error)")
      }
    case let error as NIOConnectionError:
      if let dns = error.dnsAError ?? error.dnsAAAAError, error.connectionErrors.isEmpty {
        return .unreachable("cannot resolve \(error.host): \(dns)")
      }
      let causes = error.connectionErrors.map { "\($0.target): \($0.error)" }
      return .unreachable(causes.first ?? "cannot connect to \(error.host):\(error.port)")
    case let error as IOError where [ECONNRESET, EPIPE].contains(error.errnoCode): return .interrupted(closed)
    case let error as IOError
    where [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, EMFILE, ENFILE].contains(error.errnoCode):
      return .unreachable("\(error)")
    case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
      return .unreachable(
        "TLS failed: \(FlinkAnswers.line("\(error)")); check OPERATOR_TRUSTSTORE_PATH and OPERATOR_KEYSTORE_PATH of the "
          + "operator")
    case ChannelError.connectTimeout: return .unreachable("no connection within \(settings.connectTimeout)")
    case is CancellationError: return .interrupted("the call was cancelled")
    default: return .interrupted("\(error)")
    }
  }

  /// For one segment of a path: what is no letter, digit, `-`, `.`, `_` or `~` is escaped, and dots alone too.
  private func escaped(_ segment: String) -> String {
    let hexadecimal = Array("0123456789ABCDEF".utf8)
    let isDots = segment.allSatisfy { $0 == "." }
    var result: [UInt8] = []
    for byte in segment.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"):
        result.append(byte)
      case UInt8(ascii: ".") where !isDots: result.append(byte)
      default: result += [UInt8(ascii: "%"), hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
