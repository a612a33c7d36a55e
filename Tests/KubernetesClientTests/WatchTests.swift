import KubernetesAPI
import KubernetesClient
import NIOHTTP1
import Synchronization
import Testing

@Suite struct WatchTests {
  static func frame(_ type: String, _ name: String, padding: Int = 0) -> String {
    let object: JSONValue = [
      "kind": "Pod", "apiVersion": "v1", "metadata": ["name": .string(name), "resourceVersion": "1"],
      "data": .string(String(repeating: "é", count: padding)),
    ]
    return "{\"type\":\"\(type)\",\"object\":\(object.text)}\n"
  }

  static func names(_ events: [WatchEvent]) -> [String] {
    events.map { event in
      switch event {
      case .added(let object): "+\(object.metadata.name)"
      case .modified(let object): "~\(object.metadata.name)"
      case .deleted(let object): "-\(object.metadata.name)"
      case .bookmark(let version, _): "@\(version)"
      case .error(let status): "!\(status.code)"
      }
    }
  }

  /// Watches once; what came, and how it ended.
  static func watch(
    options: WatchOptions = WatchOptions(resourceVersion: "1"), limits: KubernetesClient.Limits = .init(),
    handler: @escaping TestServer.Handler
  ) async throws -> (events: [String], error: KubernetesError?, request: TestRequest?) {
    try await TestServer.run(handler: handler) { server in
      try await withClient(of: server, limits: limits) { client in
        var events: [WatchEvent] = []
        var failure: KubernetesError?
        do throws(KubernetesError) {
          try await client.watch(.pods, namespace: nil, options: options) { events.append($0) }
        } catch {
          failure = error
        }
        return (names(events), failure, server.requests.first)
      }
    }
  }

  static let stream = frame("ADDED", "a") + frame("MODIFIED", "ä") + frame("DELETED", "a")

  @Test func framesCutAtEachByte() async throws {
    let bytes = Array(Self.stream.utf8)
    let cut = Mutex(0)
    let handler: TestServer.Handler = { _, responder in
      let position = cut.withLock { $0 }
      responder.head(200)
      responder.chunk(Array(bytes[..<position]))
      responder.chunk(Array(bytes[position...]))
      responder.end()
    }
    try await TestServer.run(handler: handler) { server in
      try await withClient(of: server) { client in
        for position in 0...bytes.count {
          cut.withLock { $0 = position }
          var events: [WatchEvent] = []
          try await client.watch(.pods, namespace: nil, options: WatchOptions()) { events.append($0) }
          #expect(Self.names(events) == ["+a", "~ä", "-a"], "cut at byte \(position)")
        }
      }
    }
  }

  @Test func framesByteByByte() async throws {
    let result = try await Self.watch { _, responder in
      responder.head(200)
      for byte in Self.stream.utf8 { responder.chunk([byte]) }
      responder.end()
    }
    #expect(result.events == ["+a", "~ä", "-a"])
    #expect(result.error == nil)
  }

  @Test func severalFramesInAChunkAndALargeOne() async throws {
    let result = try await Self.watch { _, responder in
      responder.head(200)
      responder.chunk(Self.stream + "\r\n\n" + Self.frame("ADDED", "big", padding: 3 << 20) + Self.frame("ADDED", "b"))
      responder.end()
    }
    #expect(result.events == ["+a", "~ä", "-a", "+big", "+b"])
    #expect(result.error == nil)
  }

