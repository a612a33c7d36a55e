import KubernetesAPI

/// What the server itself decides about new objects, with the rest of the cluster in view.
extension InMemoryAPIServer {
  mutating func admitCreate(
    _ object: inout JSONValue, _ request: ResourceRequest, _ parameters: WriteParameters,
    _ context: inout RequestContext
  ) throws(APIFailure) {
    guard request.definition.storage == StorageID(.pods) else { return }
    let account = object["spec", "serviceAccountName"]?.stringValue ?? ""
    let name = account.isEmpty ? "default" : account
    let key = ResourceStore.key(namespace: request.namespace, name: name)
    guard stores[StorageID(.serviceAccounts)]?[key] != nil else {
      throw .forbidden(
        request.type, name: object["metadata", "name"]?.stringValue ?? "",
        "error looking up service account \(request.namespace)/\(name): serviceaccount \(goQuoted(name)) not found")
    }
    object.set(.string(name), at: ["spec", "serviceAccountName"])
    object.set(.string(name), at: ["spec", "serviceAccount"])
    try resolvePriority(&object, request)
    PodStrategy.admit(&object)
    object = request.model.normalized(object)
  }

  /// Addresses and node ports of services.
  mutating func allocate(
    _ object: inout JSONValue, old: JSONValue?, _ request: ResourceRequest, _ parameters: WriteParameters
  ) throws(APIFailure) {
    guard request.definition.storage == StorageID(.services) else { return }
    let name = object["metadata", "name"]?.stringValue ?? ""
    let type = object["spec", "type"]?.stringValue ?? "ClusterIP"
    var addresses = serviceAddresses
    if type == "ExternalName" {
      for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
        object.set(nil, at: ["spec", field])
      }
    } else {
      let wanted = object["spec", "clusterIP"]?.stringValue ?? ""
      let before = old?["spec", "clusterIP"]?.stringValue ?? ""
      var address = wanted
      if wanted.isEmpty {
        guard let free = addresses.allocate(using: &random) else {
          throw .internalError("failed to allocate a serviceIP: range is full")
        }
        address = free
      } else if wanted != "None" && wanted != before {
        do throws(ServiceAddresses.Refusal) {
          try addresses.take(wanted)
        } catch {
          let why =
            error == .taken
            ? "provided IP is already allocated" : "the provided network does not match the current range"
          throw .invalid(
            request.type, name,
            [.invalid("spec.clusterIPs", [.string(wanted)], "failed to allocate IP \(wanted): \(why)")])
        }
      }
      object.set(.string(address), at: ["spec", "clusterIP"])
      object.set([.string(address)], at: ["spec", "clusterIPs"])
    }
    if type == "NodePort" || type == "LoadBalancer" {
      var ports = object["spec", "ports"]?.arrayValue ?? []
      let before = Set((old?["spec", "ports"]?.arrayValue ?? []).compactMap { $0["nodePort"]?.intValue })
      for index in ports.indices {
        if let port = ports[index]["nodePort"]?.intValue, port != 0 {
          if !before.contains(port), !addresses.takeNodePort(Int(port)) {
            throw .invalid(
              request.type, name,
              [.invalid("spec.ports[\(index)].nodePort", JSONValue(port), "provided port is already allocated")])
          }
        } else {
          ports[index]["nodePort"] = JSONValue(addresses.allocateNodePort(using: &random))
        }
      }
      object.set(.array(ports), at: ["spec", "ports"])
    }
    object = request.model.normalized(object)
    if !parameters.isDryRun { serviceAddresses = addresses }
  }
}
