import FlinkModel
import FlinkREST
import KubernetesAPI
import Logging
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(2))) struct FlinkRESTClientTests {
  let job = "aaaaaaaa00000000000000000000000a"
  let trigger = "0123456789abcdef0123456789abcdef"

  /// Runs `body` against a server that answers so, with deadlines short enough for tests of hanging.
  @discardableResult
  func withServer<Result: Sendable>(
    deadline: Duration = .seconds(20), configure: (inout FlinkRESTClient.Settings) -> Void = { _ in },
    answer: @escaping @Sendable (ScriptedServer.Request) -> [ScriptedServer.Step],
    _ body: (FlinkRESTClient, FlinkEndpoint, ScriptedServer.Log) async throws -> Result
  ) async throws -> Result {
    let server = try await ScriptedServer(answer: answer)
    var settings = FlinkRESTClient.Settings()
    settings.deadline = deadline
    configure(&settings)
    let client = FlinkRESTClient(settings: settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let result: Result
    do {
      result = try await body(client, FlinkEndpoint(host: "127.0.0.1", port: server.port), server.log)
    } catch {
      await client.shutdown()
      try await server.shutDown()
      throw error
    }
    await client.shutdown()
    try await server.shutDown()
    return result
  }

  /// The error of a call to `/jobs/overview` that is answered so.
  func failure(
    deadline: Duration = .seconds(20), configure: (inout FlinkRESTClient.Settings) -> Void = { _ in },
    _ steps: [ScriptedServer.Step]
  ) async throws -> FlinkError? {
    try await withServer(deadline: deadline, configure: configure, answer: { _ in steps }) { client, endpoint, _ in
      do throws(FlinkError) {
        _ = try await client.jobs(at: endpoint)
        return nil
      } catch {
        return error
      }
    }
  }

  // covers: kubernetes.operator.flink.client.timeout
  @Test func callsLastAsLongAsConfigured() throws {
    #expect(FlinkRESTClient.Settings(OperatorSettings()) == FlinkRESTClient.Settings())
    for key in ["kubernetes.operator.flink.client.timeout", "kubernetes.operator.observer.flink.client.timeout"] {
      let settings = FlinkRESTClient.Settings(try OperatorSettings(OperatorDefaults([key: "2 s"])))
      #expect(settings.deadline == .seconds(2))
      #expect(settings.connectTimeout == .seconds(2))
    }
  }

  @Test(arguments: ["1.20", "2.2"]) func sendsWhatFlinkWantsAndReadsWhatItSays(version: String) async throws {
    let recording = try Recording(version: version)
    func body(_ suffix: String) throws -> String { try #require(recording.bodies("GET", endingWith: suffix).first) }
    let answers = [
      "GET /config": try body("/config"), "GET /jobs/overview": try body("/jobs/overview"),
      "GET /jobs/\(job)/checkpoints": try body("/checkpoints"), "GET /taskmanagers": try body("/taskmanagers"),
      "GET /jobs/\(job)/exceptions?maxExceptions=10": try body("/exceptions"),
      "GET /jobs/\(job)/status": try body("/status"),
      "GET /jobs/\(job)/savepoints/\(trigger)": try body("/savepoints/\(trigger)"),
      "PATCH /jobs/\(job)?mode=cancel": "{}", "POST /jobs/\(job)/stop": #"{"request-id": "\#(trigger)"}"#,
      "POST /jobs/\(job)/savepoints": #"{"request-id": "\#(trigger)"}"#,
    ]
    try await withServer(answer: { request in
      guard let body = answers[request.line.replacing(" HTTP/1.1", with: "")] else {
        return [ScriptedServer.http("404 Not Found", #"{"errors":["no such path"]}"#)]
      }
      return [ScriptedServer.http(request.line.hasPrefix("GET") ? "200 OK" : "202 Accepted", body)]
    }) { client, endpoint, log in
      #expect(try await client.clusterConfig(at: endpoint).flinkVersion.hasPrefix(version))
      #expect(try await client.jobs(at: endpoint).map(\.id) == [job])
      #expect(try await client.jobStatus(at: endpoint, job: job) == "RUNNING")
      #expect(try await client.checkpoints(at: endpoint, job: job)?.completedCount == 2)
      #expect(try await client.exceptions(at: endpoint, job: job).isEmpty)
      #expect(try await client.taskManagerCount(at: endpoint) == 2)
      #expect(try await client.savepointResult(at: endpoint, job: job, triggerID: trigger) == .inProgress)
      try await client.cancel(at: endpoint, job: job)
      try await client.stopWithSavepoint(
        at: endpoint, job: job, triggerID: trigger, targetDirectory: "file:///sp", formatType: "CANONICAL", drain: false
      )
      try await client.triggerSavepoint(
        at: endpoint, job: job, triggerID: trigger, targetDirectory: "file:///sp", formatType: "NATIVE")
      let posts = try log.requests.filter { $0.line.hasPrefix("POST") }.map { try JSONValue(parsing: $0.body) }
      #expect(
        posts == [
          ["drain": false, "formatType": "CANONICAL", "targetDirectory": "file:///sp", "triggerId": .string(trigger)],
          [
            "cancel-job": false, "formatType": "NATIVE", "target-directory": "file:///sp",
            "triggerId": .string(trigger),
          ],
        ])
      // Every field we send is one that Flink took in the recordings.
      let known = Set(recording.requests(endingWith: "/savepoints").flatMap { $0.objectValue?.keys ?? [] })
      #expect(known.isSuperset(of: posts[1].objectValue?.keys ?? []))
      let knownToStop = Set(recording.requests(endingWith: "/stop").flatMap { $0.objectValue?.keys ?? [] })
      #expect(knownToStop.union(["triggerId"]).isSuperset(of: posts[0].objectValue?.keys ?? []))
      // One connection served all.
      #expect(log.connections == 1)
    }
  }

  @Test func asksForSnapshotsOfRunningJobs() async throws {
    let requirements = #"{"v1":{"parallelism":{"lowerBound":1,"upperBound":2}}}"#
    let answers = [
      "POST /jobs/\(job)/checkpoints": #"{"request-id": "\#(trigger)"}"#,
      "GET /jobs/\(job)/checkpoints/\(trigger)": #"{"status":{"id":"COMPLETED"},"operation":{"checkpointId":3}}"#,
      "POST /savepoint-disposal": #"{"request-id": "ffff"}"#,
      "GET /jobs/\(job)/resource-requirements": requirements, "PUT /jobs/\(job)/resource-requirements": "{}",
      "GET /jobs/\(job)": #"{"jid":"x","vertices":[{"id":"v1","parallelism":2},{"id":"v2","parallelism":1}]}"#,
    ]
    try await withServer(answer: { request in
      [ScriptedServer.ok(answers[request.line.replacing(" HTTP/1.1", with: "")] ?? "?")]
    }) { client, endpoint, log in
      try await client.triggerCheckpoint(at: endpoint, job: job, triggerID: trigger, type: "FULL")
      #expect(
        try await client.checkpointResult(at: endpoint, job: job, triggerID: trigger) == .completed(checkpointID: 3))
      try await client.disposeSavepoint(at: endpoint, path: "file:/sp/1")
      let bounds = try await client.resourceRequirements(at: endpoint, job: job)
      #expect(bounds == ["v1": ParallelismBounds(lower: 1, upper: 2)])
      try await client.setResourceRequirements(at: endpoint, job: job, bounds)
      #expect(try await client.parallelism(at: endpoint, job: job) == ["v1": 2, "v2": 1])
      let bodies = try log.requests.filter { !$0.line.hasPrefix("GET") }.map { try JSONValue(parsing: $0.body) }
      #expect(
        bodies == [
          ["checkpointType": "FULL", "triggerId": .string(trigger)], ["savepoint-path": "file:/sp/1"],
          try JSONValue(parsing: requirements),
        ])
    }
  }

  @Test(arguments: [
    (#"{"status":{"id":"IN_PROGRESS"},"operation":null}"#, CheckpointTriggerResult.inProgress),
    (
      #"{"status":{"id":"COMPLETED"},"operation":{"failure-cause":{"class":"a.B","stack-trace":"a.B: no\n\tat x"}}}"#,
      .failed(cause: "a.B: no")
    ),
  ])
  func readsWhatBecameOfACheckpoint(_ body: String, _ expected: CheckpointTriggerResult) async throws {
    try await withServer(answer: { _ in [ScriptedServer.ok(body)] }) { client, endpoint, _ in
      let result = try await client.checkpointResult(at: endpoint, job: job, triggerID: trigger)
      #expect(result == expected)
    }
  }

  @Test func checkpointingNotEnabledIsNoError() async throws {
    let body =
      #"{"errors":["org.apache.flink.runtime.rest.handler.RestHandlerException: Checkpointing has not been enabled.\n\tat x"]}"#
    try await withServer(answer: { _ in [ScriptedServer.http("404 Not Found", body)] }) { client, endpoint, _ in
      let checkpoints = try await client.checkpoints(at: endpoint, job: job)
      #expect(checkpoints == nil)
    }
  }

  @Test func anotherOperationIdIsNotOurs() async throws {
    try await withServer(answer: { _ in [ScriptedServer.http("202 Accepted", #"{"request-id":"ffff"}"#)] }) {
      client, endpoint, _ in
      await #expect(throws: FlinkError.self) {
        try await client.triggerSavepoint(
          at: endpoint, job: job, triggerID: trigger, targetDirectory: nil, formatType: "NATIVE")
      }
    }
  }

  @Test func strangeJobIdsStayInTheirPlace() async throws {
    try await withServer(answer: { _ in [ScriptedServer.ok(#"{"status":"RUNNING"}"#)] }) { client, endpoint, log in
      _ = try await client.jobStatus(at: endpoint, job: "../a b?x#y/é")
      _ = try await client.jobStatus(at: endpoint, job: "..")
      #expect(
        log.requests.map(\.line) == [
          "GET /jobs/..%2Fa%20b%3Fx%23y%2F%C3%A9/status HTTP/1.1", "GET /jobs/%2E%2E/status HTTP/1.1",
        ])
    }
  }

  @Test func statusesAreRefusalsWithFlinksText() async throws {
    let body = #"{"errors":["Cannot connect to ResourceManager right now. Please try to refresh."]}"#
    #expect(
      try await failure([ScriptedServer.http("503 Service Unavailable", body)])
        == .rejected(code: 503, message: "Cannot connect to ResourceManager right now. Please try to refresh."))
    #expect(
      try await failure([ScriptedServer.http("502 Bad Gateway", "<html>")]) == .rejected(code: 502, message: "<html>"))
  }

  @Test func redirectsAreNotFollowed() async throws {
    let error = try await failure([
      ScriptedServer.http("307 Temporary Redirect", "", headers: "Location: http://127.0.0.1:1/elsewhere\r\n")
    ])
    #expect(error == .rejected(code: 307, message: "a redirect, which is not followed"))
  }

  @Test(arguments: ["", "{", "<html></html>", #"{"jobs": "#, "{}", "[1,2]", "\u{feff}{}", "{} {}"])
  func garbageIsUndecodable(body: String) async throws {
    guard case .undecodable = try await failure([ScriptedServer.ok(body)]) else {
      Issue.record("the answer was accepted or failed in another way")
      return
    }
  }

  @Test func whatIsNoHTTPIsAnInterruption() async throws {
    for steps: [ScriptedServer.Step] in [
      [.send("SSH-2.0-OpenSSH\r\n\r\n"), .close], [.close],
      [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"jobs\""), .close],
      [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), .close],
    ] {
      guard case .interrupted = try await failure(steps) else {
        Issue.record("not an interruption: \(steps)")
        continue
      }
    }
  }

  @Test func aHangIsAnInterruptionInTime() async throws {
    let start = ContinuousClock.now
    #expect(try await failure(deadline: .milliseconds(200), []) == .interrupted("no answer within 0.2 seconds"))
    #expect(start.duration(to: .now) < .seconds(10))
  }

  @Test func aDrippingBodyIsCutOffInTime() async throws {
    let start = ContinuousClock.now
    let error = try await failure(
      deadline: .milliseconds(300),
      [
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        .sendForEver("1\r\n \r\n", every: .milliseconds(10)),
      ])
    #expect(error == .interrupted("no answer within 0.3 seconds"))
    #expect(start.duration(to: .now) < .seconds(10))
  }

  @Test func aDrippingHeadIsCutOffInTime() async throws {
    let error = try await failure(
      deadline: .milliseconds(300),
      [.send("HTTP/1.1 200 OK\r\n"), .sendForEver("X-A: b\r\n", every: .milliseconds(20))])
    #expect(error == .interrupted("no answer within 0.3 seconds"))
  }

  @Test func aHugeBodyIsNotRead() async throws {
    let megabyte = String(repeating: " ", count: 1 << 20)
    let chunk = "100000\r\n\(megabyte)\r\n"
    let error = try await failure(
      configure: { $0.maximumAnswerBytes = 3 << 20 },
      [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), .sendForEver(chunk, every: .milliseconds(1))])
    #expect(error == .undecodable("the answer is too large"))
  }

  @Test func hugeExceptionsAreAskedForAgainInSmall() async throws {
    try await withServer(
      configure: { $0.maximumAnswerBytes = 1 << 16 },
      answer: { request in
        let size = request.line.contains("maxExceptions=1 ") ? 100 : 1 << 17
        let trace = String(repeating: "x", count: size)
        return [
          ScriptedServer.ok(#"{"exceptionHistory":{"entries":[{"exceptionName":"E","stacktrace":"\#(trace)"}]}}"#)
        ]
      }
    ) { client, endpoint, log in
      let exceptions = try await client.exceptions(at: endpoint, job: job)
      #expect(exceptions.map(\.name) == ["E"])
      #expect(log.requests.count == 2)
    }
  }

  @Test func nobodyThereIsUnreachableAtOnce() async throws {
    // A port that was free a moment ago.
    let server = try await ScriptedServer { _ in [] }
    let port = server.port
    try await server.shutDown()
    try await withServer(answer: { _ in [] }) { client, _, _ in
      let start = ContinuousClock.now
      do throws(FlinkError) {
        try await client.cancel(at: FlinkEndpoint(host: "127.0.0.1", port: port), job: job)
        Issue.record("something answered")
      } catch {
        guard case .unreachable = error else {
          Issue.record("wrong kind of error: \(error)")
          return
        }
      }
      #expect(start.duration(to: .now) < .seconds(2))
      await #expect(throws: FlinkError.self) {
        try await client.jobs(at: FlinkEndpoint(host: "no-such-host.invalid", port: 8081))
      }
    }
  }

  @Test func aReadIsRepeatedOnAKeptConnectionThatCloses() async throws {
    try await withServer(answer: { request in
      request.line.contains("/config")
        ? [ScriptedServer.ok(#"{"flink-version":"1.20.5"}"#)] : [.close]
    }) { client, endpoint, log in
      _ = try await client.clusterConfig(at: endpoint)
      await #expect(throws: FlinkError.self) { try await client.jobs(at: endpoint) }
      #expect(log.requests.count { $0.line.contains("/jobs/overview") } == 2)
      // What has an effect is sent once.
      await #expect(throws: FlinkError.self) { try await client.cancel(at: endpoint, job: job) }
      #expect(log.requests.count { $0.line.contains("cancel") } == 1)
    }
  }

  @Test func callsToOneJobManagerAreBounded() async throws {
    try await withServer(
      configure: { $0.connectionsPerJobManager = 3 },
      answer: { _ in [ScriptedServer.okAfter(.milliseconds(20), #"{"jobs":[]}"#)] }
    ) { client, endpoint, log in
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<12 { group.addTask { _ = try? await client.jobs(at: endpoint) } }
      }
      // Fewer where the calls got their turns one by one.
      #expect((1...3).contains(log.mostOpen))
    }
  }

  @Test func aHungJobManagerDelaysNoOther() async throws {
    try await withServer(answer: { _ in [] }) { client, hung, _ in
      try await withServer(answer: { _ in [ScriptedServer.ok(#"{"jobs":[]}"#)] }) { _, healthy, _ in
        let waiting = (0..<8).map { _ in Task { try? await client.jobs(at: hung) } }
        let start = ContinuousClock.now
        let jobs = try await client.jobs(at: healthy)
        #expect(jobs.isEmpty)
        #expect(start.duration(to: .now) < .seconds(5))
        for task in waiting { task.cancel() }
        for task in waiting { _ = await task.value }
      }
    }
  }

  @Test func aCancelledCallEnds() async throws {
    try await withServer(answer: { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")] }) {
      client, endpoint, log in
      let call = Task { () async -> FlinkError? in
        do throws(FlinkError) {
          _ = try await client.jobs(at: endpoint)
          return nil
        } catch {
          return error
        }
      }
      while log.requests.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
      call.cancel()
      guard case .interrupted? = await call.value else {
        Issue.record("the call did not end as interrupted")
        return
      }
    }
  }

  @Test func connectionsBeyondTheKeptOnesClose() async throws {
    try await withServer(
      configure: { $0.keptConnections = 0 }, answer: { _ in [ScriptedServer.ok(#"{"jobs":[]}"#)] }
    ) { client, endpoint, log in
      for _ in 0..<3 { _ = try await client.jobs(at: endpoint) }
      #expect(log.connections == 3)
      #expect(log.requests.allSatisfy { $0.head.lowercased().contains("connection: close") })
    }
  }
}
