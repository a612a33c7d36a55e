import KubernetesAPI

extension InMemoryAPIServer {
  /// Nobody gives rights they do not have: neither in a role (but with the verb `escalate`) nor by binding one (but with
  /// the verb `bind`).
  ///
  /// - Parameter old: what the object was before an update.
  /// - Throws: 403, or 404 for a role to bind that is not there.
  func preventEscalation(
    _ object: JSONValue, old: JSONValue? = nil, _ request: ResourceRequest, _ context: RequestContext
  ) throws(APIFailure) {
    let user = context.user
    guard request.type.group == RoleBasedAuthorizer.group, !user.groups.contains("system:masters") else { return }
    let wanted: [AccessRule]
    let name = object["metadata", "name"]?.stringValue ?? ""
    let authorizer = RoleBasedAuthorizer(stores: stores)
    func mayRaise(_ verb: String, _ plural: String, _ name: String) -> Bool {
      let target = AccessRequest.Target.resource(
        group: RoleBasedAuthorizer.group, resource: plural, namespace: request.namespace, name: name)
      return authorizer.decision(on: AccessRequest(user: user, verb: verb, target: target)).isAllowed
    }
    switch request.type.plural {
    case "roles", "clusterroles":
      if old != nil, object["rules"] == old?["rules"] { return }
      if mayRaise("escalate", request.type.plural, name) { return }
      wanted = (object["rules"]?.arrayValue ?? []).map { AccessRule(json: $0) }
    case "rolebindings", "clusterrolebindings":
      if old != nil, object["roleRef"] == old?["roleRef"], object["subjects"] == old?["subjects"] { return }
      let role = object["roleRef", "name"]?.stringValue ?? ""
      let isClusterRole = object["roleRef", "kind"] == "ClusterRole"
      if mayRaise("bind", isClusterRole ? "clusterroles" : "roles", role) { return }
      guard let rules = authorizer.rules(ofRole: object["roleRef"], namespace: request.namespace) else {
        throw .notFound(
          ResourceType(
            group: RoleBasedAuthorizer.group, version: "v1", plural: isClusterRole ? "clusterroles" : "roles",
            kind: isClusterRole ? "ClusterRole" : "Role"), role)
      }
      wanted = rules
    default: return
    }
    let held = authorizer.rules(of: user, namespace: request.namespace)
    let missing = wanted.filter { rule in !rule.pieces.allSatisfy { piece in held.contains { $0.covers(piece) } } }
    guard !missing.isEmpty else { return }
    let groups = user.groups.map(goQuoted).joined(separator: " ")
    throw .forbidden(
      request.type, name: name,
      "user \(goQuoted(user.name)) (groups=[\(groups)]) is attempting to grant RBAC permissions not currently held:\n"
        + missing.map(\.description).joined(separator: "\n"))
  }
}
