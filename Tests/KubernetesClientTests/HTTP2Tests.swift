import KubernetesAPI
import KubernetesClient
import NIOHTTP1
import Synchronization
import Testing

/// What differs when all calls share one connection, as they do with kube-apiserver.
@Suite struct HTTP2Tests {
  static func withHTTP2<Result>(
    limits: KubernetesClient.Limits = .init(), maximumStreams: Int = 100, handler: @escaping TestServer.Handler,
    _ body: (KubernetesClient, TestServer) async throws -> Result
  ) async throws -> Result {
    let certificates = try TestCertificates.shared.get()
    let tls = try certificates.serverConfiguration(offersHTTP2: true)
    return try await TestServer.run(tls: tls, maximumStreams: maximumStreams, handler: handler) { server in
      let configuration = try ClusterConfiguration(
        server: server.address, certificateAuthority: Array(certificates.authority.utf8))
      return try await withClient(configuration, limits: limits) { try await body($0, server) }
    }
  }

  @Test func callsAndErrors() async throws {
    let handler: TestServer.Handler = { request, responder in
      if request.method == .GET {
        responder.answer(json: ["ok": true])
      } else {
        responder.answer(json: APIStatus(code: 409, reason: "Conflict", message: "no").json, status: 409)
      }
    }
    try await Self.withHTTP2(handler: handler) { client, server in
      let answer = try await client.raw(path: "/x")
      #expect(answer == ["ok": true])
      let error = await #expect(throws: KubernetesError.self) {
        try await client.patch(.pods, namespace: "n", name: "p", .merge(["a": 1]))
      }
      #expect(error?.isConflict == true)
      let areHTTP2 = server.requests.map(\.isHTTP2)
      #expect(areHTTP2 == [true, true])
      #expect(server.requests.last?.json == ["a": 1])
    }
  }

  @Test func manyWatchesAndCallsTogether() async throws {
    let handler: TestServer.Handler = { request, responder in
      guard request.query.contains("watch=true") else { return responder.answer(json: ["ok": true]) }
      responder.head(200)
      responder.chunk(WatchTests.frame("ADDED", "big", padding: 100_000))
      responder.end()
    }
    try await Self.withHTTP2(handler: handler) { client, server in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<50 {
          group.addTask {
            let events = Collected<WatchEvent>()
            try await client.watch(.pods, namespace: nil, options: WatchOptions()) { events.append($0) }
            #expect(WatchTests.names(events.all) == ["+big"])
          }
          group.addTask {
            let answer = try await client.raw(path: "/x")
            #expect(answer == ["ok": true])
          }
        }
        try await group.waitForAll()
      }
      #expect(server.requests.count == 100)
    }
  }

  @Test func aLostAnswerIsAmbiguous() async throws {
    try await Self.withHTTP2(handler: { $1.close() }) { client, _ in
      let error = await #expect(throws: KubernetesError.self) {
        try await client.patch(.pods, namespace: "n", name: "p", .merge([:]))
      }
      #expect(error?.isInterrupted == true && error?.isAmbiguous == true, "\(String(describing: error))")
    }
  }

  @Test func silenceEnds() async throws {
    var limits = KubernetesClient.Limits()
    limits.callTimeout = .seconds(1)
    let handler: TestServer.Handler = { request, responder in
      if !request.query.isEmpty { responder.head(200) }
    }
    try await Self.withHTTP2(limits: limits, handler: handler) { client, server in
      let error = await #expect(throws: KubernetesError.self) {
        try await client.patch(.pods, namespace: "n", name: "p", .merge([:]))
      }
      // On a busy machine the deadline may pass before the connection stands; then nothing was sent.
      #expect(error?.isInterrupted == true || server.requests.isEmpty, "\(String(describing: error))")
      let watch = await #expect(throws: KubernetesError.self) {
        try await client.watch(.pods, namespace: nil, options: WatchOptions(idleTimeout: .milliseconds(200))) { _ in }
      }
      #expect(watch?.isInterrupted == true)
    }
  }
}
