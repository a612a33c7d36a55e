import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Listens where Services do and passes connections on to their pods.
actor ServiceForwarder {
  /// The targets of one listening socket, taken in turn.
  private final class Targets: Sendable {
    private let state: Mutex<(sockets: [ServiceRoute.Socket], next: Int)>

    init(_ sockets: [ServiceRoute.Socket]) { state = Mutex((sockets, 0)) }

    func set(_ sockets: [ServiceRoute.Socket]) { state.withLock { $0.sockets = sockets } }

    /// All targets, beginning with the one whose turn it is.
    func order() -> [ServiceRoute.Socket] {
      state.withLock { state in
        guard !state.sockets.isEmpty else { return [] }
        let first = state.next % state.sockets.count
        state.next = first + 1
        return Array(state.sockets[first...] + state.sockets[..<first])
      }
    }
  }

  private struct Listener {
    let targets: Targets
    let channel: any Channel
  }

  private let group: any EventLoopGroup
  private let logger: Logger
  private let isOurs: @Sendable (String) -> Bool
  private var listeners: [ServiceRoute.Socket: Listener] = [:]
  private var failures: Set<ServiceRoute.Socket> = []

  /// - Parameter isOurs: whether an address is this node's to listen on; other Services have another way.
  init(group: any EventLoopGroup, logger: Logger, isOurs: @escaping @Sendable (String) -> Bool) {
    self.group = group
    self.logger = logger
    self.isOurs = isOurs
  }

  /// Listens on exactly these routes. Connections that are open stay open.
  func update(_ routes: [ServiceRoute]) async {
    let wanted = Dictionary(routes.filter { isOurs($0.listen.address) }.map { ($0.listen, $0.targets) }) { $0 + $1 }
    for (socket, listener) in listeners where wanted[socket] == nil {
      listeners[socket] = nil
      await close(listener)
    }
    for (socket, sockets) in wanted {
      if let listener = listeners[socket] {
        listener.targets.set(sockets)
        continue
      }
      let targets = Targets(sockets)
      do {
        listeners[socket] = Listener(targets: targets, channel: try await listen(socket, targets))
        failures.remove(socket)
      } catch {
        if failures.insert(socket).inserted {
          logger.warning(
            "cannot listen for a Service",
            metadata: ["address": "\(socket.address):\(socket.port)", "error": "\(error)"])
        }
      }
    }
  }

  func close() async {
    let all = listeners.values
    listeners = [:]
    for listener in all { await close(listener) }
  }

  private func close(_ listener: Listener) async {
    do { try await listener.channel.close() } catch { logger.debug("closing a listener: \(error)") }
  }

  private func listen(_ socket: ServiceRoute.Socket, _ targets: Targets) async throws -> any Channel {
    let group = group
    return try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 128)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { client in
        client.eventLoop.makeCompletedFuture {
          try client.pipeline.syncOperations.addHandler(RelayHandler { connect($0, to: targets.order()[...]) })
        }
      }
      .bind(host: socket.address, port: socket.port).get()
  }
}

/// Connects a client to the first target that answers; without any the client's connection is closed.
///
/// To be called when the client's channel is active: one that is not yet would lose the read that starts it.
private func connect(_ client: any Channel, to targets: ArraySlice<ServiceRoute.Socket>) {
  guard let target = targets.first, client.isActive else {
    client.close(promise: nil)
    return
  }
  ClientBootstrap(group: client.eventLoop)
    .connectTimeout(.seconds(3))
    .channelOption(.autoRead, value: false)
    .channelOption(.allowRemoteHalfClosure, value: true)
    .channelOption(.socketOption(.tcp_nodelay), value: 1)
    .channelInitializer { server in
      server.eventLoop.makeCompletedFuture { try server.pipeline.syncOperations.addHandler(RelayHandler()) }
    }
    .connect(host: target.address, port: target.port)
    .whenComplete { result in
      switch result {
      case .failure: connect(client, to: targets.dropFirst())
      case .success(let server): join(client, server)
      }
    }
}

/// Lets what comes from either go to the other.
private func join(_ client: any Channel, _ server: any Channel) {
  do {
    let one = try client.pipeline.syncOperations.handler(type: RelayHandler.self)
    let other = try server.pipeline.syncOperations.handler(type: RelayHandler.self)
    guard client.isActive, server.isActive else { throw ChannelError.eof }
    one.join(other)
    other.join(one)
    client.read()
    server.read()
  } catch {
    client.close(promise: nil)
    server.close(promise: nil)
  }
}

/// One end of a forwarded connection. Both ends are on one event loop. It reads only while the other end can write.
private final class RelayHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var partner: RelayHandler?
  private var onActive: ((any Channel) -> Void)?
  private var context: ChannelHandlerContext?
  private var wantsRead = false
  /// What came before there was a partner: the end of the input is reported, with all before it, without being asked for.
  private var early: [ByteBuffer] = []
  private var isInputClosed = false

  /// - Parameter onActive: called once when the channel is active.
  init(onActive: ((any Channel) -> Void)? = nil) { self.onActive = onActive }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelActive(context: ChannelHandlerContext) {
    onActive?(context.channel)
    onActive = nil
    context.fireChannelActive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    partner = nil
  }

  func join(_ partner: RelayHandler) {
    self.partner = partner
    for buffer in early { partner.context?.write(Self.wrapOutboundOut(buffer), promise: nil) }
    early = []
    partner.context?.flush()
    if isInputClosed { partner.finish(.output) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = Self.unwrapInboundIn(data)
    if let partner {
      partner.context?.write(Self.wrapOutboundOut(buffer), promise: nil)
    } else {
      early.append(buffer)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    guard let other = partner?.context else { return }
    other.flush()
    if other.channel.isWritable { context.read() } else { wantsRead = true }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, let partner, partner.wantsRead {
      partner.wantsRead = false
      partner.context?.read()
    }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event as? ChannelEvent == .inputClosed {
      isInputClosed = true
      partner?.finish(.output)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    let other = partner
    partner = nil
    other?.finish(.all)
    context.fireChannelInactive()
  }

  /// Closes when all that was passed on has been written: closing at once would drop it.
  private func finish(_ mode: CloseMode) {
    guard let context else { return }
    let channel = context.channel
    context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer())).whenComplete { _ in
      channel.close(mode: mode, promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
