public import InMemoryKubernetes
import KubernetesAPI
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Calls admission webhooks.
public protocol WebhookCaller: Sendable {
  /// Never takes longer than the call's timeout.
  func answer(to call: WebhookCall) async -> WebhookAnswer
}

/// Calls admission webhooks over TLS, each on a connection of its own.
public struct WebhookClient: WebhookCaller {
  private static let maximumAnswer = 3 << 20

  public init() {}

  public func answer(to call: WebhookCall) async -> WebhookAnswer {
    let context: NIOSSLContext
    do {
      context = try Self.context(call)
    } catch {
      return .failed("the caBundle cannot be used: \(error)")
    }
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let promise = eventLoop.makePromise(of: WebhookAnswer.self)
    let limit = TimeAmount.seconds(Int64(call.timeoutSeconds))
    let deadline = eventLoop.scheduleTask(in: limit) { promise.succeed(.failed("context deadline exceeded")) }
    promise.futureResult.whenComplete { _ in deadline.cancel() }
    let name = Self.isAddress(call.host) ? nil : call.host
    ClientBootstrap(group: eventLoop).connectTimeout(limit)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
          try pipeline.addHTTPClientHandlers()
          try pipeline.addHandler(Exchange(call: call, limit: Self.maximumAnswer, answer: promise))
        }
      }
      .connect(host: call.address ?? call.host, port: call.port)
      .whenFailure { promise.succeed(.failed(Self.words($0, call))) }
    do { return try await promise.futureResult.get() } catch { return .failed("\(error)") }
  }

  private static func context(_ call: WebhookCall) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let authorities = call.authorities {
      configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authorities))
    }
    return try NIOSSLContext(configuration: configuration)
  }

  /// Addresses are checked against the certificate as addresses, and are not sent as names.
  private static func isAddress(_ host: String) -> Bool {
    (try? SocketAddress(ipAddress: host, port: 0)) != nil
  }

  fileprivate static func words(_ error: any Error, _ call: WebhookCall) -> String {
    if error is ChannelError, case .connectTimeout? = error as? ChannelError { return "context deadline exceeded" }
    if let error = error as? NIOConnectionError, let first = error.connectionErrors.first {
      return "dial tcp \(call.address ?? call.host):\(call.port): connect: \(first.error)"
    }
    if error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError {
      return "tls: failed to verify certificate: \(error)"
    }
    return "\(error)"
  }
}

/// Sends the review and collects the answer.
private final class Exchange: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let call: WebhookCall
  private let limit: Int
  private let answer: EventLoopPromise<WebhookAnswer>
  private var status = 0
  private var body: [UInt8] = []

  init(call: WebhookCall, limit: Int, answer: EventLoopPromise<WebhookAnswer>) {
    self.call = call
    self.limit = limit
    self.answer = answer
  }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
    let body = call.review.serialized()
    let head = HTTPRequestHead(
      version: .http1_1, method: .POST, uri: call.path,
      headers: [
        "host": "\(call.host):\(call.port)", "user-agent": "kube-apiserver-admission",
        "content-type": "application/json", "accept": "application/json, */*", "content-length": "\(body.count)",
        "connection": "close",
      ])
    context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
    context.write(Self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
    context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch Self.unwrapInboundIn(data) {
    case .head(let head): status = Int(head.status.code)
    case .body(let buffer):
      body.append(contentsOf: buffer.readableBytesView)
      if body.count > limit { answer.succeed(.failed("the answer is larger than \(limit) bytes")) }
    case .end: answer.succeed(.answered(status: status, body: body))
    }
  }

  func channelInactive(context: ChannelHandlerContext) { answer.succeed(.failed("EOF")) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answer.succeed(.failed(WebhookClient.words(error, call)))
    context.close(promise: nil)
  }
}
