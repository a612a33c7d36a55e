import KubernetesAPI

/// A spec as kept in `status.reconciliationStatus`: text in the Apache operator's layout.
///
/// The text is opaque where specs are compared for stability, and is stored again as it was read. What is changed is
/// changed in place, the rest of the text's members stay as they were.
public struct ReconciledSpec: Sendable, Hashable {
  /// The JSON text as stored.
  public let text: String

  /// A text from status; nil when it is empty.
  public init?(stored text: String) {
    if text.isEmpty { return nil }
    self.text = text
  }

  private init(json: JSONValue) { text = json.text }

  /// A new record of a spec, with every field written out.
  ///
  /// - Parameters:
  ///   - jobState: the state the job is really in, where it differs from the spec's.
  ///   - upgradeMode: the mode in which the job must be restored next, where it differs from the spec's.
  ///   - previous: the record before this one; its savepoint and checkpoint trigger nonces are kept, so that a nonce
  ///     changed together with an upgrade is still acted upon.
  public init(
    _ spec: FlinkDeploymentSpec, firstDeployment: Bool, jobState: DesiredJobState? = nil,
    upgradeMode: UpgradeMode? = nil, keepingTriggerNoncesOf previous: ReconciledSpec? = nil
  ) {
    var spec = spec
    spec.flinkConfiguration = Self.sorted(spec.flinkConfiguration)
    spec.podTemplate = spec.podTemplate.map(Self.sorted)
    let templates = (spec.jobManager?.podTemplate, spec.taskManager?.podTemplate)
    spec.jobManager?.podTemplate = templates.0.map(Self.sorted)
    spec.taskManager?.podTemplate = templates.1.map(Self.sorted)
    if let jobState { spec.job?.state = jobState }
    if let upgradeMode { spec.job?.upgradeMode = upgradeMode }
    if let job = previous?.specJSON?["job"] {
      spec.job?.savepointTriggerNonce = job["savepointTriggerNonce"]?.intValue
      spec.job?.checkpointTriggerNonce = job["checkpointTriggerNonce"]?.intValue
    }
    self.init(
      json: [
        "spec": spec.json,
        "resource_metadata": [
          "apiVersion": .string(FlinkDeployment.apiVersion), "firstDeployment": .bool(firstDeployment),
        ],
      ])
  }

  /// Free-form parts sorted by name: the same spec gives the same text whatever order the server sent.
  private static func sorted(_ object: JSONObject) -> JSONObject {
    JSONObject(object.members.sorted { $0.key < $1.key }.map { ($0.key, sorted($0.value)) })
  }

  private static func sorted(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let object): .object(sorted(object))
    case .array(let elements): .array(elements.map(sorted))
    default: value
    }
  }

  private var json: JSONValue? { try? JSONValue(parsing: text) }

  /// The layout before version 1.4 of the Apache operator: the spec itself at the top, with an `apiVersion`.
  private static func isLegacy(_ json: JSONValue) -> Bool { json["spec"]?.objectValue == nil }

  private var specJSON: JSONValue? { json.map { Self.isLegacy($0) ? $0 : $0["spec"] ?? .null } }

  /// The recorded spec.
  ///
  /// - Throws: `InvalidField` when the text is not a record: somebody else wrote it.
  public func spec() throws(InvalidField) -> FlinkDeploymentSpec {
    let field = "status.reconciliationStatus.lastReconciledSpec"
    let json: JSONValue
    do {
      json = try JSONValue(parsing: text)
    } catch {
      throw InvalidField(field: field, value: text, fix: "is not the JSON that an operator stored (\(error))")
    }
    return try FlinkDeploymentSpec(json: Self.isLegacy(json) ? json : json["spec"], path: field)
  }

  /// Whether this spec has not been running yet; nil where the record does not say (the legacy layout).
  public var firstDeployment: Bool? { json?["resource_metadata", "firstDeployment"]?.boolValue }

  /// `spec.job.state` of the record: the state the job was last put into.
  public var jobState: DesiredJobState? { specJSON?["job"].flatMap { $0.isNull ? nil : $0.word("state") ?? .running } }

  /// `spec.job.upgradeMode` of the record: how the job must be restored.
  public var upgradeMode: UpgradeMode? {
    specJSON?["job"].flatMap { $0.isNull ? nil : $0.word("upgradeMode") ?? .stateless }
  }

  /// The nonces of the snapshots that were last asked for, or given up.
  public var triggerNonces: (savepoint: Int64?, checkpoint: Int64?) {
    let job = specJSON?["job"]
    return (job?["savepointTriggerNonce"]?.intValue, job?["checkpointTriggerNonce"]?.intValue)
  }

  /// The same record with some of the job's fields changed. A record without a job is returned as it is.
  public func settingJob(
    state: DesiredJobState? = nil, upgradeMode: UpgradeMode? = nil, savepointTriggerNonce: Int64? = nil,
    checkpointTriggerNonce: Int64? = nil, autoscalerResetNonce: Int64? = nil
  ) -> ReconciledSpec {
    guard var json else { return self }
    let path = Self.isLegacy(json) ? ["job"] : ["spec", "job"]
    guard var job = json.value(at: path), job.objectValue != nil else { return self }
    let before = job
    if let state { job["state"] = .string(state.rawValue) }
    if let upgradeMode { job["upgradeMode"] = .string(upgradeMode.rawValue) }
    if let savepointTriggerNonce { job["savepointTriggerNonce"] = JSONValue(savepointTriggerNonce) }
    if let checkpointTriggerNonce { job["checkpointTriggerNonce"] = JSONValue(checkpointTriggerNonce) }
    if let autoscalerResetNonce { job["autoscalerResetNonce"] = JSONValue(autoscalerResetNonce) }
    if job == before { return self }
    json.set(job, at: path)
    return ReconciledSpec(json: json)
  }

  /// The same record with another Ingress.
  public func settingIngress(_ ingress: IngressSpec?) -> ReconciledSpec {
    guard var json else { return self }
    let path = Self.isLegacy(json) ? ["ingress"] : ["spec", "ingress"]
    let value = ingress?.json ?? .null
    if json.value(at: path) ?? .null == value { return self }
    json.set(value, at: path)
    return ReconciledSpec(json: json)
  }

  /// The same record with `firstDeployment` changed. A record in the legacy layout is returned as it is.
  public func settingFirstDeployment(_ firstDeployment: Bool) -> ReconciledSpec {
    guard var json, !Self.isLegacy(json), self.firstDeployment != firstDeployment else { return self }
    json.set(.bool(firstDeployment), at: ["resource_metadata", "firstDeployment"])
    if json["resource_metadata", "apiVersion"] == nil {
      json.set(.string(FlinkDeployment.apiVersion), at: ["resource_metadata", "apiVersion"])
    }
    return ReconciledSpec(json: json)
  }
}
