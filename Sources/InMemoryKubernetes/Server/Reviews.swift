import KubernetesAPI

extension InMemoryAPIServer {
  /// Answers who somebody is and what somebody may do. Whoever is known may do everything.
  func review(_ request: ResourceRequest, _ context: inout RequestContext) throws(APIFailure) -> APIResponse {
    let parameters = try WriteParameters(context.target, kind: "CreateOptions")
    let body = try context.objectBody(kind: request.type.kind)
    var object = try decode(body, request, parameters, &context)
    let user = context.user
    func identity(_ user: APIUser) -> JSONValue {
      var json: JSONValue = ["username": .string(user.name)]
      if !user.uid.isEmpty { json["uid"] = .string(user.uid) }
      json["groups"] = JSONValue(user.groups)
      return json
    }
    switch request.type.kind {
    case "SelfSubjectReview": object["status"] = ["userInfo": identity(user)]
    case "TokenReview": object["status"] = ["user": [:], "error": "tokens are known to the front only"]
    case "SelfSubjectRulesReview":
      object["status"] = [
        "resourceRules": [["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]],
        "nonResourceRules": [["verbs": ["*"], "nonResourceURLs": ["*"]]], "incomplete": false,
      ]
    case "SelfSubjectAccessReview": object["status"] = ["allowed": .bool(user != .anonymous)]
    default:
      let name = object["spec", "user"]?.stringValue ?? ""
      let groups = (object["spec", "groups"]?.arrayValue ?? []).compactMap(\.stringValue)
      if name.isEmpty && groups.isEmpty {
        throw .invalid(
          group: request.type.group, kind: "", name: "",
          [.invalid("spec.user", "", "at least one of user or group must be specified")])
      }
      object["status"] = ["allowed": .bool(name != APIUser.anonymous.name)]
    }
    return Self.answer(object, status: 201, context.format)
  }
}
