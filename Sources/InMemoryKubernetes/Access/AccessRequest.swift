import KubernetesAPI

/// What somebody wants to do, as roles speak of it.
struct AccessRequest: Sendable, Hashable {
  enum Target: Sendable, Hashable {
    /// - Parameter resource: the plural, with `/subresource`.
    case resource(group: String, resource: String, namespace: String, name: String)
    case path(String)
  }

  var user: APIUser
  var verb: String
  var target: Target

  init(user: APIUser, verb: String, target: Target) {
    self.user = user
    self.verb = verb
    self.target = target
  }

  /// - Parameter info: nil for a path outside the resources.
  init(_ context: RequestContext, _ info: RequestInfo?) {
    user = context.user
    guard let info else {
      verb = context.request.method.lowercased()
      target = .path(context.target.path)
      return
    }
    verb = info.verb.rawValue
    var name = info.name ?? ""
    if name.isEmpty, [.list, .watch, .deleteCollection].contains(info.verb) {
      // Who may read one object by its name may also watch it by its name.
      for part in (context.target["fieldSelector"] ?? "").split(separator: ",") where part.hasPrefix("metadata.name=") {
        name = String(part.drop { $0 != "=" }.drop { $0 == "=" })
      }
    }
    let isNamespace = info.group.isEmpty && info.plural == "namespaces"
    target = .resource(
      group: info.group, resource: info.plural + (info.subresource.map { "/\($0)" } ?? ""),
      namespace: isNamespace ? name : info.namespace ?? "", name: name)
  }

  /// The 403 that refuses it.
  var refusal: APIFailure {
    let who = "User \(goQuoted(user.name)) cannot \(verb)"
    switch target {
    case .path(let path):
      return APIFailure(
        code: 403, reason: "Forbidden", message: "forbidden: \(who) path \(goQuoted(path))", hasEmptyDetails: true)
    case .resource(let group, let resource, let namespace, let name):
      let plural = String(resource.prefix { $0 != "/" })
      let scope = namespace.isEmpty ? "at the cluster scope" : "in the namespace \(goQuoted(namespace))"
      return APIFailure(
        code: 403, reason: "Forbidden",
        message: "\(group.isEmpty ? plural : "\(plural).\(group)")\(name.isEmpty ? "" : " " + goQuoted(name)) is "
          + "forbidden: \(who) resource \(goQuoted(resource)) in API group \(goQuoted(group)) \(scope)",
        name: name, group: group, kind: plural)
    }
  }
}

struct AccessDecision: Sendable, Hashable {
  var isAllowed: Bool
  /// Which role allows it; empty where none was asked.
  var reason: String
}

/// Says who may do what.
protocol AccessAuthorizer: Sendable {
  func decision(on access: AccessRequest) -> AccessDecision
  /// Everything that roles allow somebody in a namespace (and outside of namespaces).
  func rules(of user: APIUser, namespace: String) -> [AccessRule]
}

extension InMemoryAPIServer {
  var authorizer: any AccessAuthorizer { RoleBasedAuthorizer(stores: stores) }

  /// - Throws: 403.
  func authorize(_ context: RequestContext, _ info: RequestInfo?) throws(APIFailure) {
    let access = AccessRequest(context, info)
    guard authorizer.decision(on: access).isAllowed else { throw access.refusal }
  }

  /// A PUT or PATCH that makes its object needs the right to create it, too.
  func authorizeCreation(_ request: ResourceRequest, _ context: RequestContext) throws(APIFailure) {
    var info = request.info
    info.verb = .create
    try authorize(context, info)
  }
}
