import KubernetesAPI
import KubernetesClient
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A proxy that opens ways with CONNECT, or refuses to.
private final class TestProxy: Sendable {
  let port: Int
  /// The requests for ways, with their headers.
  let heads: Collected<String>
  static func run<Result>(
    refusal: String? = nil, _ body: (TestProxy) async throws -> Result
  ) async throws -> Result {
    let heads = Collected<String>()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ConnectHandler(refusal: refusal) { heads.append($0) })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let proxy = TestProxy(channel, heads)
    do {
      let result = try await body(proxy)
      try await channel.close()
      return result
    } catch {
      try? await channel.close()
      throw error
    }
  }

  private init(_ channel: any Channel, _ heads: Collected<String>) {
    self.heads = heads
    port = channel.localAddress?.port ?? 0
  }
}

private final class ConnectHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let refusal: String?
  private let onHead: @Sendable (String) -> Void
  private var head = ""
  private var peer: (any Channel)?

  init(refusal: String?, onHead: @escaping @Sendable (String) -> Void) {
    self.refusal = refusal
    self.onHead = onHead
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    if let peer { return peer.writeAndFlush(bytes, promise: nil) }
    head += String(buffer: bytes)
    guard head.hasSuffix("\r\n\r\n") else { return }
    onHead(head)
    let channel = context.channel
    if let refusal {
      channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 \(refusal)\r\ncontent-length: 0\r\n\r\n"), promise: nil)
      return
    }
    let target = head.split(separator: " ")[1].split(separator: ":")
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    ClientBootstrap(group: context.eventLoop)
      .channelInitializer { peer in
        peer.eventLoop.makeCompletedFuture { try peer.pipeline.syncOperations.addHandler(Forwarder(to: channel)) }
      }
      .connect(host: String(target[0]), port: Int(target[1]) ?? 0)
      .whenSuccess { peer in
        bound.value.peer = peer
        channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"), promise: nil)
      }
  }

  func channelInactive(context: ChannelHandlerContext) { peer?.close(promise: nil) }
}

private final class Forwarder: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let channel: any Channel
  init(to channel: any Channel) { self.channel = channel }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    channel.writeAndFlush(unwrapInboundIn(data), promise: nil)
  }
  func channelInactive(context: ChannelHandlerContext) { channel.close(promise: nil) }
}

@Suite struct ProxyTests {
  static func call(proxyURL: (_ port: Int) -> String, refusal: String? = nil) async throws -> (
    error: KubernetesError?, heads: [String], server: TestServer
  ) {
    let certificates = try TestCertificates.shared.get()
    let tls = try certificates.serverConfiguration(offersHTTP2: true)
    return try await withFolder { folder in
      try write(certificates.authority, to: "\(folder)/ca.crt")
      return try await TestServer.run(tls: tls, handler: { $1.answer(json: ["ok": true]) }) { server in
        try await TestProxy.run(refusal: refusal) { proxy in
          try write(
            """
            current-context: x
            clusters:
            - name: c
              cluster: {server: "\(server.address)", certificate-authority: ca.crt, proxy-url: "\(proxyURL(proxy.port))"}
            contexts: [{name: x, context: {cluster: c}}]
            """, to: "\(folder)/config")
          let configuration = try ClusterConfiguration.load(kubeconfigPath: "\(folder)/config", context: nil)
          let error = try await withClient(configuration) { client -> KubernetesError? in
            do throws(KubernetesError) {
              _ = try await client.patch(.pods, namespace: "n", name: "p", .merge([:]))
              return nil
            } catch {
              return error
            }
          }
          return (error, proxy.heads.all, server)
        }
      }
    }
  }

  @Test func callsGoThroughIt() async throws {
    let result = try await Self.call(proxyURL: { "http://me:se%40cret@127.0.0.1:\($0)" })
    #expect(result.error == nil)
    let head = try #require(result.heads.first)
    #expect(head.hasPrefix("CONNECT 127.0.0.1:\(result.server.port) HTTP/1.1\r\n"))
    #expect(head.lowercased().contains("proxy-authorization: basic "))
    #expect(head.contains("bWU6c2VAY3JldA=="), "user and password, decoded from the URL")
    #expect(result.server.requests.first?.isHTTP2 == true, "the proxy does not see into the TLS within")
  }

  @Test(arguments: [
    ("407 Proxy Authentication Required", "the proxy wants a user and a password"),
    ("502 Bad Gateway", "the proxy did not open one; check proxy-url in the kubeconfig"),
  ])
  func refusals(status: String, message: String) async throws {
    let result = try await Self.call(proxyURL: { "http://127.0.0.1:\($0)" }, refusal: status)
    let error = try #require(result.error)
    #expect(error.isUnreachable && !error.isAmbiguous, "\(error)")
    #expect(error.description.contains(message), "\(error)")
    #expect(result.server.requests.isEmpty)
  }

  @Test func aProxyThatIsDownIsNamed() async throws {
    try await withRefusingPort { port in
      let result = try await Self.call(proxyURL: { _ in "http://user:hidden@127.0.0.1:\(port)" })
      let error = try #require(result.error)
      #expect(error.isUnreachable && !error.isAmbiguous, "\(error)")
      #expect(error.description.contains("(through the proxy http://127.0.0.1:\(port))"), "\(error)")
      #expect(!error.description.contains("hidden"))
    }
  }
}
