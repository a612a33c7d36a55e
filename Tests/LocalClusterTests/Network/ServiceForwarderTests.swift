import Logging
import NIOCore
import NIOPosix
import Testing

@testable import LocalCluster

@Suite struct ServiceForwarderTests {
  /// A server that answers each connection with `name` and what it read up to the client's end.
  private func server(name: String) async throws -> (channel: any Channel, socket: ServiceRoute.Socket) {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo(name: name)) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return (channel, .init(address: "127.0.0.1", port: channel.localAddress?.port ?? 0))
  }

  /// Sends `text`, half-closes, and reads to the end.
  private func ask(_ socket: ServiceRoute.Socket, _ text: String) async throws -> String {
    let answer = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: String.self)
    do {
      let channel = try await ClientBootstrap(group: answer.futureResult.eventLoop)
        .channelOption(.allowRemoteHalfClosure, value: true)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(Collect(answer: answer))
          }
        }
        .connect(host: socket.address, port: socket.port).get()
      try await channel.writeAndFlush(ByteBuffer(string: text))
      try await channel.close(mode: .output)
    } catch {
      answer.fail(error)
    }
    return try await answer.futureResult.get()
  }

  private func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(
      host: "127.0.0.1", port: 0
    )
    .get()
    let port = channel.localAddress?.port ?? 0
    try await channel.close()
    return port
  }

  @Test(.timeLimit(.minutes(1))) func connectionsGoToTargetsInTurnAndPastThoseThatDoNotAnswer() async throws {
    let forwarder = ServiceForwarder(
      group: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "test"), isOurs: { _ in true })
    let one = try await server(name: "one")
    let two = try await server(name: "two")
    let listen = ServiceRoute.Socket(address: "127.0.0.1", port: try await freePort())
    await forwarder.update([ServiceRoute(listen: listen, targets: [one.socket, two.socket])])
    var answers: Set<String> = []
    for _ in 0..<200 { answers.insert(try await ask(listen, "x")) }
    #expect(answers == ["one x", "two x"])

    let large = String(repeating: "0123456789", count: 400_000)
    #expect(try await ask(listen, large).utf8.count == large.utf8.count + 4)

    try await one.channel.close()
    for _ in 0..<4 { #expect(try await ask(listen, "y") == "two y") }

    await forwarder.update([ServiceRoute(listen: listen, targets: [])])
    await #expect(throws: (any Error).self) {
      let answer = try await ask(listen, "z")
      if answer.isEmpty { throw ChannelError.eof }
    }
    await forwarder.update([])
    await #expect(throws: (any Error).self) { try await ask(listen, "z") }
    try await two.channel.close()
    await forwarder.close()
  }
}

private final class Echo: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let name: String
  private var text = ByteBuffer()

  init(name: String) { self.name = name }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var part = Self.unwrapInboundIn(data)
    text.writeBuffer(&part)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event as? ChannelEvent == .inputClosed else { return }
    var answer = ByteBuffer(string: "\(name) ")
    answer.writeBuffer(&text)
    let channel = context.channel
    context.writeAndFlush(Self.wrapOutboundOut(answer)).whenComplete { _ in channel.close(promise: nil) }
  }
}

private final class Collect: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let answer: EventLoopPromise<String>
  private var text = ""

  init(answer: EventLoopPromise<String>) { self.answer = answer }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { text += String(buffer: Self.unwrapInboundIn(data)) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
  }

  func channelInactive(context: ChannelHandlerContext) { answer.succeed(text) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.fail(error) }
}
