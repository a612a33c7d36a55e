import NIOCore
import NIOPosix
import NIOSSL

/// Makes the checks of probes.
struct ProbeRunner: Sendable {
  let group: any EventLoopGroup

  /// Whether a connection can be made.
  func tcp(address: String, port: Int, timeout: Duration) async -> Bool {
    do {
      let channel = try await ClientBootstrap(group: group).connectTimeout(.init(timeout))
        .connect(host: address, port: port).get()
      channel.close(promise: nil)
      return true
    } catch {
      return false
    }
  }

  /// Whether a GET is answered with 200 to 399 in time.
  func http(
    address: String, port: Int, path: String, headers: [String: String], isTLS: Bool, timeout: Duration
  ) async -> Bool {
    let eventLoop = group.next()
    let answer = eventLoop.makePromise(of: Int.self)
    let deadline = eventLoop.scheduleTask(in: .init(timeout)) {
      answer.fail(ChannelError.connectTimeout(.init(timeout)))
    }
    var lines = ["GET \(path.hasPrefix("/") ? path : "/" + path) HTTP/1.1"]
    var all = ["host": "\(address):\(port)", "user-agent": "kube-probe/1.32", "accept": "*/*", "connection": "close"]
    for (name, value) in headers { all[name.lowercased()] = value }
    lines += all.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    let request = lines.joined(separator: "\r\n") + "\r\n\r\n"
    ClientBootstrap(group: eventLoop).connectTimeout(.init(timeout))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if isTLS {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .none
            let context = try NIOSSLContext(configuration: configuration)
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
          }
          try channel.pipeline.syncOperations.addHandler(StatusLineHandler(request: request, answer: answer))
        }
      }
      .connect(host: address, port: port)
      .whenFailure { answer.fail($0) }
    defer { deadline.cancel() }
    do {
      return (200..<400).contains(try await answer.futureResult.get())
    } catch {
      return false
    }
  }
}

/// Sends a request and reads no further than the answer's status.
private final class StatusLineHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let request: String
  private let answer: EventLoopPromise<Int>
  private var text = ""

  init(request: String, answer: EventLoopPromise<Int>) {
    self.request = request
    self.answer = answer
  }

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    context.fireChannelActive()
    let channel = context.channel
    answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    text += String(buffer: Self.unwrapInboundIn(data))
    guard text.contains("\r\n") || text.utf8.count > 1024 else { return }
    let words = text.split(separator: " ", maxSplits: 2)
    if words.count > 1, text.hasPrefix("HTTP/"), let status = Int(words[1]) {
      answer.succeed(status)
    } else {
      answer.fail(ChannelError.inappropriateOperationForState)
    }
  }

  func channelInactive(context: ChannelHandlerContext) { answer.fail(ChannelError.eof) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.fail(error) }
}
