public import KubernetesAPI

extension InMemoryAPIServer {
  /// One round of the namespace controller: deletes what is in namespaces that are being deleted, and the namespaces
  /// that are empty.
  ///
  /// - Returns: whether anything was written; call again until it is false.
  @discardableResult
  public mutating func finalizeNamespaces(at now: Timestamp) -> Bool {
    let before = version
    let namespaces = store(StorageID(.namespaces)).objects(namespace: nil).filter(\.metadata.isBeingDeleted)
    for namespace in namespaces where !(namespace.json["spec", "finalizers"]?.arrayValue ?? []).isEmpty {
      empty(namespace.metadata.name, at: GoTime(now))
    }
    return version != before
  }

  private mutating func empty(_ namespace: String, at now: GoTime) {
    var remaining: [(ResourceType, [StoredObject])] = []
    var storages: Set<StorageID> = []
    for definition in registry.all where definition.type.isNamespaced && storages.insert(definition.storage).inserted {
      for object in store(definition.storage).objects(namespace: namespace) where !object.metadata.isBeingDeleted {
        var parameters = DeleteParameters()
        parameters.propagationPolicy = "Background"
        let info = RequestInfo(instance: object.metadata, type: definition.type)
        // What cannot be deleted now is counted as remaining below.
        _ = try? delete(ResourceRequest(info: info, definition: definition), parameters, at: now)
      }
      let left = store(definition.storage).objects(namespace: namespace)
      if !left.isEmpty { remaining.append((definition.type, left)) }
    }
    guard var object = stores[StorageID(.namespaces)]?[namespace]?.json else { return }
    if remaining.isEmpty {
      let kept = (object["spec", "finalizers"]?.arrayValue ?? []).filter { $0 != "kubernetes" }
      object["spec"] = kept.isEmpty ? [:] : ["finalizers": .array(kept)]
      if isReleased(object) {
        remove(key: namespace, from: StorageID(.namespaces))
        return
      }
    } else {
      setConditions(&object, remaining, at: now)
    }
    if object != stores[StorageID(.namespaces)]?[namespace]?.json { store(object, in: StorageID(.namespaces)) }
  }

  private func setConditions(
    _ object: inout JSONValue, _ remaining: [(ResourceType, [StoredObject])], at now: GoTime
  ) {
    let contents = remaining.map { "\($0.qualifiedPlural). has \($1.count) resource instances" }
      .joined(separator: ", ")
    var finalizers: [String: Int] = [:]
    for (_, objects) in remaining {
      for finalizer in objects.flatMap(\.metadata.finalizers) { finalizers[finalizer, default: 0] += 1 }
    }
    let held = finalizers.sorted { $0.key < $1.key }.map { "\($0.key) in \($0.value) resource instances" }
      .joined(separator: ", ")
    var conditions: [(String, String, String, String)] = [
      (
        "NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"
      ),
      (
        "NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
        "All legacy kube types successfully parsed"
      ),
      (
        "NamespaceDeletionContentFailure", "False", "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization"
      ),
      (
        "NamespaceContentRemaining", "True", "SomeResourcesRemain", "Some resources are remaining: \(contents)"
      ),
    ]
    conditions.append(
      held.isEmpty
        ? (
          "NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers",
          "All content-preserving finalizers finished"
        )
        : (
          "NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain",
          "Some content in the namespace has finalizers remaining: \(held)"
        ))
    let old = object["status", "conditions"]?.arrayValue ?? []
    let new = conditions.map { type, status, reason, message -> JSONValue in
      let previous = old.first { $0["type"] == .string(type) && $0["status"] == .string(status) }
      return [
        "type": .string(type), "status": .string(status),
        "lastTransitionTime": previous?["lastTransitionTime"] ?? .string(now.seconds), "reason": .string(reason),
        "message": .string(message),
      ]
    }
    object.set(.array(new), at: ["status", "conditions"])
  }
}
