import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// `status.error` within `kubernetes.operator.exception.*`.
@Suite struct StatusErrorLimitTests {
  private static let trace = """
    org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
    \tat org.apache.flink.runtime.Handler.handle(Handler.java:219)
    Caused by: java.lang.RuntimeException: a wrapper
    \tat org.example.Job.main(Job.java:3)
    Caused by: java.io.IOException: disk: full
    \t... 3 more
    Caused by: java.lang.NullPointerException
    """

  private func error(
    _ keys: [String: String], turns: Int = 1
  ) throws -> (json: JSONValue, events: [LifecycleEvent]) {
    let settings = try OperatorSettings(
      OperatorDefaults(
        Dictionary(uniqueKeysWithValues: keys.map { ("kubernetes.operator.exception.\($0.key)", $0.value) })))
    var world = try World.running(.stateless)
    world.errorLimits = settings.errorLimits
    world.seeJob("FAILED")
    world.jobManager.exceptions = .seen(
      [JobExceptionEntry(name: "JobException", stackTrace: Self.trace, timestamp: World.now)], at: World.now)
    var events: [LifecycleEvent] = []
    for _ in 0..<turns { events += world.turn().events.filter { $0.reason == "Error" } }
    return (try JSONValue(parsing: try #require(world.status.error)), events)
  }

  @Test func byDefaultItHasTwoCausesAndNoTrace() throws {
    let error = try error([:]).json
    #expect(error["message"] == "The job failed: Caused by: java.lang.NullPointerException")
    #expect(error["stackTrace"] == nil)
    let causes = error["throwableList"]?.arrayValue ?? []
    #expect(causes.map { $0["type"]?.stringValue } == ["java.lang.RuntimeException", "java.io.IOException"])
    #expect(causes.map { $0["message"]?.stringValue } == ["a wrapper", "disk: full"])
  }

  // covers: kubernetes.operator.exception.throwable.list.max.count
  @Test(arguments: [(0, 0), (1, 1), (9, 3)]) func causesAreCounted(_ limit: Int, _ count: Int) throws {
    #expect(try error(["throwable.list.max.count": "\(limit)"]).json["throwableList"]?.arrayValue?.count == count)
  }

  // covers: kubernetes.operator.exception.stacktrace.enabled, kubernetes.operator.exception.stacktrace.max.length
  @Test func theTraceIsShownWhereItIsWanted() throws {
    #expect(try error(["stacktrace.enabled": "true"]).json["stackTrace"]?.stringValue == Self.trace)
    let cut = try error(["stacktrace.enabled": "true", "stacktrace.max.length": "30"]).json
    #expect(cut["stackTrace"] == "org.apache.flink.runtime.JobEx")
  }

  // covers: kubernetes.operator.exception.field.max.length
  @Test func fieldsAreCutAndStillSaidOnce() throws {
    let (error, events) = try error(["field.max.length": "20"], turns: 3)
    #expect(error["message"] == "The job failed: Caus")
    #expect(error["type"]?.stringValue?.count == 20)
    #expect(events.count == 1, "a message that was cut is not another one")
  }
}
