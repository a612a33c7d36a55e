public import KubernetesAPI

/// One question of the API server: may this object be stored?
public struct AdmissionRequest: Sendable, Hashable {
  public var uid: String
  /// CREATE, UPDATE, DELETE or CONNECT.
  public var operation: String
  public var group: String
  public var kind: String
  public var subresource: String
  /// `null` for DELETE.
  public var object: JSONValue
  /// `null` for CREATE.
  public var oldObject: JSONValue

  /// Reads an `AdmissionReview` of `admission.k8s.io/v1`; nil where it is none.
  public init?(review: JSONValue) {
    guard let request = review["request"], let uid = request["uid"]?.stringValue else { return nil }
    self.uid = uid
    operation = request["operation"]?.stringValue ?? ""
    group = request["kind", "group"]?.stringValue ?? ""
    kind = request["kind", "kind"]?.stringValue ?? ""
    subresource = request["subResource"]?.stringValue ?? ""
    object = request["object"] ?? .null
    oldObject = request["oldObject"] ?? .null
  }
}

/// The answer to an `AdmissionRequest`.
public struct AdmissionVerdict: Sendable, Hashable {
  /// Why the object is refused; nil where it is accepted.
  public var refusal: InvalidField?
  public var warnings: [String]
  /// Operations of a JSON patch.
  public var patch: [JSONValue]

  public static let accepted = AdmissionVerdict()

  public init(refusal: InvalidField? = nil, warnings: [String] = [], patch: [JSONValue] = []) {
    self.refusal = refusal
    self.warnings = warnings
    self.patch = patch
  }

  /// The `response` of an `AdmissionReview`, but for its patch, which the transport encodes.
  public func response(uid: String) -> JSONObject {
    var response: JSONObject = ["uid": .string(uid), "allowed": .bool(refusal == nil)]
    if !warnings.isEmpty { response["warnings"] = .array(warnings.map(JSONValue.string)) }
    if let refusal {
      response["status"] = [
        "status": "Failure", "code": 422, "reason": "Invalid", "message": .string(refusal.description),
      ]
    }
    return response
  }
}

/// Judges what is about to be stored, by the rules by which the controllers judge it later. Pure.
///
/// It never stands in the way of an end: deletions, objects being deleted, and updates that leave the spec as it is (of
/// finalizers, labels, status) are accepted whatever the spec holds.
public struct AdmissionReviewer: Sendable {
  public static let sessionLabel = "target.session"

  private let settings: OperatorSettings

  public init(_ settings: OperatorSettings) { self.settings = settings }

  /// - Parameter cluster: the FlinkDeployment that a session job names, nil where it is not known.
  public func validate(_ request: AdmissionRequest, cluster: FlinkDeployment? = nil) -> AdmissionVerdict {
    guard let kind = FlinkKind(rawValue: request.kind), request.group == kind.type.group, isStored(request),
      request.operation == "CREATE" || request.object["spec"] != request.oldObject["spec"]
    else {
      return .accepted
    }
    let object = KubernetesObject(request.object)
    let old = request.oldObject.isNull ? nil : KubernetesObject(request.oldObject)
    do throws(InvalidField) {
      let metadata = object.metadata
      let version = try? FlinkDeploymentSpec(json: request.object["spec"]).flinkVersion
      let scoped = try settings.scoped(namespace: metadata.namespace, flinkVersion: version)
      let validator = Validator(scoped)
      var warnings: [String] = []
      switch kind {
      case .deployment:
        let deployment = FlinkDeployment(object)
        warnings = AdmissionWarnings(scoped).warnings(from: old.map { FlinkDeployment($0) }, to: deployment)
        _ = try validator.validate(deployment)
      case .sessionJob:
        try validator.validate(
          FlinkSessionJobSpec(json: request.object["spec"]), metadata: metadata, previous: Self.previous(object),
          cluster: cluster)
      case .stateSnapshot: try validator.validate(FlinkStateSnapshotSpec(json: request.object["spec"]))
      case .blueGreenDeployment:
        try validator.validate(FlinkBlueGreenDeploymentSpec(json: request.object["spec"]), metadata: metadata)
      }
      if !kind.isManaged {
        warnings.append("this version of flink-operator does not act upon \(kind.rawValue): nothing will happen for it")
      }
      return AdmissionVerdict(warnings: warnings)
    } catch {
      return AdmissionVerdict(refusal: error)
    }
  }

  /// Session jobs get the label by which they are found for their cluster.
  public func mutate(_ request: AdmissionRequest) -> AdmissionVerdict {
    guard request.kind == FlinkKind.sessionJob.rawValue, isStored(request),
      let cluster = request.object["spec", "deploymentName"]?.stringValue,
      request.object["metadata", "labels", Self.sessionLabel]?.stringValue != cluster
    else { return .accepted }
    let value = JSONValue.string(cluster)
    if request.object["metadata", "labels"]?.objectValue == nil {
      return AdmissionVerdict(patch: [["op": "add", "path": "/metadata/labels", "value": [Self.sessionLabel: value]]])
    }
    return AdmissionVerdict(patch: [["op": "add", "path": "/metadata/labels/\(Self.sessionLabel)", "value": value]])
  }

  /// Whether the request stores an object that is there to stay and not a canary.
  private func isStored(_ request: AdmissionRequest) -> Bool {
    guard request.operation == "CREATE" || request.operation == "UPDATE", request.subresource.isEmpty,
      case .object = request.object
    else { return false }
    let metadata = ObjectMetadata(json: request.object["metadata"])
    return !metadata.isBeingDeleted && metadata.labels[FlinkDeployment.canaryLabel]?.lowercased() != "true"
  }

  /// What the record of a session job says was acted upon last.
  private static func previous(_ object: KubernetesObject) -> FlinkSessionJobSpec? {
    guard let text = object.json["status", "reconciliationStatus", "lastReconciledSpec"]?.stringValue,
      let json = try? JSONValue(parsing: text)
    else { return nil }
    return try? FlinkSessionJobSpec(json: json["spec"] ?? json)
  }
}
