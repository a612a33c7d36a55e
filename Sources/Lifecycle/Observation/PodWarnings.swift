public import KubernetesAPI

/// Why pods hang before their containers: their status says no more than `ContainerCreating`, the reason is in their
/// Events only.
public struct PodWarnings: Sendable, Hashable {
  /// By pod UID; a pod that was asked about and has nothing to complain of is not in it.
  public var problems: [String: PodProblem]

  public init(problems: [String: PodProblem] = [:]) { self.problems = problems }

  /// How long a pod may be prepared before its Events are looked at, in milliseconds.
  public static let patience: Int64 = 20_000
  /// The Events of a pod are not read more often than this.
  public static let interval: Int64 = 15_000
}

extension PodProblem {
  private static let preparationWarnings: Set<String> = [
    "FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "NetworkNotReady",
  ]
  private static let preparationSteps: Set<String> = ["Pulling", "Pulled", "Created", "Started"]

  /// What the Events of one pod that is still being prepared complain of, by the newest of them; nil where it has come
  /// further since.
  public init?(preparation events: [JSONValue]) {
    var newest: (at: Int64, problem: PodProblem?)?
    for event in events {
      guard let reason = event["reason"]?.stringValue else { continue }
      let isWarning = Self.preparationWarnings.contains(reason)
      guard isWarning || Self.preparationSteps.contains(reason) else { continue }
      let time = Self.time(of: event)
      if let newest, newest.at > time || (newest.at == time && !isWarning) { continue }
      newest = (
        time,
        isWarning ? PodProblem(reason: reason, message: event["message"]?.stringValue ?? reason) : nil
      )
    }
    guard let problem = newest?.problem else { return nil }
    self.init(reason: problem.reason, message: String(problem.message.prefix(1_000)))
  }

  private static func time(of event: JSONValue) -> Int64 {
    [event["series", "lastObservedTime"], event["lastTimestamp"], event["eventTime"], event["firstTimestamp"]]
      .compactMap { $0?.stringValue.flatMap { Timestamp(rfc3339: $0)?.epochMilliseconds } }.max() ?? 0
  }
}

extension PodFacts {
  /// A node has taken it and makes its volumes, address and images ready.
  public static func isBeingPrepared(_ pod: JSONValue) -> Bool {
    let status = pod["status"]
    guard pod["spec", "nodeName"]?.stringValue?.isEmpty == false,
      status?["phase"]?.stringValue ?? "Pending" == "Pending"
    else { return false }
    let containers =
      (status?["initContainerStatuses"]?.arrayValue ?? []) + (status?["containerStatuses"]?.arrayValue ?? [])
    return containers.allSatisfy { container in
      ["ContainerCreating", "PodInitializing"].contains(container["state", "waiting", "reason"]?.stringValue ?? "")
    }
  }
}

extension Observation {
  /// Why a pod does not come up, by its status and its log, or else by its Events.
  func problem(of pod: PodFacts) -> PodProblem? {
    pod.problem?.naming(crash(of: pod)?.cause) ?? (pod.isBeingPrepared ? podWarnings.value?.problems[pod.uid] : nil)
  }
}
