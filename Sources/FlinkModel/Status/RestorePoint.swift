public import KubernetesAPI

/// State from which a job can start.
public struct RestorePoint: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case savepoint, checkpoint
    case haMetadata = "ha-metadata"
  }

  /// How the operator came to know it.
  public enum Provenance: String, Sendable, Hashable, CaseIterable {
    /// `spec.job.initialSavepointPath`.
    case spec
    /// The savepoint with which the operator stopped the job.
    case stop
    /// Reported by the JobManager.
    case jobManager = "job-manager"
    /// Read from the HA metadata.
    case haMetadata = "ha-metadata"
    /// Found in status, written by an earlier operator.
    case status
  }

  public var kind: Kind
  /// nil for HA metadata.
  public var path: String?
  public var provenance: Provenance
  /// The job that made it.
  public var jobID: String?
  public var checkpointID: Int64?
  /// Of its completion or, where Flink tells no more, of its trigger.
  public var timestamp: Timestamp?

  public init(
    kind: Kind, path: String?, provenance: Provenance, jobID: String? = nil, checkpointID: Int64? = nil,
    timestamp: Timestamp? = nil
  ) {
    self.kind = kind
    self.path = path
    self.provenance = provenance
    self.jobID = jobID
    self.checkpointID = checkpointID
    self.timestamp = timestamp
  }

  init?(json: JSONValue) {
    guard let kind: Kind = json.word("kind") else { return nil }
    self.init(
      kind: kind, path: json["path"]?.stringValue, provenance: json.word("provenance") ?? .status,
      jobID: json["jobID"]?.stringValue, checkpointID: json["checkpointID"]?.intValue,
      timestamp: json.timestamp("timestamp"))
  }

  var json: JSONObject {
    var json: JSONObject = ["kind": .string(kind.rawValue), "provenance": .string(provenance.rawValue)]
    json.set("path", path)
    json.set("jobID", jobID)
    json.set("checkpointID", checkpointID)
    json.set("timestamp", timestamp?.rfc3339Milliseconds)
    return json
  }
}

/// A restore point that was considered and not taken.
public struct RejectedRestorePoint: Sendable, Hashable {
  public var point: RestorePoint
  /// For people: `older than the chosen one`, `discarded`, `failed to restore`.
  public var reason: String

  public init(point: RestorePoint, reason: String) {
    self.point = point
    self.reason = reason
  }
}

/// `status.restorePoint`: the newest usable point known, and what was rejected.
public struct RestorePointRecord: Sendable, Hashable {
  public var chosen: RestorePoint?
  public var rejected: [RejectedRestorePoint]

  public init(chosen: RestorePoint? = nil, rejected: [RejectedRestorePoint] = []) {
    self.chosen = chosen
    self.rejected = rejected
  }

  init(json: JSONValue) {
    chosen = RestorePoint(json: json)
    rejected = (json["rejected"]?.arrayValue ?? []).compactMap { entry in
      RestorePoint(json: entry).map {
        RejectedRestorePoint(point: $0, reason: entry["reason"]?.stringValue ?? "")
      }
    }
  }

  var json: JSONValue {
    var json = chosen?.json ?? [:]
    if !rejected.isEmpty {
      json["rejected"] = .array(
        rejected.map { entry in
          var json = entry.point.json
          json["reason"] = .string(entry.reason)
          return .object(json)
        })
    }
    return .object(json)
  }
}
