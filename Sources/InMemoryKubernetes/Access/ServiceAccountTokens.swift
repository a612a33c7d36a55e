import KubernetesAPI

/// A token of a service account that was asked for.
struct IssuedToken: Sendable {
  var namespace: String
  var account: String
  /// Of the service account: one made again under the name does not inherit the token.
  var accountUID: String
  var audiences: [String]
  var expires: GoTime
  var credentialID: String
  /// The object that the token lives and dies with.
  var bound: BoundObject?

  struct BoundObject: Sendable {
    var storage: StorageID
    var key: String
    var name: String
    var uid: String
  }
}

extension InMemoryAPIServer {
  static let audience = "https://kubernetes.default.svc.cluster.local"

  /// Who a token stands for now; nil for one that is unknown, expired, for other audiences, or whose account is gone.
  func user(ofToken text: String, audiences: [String], at now: GoTime) -> APIUser? {
    if let user = options.knownUser?(text) { return audiences.contains(Self.audience) ? user : nil }
    guard let token = tokens[text], token.expires.epochMicroseconds > now.epochMicroseconds,
      token.audiences.contains(where: { audiences.contains($0) })
    else { return nil }
    let key = ResourceStore.key(namespace: token.namespace, name: token.account)
    guard stores[StorageID(.serviceAccounts)]?[key]?.metadata.uid == token.accountUID else { return nil }
    var extra = ["authentication.kubernetes.io/credential-id": ["JTI=\(token.credentialID)"]]
    if let bound = token.bound {
      guard stores[bound.storage]?[bound.key]?.metadata.uid == bound.uid else { return nil }
      if bound.storage == StorageID(.pods) {
        extra["authentication.kubernetes.io/pod-name"] = [bound.name]
        extra["authentication.kubernetes.io/pod-uid"] = [bound.uid]
      }
    }
    return APIUser(
      name: "system:serviceaccount:\(token.namespace):\(token.account)", uid: token.accountUID,
      groups: ["system:serviceaccounts", "system:serviceaccounts:\(token.namespace)", "system:authenticated"],
      extra: extra)
  }

  /// `serviceaccounts/NAME/token`.
  mutating func requestToken(
    _ request: ResourceRequest, _ context: inout RequestContext
  ) throws(APIFailure) -> APIResponse {
    let parameters = try WriteParameters(context.target, kind: "CreateOptions")
    let body = try context.objectBody(kind: "TokenRequest").json
    let kind = body["kind"]?.stringValue ?? ""
    if !kind.isEmpty && kind != "TokenRequest" {
      throw .badRequest("\(kind) in version \"v1\" cannot be handled as a TokenRequest")
    }
    let account = try existing(request)
    let given = (body["spec", "audiences"]?.arrayValue ?? []).compactMap(\.stringValue)
    let audiences = given.isEmpty ? [Self.audience] : given
    let seconds = body["spec", "expirationSeconds"]?.intValue ?? 3600
    var detail: String?
    if seconds < 600 { detail = "may not specify a duration less than 10 minutes" }
    if seconds > 1 << 32 { detail = "may not specify a duration larger than 2^32 seconds" }
    if let detail {
      throw .invalid(
        group: "authentication.k8s.io", kind: "TokenRequest", name: "",
        [.invalid("spec.expirationSeconds", JSONValue(seconds), detail)])
    }
    let bound = try boundObject(body["spec", "boundObjectRef"], request)
    try restrictNode(token: bound, request, context)
    let expires = GoTime(epochMicroseconds: context.now.epochMicroseconds + seconds * 1_000_000)
    let text = options.makeToken?() ?? random.uid() + random.uid()
    if !parameters.isDryRun {
      let now = context.now
      tokens = tokens.filter { $0.value.expires.epochMicroseconds > now.epochMicroseconds }
      tokens[text] = IssuedToken(
        namespace: request.namespace, account: request.name, accountUID: account.metadata.uid, audiences: audiences,
        expires: expires, credentialID: random.uid(), bound: bound)
    }
    let reference = body["spec", "boundObjectRef"] ?? .null
    return Self.answer(
      [
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
        "metadata": [
          "name": .string(request.name), "namespace": .string(request.namespace),
          "uid": .string(account.metadata.uid), "creationTimestamp": .string(context.now.seconds),
        ],
        "spec": [
          "audiences": JSONValue(audiences), "expirationSeconds": JSONValue(seconds), "boundObjectRef": reference,
        ],
        "status": ["token": .string(text), "expirationTimestamp": .string(expires.seconds)],
      ], status: 201, context.format)
  }

  private func boundObject(
    _ reference: JSONValue?, _ request: ResourceRequest
  ) throws(APIFailure) -> IssuedToken.BoundObject? {
    guard let reference, reference.objectValue != nil else { return nil }
    let plurals = ["Pod": "pods", "Secret": "secrets", "Node": "nodes"]
    let kind = reference["kind"]?.stringValue ?? ""
    guard let plural = plurals[kind], reference["apiVersion"] == "v1" else {
      throw .badRequest("cannot bind token for serviceaccount to object of type \(kind)")
    }
    let name = reference["name"]?.stringValue ?? ""
    let storage = StorageID(group: "", plural: plural)
    let key = ResourceStore.key(namespace: kind == "Node" ? "" : request.namespace, name: name)
    guard let object = stores[storage]?[key] else {
      throw .notFound(ResourceType(group: "", version: "v1", plural: plural, kind: kind), name)
    }
    let uid = reference["uid"]?.stringValue ?? ""
    if !uid.isEmpty && uid != object.metadata.uid {
      throw .conflict(
        request.type, request.name,
        "the UID in the bound object reference (\(uid)) does not match the UID in record. The object might have been "
          + "deleted and then recreated")
    }
    return IssuedToken.BoundObject(storage: storage, key: key, name: name, uid: object.metadata.uid)
  }
}
