import KubernetesAPI

/// Flink's own word for a job's state, as in `status.jobStatus.state`.
public enum FlinkJobState: String, Sendable, Hashable, CaseIterable {
  case canceled = "CANCELED"
  case cancelling = "CANCELLING"
  case created = "CREATED"
  case failed = "FAILED"
  case failing = "FAILING"
  case finished = "FINISHED"
  case initializing = "INITIALIZING"
  case reconciling = "RECONCILING"
  case restarting = "RESTARTING"
  case running = "RUNNING"
  case suspended = "SUSPENDED"

  /// FINISHED, CANCELED or FAILED: the job will not go on by itself. SUSPENDED is not among them.
  public var isGloballyTerminal: Bool { self == .finished || self == .canceled || self == .failed }
}

/// Why a savepoint or checkpoint was taken.
public enum SnapshotTriggerType: String, Sendable, Hashable, CaseIterable {
  case manual = "MANUAL"
  case periodic = "PERIODIC"
  case unknown = "UNKNOWN"
  case upgrade = "UPGRADE"
}

public enum SavepointFormatType: String, Sendable, Hashable, CaseIterable {
  case canonical = "CANONICAL"
  case native = "NATIVE"
  case unknown = "UNKNOWN"
}

public enum CheckpointFormatType: String, Sendable, Hashable, CaseIterable {
  case full = "FULL"
  case incremental = "INCREMENTAL"
  case unknown = "UNKNOWN"
}

/// One completed savepoint of `savepointInfo`.
public struct SavepointEntry: Sendable, Hashable {
  /// Epoch milliseconds.
  public var timeStamp: Int64?
  public var location: String?
  public var triggerType: SnapshotTriggerType?
  public var formatType: SavepointFormatType?
  public var triggerNonce: Int64?

  public init(
    timeStamp: Int64? = nil, location: String? = nil, triggerType: SnapshotTriggerType? = nil,
    formatType: SavepointFormatType? = nil, triggerNonce: Int64? = nil
  ) {
    self.timeStamp = timeStamp
    self.location = location
    self.triggerType = triggerType
    self.formatType = formatType
    self.triggerNonce = triggerNonce
  }

  init(json: JSONValue) {
    self.init(
      timeStamp: json["timeStamp"]?.intValue, location: json["location"]?.stringValue,
      triggerType: json.word("triggerType"), formatType: json.word("formatType"),
      triggerNonce: json["triggerNonce"]?.intValue)
  }

  var json: JSONValue {
    var json = JSONObject()
    json.set("timeStamp", timeStamp)
    json.set("location", location)
    json.set("triggerType", triggerType?.rawValue)
    json.set("formatType", formatType?.rawValue)
    json.set("triggerNonce", triggerNonce)
    return .object(json)
  }
}

/// `status.jobStatus.savepointInfo`: the Apache operator's older way to track savepoints.
public struct SavepointInfo: Sendable, Hashable {
  public var lastSavepoint: SavepointEntry?
  public var triggerId: String?
  /// Epoch milliseconds.
  public var triggerTimestamp: Int64?
  public var triggerType: SnapshotTriggerType?
  public var formatType: SavepointFormatType?
  /// Ours: the nonce by which a pending savepoint was asked for.
  public var triggerNonce: Int64?
  public var savepointHistory: [SavepointEntry]
  /// Epoch milliseconds; 0 for never.
  public var lastPeriodicSavepointTimestamp: Int64

  public init(
    lastSavepoint: SavepointEntry? = nil, triggerId: String? = nil, triggerTimestamp: Int64? = nil,
    triggerType: SnapshotTriggerType? = nil, formatType: SavepointFormatType? = nil,
    triggerNonce: Int64? = nil, savepointHistory: [SavepointEntry] = [], lastPeriodicSavepointTimestamp: Int64 = 0
  ) {
    self.triggerNonce = triggerNonce
    self.lastSavepoint = lastSavepoint
    self.triggerId = triggerId
    self.triggerTimestamp = triggerTimestamp
    self.triggerType = triggerType
    self.formatType = formatType
    self.savepointHistory = savepointHistory
    self.lastPeriodicSavepointTimestamp = lastPeriodicSavepointTimestamp
  }

  init(json: JSONValue) {
    self.init(
      lastSavepoint: json.nested("lastSavepoint").map(SavepointEntry.init(json:)),
      triggerId: json["triggerId"]?.stringValue, triggerTimestamp: json["triggerTimestamp"]?.intValue,
      triggerType: json.word("triggerType"), formatType: json.word("formatType"),
      triggerNonce: json["triggerNonce"]?.intValue,
      savepointHistory: (json["savepointHistory"]?.arrayValue ?? []).map(SavepointEntry.init(json:)),
      lastPeriodicSavepointTimestamp: json["lastPeriodicSavepointTimestamp"]?.intValue ?? 0)
  }

  var json: JSONValue {
    var json = JSONObject()
    json["lastSavepoint"] = lastSavepoint?.json
    json.set("triggerId", triggerId)
    json.set("triggerTimestamp", triggerTimestamp)
    json.set("triggerType", triggerType?.rawValue)
    json.set("formatType", formatType?.rawValue)
    json.set("triggerNonce", triggerNonce)
    json["savepointHistory"] = .array(savepointHistory.map(\.json))
    json.set("lastPeriodicSavepointTimestamp", lastPeriodicSavepointTimestamp)
    return .object(json)
  }
}

/// The last checkpoint triggered by an operator.
public struct CheckpointEntry: Sendable, Hashable {
  /// Epoch milliseconds.
  public var timeStamp: Int64?
  public var triggerType: SnapshotTriggerType?
  public var formatType: CheckpointFormatType?
  public var triggerNonce: Int64?

