import InMemoryKubernetes
import KubernetesAPI
import NIOCore
import NIOHTTP1

/// One client's connection: takes its requests one after the other and answers them.
struct ConnectionHandler: Sendable {
  let api: SharedAPIServer
  let authenticator: any RequestAuthenticator
  let logs: any PodLogSource
  let channel: any Channel

  typealias Inbound = NIOAsyncChannelInboundStream<HTTPServerRequestPart>
  typealias Outbound = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

  /// How much of a body that is too large is read, so that its sender reads the refusal.
  private static let drainLimit = 16 * 1024 * 1024

  func serve(_ inbound: Inbound, _ outbound: Outbound) async throws {
    var parts = inbound.makeAsyncIterator()
    while let part = try await parts.next() {
      guard case .head(let head) = part else { continue }
      if head.headers["expect"].contains(where: { $0.lowercased() == "100-continue" }) {
        try await outbound.write(.head(HTTPResponseHead(version: head.version, status: .continue)))
      }
      var body: [UInt8] = []
      var size = 0
      reading: while let part = try await parts.next() {
        switch part {
        case .head, .end: break reading
        case .body(let buffer):
          size += buffer.readableBytes
          if size <= InMemoryAPIServer.maximumBodyBytes {
            body.append(contentsOf: buffer.readableBytesView)
          } else if size > Self.drainLimit {
            break reading
          }
        }
      }
      let isTooLarge = size > InMemoryAPIServer.maximumBodyBytes
      let request = APIRequest(
        method: head.method.rawValue, target: head.uri,
        headers: head.headers.map { (name: $0.name.lowercased(), value: $0.value) }, identity: identity(of: head),
        body: isTooLarge ? .tooLarge : body.isEmpty ? .empty : .bytes(body))
      let staysOpen = head.isKeepAlive && size <= Self.drainLimit
      try await answer(api.handle(request), to: head, keepingOpen: staysOpen, outbound)
      if !staysOpen { return }
    }
  }

  private func identity(of head: HTTPRequestHead) -> APIRequest.Identity {
    guard let value = head.headers.first(name: "authorization") else { return .anonymous }
    let parts = value.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return .anonymous }
    return authenticator.user(ofBearer: String(parts[1])).map { .user($0) } ?? .rejected
  }

  private func answer(
    _ response: APIResponse, to request: HTTPRequestHead, keepingOpen: Bool, _ outbound: Outbound
  ) async throws {
    switch response.content {
    case .json, .bytes:
      try await write(response, to: request, keepingOpen: keepingOpen, outbound)
    case .watch(let id):
      let head = self.head(response, to: request, keepingOpen: keepingOpen)
      try await stream(head, closing: { api.closeWatch(id) }, outbound) {
        let batch = await api.nextEvents(id)
        var buffer = ByteBuffer()
        for frame in batch.frames { buffer.writeBytes(frame.bytes) }
        return (buffer, batch.isEnded)
      }
    case .podLog(let log):
      let reader: any PodLogReader
      do {
        reader = try await logs.openLog(log)
      } catch {
        let refusal = APIResponse(
          status: error.status.code, headers: [("content-type", "application/json")], content: .json(error.status.json))
        return try await write(refusal, to: request, keepingOpen: keepingOpen, outbound)
      }
      var response = response
      if response.header("content-type") == nil { response.headers.append(("content-type", "text/plain")) }
      let head = self.head(response, to: request, keepingOpen: keepingOpen)
      try await stream(head, closing: {}, outbound) {
        guard let bytes = await reader.next() else { return (ByteBuffer(), true) }
        return (ByteBuffer(bytes: bytes), false)
      }
    }
  }

  private func head(_ response: APIResponse, to request: HTTPRequestHead, keepingOpen: Bool) -> HTTPResponseHead {
    var headers = HTTPHeaders(response.headers.map { ($0.name, $0.value) })
    headers.replaceOrAdd(name: "cache-control", value: "no-cache, private")
    if !keepingOpen { headers.replaceOrAdd(name: "connection", value: "close") }
    return HTTPResponseHead(
      version: request.version, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
  }

  private func write(
    _ response: APIResponse, to request: HTTPRequestHead, keepingOpen: Bool, _ outbound: Outbound
  ) async throws {
    var head = head(response, to: request, keepingOpen: keepingOpen)
    let bytes = response.bodyBytes
    let hasBody = head.status.mayHaveResponseBody && request.method != .HEAD
    if head.status.mayHaveResponseBody { head.headers.replaceOrAdd(name: "content-length", value: "\(bytes.count)") }
    var parts: [HTTPServerResponsePart] = [.head(head)]
    if hasBody, !bytes.isEmpty { parts.append(.body(.byteBuffer(ByteBuffer(bytes: bytes)))) }
    parts.append(.end(nil))
    try await cuttingOffWhenSlow { try await outbound.write(contentsOf: parts) }
  }

  /// Sends chunks until there are no more or the client has gone. Nothing is fetched before the last chunk was taken.
  private func stream(
    _ head: HTTPResponseHead, closing: @Sendable () -> Void, _ outbound: Outbound,
    next: @escaping @Sendable () async -> (ByteBuffer, isEnd: Bool)
  ) async throws {
    defer { closing() }
    try await outbound.write(.head(head))
    let (closed, continuation) = AsyncStream.makeStream(of: Never.self)
    channel.closeFuture.whenComplete { _ in continuation.finish() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in closed {} }
      group.addTask {
        while !Task.isCancelled {
          let (buffer, isEnd) = await next()
          if buffer.readableBytes > 0 {
            try await cuttingOffWhenSlow { try await outbound.write(.body(.byteBuffer(buffer))) }
          }
          if isEnd { break }
        }
      }
      try await group.next()
      group.cancelAll()
    }
    if channel.isActive { try await outbound.write(.end(nil)) }
  }

  /// Cuts the connection of a client that does not take in what it is sent.
  private func cuttingOffWhenSlow(_ write: () async throws -> Void) async throws {
    let channel = self.channel
    let cut = channel.eventLoop.scheduleTask(in: HTTPSFront.slowClientLimit) {
      channel.close(mode: .all, promise: nil)
    }
    defer { cut.cancel() }
    try await write()
  }
}
