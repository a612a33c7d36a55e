import KubernetesAPI
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

/// One request as the server saw it.
struct TestRequest: Sendable {
  var method: HTTPMethod
  var uri: String
  var headers: HTTPHeaders
  var body: [UInt8]
  /// Subject of the client's certificate, where it showed one.
  var hasClientCertificate = false
  var isHTTP2 = false

  var path: String { String(uri.prefix { $0 != "?" }) }
  var query: String { String(uri.drop { $0 != "?" }.dropFirst()) }
  var json: JSONValue? { try? JSONParser.parse(body) }
}

/// Writes an answer piece by piece; each piece is a chunk of its own.
struct TestResponder: Sendable {
  let channel: any Channel

  func head(_ status: Int, _ headers: HTTPHeaders = [:]) {
    let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
    channel.writeAndFlush(HTTPServerResponsePart.head(head), promise: nil)
  }

  func chunk(_ bytes: [UInt8]) {
    channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes))), promise: nil)
  }

  func chunk(_ text: String) { chunk(Array(text.utf8)) }
  func end() { channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil) }
  func close() { channel.close(promise: nil) }

  /// HTTP/2 only: tells the client to leave this connection; streams above `last` are not served.
  func goAway(last: HTTP2StreamID) {
    let frame = HTTP2Frame(
      streamID: .rootStream, payload: .goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil))
    channel.parent?.writeAndFlush(frame, promise: nil)
  }

  /// HTTP/2 only: ends the stream with an error.
  func reset(_ code: HTTP2ErrorCode) {
    guard let parent = channel.parent else { return }
    channel.getOption(HTTP2StreamChannelOptions.streamID).whenSuccess { id in
      parent.writeAndFlush(HTTP2Frame(streamID: id, payload: .rstStream(code)), promise: nil)
    }
  }

  /// Tells connections apart.
  var connection: String { channel.parent?.remoteAddress.map { "\($0.port ?? 0)" } ?? "" }

  func answer(_ text: String, status: Int = 200, headers: HTTPHeaders = [:]) {
    head(status, headers)
    chunk(text)
    end()
  }

  func answer(json: JSONValue, status: Int = 200, headers: HTTPHeaders = [:]) {
    answer(json.text, status: status, headers: headers)
  }
}

/// A server on loopback that does what a test says: plain HTTP/1.1, or TLS with HTTP/1.1 or, where the configuration
/// offers `h2`, HTTP/2.
final class TestServer: Sendable {
  typealias Handler = @Sendable (TestRequest, TestResponder) -> Void

  private let channel: any Channel
  private let log: RequestLog
  let port: Int
  let scheme: String

  private init(channel: any Channel, log: RequestLog, scheme: String) {
    self.channel = channel
    self.log = log
    self.scheme = scheme
    port = channel.localAddress?.port ?? 0
  }

  var address: String { "\(scheme)://127.0.0.1:\(port)" }
  var requests: [TestRequest] { log.requests.withLock { $0 } }

  static func run<Result>(
    tls: TLSConfiguration? = nil, maximumStreams: Int = 100, handler: @escaping Handler,
    _ body: (TestServer) async throws -> Result
  ) async throws -> Result {
    let log = RequestLog()
    let context = try tls.map { try NIOSSLContext(configuration: $0) }
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        do {
          guard let context else { return try Self.serveHTTP1(channel, log, handler) }
          try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          return channel.configureHTTP2SecureUpgrade(
            h2ChannelConfigurator: { Self.serveHTTP2($0, maximumStreams, log, handler) },
            http1ChannelConfigurator: { channel in
              channel.eventLoop.makeCompletedFuture { _ = try Self.serveHTTP1(channel, log, handler) }
            })
        } catch {
          return channel.eventLoop.makeFailedFuture(error)
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let server = TestServer(channel: channel, log: log, scheme: tls == nil ? "http" : "https")
    do {
      let result = try await body(server)
      try await channel.close()
      return result
    } catch {
      try? await channel.close()
      throw error
    }
  }
}

extension TestServer {
  private static func serveHTTP1(
    _ channel: any Channel, _ log: RequestLog, _ handler: @escaping Handler
  ) throws -> EventLoopFuture<Void> {
    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
    try channel.pipeline.syncOperations.addHandler(RequestCollector(log: log, handler: handler))
    return channel.eventLoop.makeSucceededVoidFuture()
  }

  private static func serveHTTP2(
    _ channel: any Channel, _ maximumStreams: Int, _ log: RequestLog, _ handler: @escaping Handler
  ) -> EventLoopFuture<Void> {
    let settings = [HTTP2Setting(parameter: .maxConcurrentStreams, value: maximumStreams)]
    return channel.configureHTTP2Pipeline(mode: .server, initialLocalSettings: settings) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
        try stream.pipeline.syncOperations.addHandler(RequestCollector(log: log, handler: handler, isHTTP2: true))
      }
    }.map { _ in }
  }
}

private final class RequestLog: Sendable {
  let requests = Mutex<[TestRequest]>([])
}

private final class RequestCollector: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let log: RequestLog
  private let handler: TestServer.Handler
  private var request: TestRequest?

  private let isHTTP2: Bool

  init(log: RequestLog, handler: @escaping TestServer.Handler, isHTTP2: Bool = false) {
    self.isHTTP2 = isHTTP2
    self.log = log
    self.handler = handler
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      request = TestRequest(method: head.method, uri: head.uri, headers: head.headers, body: [], isHTTP2: isHTTP2)
    case .body(let buffer): request?.body += Array(buffer.readableBytesView)
    case .end:
      guard var request else { return }
      if let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self) {
        request.hasClientCertificate = tls.peerCertificate != nil
      }
      log.requests.withLock { $0.append(request) }
      handler(request, TestResponder(channel: context.channel))
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
