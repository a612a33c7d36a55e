/// What can go wrong at one of the operator's changing calls, or be brought about by it.
public enum FaultKind: String, Sendable, Hashable, CaseIterable {
  // MARK: The process

  /// The operator dies before the call has an effect.
  case crashBefore = "crash-before"
  /// The operator dies after the call has had its effect.
  case crashAfter = "crash-after"
  /// After the call nothing is delivered by watches for some seconds, and then the operator dies.
  case silenceThenCrash = "silence-then-crash"
  /// The operator dies after the call, and the next one begins with a view of some seconds before.
  case staleRestart = "stale-restart"
  /// The process is stopped (SIGSTOP) before the call leaves it. Another operator takes over; then the process wakes, the
  /// call goes out, and it finds its lease lost.
  case frozen
  /// The same without another operator: the world goes on alone, the call goes out late.
  case frozenAlone = "frozen-alone"
  /// Another operator acts at the same time for a while, and then instead.
  case twoOperators = "two-operators"

  // MARK: The call

  /// The call has its effect, its answer is lost.
  case lostReply = "lost-reply"
  /// The call never arrives.
  case unreachable
  /// The server refuses with 500, without an effect.
  case serverError = "server-error"
  /// The server refuses with 429 and Retry-After, without an effect.
  case tooManyRequests = "too-many-requests"
  /// Somebody else has written in between (status and metadata of the resource only).
  case conflict

  // MARK: Views

  /// After the call nothing is delivered by watches for some seconds.
  case silence
  /// After the call the watch on pods delivers nothing for a while, the others do.
  case stalePods = "stale-pods"
  /// The same for Deployments.
  case staleDeployments = "stale-deployments"
  /// The same for the resources themselves.
  case staleResources = "stale-resources"
  /// After the call only the last state of each object is delivered of what happens within some seconds.
  case coalesced
  /// After the call the watches end and cannot go on from where they were (410): everything is listed again.
  case watchGone = "watch-gone"
  /// The same, and the lists are some seconds old.
  case viewRolledBack = "view-rolled-back"

  // MARK: Time

  /// After the call the operator's clock is half a minute ahead.
  case clockForward = "clock-forward"
  /// After the call the operator's clock is half a minute behind.
  case clockBack = "clock-back"

  // MARK: Flink

  /// After the call the JobManager cannot be reached for some seconds.
  case flinkUnreachable = "flink-unreachable"
  /// After the call the JobManager answers 503 for some seconds.
  case flinkUnavailable = "flink-503"
  /// After the call the JobManager does not know its job for some seconds, as while it starts.
  case flinkForgets = "flink-404"
  /// After the call the next savepoint fails.
  case savepointFails = "savepoint-fails"
  /// After the call the next stop takes its savepoint and fails then; the job goes on.
  case stopFails = "stop-fails"
  /// After the call the JobManager's container ends and is started again.
  case managerRestarts = "jobmanager-restarts"
  /// After the call the JobManager's pod is lost; its Deployment makes another one.
  case managerLost = "jobmanager-pod-lost"
  /// After the call the TaskManagers' pods are lost.
  case workersLost = "taskmanagers-lost"

  // MARK: Nodes

  /// After the call pods that are deleted take half a minute to go.
  case podsLinger = "pods-linger"
  /// After the call the node cannot be reached for half a minute: what runs goes on, and nobody hears of it.
  case nodeUnreachable = "node-unreachable"

  /// What is recorded of a call in a run without faults.
  public struct Context: Sendable, Hashable {
    public var name: String
    /// A JobManager runs.
    public var hasManager: Bool
    /// The job keeps its state.
    public var hasState: Bool

    /// The call without the names of objects: `create deployments`.
    public var effect: String {
      let words = name.split(separator: " ")
      guard words.count > 1 else { return name }
      if words[0] == "patch", words[1].hasPrefix("flinkdeployments") {
        return name.hasSuffix("/status") ? "store status" : "patch finalizers"
      }
      if words[0] == "patch" || words[0] == "create" || words[0] == "delete" || words[0] == "replace" {
        return "\(words[0]) \(words[1].split(separator: ".").first ?? "")"
      }
      return words.prefix(2).joined(separator: " ")
    }
  }

  /// Why it cannot make a difference where it does not apply.
  public var limit: String? {
    switch self {
    case .conflict: "only what changes the resource itself can meet somebody else's write"
    case .flinkUnreachable, .flinkUnavailable, .flinkForgets, .nodeUnreachable, .workersLost, .managerRestarts,
      .managerLost:
      "only while a JobManager runs"
    case .savepointFails, .stopFails: "only while a JobManager runs a job that keeps its state"
    default: nil
    }
  }

  /// Whether the fault can make a difference at a call.
  public func applies(to call: Context) -> Bool {
    switch self {
    // A create is never answered with Conflict, only with AlreadyExists.
    case .conflict: call.name.hasPrefix("patch flinkdeployments")
    case .flinkUnreachable, .flinkUnavailable, .flinkForgets, .nodeUnreachable, .workersLost, .managerRestarts,
      .managerLost:
      call.hasManager
    case .savepointFails, .stopFails: call.hasState && call.hasManager
    default: true
    }
  }
}
