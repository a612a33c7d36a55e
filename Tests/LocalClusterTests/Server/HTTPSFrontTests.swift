import Foundation
import Testing

@testable import LocalCluster

@Suite struct HTTPSFrontTests {
  private func send(_ text: String, to bed: ClusterBed, until marker: String? = nil) async throws -> String {
    let connection = try await RawConnection.open(port: bed.port, authorityPEM: bed.authorityPEM)
    return try await connection.exchange(Array(text.utf8)) { answer in marker.map(answer.contains) ?? false }
  }

  private func get(_ path: String, _ bed: ClusterBed, headers: String = "") async throws -> String {
    try await send(
      "GET \(path) HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer \(bed.token)\r\n\(headers)\r\n", to: bed,
      until: "\r\n0\r\n")
  }

  @Test func asksWhoIsThere() async throws {
    try await ClusterBed.with { bed in
      let path = "/api/v1/namespaces"
      let wrong = try await send(
        "GET \(path) HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer wrong\r\n\r\n", to: bed)
      #expect(wrong.hasPrefix("HTTP/1.1 401 "))
      #expect(wrong.contains("\"reason\":\"Unauthorized\""))
      let nobody = try await send("GET \(path) HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", to: bed)
      #expect(nobody.hasPrefix("HTTP/1.1 403 "))
      let right = try await get(path, bed, headers: "connection: close\r\n")
      #expect(right.hasPrefix("HTTP/1.1 200 "))
      #expect(right.contains("NamespaceList"))
    }
  }

  @Test func answersSeveralRequestsOfOneConnection() async throws {
    try await ClusterBed.with { bed in
      let one = "GET /version HTTP/1.1\r\nhost: x\r\n\r\n"
      let last = "GET /version HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
      let answer = try await send(one + one + last, to: bed)
      #expect(answer.components(separatedBy: "HTTP/1.1 200").count == 4)
    }
  }

  @Test func refusesBodiesThatAreTooLarge() async throws {
    try await ClusterBed.with { bed in
      let size = 4 * 1024 * 1024
      let head =
        "POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(try bed.token)\r\n"
        + "connection: close\r\ncontent-type: application/json\r\ncontent-length: \(size)\r\n\r\n"
      let answer = try await send(head + String(repeating: "x", count: size), to: bed)
      #expect(answer.hasPrefix("HTTP/1.1 413 "))
      #expect(answer.contains("Request entity too large: limit is 3145728"))
    }
  }

  @Test func ignoresAnUpgradeToWebSocketsOnAWatch() async throws {
    try await ClusterBed.with { bed in
      let answer = try await get(
        "/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=1&resourceVersion=0", bed,
        headers: "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
          + "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 200 "))
      #expect(answer.lowercased().contains("transfer-encoding: chunked"))
      #expect(answer.contains("\"type\":\"ADDED\""))
    }
  }

  @Test func survivesNonsense() async throws {
    try await ClusterBed.with { bed in
      var generator = Seeded(state: 7)
      let token = try bed.token
      let authority = try bed.authorityPEM
      for _ in 0..<200 {
        var bytes = Array(
          "PATCH /api/v1/namespaces/default/configmaps/a?x=%zz HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(token)\r\ncontent-type: application/merge-patch+json\r\nconnection: close\r\ncontent-length: 20\r\n\r\n{\"data\":{\"a\":\"bcde\"}}"
            .utf8)
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        let connection = try await RawConnection.open(port: bed.port, authorityPEM: authority)
        let request = bytes + Array("\r\n\r\n".utf8)
        let answer = try await withDeadline { try await connection.exchange(request) }
        if let answer, !answer.isEmpty {
          let status = answer.dropFirst("HTTP/1.1 ".count).prefix(1)
          #expect(status == "4" || status == "2", "\(String(decoding: bytes, as: UTF8.self)) got \(answer.prefix(80))")
        }
      }
      #expect(try await get("/version", bed, headers: "connection: close\r\n").hasPrefix("HTTP/1.1 200 "))
    }
  }

  /// Each is framed as it should be, so that every one of them gets its answer.
  @Test func refusesThousandsOfMalformedRequests() async throws {
    try await ClusterBed.with { bed in
      var generator = Seeded(state: 11)
      let token = try bed.token
      let authority = try bed.authorityPEM
      let bodies = [
        #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":1}}"#, "{", "[]", "\0\0\0\0",
        #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#, #"{"kind":["ConfigMap"]}"#, "nonsense: [",
        String(repeating: "[", count: 5000), #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"A!"}}"#,
      ]
      let paths = ["configmaps", "configmaps/none", "configmaps/none/status", "nothing", "pods/none/binding"]
      let methods = ["POST", "PUT", "PATCH"]
      var refused = 0
      for _ in 0..<30 {
        var bytes: [UInt8] = []
        for number in 0..<100 {
          let body = Array((bodies.randomElement(using: &generator) ?? "").utf8)
          let head =
            "\(methods.randomElement(using: &generator) ?? "") /api/v1/namespaces/default/"
            + "\(paths.randomElement(using: &generator) ?? "")?fieldManager=%\(number) HTTP/1.1\r\nhost: x\r\n"
            + "authorization: Bearer \(token)\r\ncontent-type: application/json\r\n"
            + (number == 99 ? "connection: close\r\n" : "") + "content-length: \(body.count)\r\n\r\n"
          bytes += Array(head.utf8) + body
        }
        let connection = try await RawConnection.open(port: bed.port, authorityPEM: authority)
        let answer = try await connection.exchange(bytes)
        let statuses = answer.components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) }
        #expect(statuses.count == 100)
        #expect(statuses.allSatisfy { $0.first == "4" }, "\(Set(statuses))")
        refused += statuses.count
      }
      #expect(refused == 3000)
      #expect(try await get("/version", bed, headers: "connection: close\r\n").hasPrefix("HTTP/1.1 200 "))
    }
  }

  /// The same numbers each time.
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }

  @Test func anEndEndsWatchesAtOnce() async throws {
    let clock = ContinuousClock()
    var stopping: ContinuousClock.Instant?
    var watching: Task<String, any Error>?
    try await ClusterBed.with { bed in
      let connection = try await RawConnection.open(port: bed.port, authorityPEM: bed.authorityPEM)
      let request =
        "GET /api/v1/configmaps?watch=true HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(try bed.token)\r\n\r\n"
      let (begun, signal) = AsyncStream.makeStream(of: Void.self)
      watching = Task {
        try await connection.exchange(Array(request.utf8)) { answer in
          if answer.contains("ADDED") { signal.finish() }
          return false
        }
      }
      for await _ in begun {}
      stopping = clock.now
    }
    let answer = try await watching?.value
    #expect(answer?.hasPrefix("HTTP/1.1 200 ") == true)
    #expect(try #require(stopping).duration(to: clock.now) < .seconds(2))
  }

  /// Nil when there is no answer within five seconds: half a request waits for its other half.
  private func withDeadline(_ body: @escaping @Sendable () async throws -> String) async throws -> String? {
    try await withThrowingTaskGroup(of: String?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: .seconds(5))
        return nil
      }
      let first = try await group.next() ?? nil
      group.cancelAll()
      return first
    }
  }
}
