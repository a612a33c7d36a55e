import FlinkModel
import KubernetesAPI

/// Reads Flink's answers: 1.20 and 2.x alike, unknown fields ignored, missing ones an error where nothing can be done
/// without them.
enum FlinkAnswers {
  /// Stack traces are cut after this many characters; one of Java's can be megabytes long.
  static let longestStackTrace = 16_384
  private static let longestLine = 1000

  // MARK: Answers

  static func clusterConfig(_ json: JSONValue) throws(FlinkError) -> ClusterConfig {
    ClusterConfig(
      flinkVersion: try string(json, "flink-version"), flinkRevision: json["flink-revision"]?.stringValue ?? "")
  }

  static func jobs(_ json: JSONValue) throws(FlinkError) -> [JobOverview] {
    var jobs: [JobOverview] = []
    for job in try array(json, "jobs") {
      var tasks: [String: Int] = [:]
      for (name, count) in job["tasks"]?.objectValue ?? [:] { tasks[name] = count.intValue.map { Int(clamping: $0) } }
      jobs.append(
        JobOverview(
          id: try string(job, "jid"), name: job["name"]?.stringValue ?? "", state: try string(job, "state"),
          startTime: job["start-time"]?.intValue ?? -1, endTime: job["end-time"]?.intValue ?? -1, tasks: tasks,
          lastModification: job["last-modification"]?.intValue ?? -1))
    }
    return jobs
  }

  static func checkpoints(_ json: JSONValue) throws(FlinkError) -> CheckpointStatistics {
    guard let counts = json["counts"], counts.objectValue != nil else { throw missing("counts") }
    let latest = json["latest"]
    return CheckpointStatistics(
      completedCount: count(counts["completed"]), failedCount: count(counts["failed"]),
      inProgressCount: count(counts["in_progress"]),
      latestCompleted: try checkpoint(latest?["completed"], time: "trigger_timestamp"),
      latestSavepoint: try checkpoint(latest?["savepoint"], time: "trigger_timestamp"),
      latestRestored: try checkpoint(latest?["restored"], time: "restore_timestamp"))
  }

  private static func checkpoint(_ json: JSONValue?, time: String) throws(FlinkError) -> CheckpointRecord? {
    guard let json, !json.isNull else { return nil }
    guard let id = json["id"]?.intValue else { throw missing("latest checkpoint's id") }
    return CheckpointRecord(
      id: id, isSavepoint: json["is_savepoint"]?.boolValue ?? false,
      externalPath: json["external_path"]?.stringValue ?? "", timestamp: json[time]?.intValue ?? 0,
      stateSize: json["state_size"]?.intValue ?? 0, isDiscarded: json["discarded"]?.boolValue ?? false,
      isStop: json["checkpoint_type"]?.stringValue == "SYNC_SAVEPOINT")
  }

  static func exceptions(_ json: JSONValue) throws(FlinkError) -> [JobExceptionEntry] {
    guard let history = json["exceptionHistory"] else { throw missing("exceptionHistory") }
    return try array(history, "entries").map { entry in
      let stackTrace = entry["stacktrace"]?.stringValue ?? ""
      return JobExceptionEntry(
        name: entry["exceptionName"]?.stringValue ?? "", stackTrace: String(stackTrace.prefix(longestStackTrace)),
        timestamp: entry["timestamp"]?.intValue ?? 0, taskName: entry["taskName"]?.stringValue,
        endpoint: entry["endpoint"]?.stringValue ?? entry["location"]?.stringValue,
        taskManagerID: entry["taskManagerId"]?.stringValue,
        failureLabels: (entry["failureLabels"]?.objectValue ?? [:]).reduce(into: [:]) { labels, entry in
          labels[entry.key] = entry.value.stringValue
        })
    }
  }

  /// Flink answers COMPLETED to failed operations too; the cause tells.
  static func operation(_ json: JSONValue) throws(FlinkError) -> AsyncOperationResult {
    switch try outcome(json) {
    case .inProgress: return .inProgress
    case .failed(let cause): return .failed(cause: cause)
    case .completed(let operation):
      guard let location = operation["location"]?.stringValue, !location.isEmpty else {
        throw missing("operation.location")
      }
      return .completed(location: location)
    }
  }

  static func checkpointOperation(_ json: JSONValue) throws(FlinkError) -> CheckpointTriggerResult {
    switch try outcome(json) {
    case .inProgress: return .inProgress
    case .failed(let cause): return .failed(cause: cause)
    case .completed(let operation):
      guard let id = operation["checkpointId"]?.intValue else { throw missing("operation.checkpointId") }
      return .completed(checkpointID: id)
    }
  }

  private enum Outcome {
    case inProgress
    case failed(String)
    case completed(JSONValue)
  }

  private static func outcome(_ json: JSONValue) throws(FlinkError) -> Outcome {
    guard let status = json["status", "id"]?.stringValue else { throw missing("status.id") }
    switch status {
    case "IN_PROGRESS": return .inProgress
    case "COMPLETED":
      let operation = json["operation"] ?? [:]
      if let cause = operation["failure-cause"], !cause.isNull { return .failed(failure(cause)) }
      return .completed(operation)
    default:
      throw .undecodable("operation has the unknown status \(line(status))")
    }
  }

