import KubernetesAPI

/// What controllers put beside a new object, and clients count on soon after: the account and the certificate of a
/// namespace, the endpoints of a service. On a machine that is busy a client can be faster than they are.
public struct Followup: Sendable, Hashable {
  private let storage: StorageID
  private let key: String

  /// - Returns: nil for an answer that nothing follows on.
  public init?(to request: APIRequest, _ response: APIResponse) {
    guard request.method == "POST", response.status == 201, let object = response.json else { return nil }
    let name = object["metadata", "name"]?.stringValue ?? ""
    switch object["kind"]?.stringValue {
    case "Namespace": (storage, key) = (StorageID(.namespaces), name)
    case "Service":
      let namespace = object["metadata", "namespace"]?.stringValue ?? ""
      (storage, key) = (StorageID(.services), ResourceStore.key(namespace: namespace, name: name))
    default: return nil
    }
  }

  func isThere(_ stores: [StorageID: ResourceStore]) -> Bool {
    // Nothing follows on what was not stored, or is gone already.
    guard let object = stores[storage]?[key] else { return true }
    if object.metadata.isBeingDeleted { return true }
    if storage == StorageID(.namespaces) {
      return stores[StorageID(.serviceAccounts)]?[ResourceStore.key(namespace: key, name: "default")] != nil
        && stores[StorageID(.configMaps)]?[ResourceStore.key(namespace: key, name: "kube-root-ca.crt")] != nil
    }
    let spec = object.json["spec"]
    guard spec?["selector"]?.objectValue?.isEmpty == false, spec?["type"] != "ExternalName" else { return true }
    return stores[StorageID(.endpoints)]?[key] != nil
      && (stores[StorageID(.endpointSlices)]?.objects(namespace: object.metadata.namespace) ?? []).contains {
        $0.metadata.labels["kubernetes.io/service-name"] == object.metadata.name
      }
  }
}
