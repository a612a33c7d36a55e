import FlinkModel
import KubernetesAPI
import Testing

@testable import FlinkREST

@Suite struct FlinkAnswersTests {
  static let versions = ["1.20", "2.2"]

  @Test(arguments: versions) func readsTheConfiguration(version: String) throws {
    let bodies = try Recording(version: version).bodies("GET", endingWith: "/config")
    #expect(!bodies.isEmpty)
    for body in bodies {
      let config = try FlinkAnswers.clusterConfig(JSONValue(parsing: body))
      #expect(config.flinkVersion.hasPrefix(version))
      #expect(config.flinkRevision.contains(" @ "))
    }
  }

  @Test(arguments: versions) func readsTheJobs(version: String) throws {
    let lists = try Recording(version: version).bodies("GET", endingWith: "/jobs/overview").map {
      try FlinkAnswers.jobs(JSONValue(parsing: $0))
    }
    let running = try #require(lists.first?.first)
    #expect(running.id == "aaaaaaaa00000000000000000000000a")
    #expect(running.name == "A")
    #expect(running.state == "RUNNING")
    #expect(running.endTime == -1)
    #expect(running.startTime > 1_700_000_000_000)
    #expect(running.tasks["running"] == 2)
    #expect(running.isFullyRunning)
    let ended = lists.flatMap { $0 }.filter { $0.endTime > 0 }
    #expect(!ended.isEmpty)
    #expect(ended.allSatisfy { !$0.isFullyRunning })
  }

  @Test(arguments: versions) func readsCheckpoints(version: String) throws {
    let all = try Recording(version: version).bodies("GET", endingWith: "/checkpoints").map {
      try FlinkAnswers.checkpoints(JSONValue(parsing: $0))
    }
    let first = try #require(all.first)
    #expect(first.completedCount == 2)
    let latest = try #require(first.latestCompleted)
    #expect(latest.id == 2)
    #expect(latest.externalPath.hasSuffix("/chk-2"))
    #expect(latest.stateSize == 4185)
    #expect(!latest.isSavepoint)
    #expect(!latest.isDiscarded)
    #expect(latest.timestamp > 1_700_000_000_000)
    #expect(first.latestSavepoint == nil)
    #expect(first.latestRestored == nil)
    let restored = try #require(all.compactMap(\.latestRestored).first)
    #expect(restored.id == 3)
    #expect(restored.isSavepoint)
    #expect(restored.externalPath.contains("savepoint-bbbbbb"))
    #expect(restored.timestamp > 1_700_000_000_000)
  }

  @Test(arguments: versions) func readsOperations(version: String) throws {
    let recording = try Recording(version: version)
    let results = try recording.exchanges.filter { $0.method == "GET" && $0.path.contains("/savepoints/") }
      .map { try $0.answers.map { try FlinkAnswers.operation(JSONValue(parsing: $0.body)) } }
    #expect(results.count >= 4)
    #expect(results.allSatisfy { $0.first == .inProgress })
    let done = results.compactMap { if case .completed(let location)? = $0.last { location } else { nil } }
    #expect(done.count >= 3)
    #expect(done.allSatisfy { $0.contains("/savepoint-") })
    let failed = results.compactMap { if case .failed(let cause)? = $0.last { cause } else { nil } }
    let cause = try #require(failed.first)
    #expect(cause.hasPrefix("java.util.concurrent.CompletionException: "))
    #expect(cause.contains("IO-problem detected"))
    // The root cause is named too.
    #expect(cause.contains(" -> "))
    #expect(cause.count < 2100)
    #expect(!cause.contains("\n"))
  }

