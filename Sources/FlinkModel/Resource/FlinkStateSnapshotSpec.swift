public import KubernetesAPI

/// `spec` of a FlinkStateSnapshot: a savepoint or checkpoint to be taken of a job, or known already.
public struct FlinkStateSnapshotSpec: Sendable, Hashable {
  /// Retries after a failure; -1, which is also what an absent field means, for as many as it takes.
  public var backoffLimit: Int
  public var jobReference: JobReference?
  public var savepoint: Savepoint?
  public var isCheckpoint: Bool

  public struct JobReference: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
      case deployment = "FlinkDeployment"
      case sessionJob = "FlinkSessionJob"
    }

    public var kind: Kind?
    public var name: String?

    public init(kind: Kind? = nil, name: String? = nil) {
      self.kind = kind
      self.name = name
    }
  }

  public struct Savepoint: Sendable, Hashable {
    public enum Format: String, Sendable, Hashable, CaseIterable {
      case canonical = "CANONICAL"
      case native = "NATIVE"
      case unknown = "UNKNOWN"
    }

    public var path: String?
    public var format: Format
    public var isDisposedOnDelete: Bool
    public var alreadyExists: Bool

    public init(
      path: String? = nil, format: Format = .canonical, isDisposedOnDelete: Bool = true, alreadyExists: Bool = false
    ) {
      self.path = path
      self.format = format
      self.isDisposedOnDelete = isDisposedOnDelete
      self.alreadyExists = alreadyExists
    }
  }

  public init(
    backoffLimit: Int = -1, jobReference: JobReference? = nil, savepoint: Savepoint? = nil, isCheckpoint: Bool = false
  ) {
    self.backoffLimit = backoffLimit
    self.jobReference = jobReference
    self.savepoint = savepoint
    self.isCheckpoint = isCheckpoint
  }

  /// - Throws: `InvalidField` when a field has a type that cannot be read.
  public init(json: JSONValue?) throws(InvalidField) {
    let reader = try FieldReader(json, path: "spec")
    self.init(backoffLimit: try reader.int("backoffLimit") ?? -1, isCheckpoint: try reader.object("checkpoint") != nil)
    if let reference = try reader.object("jobReference") {
      jobReference = JobReference(
        kind: try reference.word("kind", as: JobReference.Kind.self), name: try reference.string("name"))
    }
    if let reader = try reader.object("savepoint") {
      savepoint = Savepoint(
        path: try reader.string("path"), format: try reader.word("formatType", as: Savepoint.Format.self) ?? .canonical,
        isDisposedOnDelete: try reader.bool("disposeOnDelete") ?? true,
        alreadyExists: try reader.bool("alreadyExists") ?? false)
    }
  }

  public var json: JSONValue {
    [
      "backoffLimit": JSONValue(backoffLimit),
      "jobReference": jobReference.map {
        ["kind": JSONValue(optional: $0.kind?.rawValue), "name": JSONValue(optional: $0.name)]
      } ?? .null,
      "savepoint": savepoint.map {
        [
          "path": JSONValue(optional: $0.path), "formatType": .string($0.format.rawValue),
          "disposeOnDelete": .bool($0.isDisposedOnDelete), "alreadyExists": .bool($0.alreadyExists),
        ]
      } ?? .null,
      "checkpoint": isCheckpoint ? [:] : .null,
    ]
  }
}
