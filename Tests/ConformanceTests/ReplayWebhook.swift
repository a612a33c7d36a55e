import Foundation
import KubernetesAPI
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An admission webhook of a scenario: answers as its step says and remembers what it was asked.
final class ReplayWebhook: Sendable {
  private let behaviours: JSONValue
  private let certificate: String
  private let key: String
  private let calls = Mutex<[JSONValue]>([])

  init(_ step: JSONValue) {
    behaviours = step["behaviours"] ?? [:]
    certificate = step["tls", "cert"]?.stringValue ?? ""
    key = step["tls", "key"]?.stringValue ?? ""
  }

  /// The status and the body of the answer to a review.
  func answer(_ target: String, headers: [String: String], body: [UInt8]) -> (Int, [UInt8]) {
    let review = (try? JSONValue(parsing: body)) ?? .null
    let shownHeaders = JSONObject(headers.map { ($0.key, JSONValue.string($0.value)) })
    calls.withLock {
      $0.append(["path": .string(target), "headers": .object(shownHeaders), "body": review])
    }
    let behaviour = behaviours[Self.path(target)]
    guard var response = behaviour?["response"] else { return (Int(behaviour?["status"]?.intValue ?? 404), []) }
    response["uid"] = review["request", "uid"]
    if let patch = response["patch_json"] {
      response["patch_json"] = nil
      response["patch"] = .string(Data(patch.serialized()).base64EncodedString())
      response["patchType"] = "JSONPatch"
    }
    let answer: JSONValue = ["apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response]
    return (200, answer.serialized())
  }

  /// The calls to a path since the last time they were taken.
  func takeCalls(to path: String) -> [JSONValue] {
    calls.withLock { calls in
      func isWanted(_ call: JSONValue) -> Bool { Self.path(call["path"]?.stringValue ?? "") == path }
      defer { calls.removeAll(where: isWanted) }
      return calls.filter(isWanted)
    }
  }

  private static func path(_ target: String) -> String { String(target.prefix { $0 != "?" }) }

  /// Serves over TLS on any free port of 127.0.0.1.
  func listen() async throws -> any Channel {
    let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)).map {
      NIOSSLCertificateSource.certificate($0)
    }
    let context = try NIOSSLContext(
      configuration: .makeServerConfiguration(
        certificateChain: chain, privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))))
    return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(NIOSSLServerHandler(context: context))
          try pipeline.configureHTTPServerPipeline()
          try pipeline.addHandler(Handler(webhook: self))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let webhook: ReplayWebhook
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(webhook: ReplayWebhook) { self.webhook = webhook }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch Self.unwrapInboundIn(data) {
      case .head(let head):
        self.head = head
        body = []
      case .body(let buffer): body.append(contentsOf: buffer.readableBytesView)
      case .end:
        guard let head else { return }
        let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
        let (status, answer) = webhook.answer(head.uri, headers: headers, body: body)
        let answerHead = HTTPResponseHead(
          version: .http1_1, status: .init(statusCode: status),
          headers: ["content-type": "application/json", "content-length": "\(answer.count)"])
        context.write(Self.wrapOutboundOut(.head(answerHead)), promise: nil)
        context.write(Self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer)))), promise: nil)
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }
}
