import KubernetesAPI

/// Requests made in somebody else's name (`kubectl --as`).
extension InMemoryAPIServer {
  /// The user that the `Impersonate-*` headers name; nil without them.
  ///
  /// - Throws: 403 where the sender may not speak for the user, a group, the uid or an extra.
  func impersonated(_ context: RequestContext) throws(APIFailure) -> APIUser? {
    func values(_ name: String) -> [String] {
      context.request.headers.filter { $0.name == name && !$0.value.isEmpty }.map(\.value)
    }
    let extraPrefix = "impersonate-extra-"
    let name = values("impersonate-user").first ?? ""
    var groups = values("impersonate-group")
    let uid = values("impersonate-uid").first ?? ""
    var extra: [String: [String]] = [:]
    for header in context.request.headers where header.name.hasPrefix(extraPrefix) {
      extra[RequestTarget.decoded(String(header.name.dropFirst(extraPrefix.count))), default: []].append(header.value)
    }
    guard !name.isEmpty else {
      if groups.isEmpty && uid.isEmpty && extra.isEmpty { return nil }
      throw .internalPlain("requested \(groups + [uid].filter { !$0.isEmpty }) without impersonating a user")
    }
    let account = name.hasPrefix("system:serviceaccount:") ? name.split(separator: ":").map(String.init) : []
    if account.count == 4 {
      try authorize(impersonating: "serviceaccounts", in: account[2], account[3], context)
      if groups.isEmpty { groups = ["system:serviceaccounts", "system:serviceaccounts:\(account[2])"] }
    } else {
      try authorize(impersonating: "users", name, context)
    }
    for group in values("impersonate-group") { try authorize(impersonating: "groups", group, context) }
    if !uid.isEmpty { try authorize(impersonating: "uids", group: "authentication.k8s.io", uid, context) }
    for (key, values) in extra.sorted(by: { $0.key < $1.key }) {
      for value in values {
        try authorize(impersonating: "userextras/\(key)", group: "authentication.k8s.io", value, context)
      }
    }
    if name == APIUser.anonymous.name {
      if !groups.contains("system:unauthenticated") { groups.append("system:unauthenticated") }
    } else if !groups.contains("system:authenticated"), !groups.contains("system:unauthenticated") {
      groups.append("system:authenticated")
    }
    return APIUser(name: name, uid: uid, groups: groups, extra: extra)
  }

  private func authorize(
    impersonating resource: String, group: String = "", in namespace: String = "", _ name: String,
    _ context: RequestContext
  ) throws(APIFailure) {
    let access = AccessRequest(
      user: context.user, verb: "impersonate",
      target: .resource(group: group, resource: resource, namespace: namespace, name: name))
    guard authorizer.decision(on: access).isAllowed else { throw access.refusal }
  }
}
