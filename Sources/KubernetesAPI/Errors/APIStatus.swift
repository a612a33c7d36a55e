/// The `Status` object with which an API server refuses a request.
public struct APIStatus: Sendable, Hashable {
  public struct Cause: Sendable, Hashable {
    public var reason: String
    public var message: String
    public var field: String
    public init(reason: String, message: String, field: String) {
      self.reason = reason
      self.message = message
      self.field = field
    }
  }

  /// HTTP status code.
  public var code: Int
  /// For instance `NotFound`, `Conflict`, `Invalid`, `Expired`.
  public var reason: String
  public var message: String
  /// `details` as sent: name, group, kind, uid, retryAfterSeconds, causes.
  public var detailName: String
  public var detailGroup: String
  public var detailKind: String
  public var detailUID: String
  public var retryAfterSeconds: Int?
  public var causes: [Cause]

  public init(
    code: Int, reason: String, message: String, detailName: String = "", detailGroup: String = "",
    detailKind: String = "", detailUID: String = "", retryAfterSeconds: Int? = nil, causes: [Cause] = []
  ) {
    self.code = code
    self.reason = reason
    self.message = message
    self.detailName = detailName
    self.detailGroup = detailGroup
    self.detailKind = detailKind
    self.detailUID = detailUID
    self.retryAfterSeconds = retryAfterSeconds
    self.causes = causes
  }

  /// Reads a `Status` object; `fallbackCode` stands in where the body has no code.
  public init(json: JSONValue, fallbackCode: Int) {
    let details = json["details"]
    self.init(
      code: json["code"]?.intValue.map { Int($0) } ?? fallbackCode, reason: json["reason"]?.stringValue ?? "",
      message: json["message"]?.stringValue ?? "", detailName: details?["name"]?.stringValue ?? "",
      detailGroup: details?["group"]?.stringValue ?? "", detailKind: details?["kind"]?.stringValue ?? "",
      detailUID: details?["uid"]?.stringValue ?? "",
      retryAfterSeconds: details?["retryAfterSeconds"]?.intValue.map { Int($0) },
      causes: (details?["causes"]?.arrayValue ?? []).map {
        Cause(
          reason: $0["reason"]?.stringValue ?? "", message: $0["message"]?.stringValue ?? "",
          field: $0["field"]?.stringValue ?? "")
      })
  }

  /// The object as it goes over the wire.
  public var json: JSONValue {
    var details: JSONValue = [:]
    if !detailName.isEmpty { details["name"] = .string(detailName) }
    if !detailGroup.isEmpty { details["group"] = .string(detailGroup) }
    if !detailKind.isEmpty { details["kind"] = .string(detailKind) }
    if !detailUID.isEmpty { details["uid"] = .string(detailUID) }
    if !causes.isEmpty {
      details["causes"] = .array(
        causes.map { cause in
          var json: JSONValue = [:]
          if !cause.reason.isEmpty { json["reason"] = .string(cause.reason) }
          if !cause.message.isEmpty { json["message"] = .string(cause.message) }
          if !cause.field.isEmpty { json["field"] = .string(cause.field) }
          return json
        })
    }
    if let retryAfterSeconds { details["retryAfterSeconds"] = JSONValue(retryAfterSeconds) }
    var json: JSONValue = [
      "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
    ]
    if !reason.isEmpty { json["reason"] = .string(reason) }
    if details.objectValue?.isEmpty == false { json["details"] = details }
    json["code"] = JSONValue(code)
    return json
  }
}
