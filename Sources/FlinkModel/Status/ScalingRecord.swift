public import KubernetesAPI

/// `status.operation.scaling`: the parallelism that the operator asks Flink to give a running job, stored before it asks.
///
/// It stays with the incarnation: what its objects say is what it was made for, and a JobManager that begins the job
/// again by them has to be asked again.
public struct ScalingRecord: Sendable, Hashable {
  /// Of the spec that wants it. While this is newer than the operation's, Flink has not been seen to agree.
  public var generation: Int64
  /// By job vertex: all vertices that follow the spec.
  public var parallelism: [String: Int]
  public var deadline: Timestamp
  /// When Flink was first seen to have these bounds.
  public var acceptedAt: Timestamp?
  /// Which run of the job they were given to: when it began, by Flink.
  public var runStartedAt: Int64?
  /// The number of TaskManagers that was asked for last; nil where none was. An old view may not show it.
  public var taskManagers: Int?

  public init(
    generation: Int64, parallelism: [String: Int], deadline: Timestamp, acceptedAt: Timestamp? = nil,
    runStartedAt: Int64? = nil, taskManagers: Int? = nil
  ) {
    self.generation = generation
    self.parallelism = parallelism
    self.deadline = deadline
    self.acceptedAt = acceptedAt
    self.runStartedAt = runStartedAt
    self.taskManagers = taskManagers
  }

  init?(json: JSONValue) {
    guard let generation = json["generation"]?.intValue, let deadline = json.timestamp("deadline") else { return nil }
    var parallelism: [String: Int] = [:]
    for (vertex, value) in json["parallelism"]?.objectValue ?? [:] {
      parallelism[vertex] = value.intValue.map { Int(clamping: $0) }
    }
    self.init(
      generation: generation, parallelism: parallelism, deadline: deadline, acceptedAt: json.timestamp("acceptedAt"),
      runStartedAt: json["runStartedAt"]?.intValue,
      taskManagers: json["taskManagers"]?.intValue.map { Int(clamping: $0) })
  }

  var json: JSONValue {
    var vertices = JSONObject()
    for (vertex, value) in parallelism.sorted(by: { $0.key < $1.key }) { vertices[vertex] = JSONValue(value) }
    var json: JSONObject = ["generation": JSONValue(generation), "parallelism": .object(vertices)]
    json.set("deadline", deadline.rfc3339Milliseconds)
    json.set("acceptedAt", acceptedAt?.rfc3339Milliseconds)
    if let runStartedAt { json["runStartedAt"] = JSONValue(runStartedAt) }
    if let taskManagers { json["taskManagers"] = JSONValue(taskManagers) }
    return .object(json)
  }

  /// The bounds of all vertices, with this parallelism for those that follow the spec.
  public func applied(to bounds: [String: ParallelismBounds]) -> [String: ParallelismBounds] {
    var result = bounds
    for (vertex, upper) in parallelism where bounds[vertex] != nil {
      result[vertex] = ParallelismBounds(lower: min(upper, bounds[vertex]?.lower ?? 1), upper: upper)
    }
    return result
  }
}
