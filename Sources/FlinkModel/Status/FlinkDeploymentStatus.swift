public import KubernetesAPI

/// `status.lifecycleState`: the Apache operator's summary of a resource.
public enum LifecycleState: String, Sendable, Hashable, CaseIterable {
  case created = "CREATED"
  case deleted = "DELETED"
  case deleting = "DELETING"
  case deployed = "DEPLOYED"
  case failed = "FAILED"
  case rolledBack = "ROLLED_BACK"
  case rollingBack = "ROLLING_BACK"
  case stable = "STABLE"
  case suspended = "SUSPENDED"
  case upgrading = "UPGRADING"
}

/// `status.jobManagerDeploymentStatus`.
public enum JobManagerDeploymentStatus: String, Sendable, Hashable, CaseIterable {
  case deployedNotReady = "DEPLOYED_NOT_READY"
  case deploying = "DEPLOYING"
  case error = "ERROR"
  case missing = "MISSING"
  case ready = "READY"
}

/// `status.reconciliationStatus.state`.
public enum ReconciliationState: String, Sendable, Hashable, CaseIterable {
  case deployed = "DEPLOYED"
  case rolledBack = "ROLLED_BACK"
  case rollingBack = "ROLLING_BACK"
  case upgrading = "UPGRADING"
}

/// `status.reconciliationStatus`.
public struct ReconciliationStatus: Sendable, Hashable {
  /// Epoch milliseconds; 0 for never.
  public var reconciliationTimestamp: Int64
  public var lastReconciledSpec: ReconciledSpec?
  public var lastStableSpec: ReconciledSpec?
  public var state: ReconciliationState

  public init(
    reconciliationTimestamp: Int64 = 0, lastReconciledSpec: ReconciledSpec? = nil,
    lastStableSpec: ReconciledSpec? = nil, state: ReconciliationState = .upgrading
  ) {
    self.reconciliationTimestamp = reconciliationTimestamp
    self.lastReconciledSpec = lastReconciledSpec
    self.lastStableSpec = lastStableSpec
    self.state = state
  }

  init(json: JSONValue?) {
    self.init(
      reconciliationTimestamp: json?["reconciliationTimestamp"]?.intValue ?? 0,
      lastReconciledSpec: json?["lastReconciledSpec"]?.stringValue.flatMap(ReconciledSpec.init(stored:)),
      lastStableSpec: json?["lastStableSpec"]?.stringValue.flatMap(ReconciledSpec.init(stored:)),
      state: json?.word("state") ?? .upgrading)
  }

  var json: JSONValue {
    var json = JSONObject()
    json.set("reconciliationTimestamp", reconciliationTimestamp)
    json.set("lastReconciledSpec", lastReconciledSpec?.text)
    json.set("lastStableSpec", lastStableSpec?.text)
    json.set("state", state.rawValue)
    return .object(json)
  }

  /// Both specs are stored and are the same text.
  public var isLastReconciledSpecStable: Bool {
    guard let lastReconciledSpec, let lastStableSpec else { return false }
    return lastReconciledSpec.text == lastStableSpec.text
  }

  /// What runs: the stable spec after a rollback, otherwise the last reconciled one.
  public var deployedSpec: ReconciledSpec? { state == .rolledBack ? lastStableSpec : lastReconciledSpec }

  /// What the next incarnation is made from: as `deployedSpec`, but for a rollback under way.
  public var startedSpec: ReconciledSpec? {
    state == .rolledBack || state == .rollingBack ? lastStableSpec : lastReconciledSpec
  }
}

/// `status.taskManager`: what the scale subresource shows.
public struct TaskManagerInfo: Sendable, Hashable {
  public var labelSelector: String
  public var replicas: Int

  public init(labelSelector: String = "", replicas: Int = 0) {
    self.labelSelector = labelSelector
    self.replicas = replicas
  }

  init(json: JSONValue) {
    self.init(
      labelSelector: json["labelSelector"]?.stringValue ?? "", replicas: Int(json["replicas"]?.intValue ?? 0))
  }

  var json: JSONValue { ["labelSelector": .string(labelSelector), "replicas": JSONValue(replicas)] }
}

/// `status` of a FlinkDeployment: the Apache operator's fields with their meaning, and ours (`conditions` beyond
/// `Running`, `operation`, `restorePoint`).
public struct FlinkDeploymentStatus: Sendable, Hashable {
  public var jobStatus: JobStatus
  /// The Apache operator's error text, see `StatusError`.
  public var error: String?
  public var observedGeneration: Int64?
  /// Stored; see `LifecycleState.init(of:)` for the value that follows from the rest.
  public var lifecycleState: LifecycleState?
  public var clusterInfo: [String: String]
  public var jobManagerDeploymentStatus: JobManagerDeploymentStatus
  public var reconciliationStatus: ReconciliationStatus
  public var taskManager: TaskManagerInfo?
  public var conditions: [Condition]
  /// What the operator is authorised to do, or did last.
  public var operation: OperationRecord?
  /// The state the next start would use, and the candidates that were not taken.
  public var restorePoint: RestorePointRecord?
  /// Members this operator does not know; written back unchanged.
  public private(set) var unknownFields: JSONObject
  private var observed = Observed()