  public init(
    timeStamp: Int64? = nil, triggerType: SnapshotTriggerType? = nil, formatType: CheckpointFormatType? = nil,
    triggerNonce: Int64? = nil
  ) {
    self.timeStamp = timeStamp
    self.triggerType = triggerType
    self.formatType = formatType
    self.triggerNonce = triggerNonce
  }

  init(json: JSONValue) {
    self.init(
      timeStamp: json["timeStamp"]?.intValue, triggerType: json.word("triggerType"),
      formatType: json.word("formatType"), triggerNonce: json["triggerNonce"]?.intValue)
  }

  var json: JSONValue {
    var json = JSONObject()
    json.set("timeStamp", timeStamp)
    json.set("triggerType", triggerType?.rawValue)
    json.set("formatType", formatType?.rawValue)
    json.set("triggerNonce", triggerNonce)
    return .object(json)
  }
}

/// `status.jobStatus.checkpointInfo`.
public struct CheckpointInfo: Sendable, Hashable {
  public var lastCheckpoint: CheckpointEntry?
  public var triggerId: String?
  /// Epoch milliseconds.
  public var triggerTimestamp: Int64?
  public var triggerType: SnapshotTriggerType?
  public var formatType: CheckpointFormatType?
  /// Epoch milliseconds; 0 for never.
  public var lastPeriodicCheckpointTimestamp: Int64
  /// Ours: the nonce by which a pending checkpoint was asked for.
  public var triggerNonce: Int64?

  public init(
    lastCheckpoint: CheckpointEntry? = nil, triggerId: String? = nil, triggerTimestamp: Int64? = nil,
    triggerType: SnapshotTriggerType? = nil, formatType: CheckpointFormatType? = nil,
    triggerNonce: Int64? = nil, lastPeriodicCheckpointTimestamp: Int64 = 0
  ) {
    self.triggerNonce = triggerNonce
    self.lastCheckpoint = lastCheckpoint
    self.triggerId = triggerId
    self.triggerTimestamp = triggerTimestamp
    self.triggerType = triggerType
    self.formatType = formatType
    self.lastPeriodicCheckpointTimestamp = lastPeriodicCheckpointTimestamp
  }

  init(json: JSONValue) {
    self.init(
      lastCheckpoint: json.nested("lastCheckpoint").map(CheckpointEntry.init(json:)),
      triggerId: json["triggerId"]?.stringValue, triggerTimestamp: json["triggerTimestamp"]?.intValue,
      triggerType: json.word("triggerType"), formatType: json.word("formatType"),
      triggerNonce: json["triggerNonce"]?.intValue,
      lastPeriodicCheckpointTimestamp: json["lastPeriodicCheckpointTimestamp"]?.intValue ?? 0)
  }

  var json: JSONValue {
    var json = JSONObject()
    json["lastCheckpoint"] = lastCheckpoint?.json
    json.set("triggerId", triggerId)
    json.set("triggerTimestamp", triggerTimestamp)
    json.set("triggerType", triggerType?.rawValue)
    json.set("formatType", formatType?.rawValue)
    json.set("triggerNonce", triggerNonce)
    json.set("lastPeriodicCheckpointTimestamp", lastPeriodicCheckpointTimestamp)
    return .object(json)
  }
}

/// `status.jobStatus`.
public struct JobStatus: Sendable, Hashable {
  /// The Apache operator's word in `upgradeSavepointPath` for "from the HA metadata".
  public static let lastStateMarker = "KUBERNETES_OPERATOR_LAST_STATE"

  public var jobName: String?
  /// 32 hexadecimal digits.
  public var jobId: String?
  public var state: FlinkJobState?
  /// Epoch milliseconds; a string in JSON.
  public var startTime: Int64?
  /// Epoch milliseconds of the last change of `state`; a string in JSON.
  public var updateTime: Int64?
  public var upgradeSavepointPath: String?
  public var savepointInfo: SavepointInfo?
  public var checkpointInfo: CheckpointInfo?

  public init(
    jobName: String? = nil, jobId: String? = nil, state: FlinkJobState? = nil, startTime: Int64? = nil,
    updateTime: Int64? = nil, upgradeSavepointPath: String? = nil, savepointInfo: SavepointInfo? = nil,
    checkpointInfo: CheckpointInfo? = nil
  ) {
    self.jobName = jobName
    self.jobId = jobId
    self.state = state
    self.startTime = startTime
    self.updateTime = updateTime
    self.upgradeSavepointPath = upgradeSavepointPath
    self.savepointInfo = savepointInfo
    self.checkpointInfo = checkpointInfo
  }

  init(json: JSONValue) {
    self.init(
      jobName: json["jobName"]?.stringValue, jobId: json["jobId"]?.stringValue, state: json.word("state"),
      startTime: json.milliseconds("startTime"), updateTime: json.milliseconds("updateTime"),
      upgradeSavepointPath: json["upgradeSavepointPath"]?.stringValue,
      savepointInfo: json.nested("savepointInfo").map(SavepointInfo.init(json:)),
      checkpointInfo: json.nested("checkpointInfo").map(CheckpointInfo.init(json:)))
  }

  var json: JSONValue {
    var json = JSONObject()
    json.set("jobName", jobName)
    json.set("jobId", jobId)
    json.set("state", state?.rawValue)
    json.set("startTime", startTime.map { "\($0)" })
    json.set("updateTime", updateTime.map { "\($0)" })
    json.set("upgradeSavepointPath", upgradeSavepointPath)
    json["savepointInfo"] = savepointInfo?.json
    json["checkpointInfo"] = checkpointInfo?.json
    return .object(json)
  }
}
