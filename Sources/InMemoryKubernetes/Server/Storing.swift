import KubernetesAPI

extension InMemoryAPIServer {
  /// Stores an object under a new version and wakes the watches. The answer has the version in it.
  @discardableResult
  mutating func store(_ object: JSONValue, in storage: StorageID) -> StoredObject {
    version += 1
    let stored = StoredObject(json: object, version: version)
    let key = ResourceStore.key(namespace: stored.metadata.namespace, name: stored.metadata.name)
    stores[storage, default: ResourceStore(createdAt: 0, historyLength: options.historyLength)].put(stored, key: key)
    wakeWatches(of: storage)
    return stored
  }

  /// Removes an object; what it leaves has the version of the deletion.
  @discardableResult
  mutating func remove(key: String, from storage: StorageID) -> StoredObject? {
    guard stores[storage]?[key] != nil else { return nil }
    version += 1
    let last = stores[storage]?.remove(key: key, version: version)
    if let last { release(last.json, storage) }
    wakeWatches(of: storage)
    return last
  }

  /// Gives back what a deleted object held.
  private mutating func release(_ object: JSONValue, _ storage: StorageID) {
    guard storage == StorageID(group: "", plural: "services") else { return }
    for address in object["spec", "clusterIPs"]?.arrayValue ?? [] {
      if let text = address.stringValue { serviceAddresses.release(text) }
    }
    for port in object["spec", "ports"]?.arrayValue ?? [] {
      if let number = port["nodePort"]?.intValue { serviceAddresses.releaseNodePort(Int(number)) }
    }
  }
}
