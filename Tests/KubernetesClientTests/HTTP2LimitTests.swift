import KubernetesAPI
import KubernetesClient
import NIOCore
import NIOHTTP1
import NIOHTTP2
import Synchronization
import Testing

/// A server that allows few streams on a connection, or ends connections: kube-apiserver allows 100, and sends GOAWAY
/// to spread its clients.
@Suite struct HTTP2LimitTests {
  /// How many streams are open now, and how many were at most.
  private final class Gauge: Sendable {
    private let state = Mutex((now: 0, most: 0))
    var most: Int { state.withLock { $0.most } }
    var now: Int { state.withLock { $0.now } }
    func enter() {
      state.withLock { state in
        state.now += 1
        state.most = max(state.most, state.now)
      }
    }
    func leave() { state.withLock { $0.now -= 1 } }
  }

  @Test func callsWaitForAFreeStream() async throws {
    let gauge = Gauge()
    let handler: TestServer.Handler = { _, responder in
      gauge.enter()
      responder.channel.eventLoop.scheduleTask(in: .milliseconds(20)) {
        gauge.leave()
        responder.answer(json: ["ok": true])
      }
    }
    try await HTTP2Tests.withHTTP2(maximumStreams: 3, handler: handler) { client, server in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<40 {
          group.addTask {
            if number.isMultiple(of: 2) {
              _ = try await client.raw(path: "/x")
            } else {
              _ = try await client.patch(.pods, namespace: "n", name: "p", .merge([:]))
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(server.requests.count == 40, "none is sent twice")
      #expect(gauge.most <= 3)
    }
  }

  /// More watches than one connection may carry: they get more connections.
  @Test func watchesBeyondTheLimitAreOpenedAllTheSame() async throws {
    let gauge = Gauge()
    let handler: TestServer.Handler = { _, responder in
      gauge.enter()
      responder.head(200)
      responder.chunk(WatchTests.frame("ADDED", "a"))
    }
    try await HTTP2Tests.withHTTP2(maximumStreams: 100, handler: handler) { client, _ in
      try await withThrowingTaskGroup(of: Void.self) { group in
        let events = Collected<WatchEvent>()
        for _ in 0..<230 {
          group.addTask {
            try await client.watch(.pods, namespace: nil, options: WatchOptions()) { events.append($0) }
          }
        }
        let limit = ContinuousClock.now + .seconds(25)
        while events.count < 230, ContinuousClock.now < limit { try await Task.sleep(for: .milliseconds(20)) }
        #expect(events.count == 230)
        group.cancelAll()
        while let result = await group.nextResult() {
          let error = #expect(throws: KubernetesError.self) { try result.get() }
          #expect(error?.cause == .cancelled)
        }
      }
    }
  }

  /// GOAWAY as a server sends it to be left: what was begun ends well, what comes next takes another connection.
  @Test func goAwayLosesNothing() async throws {
    let isSlowUnderWay = AsyncStream.makeStream(of: Void.self)
    let handler: TestServer.Handler = { request, responder in
      if request.path == "/leave" { responder.goAway(last: .maxID) }
      if request.path == "/slow" { isSlowUnderWay.continuation.yield() }
      responder.channel.eventLoop.scheduleTask(in: .milliseconds(request.path == "/slow" ? 500 : 0)) {
        responder.answer(json: ["connection": .string(responder.connection)])
      }
    }
    try await HTTP2Tests.withHTTP2(handler: handler) { client, server in
      let first = try await client.raw(path: "/x")
      let second = try await client.raw(path: "/x")
      #expect(second == first, "one connection serves many calls")
      async let slow = client.raw(path: "/slow")
      for await _ in isSlowUnderWay.stream { break }
      let leave = try await client.raw(path: "/leave")
      #expect(leave == first)
      var next = try await client.raw(path: "/x")
      // The answer to /leave may be read before the frame is.
      while next == first { next = try await client.raw(path: "/x") }
      let slowly = try await slow
      #expect(slowly == first, "a call under way ends on the old connection")
      let written = try await client.patch(.pods, namespace: "n", name: "p", .merge([:])).json
      #expect(written == next)
    }
  }

  /// A GOAWAY that does not cover a read: it goes again on another connection.
  @Test func aReadThatGoAwayDoesNotCoverGoesAgain() async throws {
    let refusals = Mutex(1)
    let handler: TestServer.Handler = { request, responder in
      let refuses = refusals.withLock { count in
        guard request.path == "/x", count > 0 else { return false }
        count -= 1
        return true
      }
      if refuses { responder.goAway(last: 1) } else { responder.answer(json: ["ok": true]) }
    }
    try await HTTP2Tests.withHTTP2(handler: handler) { client, server in
      _ = try await client.raw(path: "/first")
      let answer = try await client.raw(path: "/x")
      #expect(answer == ["ok": true])
      #expect(server.requests.map(\.path) == ["/first", "/x", "/x"])
    }
  }

  /// REFUSED_STREAM says that nothing was done: even a write goes again, once.
  @Test(arguments: [1, 100])
  func aRefusedStreamGoesAgain(times: Int) async throws {
    let refusals = Mutex(times)
    let handler: TestServer.Handler = { _, responder in
      let refuses = refusals.withLock { count in
        count -= 1
        return count >= 0
      }
      if refuses { responder.reset(.refusedStream) } else { responder.answer(json: ["ok": true]) }
    }
    try await HTTP2Tests.withHTTP2(handler: handler) { client, server in
      do throws(KubernetesError) {
        let written = try await client.patch(.pods, namespace: "n", name: "p", .merge([:])).json
        #expect(written == ["ok": true] && times == 1)
      } catch {
        #expect(times > 1 && error.isUnreachable && !error.isAmbiguous, "\(error)")
        #expect(error.description.hasSuffix("refused the request's stream"), "\(error)")
      }
      #expect(server.requests.count == 2)
    }
  }

  /// Any other end of a stream may have come after the write was stored.
  @Test func aResetWriteIsAmbiguous() async throws {
    try await HTTP2Tests.withHTTP2(handler: { $1.reset(.internalError) }) { client, server in
      let error = await #expect(throws: KubernetesError.self) {
        try await client.patch(.pods, namespace: "n", name: "p", .merge([:]))
      }
      #expect(error?.isAmbiguous == true)
      #expect(server.requests.count == 1)
    }
  }

  @Test func aWatchSurvivesGoAway() async throws {
    let handler: TestServer.Handler = { request, responder in
      responder.head(200)
      responder.chunk(WatchTests.frame("ADDED", "a"))
      responder.goAway(last: .maxID)
      responder.channel.eventLoop.scheduleTask(in: .milliseconds(200)) {
        responder.chunk(WatchTests.frame("ADDED", "b"))
        responder.end()
      }
    }
    try await HTTP2Tests.withHTTP2(handler: handler) { client, _ in
      let events = Collected<WatchEvent>()
      try await client.watch(.pods, namespace: nil, options: WatchOptions()) { events.append($0) }
      #expect(WatchTests.names(events.all) == ["+a", "+b"])
    }
  }
}
