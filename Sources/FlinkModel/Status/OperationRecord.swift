public import KubernetesAPI

/// `status.operation`: the act that the operator has authorised, stored before its first effect.
public struct OperationRecord: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The first start of a new resource.
    case deploy
    /// A changed spec: stop what runs, start the new.
    case upgrade
    case suspend
    case resume
    /// TaskManager replicas only.
    case scale
    /// From an explicitly chosen restore point.
    case redeploy
    case rollback
    /// The JobManager is missing and comes back.
    case recover
    /// A failed or unhealthy job starts again.
    case restart
    /// The JobManager of a job that has ended goes after its time to live.
    case shutdown
    case delete
  }

  /// UID of the resource that the record was made for; a record with another UID comes from a restored backup.
  public var uid: String
  /// Generation of the spec acted upon.
  public var generation: Int64
  public var kind: Kind
  /// Names this operation; also on the objects it creates.
  public var id: String
  /// Number of the incarnation: grows with each JobManager Deployment of this resource, never reused.
  public var attempt: Int64
  /// How far the operation has come: a word of the decision core.
  public var phase: String?
  /// UID of the JobManager Deployment that this operation takes away.
  public var replacesUID: String?
  public var startedAt: Timestamp
  public var deadline: Timestamp?
  /// How the incarnation that this operation takes away was started.
  public var startedFrom: RestorePlan?
  /// How the next start gets its state.
  public var restorePlan: RestorePlan?
  /// The savepoint this operation asks for, stored before the request is sent.
  public var savepoint: SavepointRequest?
  /// Why the operator does it, where no user asked for it.
  public var cause: String?
  /// The newest exception of the job that was made an event, by Flink's clock.
  public var exceptionsUntil: Timestamp?
  /// When exceptions were made events last.
  public var exceptionsReportedAt: Timestamp?
  /// Another parallelism than the incarnation was made for.
  public var scaling: ScalingRecord?

  public init(
    uid: String, generation: Int64, kind: Kind, id: String, attempt: Int64, phase: String? = nil,
    replacesUID: String? = nil, startedAt: Timestamp, deadline: Timestamp? = nil, startedFrom: RestorePlan? = nil,
    restorePlan: RestorePlan? = nil, savepoint: SavepointRequest? = nil, cause: String? = nil
  ) {
    self.uid = uid
    self.generation = generation
    self.kind = kind
    self.id = id
    self.attempt = attempt
    self.phase = phase
    self.replacesUID = replacesUID
    self.startedAt = startedAt
    self.deadline = deadline
    self.startedFrom = startedFrom
    self.restorePlan = restorePlan
    self.savepoint = savepoint
    self.cause = cause
  }

  /// nil when a field without which the record means nothing is missing.
  init?(json: JSONValue) {
    guard let uid = json["uid"]?.stringValue, let generation = json["generation"]?.intValue,
      let kind: Kind = json.word("kind"), let id = json["id"]?.stringValue, let attempt = json["attempt"]?.intValue
    else { return nil }
    self.init(
      uid: uid, generation: generation, kind: kind, id: id, attempt: attempt, phase: json["phase"]?.stringValue,
      replacesUID: json["replacesUID"]?.stringValue,
      startedAt: json.timestamp("startedAt") ?? Timestamp(epochMilliseconds: 0),
      deadline: json.timestamp("deadline"),
      startedFrom: json.nested("startedFrom").flatMap(RestorePlan.init(json:)),
      restorePlan: json.nested("restorePlan").flatMap(RestorePlan.init(json:)),
      savepoint: json.nested("savepoint").flatMap(SavepointRequest.init(json:)), cause: json["cause"]?.stringValue)
    exceptionsUntil = json.timestamp("exceptionsUntil")
    exceptionsReportedAt = json.timestamp("exceptionsReportedAt")
    scaling = json.nested("scaling").flatMap(ScalingRecord.init(json:))
  }

  var json: JSONValue {
    var json: JSONObject = [
      "uid": .string(uid), "generation": JSONValue(generation), "kind": .string(kind.rawValue), "id": .string(id),
      "attempt": JSONValue(attempt),
    ]
    json.set("phase", phase)
    json.set("replacesUID", replacesUID)
    json.set("startedAt", startedAt.rfc3339Milliseconds)
    json.set("deadline", deadline?.rfc3339Milliseconds)
    json["startedFrom"] = startedFrom?.json
    json["restorePlan"] = restorePlan?.json
    json["savepoint"] = savepoint?.json
    json.set("cause", cause)
    json.set("exceptionsUntil", exceptionsUntil?.rfc3339Milliseconds)
    json.set("exceptionsReportedAt", exceptionsReportedAt?.rfc3339Milliseconds)
    json["scaling"] = scaling?.json
    return .object(json)
  }
}

/// How a start gets its state.
public enum RestorePlan: Sendable, Hashable {
  /// No state: a new lineage.
  case empty
  /// From a savepoint or retained checkpoint.
  case path(String)
  /// From the HA metadata of the recorded job id; the start must fail where it is gone.
  case lastState

  init?(json: JSONValue) {
    switch json["mode"]?.stringValue {
    case "empty": self = .empty
    case "last-state": self = .lastState
    case "path":
      guard let path = json["path"]?.stringValue else { return nil }
      self = .path(path)
    default: return nil
    }
  }

  var json: JSONValue {
    switch self {
    case .empty: ["mode": "empty"]
    case .path(let path): ["mode": "path", "path": .string(path)]
    case .lastState: ["mode": "last-state"]
    }
  }
}

/// A stop or savepoint request as stored before it is sent.
public struct SavepointRequest: Sendable, Hashable {
  /// 32 hexadecimal digits, chosen by the operator.
  public var triggerID: String
  public var targetDirectory: String?
  /// Where Flink put it, once known.
  public var location: String?
  /// When it was first seen to have failed: the next try counts from there.
  public var failedAt: Timestamp?

  public init(
    triggerID: String, targetDirectory: String? = nil, location: String? = nil, failedAt: Timestamp? = nil
  ) {
    self.triggerID = triggerID
    self.targetDirectory = targetDirectory
    self.location = location
    self.failedAt = failedAt
  }

  init?(json: JSONValue) {
    guard let triggerID = json["triggerID"]?.stringValue else { return nil }
    self.init(
      triggerID: triggerID, targetDirectory: json["targetDirectory"]?.stringValue,
      location: json["location"]?.stringValue, failedAt: json.timestamp("failedAt"))
  }

  var json: JSONValue {
    var json: JSONObject = ["triggerID": .string(triggerID)]
    json.set("targetDirectory", targetDirectory)
    json.set("location", location)
    json.set("failedAt", failedAt?.rfc3339Milliseconds)
    return .object(json)
  }
}
