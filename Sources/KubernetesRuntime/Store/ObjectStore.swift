public import KubernetesAPI
internal import Synchronization

/// The objects of one resource type as last seen, by name, by owner and by namespace.
///
/// One writer (a reflector) calls `replaceAll` and `apply`; readers on any thread get values. Objects are kept as bytes
/// without managedFields and parsed when read.
public final class ObjectStore: Sendable {
  public enum Retention: Sendable {
    case wholeObjects
    /// As they came, without the work of making them small.
    case asTheyCome
    /// Only apiVersion, kind and metadata are kept.
    case metadataOnly
  }

  public let type: ResourceType
  public let retention: Retention
  private let state = Mutex(State())

  public init(type: ResourceType, retention: Retention = .wholeObjects) {
    self.type = type
    self.retention = retention
  }

  // MARK: Reading

  /// Whether one complete list has been stored. Before that, absence from the store means nothing.
  public var isSynced: Bool { state.withLock { $0.resourceVersion != nil } }

  /// How far the writer has followed the server, bookmarks included; nil before the first list.
  public var resourceVersion: String? { state.withLock { $0.resourceVersion } }

  public var count: Int { state.withLock { $0.objects.count } }

  public func get(_ key: ObjectKey) -> KubernetesObject? { state.withLock { $0.objects[key] } }

  /// In no particular order.
  public func all() -> [KubernetesObject] { state.withLock { Array($0.objects.values) } }

  public var keys: [ObjectKey] { state.withLock { Array($0.objects.keys) } }

  /// Objects with an owner reference to `uid`, in the order of their names.
  public func objects(ownedBy uid: String) -> [KubernetesObject] {
    state.withLock { $0.objects($0.keysByOwner[uid] ?? []) }
  }

  /// Objects in `namespace` (nil: in all) that carry all `labels`, in the order of their names.
  public func objects(namespace: String?, labels: [String: String] = [:]) -> [KubernetesObject] {
    let candidates = state.withLock { state in
      if let namespace { state.objects(state.keysByNamespace[namespace] ?? []) } else { Array(state.objects.values) }
    }
    let selected = candidates.filter { object in
      labels.allSatisfy { object.metadata.labels[$0.key] == $0.value }
    }
    return namespace == nil ? selected.sorted { $0.key < $1.key } : selected
  }

  // MARK: Writing

  /// Replaces the whole content at once, as after a list, and says what that changed: removed objects first, then the
  /// others in the order of their names. The first list reports every object as added.
  @discardableResult
  public func replaceAll(_ list: ObjectList) -> [StoreChange] {
    let items = list.items.map(kept)
    return state.withLock { state in
      let before = state.objects
      state = State()
      state.resourceVersion = list.resourceVersion
      for object in items { state.insert(object) }
      var changes: [StoreChange] = []
      for (key, object) in before where state.objects[key] == nil { changes.append(.removed(object)) }
      changes.sort { $0.key < $1.key }
      for object in state.objects.values.sorted(by: { $0.key < $1.key }) {
        guard let old = before[object.key] else {
          changes.append(.added(object))
          continue
        }
        if old.metadata.uid != object.metadata.uid {
          changes.append(.recreated(old: old, new: object))
        } else if old.metadata.resourceVersion != object.metadata.resourceVersion
          || object.metadata.resourceVersion.isEmpty
        {
          changes.append(.updated(old: old, new: object))
        }
      }
      return changes
    }
  }

  /// Stores one watch event. Nil when it changes nothing: bookmarks (which still move `resourceVersion`), error frames,
  /// and events at or before the position already reached.
  @discardableResult
  public func apply(_ event: WatchEvent) -> StoreChange? {
    switch event {
    case .added(let object), .modified(let object):
      let object = kept(object)
      return state.withLock { $0.upsert(object) }
    case .deleted(let object):
      let object = kept(object)
      return state.withLock { $0.delete(object) }
    case .bookmark(let resourceVersion, _):
      state.withLock { _ = $0.advance(to: resourceVersion) }
      return nil
    case .error:
      return nil
    }
  }

  private func kept(_ object: KubernetesObject) -> KubernetesObject {
    switch retention {
    case .wholeObjects: object.compacted
    case .asTheyCome: object
    case .metadataOnly: object.metadataOnly
    }
  }
}

extension ObjectStore {
  private struct State {
    var objects: [ObjectKey: KubernetesObject] = [:]
    var keysByOwner: [String: Set<ObjectKey>] = [:]
    var keysByNamespace: [String: Set<ObjectKey>] = [:]
    var resourceVersion: String?

    func objects(_ keys: Set<ObjectKey>) -> [KubernetesObject] { keys.sorted().compactMap { objects[$0] } }

    mutating func insert(_ object: KubernetesObject) {
      remove(object.key)
      objects[object.key] = object
      keysByNamespace[object.key.namespace, default: []].insert(object.key)
      for owner in object.metadata.ownerReferences { keysByOwner[owner.uid, default: []].insert(object.key) }
    }

    mutating func remove(_ key: ObjectKey) {
      guard let object = objects.removeValue(forKey: key) else { return }
      keysByNamespace[key.namespace]?.remove(key)
      if keysByNamespace[key.namespace]?.isEmpty == true { keysByNamespace[key.namespace] = nil }
      for owner in object.metadata.ownerReferences {
        keysByOwner[owner.uid]?.remove(key)
        if keysByOwner[owner.uid]?.isEmpty == true { keysByOwner[owner.uid] = nil }
      }
    }

    mutating func upsert(_ object: KubernetesObject) -> StoreChange? {
      guard advance(to: object.metadata.resourceVersion) else { return nil }
      let old = objects[object.key]
      insert(object)
      guard let old else { return .added(object) }
      return old.metadata.uid == object.metadata.uid
        ? .updated(old: old, new: object) : .recreated(old: old, new: object)
    }

    mutating func delete(_ object: KubernetesObject) -> StoreChange? {
      defer { advance(to: object.metadata.resourceVersion) }
      // The end of an earlier object of this name says nothing about the present one.
      guard let old = objects[object.key], old.metadata.uid == object.metadata.uid else { return nil }
      // Some servers send the last stored version with DELETED rather than that of the deletion itself.
      guard !ResourceVersion.isOlder(object.metadata.resourceVersion, than: old.metadata.resourceVersion) else {
        return nil
      }
      remove(object.key)
      return .removed(object)
    }

    /// Moves the position forward; false for one that was passed before. Positions that cannot be compared are taken.
    @discardableResult
    mutating func advance(to version: String) -> Bool {
      guard !version.isEmpty else { return true }
      if let resourceVersion, ResourceVersion.hasReached(resourceVersion, version) == true { return false }
      resourceVersion = version
      return true
    }
  }
}

extension KubernetesObject {
  /// The object without everything but apiVersion, kind and metadata (less managedFields), held as bytes.
  var metadataOnly: KubernetesObject {
    let json = json
    var reduced: JSONValue = [:]
    for name in ["apiVersion", "kind"] { if let value = json[name] { reduced[name] = value } }
    if var metadata = json["metadata"] {
      metadata["managedFields"] = nil
      reduced["metadata"] = metadata
    }
    return KubernetesObject(reduced).compacted
  }
}
