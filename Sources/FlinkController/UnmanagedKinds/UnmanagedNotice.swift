public import FlinkModel
public import KubernetesAPI

/// What an object of a kind that this version does not act upon is told: its conditions and one Warning event. Pure.
public struct UnmanagedNotice: Sendable, Hashable {
  public static let reason = "KindNotSupported"

  public let message: String
  /// The conditions to store; nil where they are there already.
  public let conditions: [Condition]?

  /// nil for an object that is to be left alone: a canary.
  public init?(_ object: KubernetesObject, kind: FlinkKind, now: Timestamp) {
    let metadata = object.metadata
    let message: String
    if metadata.labels[FlinkDeployment.canaryLabel]?.lowercased() == "true" { return nil }
    if metadata.isBeingDeleted, let finalizer = kind.finalizer, metadata.finalizers.contains(finalizer) {
      // Set by another operator. What it stands for is not done by taking it away, so a person has to.
      message =
        "\(kind.rawValue) is deleted, but its finalizer \(finalizer) waits for an operator that supports the kind, which "
        + "this version does not: \(Self.undone(kind)), then remove the finalizer"
    } else {
      message = "this version of flink-operator does not act upon \(kind.rawValue): \(Self.instead(kind))"
    }
    self.message = message
    let generation = metadata.generation
    let old = (object.json["status", "conditions"]?.arrayValue ?? []).map(Condition.init(json:))
    let wanted = [
      (ConditionType.ready, ConditionStatus.false), (ConditionType.reconciling, .false), (ConditionType.stalled, .true),
    ].map {
      Condition(
        type: $0.0, status: $0.1, reason: Self.reason, message: message, observedGeneration: generation)
    }
    let new = old.updating(with: wanted, now: now)
    conditions = new == old ? nil : new
  }

  private static func instead(_ kind: FlinkKind) -> String {
    switch kind {
    case .deployment: ""
    case .sessionJob: "run the job as a FlinkDeployment with spec.job, or submit it to the session cluster yourself"
    case .stateSnapshot:
      "set spec.job.savepointTriggerNonce of the FlinkDeployment instead, the result is in its "
        + "status.jobStatus.savepointInfo"
    case .blueGreenDeployment: "use a FlinkDeployment, whose changes carry state by its upgradeMode"
    }
  }

  private static func undone(_ kind: FlinkKind) -> String {
    switch kind {
    case .deployment, .blueGreenDeployment: "delete what it owns"
    case .sessionJob: "cancel its job in the session cluster"
    case .stateSnapshot: "dispose of its savepoint if it is not wanted (status.path)"
    }
  }

  /// A merge patch of the status, nil when nothing is to be written.
  public func patch(uid: String, resourceVersion: String, generation: Int64) -> JSONValue? {
    guard let conditions else { return nil }
    return [
      "metadata": ["uid": .string(uid), "resourceVersion": .string(resourceVersion)],
      "status": ["conditions": .array(conditions.map(\.json)), "observedGeneration": JSONValue(generation)],
    ]
  }
}
