import KubernetesAPI

/// Allows what roles allow through their bindings, and `system:masters` everything.
struct RoleBasedAuthorizer: AccessAuthorizer {
  let stores: [StorageID: ResourceStore]

  static let group = "rbac.authorization.k8s.io"

  func decision(on access: AccessRequest) -> AccessDecision {
    if access.user.groups.contains("system:masters") { return AccessDecision(isAllowed: true, reason: "") }
    var namespace = ""
    if case .resource(_, _, let given, _) = access.target { namespace = given }
    for grant in grants(to: access.user, namespace: namespace)
    where grant.rules.contains(where: { $0.allows(verb: access.verb, access.target) }) {
      return AccessDecision(isAllowed: true, reason: "RBAC: allowed by \(grant.title)")
    }
    return AccessDecision(isAllowed: false, reason: "")
  }

  func rules(of user: APIUser, namespace: String) -> [AccessRule] {
    grants(to: user, namespace: namespace).flatMap(\.rules)
  }

  /// The rules of the role that a binding refers to; nil when there is no such role.
  func rules(ofRole reference: JSONValue?, namespace: String) -> [AccessRule]? {
    let name = reference?["name"]?.stringValue ?? ""
    let role =
      reference?["kind"] == "ClusterRole"
      ? objects("clusterroles")?[name]
      : objects("roles")?[ResourceStore.key(namespace: namespace, name: name)]
    return role.map { ($0.json["rules"]?.arrayValue ?? []).map { AccessRule(json: $0) } }
  }

  private struct Grant {
    var rules: [AccessRule]
    /// Binding, role and subject, as a decision's reason names them.
    var title: String
  }

  private func objects(_ plural: String) -> ResourceStore? { stores[StorageID(group: Self.group, plural: plural)] }

  private func grants(to user: APIUser, namespace: String) -> [Grant] {
    var grants: [Grant] = []
    func add(_ binding: StoredObject, _ kind: String, namespace: String) {
      let subjects = binding.json["subjects"]?.arrayValue ?? []
      guard let subject = subjects.first(where: { Self.is(user, $0, bindingNamespace: namespace) }),
        let rules = rules(ofRole: binding.json["roleRef"], namespace: namespace)
      else { return }
      let place = namespace.isEmpty ? "" : "/\(namespace)"
      let role = binding.json["roleRef"]
      var who = goQuoted(subject["name"]?.stringValue ?? "")
      if subject["kind"] == "ServiceAccount" {
        who = goQuoted("\(subject["name"]?.stringValue ?? "")/\(subject["namespace"]?.stringValue ?? namespace)")
      }
      grants.append(
        Grant(
          rules: rules,
          title: "\(kind) \(goQuoted(binding.metadata.name + place)) of \(role?["kind"]?.stringValue ?? "") "
            + "\(goQuoted(role?["name"]?.stringValue ?? "")) to \(subject["kind"]?.stringValue ?? "") \(who)"))
    }
    for binding in objects("clusterrolebindings")?.objects(namespace: nil) ?? [] {
      add(binding, "ClusterRoleBinding", namespace: "")
    }
    guard !namespace.isEmpty else { return grants }
    for binding in objects("rolebindings")?.objects(namespace: namespace) ?? [] {
      add(binding, "RoleBinding", namespace: namespace)
    }
    return grants
  }

  private static func `is`(_ user: APIUser, _ subject: JSONValue, bindingNamespace: String) -> Bool {
    let name = subject["name"]?.stringValue ?? ""
    switch subject["kind"] {
    case "User": return user.name == name
    case "Group": return user.groups.contains(name)
    case "ServiceAccount":
      let given = subject["namespace"]?.stringValue ?? ""
      let namespace = given.isEmpty ? bindingNamespace : given
      return !namespace.isEmpty && user.name == "system:serviceaccount:\(namespace):\(name)"
    default: return false
    }
  }
}
