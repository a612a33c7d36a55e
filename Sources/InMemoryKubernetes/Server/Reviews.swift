import KubernetesAPI

extension InMemoryAPIServer {
  /// Answers who somebody is and what somebody may do.
  func review(_ request: ResourceRequest, _ context: inout RequestContext) throws(APIFailure) -> APIResponse {
    let parameters = try WriteParameters(context.target, kind: "CreateOptions")
    let body = try context.objectBody(kind: request.type.kind)
    var object = try decode(body, request, parameters, &context)
    let user = context.user
    switch request.type.kind {
    case "SelfSubjectReview":
      object["metadata"] = ["creationTimestamp": .string(context.now.seconds)]
      object["status"] = ["userInfo": Self.identity(user)]
    case "TokenReview": object["status"] = tokenReview(object["spec"], context)
    case "SelfSubjectRulesReview":
      let rules = authorizer.rules(of: user, namespace: object["spec", "namespace"]?.stringValue ?? "").uniqued()
      object["status"] = [
        "resourceRules": .array(rules.filter { !$0.resources.isEmpty }.map(\.json)),
        "nonResourceRules": .array(rules.filter { !$0.nonResourceURLs.isEmpty }.map(\.json)), "incomplete": false,
      ]
    case "SelfSubjectAccessReview": object["status"] = try accessReview(object["spec"], of: user, request)
    default:
      let name = object["spec", "user"]?.stringValue ?? ""
      let groups = (object["spec", "groups"]?.arrayValue ?? []).compactMap(\.stringValue)
      if name.isEmpty && groups.isEmpty {
        throw Self.reviewFailure(.invalid("spec.user", "", "at least one of user or group must be specified"))
      }
      if request.type.kind == "LocalSubjectAccessReview" {
        try checkNamespace(of: &object, request)
        let namespace = object["spec", "resourceAttributes", "namespace"]
        if (namespace?.stringValue ?? "") != request.namespace {
          throw Self.reviewFailure(
            .invalid("spec.resourceAttributes.namespace", namespace ?? "", "must match metadata.namespace"))
        }
      }
      let subject = APIUser(name: name, uid: object["spec", "uid"]?.stringValue ?? "", groups: groups)
      object["status"] = try accessReview(object["spec"], of: subject, request)
    }
    if object["metadata"] == nil { object["metadata"] = [:] }
    return Self.answer(object, status: 201, context.format)
  }

  private static func reviewFailure(_ error: FieldError) -> APIFailure {
    .invalid(group: "authorization.k8s.io", kind: "", name: "", [error])
  }

  private static func identity(_ user: APIUser) -> JSONValue {
    var json: JSONValue = ["username": .string(user.name)]
    if !user.uid.isEmpty { json["uid"] = .string(user.uid) }
    json["groups"] = JSONValue(user.groups)
    if !user.extra.isEmpty {
      json["extra"] = .object(
        JSONObject(user.extra.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }))
    }
    return json
  }

  private func tokenReview(_ spec: JSONValue?, _ context: RequestContext) -> JSONValue {
    let given = (spec?["audiences"]?.arrayValue ?? []).compactMap(\.stringValue)
    let audiences = given.isEmpty ? [Self.audience] : given
    let token = spec?["token"]?.stringValue ?? ""
    guard let user = user(ofToken: token, audiences: audiences, at: context.now) else {
      return ["user": [:], "error": "[invalid bearer token, unknown]"]
    }
    let known = tokens[token]?.audiences ?? [Self.audience]
    return [
      "authenticated": true, "user": Self.identity(user),
      "audiences": JSONValue(audiences.filter { known.contains($0) }),
    ]
  }

  private func accessReview(
    _ spec: JSONValue?, of user: APIUser, _ request: ResourceRequest
  ) throws(APIFailure) -> JSONValue {
    let target: AccessRequest.Target
    let attributes: JSONValue
    switch (spec?["resourceAttributes"], spec?["nonResourceAttributes"]) {
    case (.some(let resource), nil):
      attributes = resource
      func text(_ name: String) -> String { resource[name]?.stringValue ?? "" }
      let subresource = text("subresource")
      target = .resource(
        group: text("group"), resource: text("resource") + (subresource.isEmpty ? "" : "/\(subresource)"),
        namespace: text("namespace"), name: text("name"))
    case (nil, .some(let path)):
      attributes = path
      target = .path(path["path"]?.stringValue ?? "")
    default:
      throw Self.reviewFailure(
        .invalid(
          "spec.resourceAttributes", spec?["resourceAttributes"],
          "exactly one of nonResourceAttributes or resourceAttributes must be specified"))
    }
    let access = AccessRequest(user: user, verb: attributes["verb"]?.stringValue ?? "", target: target)
    let decision = authorizer.decision(on: access)
    var status: JSONValue = ["allowed": .bool(decision.isAllowed)]
    if !decision.reason.isEmpty { status["reason"] = .string(decision.reason) }
    return status
  }
}
