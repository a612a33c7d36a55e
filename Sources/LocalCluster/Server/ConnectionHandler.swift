import InMemoryKubernetes
import KubernetesAPI
import NIOCore
import NIOHTTP1

/// One client's connection: takes its requests one after the other and answers them.
struct ConnectionHandler: Sendable {
  let api: SharedAPIServer
  let authenticator: any RequestAuthenticator
  let logs: any PodLogSource
  let awaitsControllers: Bool
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
      let response = awaitsControllers ? await api.handleWithControllers(request) : await api.handle(request)
      try await answer(response, to: head, keepingOpen: staysOpen, outbound)
      if !staysOpen { return }
    }
  }

  private func identity(of head: HTTPRequestHead) -> APIRequest.Identity {
    guard let value = head.headers.first(name: "authorization") else { return .anonymous }
    let parts = value.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return .anonymous }
    return authenticator.user(ofBearer: String(parts[1])).map { .user($0) } ?? .bearer(String(parts[1]))
  }

  private func answer(
    _ response: APIResponse, to request: HTTPRequestHead, keepingOpen: Bool, _ outbound: Outbound
  ) async throws {
    switch response.content {
    case .json, .bytes, .webhooks:
      try await write(response, to: request, keepingOpen: keepingOpen, outbound)
    case .watch(let id):
      try await sendWatch(id, head(response, to: request, keepingOpen: keepingOpen), outbound)
    case .podLog(let log):
      try await sendLog(log, response, to: request, keepingOpen: keepingOpen, outbound)
    }
  }

  private func sendLog(
    _ log: PodLogRequest, _ response: APIResponse, to request: HTTPRequestHead, keepingOpen: Bool, _ outbound: Outbound
  ) async throws {
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
    try await outbound.write(.head(head(response, to: request, keepingOpen: keepingOpen)))
    try await untilClosed {
      while let bytes = await reader.next() {
        try await cuttingOffWhenSlow { try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: bytes)))) }
      }
    }
    if channel.isActive { try await outbound.write(.end(nil)) }
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

  private func sendWatch(_ id: WatchID, _ head: HTTPResponseHead, _ outbound: Outbound) async throws {
    defer { api.closeWatch(id) }
    try await outbound.write(.head(head))
    try await untilClosed {
      while !Task.isCancelled {
        // Nothing is fetched before the last frames were taken: a slow client falls behind in the server's history, which
        // is bounded, and not in a buffer.
        let batch = await api.nextEvents(id, limit: 32)
        if !batch.frames.isEmpty {
          var buffer = ByteBuffer()
          for frame in batch.frames { buffer.writeBytes(frame.bytes) }
          try await cuttingOffWhenSlow { try await outbound.write(.body(.byteBuffer(buffer))) }
        }
        if batch.isEnded { return }
      }
    }
    if channel.isActive { try await outbound.write(.end(nil)) }
  }

  /// Cancels what sends an answer when the client hangs up.
  private func untilClosed(_ send: @escaping @Sendable () async throws -> Void) async throws {
    let (closed, continuation) = AsyncStream.makeStream(of: Never.self)
    channel.closeFuture.whenComplete { _ in continuation.finish() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in closed {} }
      group.addTask { try await send() }
      try await group.next()
      group.cancelAll()
    }
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