  @Test(arguments: versions) func readsExceptions(version: String) throws {
    let recorded = try Recording(version: version).bodies("GET", endingWith: "/exceptions")
    #expect(!recorded.isEmpty)
    let read = try recorded.map { try FlinkAnswers.exceptions(JSONValue(parsing: $0)) }
    #expect(read.flatMap { $0 }.isEmpty)
    // The recordings of real failures are cut; the fields are those of Flink's classes.
    let entry = #"""
      {"exceptionName": "java.lang.RuntimeException", "stacktrace": "java.lang.RuntimeException: asked to fail\n\tat x", \#
      "timestamp": 1795228461890, "failureLabels": {}, "taskName": "counter (1/1)", "endpoint": "127.0.0.3:6121", \#
      "taskManagerId": "tm", "concurrentExceptions": []}
      """#
    let body = #"{"exceptionHistory": {"entries": [\#(entry)], "truncated": false}}"#
    let exception = try #require(FlinkAnswers.exceptions(JSONValue(parsing: body)).first)
    #expect(exception.name == "java.lang.RuntimeException")
    #expect(exception.stackTrace.hasPrefix("java.lang.RuntimeException: asked to fail"))
    #expect(exception.timestamp == 1_795_228_461_890)
    #expect(exception.taskName == "counter (1/1)")
    #expect(exception.endpoint == "127.0.0.3:6121")
  }

  @Test func cutsLongStackTraces() throws {
    let trace = JSONValue.string(String(repeating: "at x.y.z\n", count: 100_000))
    let body: JSONValue = ["exceptionHistory": ["entries": [["exceptionName": "E", "stacktrace": trace]]]]
    let exceptions = try FlinkAnswers.exceptions(body)
    #expect(exceptions.first?.stackTrace.count == FlinkAnswers.longestStackTrace)
  }

  @Test(arguments: versions) func readsTaskManagersAndStates(version: String) throws {
    let recording = try Recording(version: version)
    let taskManagers = try #require(recording.bodies("GET", endingWith: "/taskmanagers").first)
    let count = try FlinkAnswers.taskManagerCount(JSONValue(parsing: taskManagers))
    #expect(count == 2)
    let states = try recording.bodies("GET", endingWith: "/status").map {
      try FlinkAnswers.jobStatus(JSONValue(parsing: $0))
    }
    #expect(states.contains("RUNNING"))
  }

  @Test(arguments: [
    ("{}", "no status.id in the answer"),
    (#"{"status": {"id": "SLEEPING"}}"#, "operation has the unknown status SLEEPING"),
    (#"{"status": {"id": "COMPLETED"}, "operation": {}}"#, "no operation.location in the answer"),
    (#"{"status": {"id": "COMPLETED"}, "operation": null}"#, "no operation.location in the answer"),
  ]) func doesNotGuess(body: String, problem: String) {
    #expect(throws: FlinkError.undecodable(problem)) { try FlinkAnswers.operation(JSONValue(parsing: body)) }
  }

  @Test(arguments: ["[]", "null", "3", #"{"jobs": {}}"#, #"{"jobs": [{"jid": 3}]}"#, #"{"jobs": [{"jid": "a"}]}"#])
  func namesWhatIsMissing(body: String) {
    #expect(throws: FlinkError.self) { try FlinkAnswers.jobs(JSONValue(parsing: body)) }
  }

  @Test(arguments: [
    (#"{"errors": ["org.x.NotFoundException: Job a not found\n\tat b"]}"#, "org.x.NotFoundException: Job a not found"),
    (
      #"{"errors": ["Internal server error.", "<Exception on server side:\norg.x.E: outer\n\tat b\nCaused by: y.Z: inner\n\tat c"]}"#,
      "org.x.E: outer -> y.Z: inner"
    ),
    (#"{"errors": []}"#, #"{"errors":[]}"#), ("<html>\n<b>Bad Gateway", "<html>"), ("", ""), ("\u{0}", "\u{0}"),
  ]) func saysWhatAnErrorSays(body: String, message: String) {
    #expect(FlinkAnswers.errorMessage(Array(body.utf8)) == message)
  }

  @Test func keepsConnectionsOfAFewOnly() {
    var policy = KeepAlivePolicy(capacity: 2, expiry: .seconds(10))
    func endpoint(_ name: String) -> FlinkEndpoint { FlinkEndpoint(host: name, port: 8081) }
    let uses: [(String, Duration)] = [
      ("a", .zero), ("b", .zero), ("c", .seconds(5)), ("a", .seconds(8)),
      // b has expired; c takes its place.
      ("c", .seconds(12)), ("b", .seconds(12)), ("a", .seconds(12)),
    ]
    let kept = uses.map { policy.keeps(endpoint($0.0), now: $0.1) }
    #expect(kept == [true, true, false, true, true, false, true])
  }
}
