public import KubernetesAPI

extension InMemoryAPIServer {
  /// One round of the garbage collector over the whole cluster: dependents of owners that are gone or deleted in the
  /// foreground, orphans, and owners whose dependents are gone.
  ///
  /// - Returns: whether anything was written; call again until it is false.
  @discardableResult
  public mutating func collectGarbage(at now: Timestamp) -> Bool {
    let before = version
    let graph = OwnerGraph(stores)
    for dependent in graph.dependents { collect(dependent, graph, at: GoTime(now)) }
    for owner in graph.deletedOwners { release(owner, graph, at: GoTime(now)) }
    return version != before
  }

  private mutating func collect(_ node: OwnerGraph.Node, _ graph: OwnerGraph, at now: GoTime) {
    guard let object = current(node), !object.metadata.ownerReferences.isEmpty else { return }
    var solid: Set<String> = []
    var blockingOwners = false
    for reference in object.metadata.ownerReferences {
      guard let owner = graph.owner(reference, namespace: object.metadata.namespace), let live = current(owner) else {
        continue
      }
      let isWaiting = live.metadata.isBeingDeleted && live.metadata.finalizers.contains("foregroundDeletion")
      if isWaiting { blockingOwners = true } else { solid.insert(reference.uid) }
    }
    if solid.isEmpty {
      guard !object.metadata.isBeingDeleted else { return }
      var parameters = DeleteParameters()
      parameters.uid = object.metadata.uid
      if object.metadata.finalizers.contains("orphan") {
        parameters.propagationPolicy = "Orphan"
      } else if object.metadata.finalizers.contains("foregroundDeletion")
        || blockingOwners && graph.hasDependents(object.metadata.uid)
      {
        parameters.propagationPolicy = "Foreground"
      } else {
        parameters.propagationPolicy = "Background"
      }
      remove(node, parameters, at: now)
    } else if solid.count < object.metadata.ownerReferences.count {
      dropOwners(of: node, at: now) { !solid.contains($0) }
    }
  }

  /// Lets an owner go on that waits with one of the collector's finalizers.
  private mutating func release(_ node: OwnerGraph.Node, _ graph: OwnerGraph, at now: GoTime) {
    guard let object = current(node), object.metadata.isBeingDeleted else { return }
    let uid = object.metadata.uid
    if object.metadata.finalizers.contains("orphan") {
      for dependent in graph.dependents(of: uid) { dropOwners(of: dependent, at: now) { $0 == uid } }
      dropFinalizer("orphan", of: node, at: now)
    } else if object.metadata.finalizers.contains("foregroundDeletion") {
      let isBlocked = graph.dependents(of: uid).contains { dependent in
        current(dependent)?.metadata.ownerReferences.contains { $0.uid == uid && $0.blocksOwnerDeletion } ?? false
      }
      if !isBlocked { dropFinalizer("foregroundDeletion", of: node, at: now) }
    }
  }

  private func current(_ node: OwnerGraph.Node) -> StoredObject? {
    guard let object = stores[node.storage]?[node.key], object.metadata.uid == node.uid else { return nil }
    return object
  }

  private mutating func remove(_ node: OwnerGraph.Node, _ parameters: DeleteParameters, at now: GoTime) {
    guard let object = current(node), let definition = registry.definition(storage: node.storage) else { return }
    let info = RequestInfo(instance: object.metadata, type: definition.type)
    // A refusal means that somebody else was faster; the next round looks again.
    _ = try? delete(ResourceRequest(info: info, definition: definition), parameters, at: now)
  }

  private mutating func dropOwners(of node: OwnerGraph.Node, at now: GoTime, where isDropped: (String) -> Bool) {
    guard let object = current(node) else { return }
    var json = object.json
    let kept = (json["metadata", "ownerReferences"]?.arrayValue ?? []).filter {
      !isDropped($0["uid"]?.stringValue ?? "")
    }
    guard kept.count != object.metadata.ownerReferences.count else { return }
    json.set(kept.isEmpty ? nil : .array(kept), at: ["metadata", "ownerReferences"])
    store(json, in: node.storage)
  }

  private mutating func dropFinalizer(_ finalizer: String, of node: OwnerGraph.Node, at now: GoTime) {
    guard let object = current(node), let definition = registry.definition(storage: node.storage) else { return }
    var json = object.json
    let kept = object.metadata.finalizers.filter { $0 != finalizer }
    json.set(kept.isEmpty ? nil : JSONValue(kept), at: ["metadata", "finalizers"])
    if isReleased(json) {
      remove(key: node.key, from: node.storage)
      afterDelete(object, definition, at: now)
    } else {
      store(json, in: node.storage)
    }
  }
}

/// Who owns whom, at one moment.
struct OwnerGraph {
  struct Node: Hashable {
    var storage: StorageID
    var key: String
    var uid: String
    var namespace: String
  }

  private(set) var dependents: [Node] = []
  /// Objects that wait with a finalizer of the collector.
  private(set) var deletedOwners: [Node] = []
  private var nodes: [String: Node] = [:]
  private var byOwner: [String: [Node]] = [:]

  init(_ stores: [StorageID: ResourceStore]) {
    // In a fixed order, so that equal clusters are collected equally.
    let storages = stores.keys.sorted { ($0.group, $0.plural) < ($1.group, $1.plural) }
    for storage in storages {
      for object in stores[storage]?.objects(namespace: nil) ?? [] {
        let metadata = object.metadata
        let node = Node(
          storage: storage, key: ResourceStore.key(namespace: metadata.namespace, name: metadata.name),
          uid: metadata.uid, namespace: metadata.namespace)
        nodes[metadata.uid] = node
        if !metadata.ownerReferences.isEmpty {
          dependents.append(node)
          for reference in metadata.ownerReferences { byOwner[reference.uid, default: []].append(node) }
        }
        if metadata.isBeingDeleted,
          metadata.finalizers.contains("orphan") || metadata.finalizers.contains("foregroundDeletion")
        {
          deletedOwners.append(node)
        }
      }
    }
  }

  /// The object a reference names: by uid, in the dependent's namespace or in none.
  func owner(_ reference: OwnerReference, namespace: String) -> Node? {
    guard let node = nodes[reference.uid], node.namespace.isEmpty || node.namespace == namespace else { return nil }
    return node
  }

  func dependents(of uid: String) -> [Node] { byOwner[uid] ?? [] }
  func hasDependents(_ uid: String) -> Bool { byOwner[uid] != nil }
}
