import NIOCore
import NIOPosix
import Synchronization

/// A TCP server on loopback that reads HTTP requests and answers with bytes as told, so that it can misbehave.
final class ScriptedServer: Sendable {
  enum Step: Sendable {
    case send(String)
    case sendAfter(TimeAmount, String)
    /// Sends this piece again and again until the client goes away.
    case sendForEver(String, every: TimeAmount)
    case close
  }

  struct Request: Sendable {
    let head: String
    let body: String
    var line: String { head.split(separator: "\r\n").first.map(String.init) ?? "" }
  }

  /// What has happened so far.
  final class Log: Sendable {
    private let state = Mutex((requests: [Request](), connections: 0, open: 0, mostOpen: 0))
    var requests: [Request] { state.withLock { $0.requests } }
    var connections: Int { state.withLock { $0.connections } }
    /// The most connections that were open at once.
    var mostOpen: Int { state.withLock { $0.mostOpen } }
    func connected() {
      state.withLock {
        $0.connections += 1
        $0.open += 1
        $0.mostOpen = max($0.mostOpen, $0.open)
      }
    }
    func disconnected() { state.withLock { $0.open -= 1 } }
    func received(_ request: Request) { state.withLock { $0.requests.append(request) } }
  }

  let log = Log()
  let port: Int
  private let channel: any Channel

  init(answer: @escaping @Sendable (Request) -> [Step]) async throws {
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 256)
      .childChannelInitializer { [log] channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(answer: answer, log: log))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  func shutDown() async throws { try await channel.close() }

  static func ok(_ body: String) -> Step { http("200 OK", body) }

  static func okAfter(_ delay: TimeAmount, _ body: String) -> Step {
    guard case .send(let text) = ok(body) else { return .close }
    return .sendAfter(delay, text)
  }

  static func http(_ status: String, _ body: String, headers: String = "") -> Step {
    .send(
      "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    )
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: @Sendable (Request) -> [Step]
    private let log: Log
    private var received = ""

    init(answer: @escaping @Sendable (Request) -> [Step], log: Log) {
      self.answer = answer
      self.log = log
    }

    func channelActive(context: ChannelHandlerContext) { log.connected() }
    func channelInactive(context: ChannelHandlerContext) { log.disconnected() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      received += String(buffer: unwrapInboundIn(data))
      while let end = received.range(of: "\r\n\r\n") {
        let head = String(received[..<end.lowerBound])
        let length =
          head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst("content-length:".count).drop { $0 == " " }) } ?? 0
        let rest = received[end.upperBound...]
        guard rest.utf8.count >= length else { return }
        let body = String(decoding: rest.utf8.prefix(length), as: UTF8.self)
        received = String(decoding: rest.utf8.dropFirst(length), as: UTF8.self)
        let request = Request(head: head, body: body)
        log.received(request)
        for step in answer(request) { perform(step, context) }
      }
    }

    private func perform(_ step: Step, _ context: ChannelHandlerContext) {
      switch step {
      case .send(let text):
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
      case .sendAfter(let delay, let text):
        let channel = context.channel
        channel.eventLoop.scheduleTask(in: delay) { channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }
      case .sendForEver(let text, let pause):
        let channel = context.channel
        channel.eventLoop.scheduleRepeatedTask(initialDelay: pause, delay: pause) { task in
          if channel.isActive {
            channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
          } else {
            task.cancel()
          }
        }
      case .close:
        context.close(promise: nil)
      }
    }
  }
}

extension String {
  /// The first place where `text` occurs.
  fileprivate func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}