  public init(
    jobStatus: JobStatus = JobStatus(), error: String? = nil, observedGeneration: Int64? = nil,
    lifecycleState: LifecycleState? = nil, clusterInfo: [String: String] = [:],
    jobManagerDeploymentStatus: JobManagerDeploymentStatus = .missing,
    reconciliationStatus: ReconciliationStatus = ReconciliationStatus(), taskManager: TaskManagerInfo? = nil,
    conditions: [Condition] = [], operation: OperationRecord? = nil, restorePoint: RestorePointRecord? = nil
  ) {
    self.jobStatus = jobStatus
    self.error = error
    self.observedGeneration = observedGeneration
    self.lifecycleState = lifecycleState
    self.clusterInfo = clusterInfo
    self.jobManagerDeploymentStatus = jobManagerDeploymentStatus
    self.reconciliationStatus = reconciliationStatus
    self.taskManager = taskManager
    self.conditions = conditions
    self.operation = operation
    self.restorePoint = restorePoint
    unknownFields = [:]
  }

  /// Reads an object's `status` member. Never fails: a member of another type counts as absent.
  public init(json: JSONValue?) {
    let object = json?.objectValue ?? [:]
    let json = JSONValue.object(object)
    self.init(
      jobStatus: JobStatus(json: json["jobStatus"] ?? [:]), error: json["error"]?.stringValue,
      observedGeneration: json["observedGeneration"]?.intValue, lifecycleState: json.word("lifecycleState"),
      clusterInfo: json["clusterInfo"]?.objectValue?.strings ?? [:],
      jobManagerDeploymentStatus: json.word("jobManagerDeploymentStatus") ?? .missing,
      reconciliationStatus: ReconciliationStatus(json: json["reconciliationStatus"]),
      taskManager: json.nested("taskManager").map(TaskManagerInfo.init(json:)),
      conditions: (json["conditions"]?.arrayValue ?? []).map(Condition.init(json:)),
      operation: json.nested("operation").flatMap(OperationRecord.init(json:)),
      restorePoint: json.nested("restorePoint").map(RestorePointRecord.init(json:)))
    unknownFields = object.filter { key, value in !Self.knownFields.contains(key) && !value.isNull }
    observed = Observed(json: json)
  }

  static let knownFields: Set<String> = [
    "jobStatus", "error", "observedGeneration", "lifecycleState", "clusterInfo", "jobManagerDeploymentStatus",
    "reconciliationStatus", "taskManager", "conditions", "operation", "restorePoint",
  ]

  /// The whole status; absent fields are left out.
  public var json: JSONValue {
    var json = JSONObject()
    json["jobStatus"] = jobStatus.json
    json.set("error", error)
    json.set("observedGeneration", observedGeneration)
    json.set("lifecycleState", lifecycleState?.rawValue)
    json["clusterInfo"] = JSONValue(clusterInfo)
    json.set("jobManagerDeploymentStatus", jobManagerDeploymentStatus.rawValue)
    json["reconciliationStatus"] = reconciliationStatus.json
    json["taskManager"] = taskManager?.json
    if !conditions.isEmpty || observed.json?["conditions"] != nil {
      json["conditions"] = .array(conditions.map(\.json))
    }
    json["operation"] = operation?.json
    json["restorePoint"] = restorePoint?.json
    for (key, value) in unknownFields { json[key] = value }
    return .object(json)
  }

  /// The merge patch of `/status` that turns what the server holds into this value: changed members, and null for
  /// those that are gone. nil when nothing differs.
  ///
  /// Where `old` was read from the server, its stored text is the base, so that defaults the server has not stored yet
  /// are written once and nulls it has are no difference.
  public func mergePatch(from old: FlinkDeploymentStatus) -> JSONValue? {
    JSONValue.mergePatch(from: old.observed.json ?? old.json, to: json)
  }

  /// What the server held. It says nothing about the value, so it takes no part in equality.
  private struct Observed: Sendable, Hashable {
    var json: JSONValue?
    static func == (left: Observed, right: Observed) -> Bool { true }
    func hash(into hasher: inout Hasher) {}
  }
}

extension JSONValue {
  /// The RFC 7386 merge patch that turns `old` into `new`; nil when they are equal. A null member counts as absent.
  public static func mergePatch(from old: JSONValue, to new: JSONValue) -> JSONValue? {
    // JSONValue takes `nil` for its own null, so that `? nil :` would give a patch of nulls.
    if old == new { return Optional.none }
    guard let before = old.objectValue, let after = new.objectValue else { return new }
    var patch = JSONObject()
    for (key, value) in after where !value.isNull {
      if let previous = before[key], !previous.isNull {
        if let change = mergePatch(from: previous, to: value) { patch[key] = change }
      } else {
        patch[key] = value
      }
    }
    for (key, value) in before where !value.isNull && (after[key] ?? .null).isNull { patch[key] = .null }
    return patch.isEmpty ? Optional.none : .some(.object(patch))
  }
}
