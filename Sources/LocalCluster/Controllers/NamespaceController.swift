public import KubernetesAPI

/// Puts into each namespace what every one has, and empties namespaces that are being deleted.
public enum NamespaceController {
  /// Types that must be listed before a turn; emptying needs all of them.
  public static let types: [ResourceType] = [.namespaces, .serviceAccounts, .configMaps]

  public static let rootCertificateName = "kube-root-ca.crt"

  /// What to do about one namespace.
  ///
  /// - Parameters:
  ///   - rootCertificate: PEM for the ConfigMap that pods check the API server with.
  ///   - allTypes: every type whose objects live in namespaces.
  ///   - isConfirmedEmpty: whether the server was seen to hold nothing in this namespace since it was last not empty.
  public static func reconcile(
    _ name: String, in cache: ClusterCache, rootCertificate: String, allTypes: [ResourceType],
    isConfirmedEmpty: Bool, now: Timestamp
  ) -> Reconciliation {
    guard let namespace = cache.object(.namespaces, ObjectKey(namespace: "", name: name)) else { return .nothing }
    if namespace.metadata.isBeingDeleted {
      return deletion(of: namespace, in: cache, allTypes: allTypes, isConfirmedEmpty: isConfirmedEmpty, now: now)
    }
    var writes: [ControllerWrite] = []
    let account = ObjectKey(namespace: name, name: "default")
    if cache.object(.serviceAccounts, account) == nil {
      writes.append(
        .create(
          .serviceAccounts, namespace: name,
          [
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "default", "namespace": .string(name)],
          ]))
    }
    let certificate = ObjectKey(namespace: name, name: rootCertificateName)
    if let current = cache.object(.configMaps, certificate) {
      if !current.metadata.isBeingDeleted, current.json["data", "ca.crt"]?.stringValue != rootCertificate {
        writes.append(
          .mergePatch(
            .configMaps, certificate, subresource: nil, current.patch(["data": ["ca.crt": .string(rootCertificate)]])))
      }
    } else {
      writes.append(
        .create(
          .configMaps, namespace: name,
          [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": [
              "name": .string(rootCertificateName), "namespace": .string(name),
              "annotations": [
                "kubernetes.io/description":
                  "Contains a CA bundle that can be used to verify the API server of this cluster."
              ],
            ], "data": ["ca.crt": .string(rootCertificate)],
          ]))
    }
    return Reconciliation(writes: writes)
  }

  private static func deletion(
    of namespace: KubernetesObject, in cache: ClusterCache, allTypes: [ResourceType], isConfirmedEmpty: Bool,
    now: Timestamp
  ) -> Reconciliation {
    let json = namespace.json
    let name = namespace.metadata.name
    guard json["spec", "finalizers"]?.arrayValue?.isEmpty == false else { return .nothing }
    let contents = cache.contents(ofNamespace: name)
    if contents.isEmpty {
      guard isConfirmedEmpty else {
        return Reconciliation(lookups: [.contents(namespace: name, uid: namespace.metadata.uid, allTypes)])
      }
      var finalized = json
      finalized.set([], at: ["spec", "finalizers"])
      return Reconciliation(writes: [.replace(.namespaces, namespace.key, subresource: "finalize", finalized)])
    }
    var writes: [ControllerWrite] = contents.flatMap { type, objects in
      objects.filter { !$0.metadata.isBeingDeleted }.map { object in
        .delete(type, object.key, DeleteOptions(uid: object.metadata.uid, propagation: .background))
      }
    }
    if writes.isEmpty {
      let conditions = conditions(before: ConditionList(json["status", "conditions"]), contents: contents, now: now)
      if conditions != json["status", "conditions"]?.arrayValue {
        var changed = json
        changed.set(.array(conditions), at: ["status", "conditions"])
        writes.append(.replace(.namespaces, namespace.key, subresource: "status", changed))
      }
    }
    return Reconciliation(writes: writes)
  }

  private static func conditions(
    before: ConditionList, contents: [(type: ResourceType, objects: [KubernetesObject])], now: Timestamp
  ) -> [JSONValue] {
    let remaining = contents.map { "\($0.type.plural).\($0.type.group) has \($0.objects.count) resource instances" }
    var finalizers: [String: Int] = [:]
    for object in contents.flatMap(\.objects) {
      for finalizer in object.metadata.finalizers { finalizers[finalizer, default: 0] += 1 }
    }
    let held = finalizers.sorted { $0.key < $1.key }.map { "\($0.key) in \($0.value) resource instances" }
    var wanted: [(String, String, String, String)] = [
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
        "NamespaceContentRemaining", "True", "SomeResourcesRemain",
        "Some resources are remaining: " + remaining.joined(separator: ", ")
      ),
    ]
    wanted.append(
      held.isEmpty
        ? (
          "NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers",
          "All content-preserving finalizers finished"
        )
        : (
          "NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain",
          "Some content in the namespace has finalizers remaining: " + held.joined(separator: ", ")
        ))
    return wanted.map { type, status, reason, message in
      let current = before[type]
      let isSame = current?["status"]?.stringValue == status
      let time = isSame ? current?["lastTransitionTime"]?.stringValue : nil
      return [
        "type": .string(type), "status": .string(status),
        "lastTransitionTime": .string(time ?? now.rfc3339Seconds), "reason": .string(reason),
        "message": .string(message),
      ]
    }
  }
}