  static func resourceRequirements(_ json: JSONValue) throws(FlinkError) -> [String: ParallelismBounds] {
    guard let vertices = json.objectValue else { throw missing("job vertices") }
    var bounds: [String: ParallelismBounds] = [:]
    for (id, vertex) in vertices {
      guard let lower = vertex["parallelism", "lowerBound"]?.intValue,
        let upper = vertex["parallelism", "upperBound"]?.intValue
      else { throw missing("parallelism of a job vertex") }
      bounds[id] = ParallelismBounds(lower: Int(clamping: lower), upper: Int(clamping: upper))
    }
    return bounds
  }

  static func json(of requirements: [String: ParallelismBounds]) -> JSONValue {
    var json = JSONObject()
    for (id, bounds) in requirements.sorted(by: { $0.key < $1.key }) {
      json[id] = ["parallelism": ["lowerBound": JSONValue(bounds.lower), "upperBound": JSONValue(bounds.upper)]]
    }
    return .object(json)
  }

  static func parallelism(_ json: JSONValue) throws(FlinkError) -> [String: Int] {
    var result: [String: Int] = [:]
    for vertex in try array(json, "vertices") {
      guard let parallelism = vertex["parallelism"]?.intValue else { throw missing("parallelism of a job vertex") }
      result[try string(vertex, "id")] = Int(clamping: parallelism)
    }
    return result
  }

  static func taskManagerCount(_ json: JSONValue) throws(FlinkError) -> Int { try array(json, "taskmanagers").count }

  static func jobStatus(_ json: JSONValue) throws(FlinkError) -> String { try string(json, "status") }

  /// One of a list of metrics, whose values are text; nil where it is not in it.
  static func metric(_ name: String, _ json: JSONValue) throws(FlinkError) -> Int64? {
    guard let metrics = json.arrayValue else { throw missing("list of metrics") }
    guard let value = metrics.first(where: { $0["id"]?.stringValue == name })?["value"]?.stringValue else { return nil }
    guard let number = Int64(value) else { throw missing("number for \(name)") }
    return number
  }

  /// The id under which Flink runs an operation.
  static func requestID(_ json: JSONValue) throws(FlinkError) -> String { try string(json, "request-id") }

  // MARK: Errors

  /// What an error body says, in one line.
  static func errorMessage(_ body: [UInt8]) -> String {
    guard let json = try? JSONValue(parsing: body) else {
      // Proxies answer with HTML or plain text.
      return line(String(decoding: body.prefix(longestLine * 4), as: UTF8.self))
    }
    let errors = (json["errors"]?.arrayValue ?? []).compactMap(\.stringValue).map(withoutFrame)
    // "Internal server error." comes with a second text that says more.
    let telling = errors.first { !$0.isEmpty && !$0.hasPrefix("Internal server error") } ?? errors.first
    return telling.map(chain) ?? line(json.text)
  }

  private static func failure(_ cause: JSONValue) -> String {
    let name = cause["class"]?.stringValue ?? "unknown failure"
    guard let trace = cause["stack-trace"]?.stringValue, !trace.isEmpty else { return line(name) }
    let text = chain(trace)
    return text.contains(name) ? text : line("\(name): \(text)")
  }

  private static func withoutFrame(_ text: String) -> String {
    let marker = "<Exception on server side:"
    guard text.hasPrefix(marker) else { return text }
    return String(text.dropFirst(marker.count).drop { $0 == "\n" || $0 == " " })
  }

  /// A stack trace's first line, and its root cause where there is another.
  private static func chain(_ trace: String) -> String {
    let lines = trace.prefix(1 << 20).split(whereSeparator: \.isNewline)
    guard let first = lines.first else { return "" }
    let marker = "Caused by: "
    guard let root = lines.last(where: { $0.hasPrefix(marker) })?.dropFirst(marker.count), !first.contains(root) else {
      return line(String(first))
    }
    return line("\(first) -> \(root)")
  }

  /// The first line that says something, cut to a bearable length.
  static func line(_ text: String) -> String {
    let first = text.prefix(longestLine * 4).split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    return first.count > longestLine ? first.prefix(longestLine) + "…" : first
  }

  // MARK: Fields

  private static func missing(_ field: String) -> FlinkError { .undecodable("no \(field) in the answer") }

  private static func string(_ json: JSONValue, _ field: String) throws(FlinkError) -> String {
    guard let value = json[field]?.stringValue else { throw missing(field) }
    return value
  }

  private static func array(_ json: JSONValue, _ field: String) throws(FlinkError) -> [JSONValue] {
    guard let value = json[field]?.arrayValue else { throw missing(field) }
    return value
  }

  private static func count(_ json: JSONValue?) -> Int { json?.intValue.map { Int(clamping: $0) } ?? 0 }
}