  @Test func asksForBookmarksFromAVersion() async throws {
    let options = WatchOptions(
      labelSelector: "a=b", fieldSelector: "metadata.name=x", resourceVersion: "77", timeout: .seconds(10))
    let result = try await Self.watch(options: options) { _, responder in
      responder.answer(
        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"90\"}}}\n")
    }
    #expect(result.events == ["@90"])
    #expect(result.error == nil)
    #expect(result.request?.path == "/api/v1/pods")
    #expect(
      result.request?.query
        == "watch=true&allowWatchBookmarks=true&labelSelector=a%3Db&fieldSelector=metadata.name%3Dx"
        + "&resourceVersion=77&timeoutSeconds=10")
  }

  @Test func anErrorFrameIsTheLastEvent() async throws {
    let gone = APIStatus(code: 410, reason: "Expired", message: "too old")
    let result = try await Self.watch { _, responder in
      responder.head(200)
      responder.chunk(Self.frame("ADDED", "a") + "{\"type\":\"ERROR\",\"object\":\(gone.json.text)}\n")
      responder.chunk(Self.frame("ADDED", "never"))
    }
    #expect(result.events == ["+a", "!410"])
    #expect(result.error == nil)
  }

  @Test(arguments: [401, 403, 410, 500])
  func refusedAtOpen(code: Int) async throws {
    let status = APIStatus(code: code, reason: "Because", message: "no")
    let result = try await Self.watch { _, responder in responder.answer(json: status.json, status: code) }
    #expect(result.events == [])
    #expect(result.error?.status == status)
    #expect(result.error?.attempt == "watch pods in all namespaces")
  }

  @Test func closingWithoutDataIsNormal() async throws {
    let result = try await Self.watch { _, responder in
      responder.head(200)
      responder.end()
    }
    #expect(result.events == [])
    #expect(result.error == nil)
  }

  @Test func twelveClosesInARow() async throws {
    try await TestServer.run(handler: { $1.answer(Self.frame("ADDED", "a")) }) { server in
      try await withClient(of: server) { client in
        for _ in 0..<12 {
          var count = 0
          try await client.watch(.pods, namespace: nil, options: WatchOptions()) { _ in count += 1 }
          #expect(count == 1)
        }
      }
    }
  }

  @Test func aSilentStreamEnds() async throws {
    let result = try await Self.watch(options: WatchOptions(idleTimeout: .seconds(1))) { _, responder in
      responder.head(200)
      responder.chunk(Self.frame("ADDED", "a"))
    }
    #expect(result.events == ["+a"])
    #expect(result.error?.isInterrupted == true)
    #expect(result.error?.description.contains("nothing came for") == true)
  }

  @Test func aSilentOpenEnds() async throws {
    var limits = KubernetesClient.Limits()
    limits.callTimeout = .milliseconds(200)
    let result = try await Self.watch(limits: limits) { _, _ in }
    #expect(result.error?.isInterrupted == true)
  }

  @Test func aBrokenConnectionIsAnError() async throws {
    let result = try await Self.watch { _, responder in
      responder.head(200)
      responder.chunk(Self.frame("ADDED", "a") + "{\"type\":\"ADD")
      responder.close()
    }
    #expect(result.events == ["+a"])
    #expect(result.error?.isInterrupted == true)
  }

  @Test func anEndWithinAFrameIsAnError() async throws {
    let result = try await Self.watch { _, responder in
      responder.answer(Self.frame("ADDED", "a") + "{\"type\":\"ADD")
    }
    #expect(result.events == ["+a"])
    #expect(result.error?.isInterrupted == true)
  }

  @Test(arguments: ["nonsense\n", "{\"type\":\"NEW\",\"object\":{}}\n", "{\"type\":\"ADDED\"}\n"])
  func anUnreadableFrameIsAnErrorAfterTheGoodOnes(text: String) async throws {
    let result = try await Self.watch { _, responder in
      responder.head(200)
      responder.chunk(Self.frame("ADDED", "a") + text + Self.frame("ADDED", "b"))
    }
    #expect(result.events == ["+a"])
    #expect(result.error?.isUndecodable == true)
  }

  @Test func boundsAFrame() async throws {
    var limits = KubernetesClient.Limits()
    limits.maximumFrameBytes = 1000
    let result = try await Self.watch(limits: limits) { _, responder in
      responder.head(200)
      responder.chunk(Self.frame("ADDED", "a") + Self.frame("ADDED", "b", padding: 1000))
    }
    #expect(result.events == [])
    #expect(result.error?.description.contains("larger than 1000 bytes") == true)
  }

  @Test func watchesDoNotStarveCalls() async throws {
    let handler: TestServer.Handler = { request, responder in
      guard request.query.contains("watch=true") else { return responder.answer(json: ["ok": true]) }
      responder.head(200)
      responder.chunk(Self.frame("ADDED", "a"))
    }
    try await TestServer.run(handler: handler) { server in
      try await withClient(of: server) { client in
        let opened = AsyncStream.makeStream(of: Void.self)
        let watches = (0..<100).map { _ in
          Task {
            try await client.watch(.pods, namespace: nil, options: WatchOptions()) { _ in opened.continuation.yield() }
          }
        }
        var count = 0
        for await _ in opened.stream {
          count += 1
          if count == watches.count { break }
        }
        let answer = try await client.raw(path: "/x")
        #expect(answer == ["ok": true])
        for watch in watches {
          watch.cancel()
          let error = await #expect(throws: KubernetesError.self) { try await watch.value }
          #expect(error?.cause == .cancelled)
        }
      }
    }
  }

  /// A handler that takes its time holds the stream back, and its slowness is not taken for the server's silence.
  @Test func aSlowHandlerIsNotSilence() async throws {
    let gate = AsyncStream.makeStream(of: Void.self)
    let result = try await TestServer.run { _, responder in
      responder.head(200)
      for number in 0..<20 { responder.chunk(Self.frame("ADDED", "p\(number)")) }
      responder.end()
    } _: { server in
      try await withClient(of: server) { client in
        var count = 0
        let options = WatchOptions(idleTimeout: .seconds(1))
        let opener = Task {
          try await Task.sleep(for: .milliseconds(1500))
          gate.continuation.yield()
        }
        try await client.watch(.pods, namespace: nil, options: options) { _ in
          count += 1
          if count == 1 { for await _ in gate.stream { break } }
        }
        try await opener.value
        return count
      }
    }
    #expect(result == 20)
  }
}
