import KubernetesAPI

/// A node acts for itself and for the pods that run on it, whatever its role says.
extension InMemoryAPIServer {
  static let nodesGroup = "system:nodes"

  private static func nodeName(of user: APIUser) -> String? {
    guard user.groups.contains(nodesGroup), user.name.hasPrefix("system:node:") else { return nil }
    return String(user.name.dropFirst("system:node:".count))
  }

  /// Refuses a node's write to what is not its own.
  ///
  /// - Parameters:
  ///   - object: the new state, nil for a deletion.
  ///   - old: the state before, nil for a creation.
  func restrictNode(
    _ request: ResourceRequest, object: JSONValue?, old: JSONValue?, _ context: RequestContext
  ) throws(APIFailure) {
    guard let node = Self.nodeName(of: context.user) else { return }
    let name = (object ?? old)?["metadata", "name"]?.stringValue ?? ""
    func refuse(_ why: String) -> APIFailure { .forbidden(request.type, name: name, "node \(goQuoted(node)) \(why)") }
    switch request.definition.storage {
    case StorageID(.nodes):
      if name != node { throw refuse("is not allowed to modify node \(goQuoted(name))") }
    case StorageID(.leases):
      if request.namespace != "kube-node-lease" || name != node {
        throw refuse("can only access node lease with the same name as the requesting node")
      }
    case StorageID(.pods):
      let place = (old ?? object)?["spec", "nodeName"]?.stringValue ?? ""
      if place != node {
        let what = old == nil ? "create pods" : object == nil ? "delete pods" : "update pod status for pods"
        throw refuse("can only \(what) with spec.nodeName set to itself")
      }
      if old == nil, object?["metadata", "annotations", "kubernetes.io/config.mirror"] == nil {
        throw refuse("can only create mirror pods")
      }
    default: break
    }
  }

  /// Refuses a node a token that is not for one of its pods, and the token of another account than the pod's.
  func restrictNode(
    token bound: IssuedToken.BoundObject?, _ request: ResourceRequest, _ context: RequestContext
  ) throws(APIFailure) {
    guard let node = Self.nodeName(of: context.user) else { return }
    func refuse(_ why: String) -> APIFailure { .forbidden(request.type, name: request.name, why) }
    guard let bound, bound.storage == StorageID(.pods), let pod = stores[bound.storage]?[bound.key]?.json else {
      throw refuse("node requested token not bound to a pod")
    }
    guard pod["spec", "nodeName"]?.stringValue == node else {
      throw refuse("node requested token bound to a pod scheduled on a different node")
    }
    guard (pod["spec", "serviceAccountName"]?.stringValue ?? "default") == request.name else {
      throw refuse("node requested token for a service account that its pod does not use")
    }
  }

  /// Refuses a node a Secret that none of its pods uses.
  func restrictNode(reading request: ResourceRequest, _ context: RequestContext) throws(APIFailure) {
    guard request.definition.storage == StorageID(.secrets), let node = Self.nodeName(of: context.user) else { return }
    let pods = stores[StorageID(.pods)]?.objects(namespace: request.namespace) ?? []
    let isUsed =
      !request.name.isEmpty
      && pods.contains { pod in
        pod.json["spec", "nodeName"]?.stringValue == node && Self.secrets(of: pod.json).contains(request.name)
      }
    guard isUsed else {
      throw .forbidden(
        request.type, name: request.name,
        "User \(goQuoted(context.user.name)) cannot \(request.info.verb.rawValue) resource \"secrets\" in API group "
          + "\"\" in the namespace \(goQuoted(request.namespace)): no relationship found between node "
          + "\(goQuoted("system:node:\(node)")) and this object")
    }
  }

  private static func secrets(of pod: JSONValue) -> Set<String> {
    var names: [JSONValue?] = []
    for volume in pod["spec", "volumes"]?.arrayValue ?? [] {
      names.append(volume["secret", "secretName"])
      for source in volume["projected", "sources"]?.arrayValue ?? [] { names.append(source["secret", "name"]) }
    }
    for list in ["containers", "initContainers"] {
      for container in pod["spec", list]?.arrayValue ?? [] {
        for entry in container["env"]?.arrayValue ?? [] { names.append(entry["valueFrom", "secretKeyRef", "name"]) }
        for source in container["envFrom"]?.arrayValue ?? [] { names.append(source["secretRef", "name"]) }
      }
    }
    for reference in pod["spec", "imagePullSecrets"]?.arrayValue ?? [] { names.append(reference["name"]) }
    return Set(names.compactMap { $0?.stringValue })
  }
}
