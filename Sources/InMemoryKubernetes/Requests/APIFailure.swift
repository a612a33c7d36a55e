import KubernetesAPI

/// A request that is answered with a `Status` of failure.
struct APIFailure: Error, Sendable {
  var status: APIStatus
  /// The real server writes `"details": {}` for some refusals and leaves it out for others.
  var hasEmptyDetails = false
  /// A body that is not a Status, such as `404 page not found`.
  var text: String?
  /// What must be asked first; then the request is carried out again.
  var webhookCalls: [WebhookCall] = []
  /// A version that may still come; then the request is carried out again.
  var awaitedVersion: UInt64?

  init(_ status: APIStatus, hasEmptyDetails: Bool = false) {
    self.status = status
    self.hasEmptyDetails = hasEmptyDetails
  }

  init(
    code: Int, reason: String, message: String, name: String = "", group: String = "", kind: String = "",
    uid: String = "", retryAfterSeconds: Int? = nil, causes: [APIStatus.Cause] = [], hasEmptyDetails: Bool = false
  ) {
    self.init(
      APIStatus(
        code: code, reason: reason, message: message, detailName: name, detailGroup: group, detailKind: kind,
        detailUID: uid, retryAfterSeconds: retryAfterSeconds, causes: causes),
      hasEmptyDetails: hasEmptyDetails)
  }

  var json: JSONValue {
    var json = status.json
    if hasEmptyDetails && json["details"] == nil { json["details"] = [:] }
    return json
  }

  var response: APIResponse {
    if let text {
      return APIResponse(
        status: status.code,
        headers: [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")],
        content: .bytes(Array(text.utf8)))
    }
    return APIResponse(
      status: status.code, headers: [("content-type", "application/json")], content: .json(json),
      awaitedVersion: awaitedVersion)
  }

  static let pageNotFound: APIFailure = {
    var failure = APIFailure(code: 404, reason: "NotFound", message: "404 page not found")
    failure.text = "404 page not found\n"
    return failure
  }()

  static let unauthorized = APIFailure(code: 401, reason: "Unauthorized", message: "Unauthorized")

  static let resourceNotFound = APIFailure(
    code: 404, reason: "NotFound", message: "the server could not find the requested resource", hasEmptyDetails: true)

  static func notFound(_ type: ResourceType, _ name: String) -> APIFailure {
    APIFailure(
      code: 404, reason: "NotFound", message: "\(type.qualifiedPlural) \(goQuoted(name)) not found", name: name,
      group: type.group, kind: type.plural)
  }

  static func alreadyExists(_ type: ResourceType, _ name: String, isBeingDeleted: Bool = false) -> APIFailure {
    APIFailure(
      code: 409, reason: "AlreadyExists",
      message: (isBeingDeleted ? "object is being deleted: " : "")
        + "\(type.qualifiedPlural) \(goQuoted(name)) already exists",
      name: name, group: type.group, kind: type.plural)
  }

  static func conflict(_ type: ResourceType, _ name: String, _ why: String) -> APIFailure {
    APIFailure(
      code: 409, reason: "Conflict",
      message: "Operation cannot be fulfilled on \(type.qualifiedPlural) \(goQuoted(name)): \(why)", name: name,
      group: type.group, kind: type.plural)
  }

  static func modified(_ type: ResourceType, _ name: String) -> APIFailure {
    conflict(
      type, name,
      "the object has been modified; please apply your changes to the latest version and try again")
  }

  static func badRequest(_ message: String) -> APIFailure {
    APIFailure(code: 400, reason: "BadRequest", message: message)
  }

  /// An error without a reason, as the real server makes of a plain Go error.
  static func internalPlain(_ message: String) -> APIFailure {
    APIFailure(code: 500, reason: "", message: message)
  }

  static func internalError(_ message: String) -> APIFailure {
    APIFailure(
      code: 500, reason: "InternalError", message: "Internal error occurred: \(message)",
      causes: [APIStatus.Cause(reason: "", message: message, field: "")])
  }

  static let methodNotAllowed = APIFailure(
    code: 405, reason: "MethodNotAllowed",
    message: "the server does not allow this method on the requested resource", hasEmptyDetails: true)

  static let tooLarge = APIFailure(
    code: 413, reason: "RequestEntityTooLarge",
    message: "Request entity too large: limit is \(InMemoryAPIServer.maximumBodyBytes)")

  static func unsupportedMediaType(accepted: [String]) -> APIFailure {
    APIFailure(
      code: 415, reason: "UnsupportedMediaType",
      message: "the body of the request was in an unknown format - accepted media types include: "
        + accepted.joined(separator: ", "))
  }

  static func notAcceptable(offered: [String]) -> APIFailure {
    APIFailure(
      code: 406, reason: "NotAcceptable",
      message: "only the following media types are accepted: " + offered.joined(separator: ", "))
  }

  static func invalid(group: String, kind: String, name: String, _ errors: [FieldError]) -> APIFailure {
    let messages = errors.map(\.description).uniqued()
    let text = messages.count == 1 ? messages[0] : "[\(messages.joined(separator: ", "))]"
    let subject = group.isEmpty ? kind : "\(kind).\(group)"
    return APIFailure(
      code: 422, reason: "Invalid", message: "\(subject) \(goQuoted(name)) is invalid: \(text)", name: name,
      group: group, kind: kind,
      causes: errors.map { APIStatus.Cause(reason: $0.reason, message: $0.message, field: $0.field) })
  }

  static func invalid(_ type: ResourceType, _ name: String, _ errors: [FieldError]) -> APIFailure {
    invalid(group: type.group, kind: type.kind, name: name, errors)
  }

  static func forbidden(_ type: ResourceType, name: String, _ message: String) -> APIFailure {
    APIFailure(
      code: 403, reason: "Forbidden", message: "\(type.qualifiedPlural) \(goQuoted(name)) is forbidden: \(message)",
      name: name, group: type.group, kind: type.plural)
  }

  static func expired(_ message: String) -> APIFailure {
    APIFailure(code: 410, reason: "Expired", message: message)
  }
}

extension Array where Element: Hashable {
  /// The elements in their order, each once.
  func uniqued() -> [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
