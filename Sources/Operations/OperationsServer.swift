internal import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore
public import ServiceLifecycle
internal import Synchronization

/// Why the operations server cannot run.
public struct OperationsServerError: Error, Sendable, Hashable, CustomStringConvertible {
  public let address: String
  public let cause: String

  public var description: String {
    "cannot serve health probes on \(address): \(cause); choose another address or port, or end what uses it"
  }
}

/// The operator's own HTTP endpoints: `/healthz`, `/readyz` and `/metrics`.
public final class OperationsServer: Service {
  private let host: String
  private let port: Int
  private let health: HealthRegistry
  private let logger: Logger
  private let onListening: @Sendable (_ port: Int) async -> Void
  private let bound = Mutex<Int?>(nil)

  /// Beyond these, new connections wait.
  private static let maximumConnections = 64

  /// - Parameters:
  ///   - port: 0 lets the system choose one; `boundPort` tells.
  ///   - onListening: called once the server answers.
  public init(
    host: String, port: Int, health: HealthRegistry, logger: Logger,
    onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) {
    self.host = host
    self.port = port
    self.health = health
    self.logger = logger
    self.onListening = onListening
  }

  /// The port the server listens on; nil until it does.
  public var boundPort: Int? { bound.withLock { $0 } }

  /// Serves until the calling task is cancelled or its service group shuts down gracefully.
  ///
  /// - Throws: `OperationsServerError` when the address cannot be listened on.
  public func run() async throws {
    // Hummingbird's own messages say nothing that ours do not.
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    let application = Application(
      router: router(),
      server: .http1(configuration: .init(idleTimeout: .seconds(30))),
      configuration: ApplicationConfiguration(
        address: .hostname(host, port: port), serverName: "flink-operator",
        availableConnectionsDelegate: MaximumAvailableConnections(Self.maximumConnections, logger: quiet)),
      onServerRunning: { [self] channel in
        let port = channel.localAddress?.port ?? 0
        bound.withLock { $0 = port }
        logger.debug("serving health probes", metadata: ["port": "\(port)"])
        await onListening(port)
      },
      logger: quiet)
    do {
      try await application.run()
    } catch  where bound.withLock({ $0 }) == nil && !(error is CancellationError) {
      throw OperationsServerError(address: "\(host):\(port)", cause: "\(error)")
    }
  }

  private func router() -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self)
    router.get("healthz") { [health] request, _ in
      Self.answer(health.report(.liveness), title: "healthz", to: request)
    }
    router.get("readyz") { [health] request, _ in
      Self.answer(health.report(.readiness), title: "readyz", to: request)
    }
    router.get("metrics") { [health] _, _ in
      Self.response(
        .ok, type: "text/plain; version=0.0.4; charset=utf-8", health.report(.readiness).metrics())
    }
    return router
  }

  /// JSON for those who accept it by name, lines of text for people.
  private static func answer(_ report: HealthReport, title: String, to request: Request) -> Response {
    let status: HTTPResponse.Status = report.isHealthy ? .ok : .serviceUnavailable
    if request.headers[.accept]?.contains("application/json") == true {
      return response(status, type: "application/json", report.json())
    }
    return response(status, type: "text/plain; charset=utf-8", report.text(title: title))
  }

  private static func response(_ status: HTTPResponse.Status, type: String, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: type, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
