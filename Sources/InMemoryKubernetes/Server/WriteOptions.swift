import KubernetesAPI

/// The query parameters of a create, update or patch, checked.
struct WriteParameters: Sendable {
  enum FieldValidation: Sendable {
    case ignore, warn, strict
  }

  var isDryRun = false
  var fieldValidation = FieldValidation.warn
  var fieldManager: String?
  var isForced = false
  private var givenFieldValidation: String?

  /// What nobody set.
  init() {}

  /// - Throws: a 422 of the options' kind (`CreateOptions`, `UpdateOptions`, `PatchOptions`).
  init(_ target: RequestTarget, kind: String) throws(APIFailure) {
    var errors: [FieldError] = []
    let dryRun = target.query.filter { $0.name == "dryRun" }.map(\.value)
    if dryRun.contains(where: { $0 != "All" }) {
      errors.append(.notSupported("dryRun", JSONValue(dryRun), ["All"]))
    }
    isDryRun = !dryRun.isEmpty
    givenFieldValidation = target["fieldValidation"].flatMap { $0.isEmpty ? nil : $0 }
    switch target["fieldValidation"] {
    case nil, "", "Warn": fieldValidation = .warn
    case "Ignore": fieldValidation = .ignore
    case "Strict": fieldValidation = .strict
    case .some(let other):
      errors.append(.notSupported("fieldValidation", .string(other), ["", "Ignore", "Strict", "Warn"]))
    }
    fieldManager = target["fieldManager"]
    if let manager = fieldManager, manager.utf8.count > 128 { errors.append(.tooLong("fieldManager", 128)) }
    isForced = target.isTrue("force")
    if !errors.isEmpty { throw .invalid(group: "meta.k8s.io", kind: kind, name: "", errors) }
  }

  /// As webhooks see them.
  func json(kind: String) -> JSONValue {
    var json: JSONValue = ["kind": .string(kind), "apiVersion": "meta.k8s.io/v1"]
    if isDryRun { json["dryRun"] = ["All"] }
    if isForced { json["force"] = true }
    if let fieldManager, !fieldManager.isEmpty { json["fieldManager"] = .string(fieldManager) }
    if let given = givenFieldValidation { json["fieldValidation"] = .string(given) }
    return json
  }
}

/// The options of a delete: from the body, or from the query without one.
struct DeleteParameters: Sendable {
  var gracePeriodSeconds: Int64?
  var uid: String?
  var resourceVersion: String?
  var orphanDependents: Bool?
  var propagationPolicy: String?
  var isDryRun = false

  init() {}

  /// As webhooks see them.
  var json: JSONValue {
    var json: JSONValue = ["kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"]
    if let gracePeriodSeconds { json["gracePeriodSeconds"] = JSONValue(gracePeriodSeconds) }
    if let uid { json.set(.string(uid), at: ["preconditions", "uid"]) }
    if let resourceVersion { json.set(.string(resourceVersion), at: ["preconditions", "resourceVersion"]) }
    if let orphanDependents { json["orphanDependents"] = .bool(orphanDependents) }
    if let propagationPolicy { json["propagationPolicy"] = .string(propagationPolicy) }
    if isDryRun { json["dryRun"] = ["All"] }
    return json
  }

  init(_ context: RequestContext) throws(APIFailure) {
    let target = context.target
    var dryRun: [String] = []
    var hasBody = false
    switch context.request.body {
    case .empty: break
    case .bytes(let bytes) where bytes.isEmpty: break
    default:
      hasBody = true
      let body = try context.objectBody(kind: "DeleteOptions")
      if let kind = body.json["kind"]?.stringValue, !kind.isEmpty, kind != "DeleteOptions" {
        throw .badRequest("decoded object cannot be converted to DeleteOptions")
      }
      gracePeriodSeconds = body.json["gracePeriodSeconds"]?.intValue
      uid = body.json["preconditions", "uid"]?.stringValue
      resourceVersion = body.json["preconditions", "resourceVersion"]?.stringValue
      orphanDependents = body.json["orphanDependents"]?.boolValue
      propagationPolicy = body.json["propagationPolicy"]?.stringValue
      dryRun = (body.json["dryRun"]?.arrayValue ?? []).compactMap(\.stringValue)
    }
    if !hasBody {
      if let text = target["gracePeriodSeconds"], !text.isEmpty {
        guard let seconds = Int64(text) else {
          throw .badRequest("strconv.ParseInt: parsing \(goQuoted(text)): invalid syntax")
        }
        gracePeriodSeconds = seconds
      }
      if target["orphanDependents"] != nil { orphanDependents = target.isTrue("orphanDependents") }
      propagationPolicy = target["propagationPolicy"]
      dryRun = target.query.filter { $0.name == "dryRun" }.map(\.value)
    }
    var errors: [FieldError] = []
    if let policy = propagationPolicy {
      if orphanDependents != nil {
        errors.append(
          .invalid(
            "propagationPolicy", .string(policy), "orphanDependents and deletionPropagation cannot be both set"))
      } else if !["Foreground", "Background", "Orphan"].contains(policy) {
        errors.append(
          .notSupported("propagationPolicy", .string(policy), ["Foreground", "Background", "Orphan", "nil"]))
      }
    }
    if dryRun.contains(where: { $0 != "All" }) {
      errors.append(.notSupported("dryRun", JSONValue(dryRun), ["All"]))
    }
    isDryRun = !dryRun.isEmpty
    if !errors.isEmpty { throw .invalid(group: "meta.k8s.io", kind: "DeleteOptions", name: "", errors) }
  }
}
