import Foundation
import FoundationNetworking
import Logging
import Operations
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(2))) struct OperationsServerTests {
  let health = HealthRegistry()
  let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Runs a server on a free port while `body` talks to it.
  func withServer(_ body: @escaping @Sendable (_ port: Int) async throws -> Void) async throws {
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let server = OperationsServer(host: "127.0.0.1", port: 0, health: health, logger: logger) { port in
      continuation.yield(port)
    }
    let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      var iterator = ports.makeAsyncIterator()
      let port = try #require(await iterator.next())
      #expect(port > 0)
      #expect(server.boundPort == port)
      try await body(port)
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  struct Answer: Sendable {
    let status: Int
    let type: String
    let body: String
  }

  func get(_ port: Int, _ path: String, accept: String = "*/*") async throws -> Answer {
    let url = try #require(URL(string: "http://127.0.0.1:\(port)\(path)"))
    var request = URLRequest(url: url)
    request.setValue(accept, forHTTPHeaderField: "Accept")
    let (data, response) = try await URLSession.shared.data(for: request)
    let http = try #require(response as? HTTPURLResponse)
    return Answer(
      status: http.statusCode, type: http.value(forHTTPHeaderField: "Content-Type") ?? "",
      body: String(decoding: data, as: UTF8.self))
  }

  @Test func answersProbes() async throws {
    health.set("stores", for: .readiness, to: .failing(reason: "flinkdeployments.flink.apache.org is not synced"))
    health.set("lease", for: .readiness, to: .ok)
    try await withServer { port in
      let live = try await get(port, "/healthz")
      #expect(live.status == 200)
      #expect(live.body == "healthz check passed\n")
      let notReady = try await get(port, "/readyz")
      #expect(notReady.status == 503)
      #expect(notReady.type.hasPrefix("text/plain"))
      #expect(
        notReady.body
          == "[+]lease ok\n[-]stores failed: flinkdeployments.flink.apache.org is not synced\nreadyz check failed\n")
      let json = try await get(port, "/readyz", accept: "application/json")
      #expect(json.status == 503)
      #expect(json.type == "application/json")
      #expect(json.body.contains(#""reason":"flinkdeployments.flink.apache.org is not synced""#))
      health.set("stores", for: .readiness, to: .ok)
      let ready = try await get(port, "/readyz")
      #expect(ready.status == 200)
      let metrics = try await get(port, "/metrics")
      #expect(metrics.status == 200)
      #expect(metrics.body.contains("flink_operator_ready{check=\"stores\"} 1"))
      let nothing = try await get(port, "/elsewhere")
      #expect(nothing.status == 404)
    }
  }

  @Test func aTakenPortIsAnErrorThatSaysSo() async throws {
    try await withServer { port in
      let second = OperationsServer(host: "127.0.0.1", port: port, health: health, logger: logger)
      do {
        try await second.run()
        Issue.record("two servers on one port")
      } catch let error as OperationsServerError {
        #expect(error.address == "127.0.0.1:\(port)")
        #expect("\(error)".contains("cannot serve health probes on 127.0.0.1:\(port)"))
        #expect(!"\(error)".contains("\n"))
      }
      #expect(second.boundPort == nil)
    }
  }
}
