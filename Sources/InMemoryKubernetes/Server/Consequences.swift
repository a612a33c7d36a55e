import KubernetesAPI

/// What writes bring about besides themselves.
extension InMemoryAPIServer {
  mutating func afterCreate(_ object: StoredObject, _ request: ResourceRequest, at now: GoTime) {
    switch request.definition.storage {
    case StorageID(.namespaces): createDefaultServiceAccount(in: object.metadata.name, at: now)
    case StorageID(.customResourceDefinitions): establish(object.metadata.name, at: now)
    default: break
    }
  }

  mutating func afterUpdate(_ object: StoredObject, old: StoredObject, _ request: ResourceRequest, at now: GoTime) {
    guard request.definition.storage == StorageID(.customResourceDefinitions) else { return }
    if object.metadata.isBeingDeleted {
      terminateDefinition(object.metadata.name, at: now)
    } else if object.json["spec"] != old.json["spec"] {
      establish(object.metadata.name, at: now)
    }
  }

  mutating func afterDelete(_ object: StoredObject, _ definition: ResourceDefinition, at now: GoTime) {
    // The last instance of a definition that is being deleted lets it go.
    guard definition.model.isCustom else { return }
    let name = "\(definition.type.plural).\(definition.type.group)"
    if stores[StorageID(.customResourceDefinitions)]?[name]?.metadata.isBeingDeleted == true {
      terminateDefinition(name, at: now)
    }
  }

  private mutating func createDefaultServiceAccount(in namespace: String, at now: GoTime) {
    let key = ResourceStore.key(namespace: namespace, name: "default")
    guard stores[StorageID(.serviceAccounts)]?[key] == nil else { return }
    store(
      [
        "kind": "ServiceAccount", "apiVersion": "v1",
        "metadata": [
          "name": "default", "namespace": .string(namespace), "uid": .string(random.uid()),
          "creationTimestamp": .string(now.seconds),
        ],
      ], in: StorageID(.serviceAccounts))
  }

  /// The objects that every cluster has.
  mutating func bootstrap(at now: GoTime) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
      store(
        [
          "kind": "Namespace", "apiVersion": "v1",
          "metadata": [
            "name": .string(name), "uid": .string(random.uid()), "creationTimestamp": .string(now.seconds),
            "labels": ["kubernetes.io/metadata.name": .string(name)],
          ],
          "spec": ["finalizers": ["kubernetes"]], "status": ["phase": "Active"],
        ], in: StorageID(.namespaces))
      createDefaultServiceAccount(in: name, at: now)
    }
    bootstrapRoles(at: now)
    let address = serviceAddresses.allocateFirst()
    store(
      [
        "kind": "Service", "apiVersion": "v1",
        "metadata": [
          "name": "kubernetes", "namespace": "default", "uid": .string(random.uid()),
          "creationTimestamp": .string(now.seconds),
          "labels": ["component": "apiserver", "provider": "kubernetes"],
        ],
        "spec": [
          "ports": [["name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443]],
          "clusterIP": .string(address), "clusterIPs": [.string(address)], "type": "ClusterIP",
          "sessionAffinity": "None", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
          "internalTrafficPolicy": "Cluster",
        ],
        "status": ["loadBalancer": [:]],
      ], in: StorageID(.services))
  }
}
