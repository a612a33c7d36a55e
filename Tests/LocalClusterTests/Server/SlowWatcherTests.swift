import InMemoryKubernetes
import KubernetesAPI
import Logging
import Testing

@testable import LocalCluster

/// The front by itself, with a server whose history is short.
@Suite struct SlowWatcherTests {
  private static func withFront(
    historyLength: Int, _ body: @Sendable (Int, String, String, SharedAPIGateway) async throws -> Void
  ) async throws {
    let clock = NodeAgent.systemClock
    let api = SharedAPIServer(
      InMemoryAPIServer(options: .init(historyLength: historyLength, seed: 1), at: clock()), clock: clock)
    let tokens = BearerTokens()
    let credentials = try ServingCredentials(now: clock())
    let front = try HTTPSFront(
      api: api, authenticator: tokens, credentials: credentials, logger: Logger(label: "test"))
    let (ports, port) = AsyncStream.makeStream(of: Int.self)
    let serving = Task { try await front.run(host: "127.0.0.1", port: 0) { port.yield($0) } }
    defer { serving.cancel() }
    var iterator = ports.makeAsyncIterator()
    let bound = try #require(await iterator.next())
    try await body(bound, credentials.authorityPEM, tokens.issue(for: .administrator), SharedAPIGateway(api))
  }

  @Test func aWatcherThatDoesNotReadIsCutOffAndNotBuffered() async throws {
    try await Self.withFront(historyLength: 16) { port, authority, token, gateway in
      let big = JSONValue.string(String(repeating: "x", count: 200_000))
      _ = try await gateway.create(
        .configMaps, namespace: "default", ["metadata": ["name": "big"], "data": ["k": big]])
      let connection = try await RawConnection.open(port: port, authorityPEM: authority)
      let request =
        "GET /api/v1/namespaces/default/configmaps?watch=true HTTP/1.1\r\nhost: x\r\n"
        + "authorization: Bearer \(token)\r\n\r\n"
      let (begun, signal) = AsyncStream.makeStream(of: Void.self)
      let (written, done) = AsyncStream.makeStream(of: Void.self)
      async let answer = connection.exchange(Array(request.utf8), pausingAfter: "\"ADDED\"") {
        signal.finish()
        for await _ in written {}
      }
      for await _ in begun {}
      // 100 MB of events, far more than the sockets hold.
      for number in 0..<500 {
        _ = try await gateway.patch(
          .configMaps, namespace: "default", name: "big",
          .merge(["metadata": ["labels": ["number": .string("\(number)")]]]))
      }
      done.finish()
      let text = try await answer
      #expect(text.utf8.count < 60_000_000)
      // The stream ends early; the client lists again.
      #expect(!text.contains("\"number\":\"499\""))
      #expect(text.hasSuffix("0\r\n\r\n"))
    }
  }
}
