import KubernetesAPI

/// Which objects of a resource are meant.
struct ObjectFilter: Sendable {
  var namespace: String?
  var labels = LabelQuery()
  var fields = FieldQuery()

  /// Nothing but the namespace restricts it.
  var isEverything: Bool { labels.isEmpty && fields.requirements.isEmpty }

  func matches(_ object: StoredObject, _ model: any ResourceModel) -> Bool {
    if let namespace, object.metadata.namespace != namespace { return false }
    guard labels.matches(object.metadata.labels) else { return false }
    if fields.requirements.isEmpty { return true }
    let json = model.fromStorage(object.json)
    return fields.matches { model.selectableField(json, $0) ?? "" }
  }
}

/// The query of a list or watch, checked.
struct ListQuery: Sendable {
  var namespace: String?
  var filter = ObjectFilter()
  var limit: Int?
  var continuation: ContinueToken?
  /// nil where none or 0 was asked for.
  var resourceVersion: UInt64?
  var isExact = false
  var sendsInitialEvents: Bool?
  var allowsBookmarks = false
  var timeoutSeconds: Int64?

  init(_ target: RequestTarget, _ request: ResourceRequest, isWatch: Bool) throws(APIFailure) {
    namespace = request.type.isNamespaced ? request.info.namespace : nil
    filter.namespace = namespace
    if let text = target["labelSelector"] { filter.labels = try LabelQuery(parsing: text) }
    if let text = target["fieldSelector"] { filter.fields = try FieldQuery(parsing: text) }
    for requirement in filter.fields.requirements
    where request.model.selectableField([:], requirement.field) == nil {
      throw .badRequest(request.model.unsupportedFieldMessage(requirement.field))
    }
    if let name = request.info.name {
      filter.fields.requirements.append(FieldQuery.Requirement(field: "metadata.name", isEqual: true, value: name))
    }
    limit = try Self.integer(target["limit"]).flatMap { $0 > 0 ? Int($0) : nil }
    timeoutSeconds = try Self.integer(target["timeoutSeconds"])
    allowsBookmarks = target.isTrue("allowWatchBookmarks")
    if target["sendInitialEvents"] != nil { sendsInitialEvents = target.isTrue("sendInitialEvents") }
    try checkVersionMatch(target, isWatch: isWatch)

    let versionText = target["resourceVersion"] ?? ""
    if let token = target["continue"], !token.isEmpty {
      if !versionText.isEmpty && versionText != "0" {
        throw .badRequest("specifying resource version is not allowed when using continue")
      }
      continuation = try ContinueToken(text: token)
    }
    if !versionText.isEmpty {
      guard let version = UInt64(versionText) else {
        let problem =
          "resourceVersion: Invalid value: \(goQuoted(versionText)): strconv.ParseUint: parsing "
          + "\(goQuoted(versionText)): invalid syntax"
        if isWatch { throw .internalPlain(problem) }
        throw .badRequest("invalid resource version: " + problem)
      }
      resourceVersion = version == 0 ? nil : version
      isExact = target["resourceVersionMatch"] == "Exact"
      // Without a match rule a limited list is exact, as etcd serves it.
      if target["resourceVersionMatch"] == nil, limit != nil, version != 0 { isExact = true }
    }
  }

  private func checkVersionMatch(_ target: RequestTarget, isWatch: Bool) throws(APIFailure) {
    let match = target["resourceVersionMatch"] ?? ""
    let version = target["resourceVersion"] ?? ""
    let field = "resourceVersionMatch"
    var errors: [FieldError] = []
    if isWatch {
      if sendsInitialEvents != nil {
        if match.isEmpty || match != "NotOlderThan" {
          errors.append(.forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
        }
      } else if !match.isEmpty {
        errors.append(
          .forbidden(field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"))
      }
    } else {
      if sendsInitialEvents != nil {
        errors.append(.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
      }
      if !match.isEmpty {
        if version.isEmpty {
          errors.append(.forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        }
        if !(target["continue"] ?? "").isEmpty {
          errors.append(.forbidden(field, "resourceVersionMatch is forbidden when continue is provided"))
        }
        if match != "Exact" && match != "NotOlderThan" {
          errors.append(.notSupported(field, .string(match), ["Exact", "NotOlderThan", ""]))
        }
        if match == "Exact" && version == "0" {
          errors.append(.forbidden(field, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""))
        }
      }
    }
    if !errors.isEmpty { throw .invalid(group: "meta.k8s.io", kind: "ListOptions", name: "", errors) }
  }

  static func integer(_ text: String?) throws(APIFailure) -> Int64? {
    guard let text, !text.isEmpty else { return nil }
    guard let value = Int64(text) else {
      throw .badRequest("strconv.ParseInt: parsing \(goQuoted(text)): invalid syntax")
    }
    return value
  }
}

/// Where the next page of a list begins: after a key, in the state of a version.
struct ContinueToken: Sendable {
  /// nil in tokens that go on with the newest state.
  var version: UInt64?
  var start: String

  var text: String {
    let json: JSONValue = [
      "v": "meta.k8s.io/v1", "rv": version.map { JSONValue(Int64($0)) } ?? -1, "start": .string(start + "\u{0}"),
    ]
    return Base64.encode(json.serialized()).replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  init(version: UInt64?, start: String) {
    self.version = version
    self.start = start
  }

  /// - Throws: a 400.
  init(text: String) throws(APIFailure) {
    func problem(_ why: String) -> APIFailure {
      .badRequest("invalid continue token: continue key is not valid: \(why)")
    }
    let standard = text.replacing("-", with: "+").replacing("_", with: "/")
    let padded = standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
    guard let bytes = Base64.decode(padded) else {
      throw problem("illegal base64 data at input byte \(Base64.firstInvalidByte(padded) ?? 0)")
    }
    guard let json = try? JSONValue(parsing: bytes) else {
      throw problem("invalid character \(RequestContext.goCharacter(bytes.first ?? 0)) looking for beginning of value")
    }
    guard let start = json["start"]?.stringValue, json["v"] == "meta.k8s.io/v1" else {
      throw problem("server does not recognize this encoded version \(goQuoted(json["v"]?.stringValue ?? ""))")
    }
    self.start = String(start.prefix { $0 != "\u{0}" })
    let version = json["rv"]?.intValue ?? -1
    self.version = version < 0 ? nil : UInt64(version)
  }
}
