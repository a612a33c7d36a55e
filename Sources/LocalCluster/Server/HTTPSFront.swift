public import InMemoryKubernetes
import KubernetesAPI
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Serves an in-memory API over HTTPS.
public final class HTTPSFront: Sendable {
  typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

  private let api: SharedAPIServer
  private let authenticator: any RequestAuthenticator
  private let logs: any PodLogSource
  private let tls: NIOSSLContext
  private let awaitsControllers: Bool
  private let logger: Logger

  /// How long a client may refuse to take in what is sent to it before the connection is cut.
  static let slowClientLimit = TimeAmount.seconds(30)

  /// - Parameter awaitsControllers: whether controllers follow on what is created, and a client may count on that.
  public init(
    api: SharedAPIServer, authenticator: any RequestAuthenticator, credentials: ServingCredentials,
    logs: (any PodLogSource)? = nil, awaitsControllers: Bool = false, logger: Logger
  ) throws(FrontError) {
    self.awaitsControllers = awaitsControllers
    self.api = api
    self.authenticator = authenticator
    self.logs = logs ?? NoPodLogs()
    self.logger = logger
    do {
      let certificate = try NIOSSLCertificate(bytes: Array(credentials.certificatePEM.utf8), format: .pem)
      let key = try NIOSSLPrivateKey(bytes: Array(credentials.privateKeyPEM.utf8), format: .pem)
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = ["http/1.1"]
      tls = try NIOSSLContext(configuration: configuration)
    } catch {
      throw .badCredentials("\(error)")
    }
  }

  /// Listens and serves until the task is cancelled; open watches end then at once.
  ///
  /// - Parameters:
  ///   - host: an IPv4 address.
  ///   - port: 0 takes any that is free.
  ///   - onBound: called with the port when connections are accepted.
  public func run(host: String, port: Int, onBound: @Sendable (Int) async throws -> Void) async throws {
    let connections = ConnectionTasks()
    let server: any Channel
    do {
      server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .serverChannelOption(.backlog, value: 1024)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelInitializer { [self] channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(NIOSSLServerHandler(context: tls))
            // Requests are taken one after the other below. Unlike NIO's own assistance for pipelining that leaves reading
            // on while an answer is under way, so the end of a watch's client is noticed.
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: true)
            let connection = try Connection(wrappingChannelSynchronously: channel)
            connections.start { await self.serve(connection) }
          }
        }
        .bind(host: host, port: port).get()
    } catch {
      throw FrontError.cannotListen(address: "\(host):\(port)", why: "\(error)")
    }
    do {
      try await onBound(server.localAddress?.port ?? port)
      try await withTaskCancellationHandler {
        try await server.closeFuture.get()
      } onCancel: {
        server.close(promise: nil)
      }
    } catch {
      server.close(promise: nil)
      await connections.cancel()
      throw error
    }
    await connections.cancel()
  }

  private func serve(_ connection: Connection) async {
    let exchange = ConnectionHandler(
      api: api, authenticator: authenticator, logs: logs, awaitsControllers: awaitsControllers,
      channel: connection.channel)
    do {
      try await connection.executeThenClose { inbound, outbound in
        try await exchange.serve(inbound, outbound)
      }
    } catch {
      // A client that hangs up, or a handshake that fails, concerns nobody else.
      logger.debug("a connection ended", metadata: ["error": "\(error)"])
    }
  }
}

/// Says who sends a request.
public protocol RequestAuthenticator: Sendable {
  /// - Parameter token: what came as a bearer token.
  func user(ofBearer token: String) -> APIUser?
}

extension BearerTokens: RequestAuthenticator {
  public func user(ofBearer token: String) -> APIUser? { user(of: token) }
}

/// Why the front does not serve.
public enum FrontError: Error, Sendable, Hashable, CustomStringConvertible {
  case badCredentials(String)
  case cannotListen(address: String, why: String)

  public var description: String {
    switch self {
    case .badCredentials(let why): "cannot serve the API over TLS: \(why)"
    case .cannotListen(let address, let why):
      "cannot listen on \(address): \(why); choose another port, or 0 for any that is free"
    }
  }
}
