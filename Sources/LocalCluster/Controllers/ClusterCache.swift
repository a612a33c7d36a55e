public import KubernetesAPI

/// Where an object is: its type and its name.
public struct ObjectReference: Sendable, Hashable {
  public let type: ResourceType
  public let key: ObjectKey

  public init(type: ResourceType, key: ObjectKey) {
    self.type = type
    self.key = key
  }
}

/// A change of one object in the cache.
public struct CacheChange: Sendable {
  public let type: ResourceType
  public let old: KubernetesObject?
  public let new: KubernetesObject?

  public var key: ObjectKey { new?.key ?? old?.key ?? ObjectKey(namespace: "", name: "") }
}

/// What the controllers know of the cluster: the objects of every type, with their owners indexed.
///
/// A version never goes backwards: the answers to a controller's own writes are put in as well as what watches bring,
/// in any order, so a controller sees what it wrote before the watch brings it.
public struct ClusterCache: Sendable {
  private var objects: [ResourceType: [String: [String: KubernetesObject]]] = [:]
  private var places: [String: ObjectReference] = [:]
  private var dependentUIDs: [String: Set<String>] = [:]
  private var gone = RecentNames(limit: 8192)
  /// Types whose objects have been listed once.
  public private(set) var syncedTypes: Set<ResourceType> = []

  public init() {}

  // MARK: Reading

  public func object(_ type: ResourceType, _ key: ObjectKey) -> KubernetesObject? {
    objects[type]?[key.namespace]?[key.name]
  }

  /// The objects of a namespace in the order of their names.
  public func objects(_ type: ResourceType, namespace: String) -> [KubernetesObject] {
    (objects[type]?[namespace]?.values.map { $0 } ?? []).sorted { $0.metadata.name < $1.metadata.name }
  }

  public func objects(_ type: ResourceType) -> [KubernetesObject] {
    (objects[type]?.values.flatMap(\.values) ?? []).sorted { $0.key < $1.key }
  }

  public func reference(uid: String) -> ObjectReference? { places[uid] }

  public func object(uid: String) -> KubernetesObject? { places[uid].flatMap { object($0.type, $0.key) } }

  /// The objects that name `uid` among their owners.
  public func dependents(of uid: String) -> [ObjectReference] {
    (dependentUIDs[uid] ?? []).compactMap { places[$0] }.sorted {
      ($0.type.plural, $0.key) < ($1.type.plural, $1.key)
    }
  }

  /// Whether the object of that UID is known to have been deleted. UIDs do not come back.
  public func isGone(uid: String) -> Bool { gone.contains(uid) }

  public func isSynced(_ types: some Sequence<ResourceType>) -> Bool { types.allSatisfy(syncedTypes.contains) }

  /// How many objects of each type a namespace holds, empty types left out.
  public func contents(ofNamespace namespace: String) -> [(type: ResourceType, objects: [KubernetesObject])] {
    objects.keys.filter(\.isNamespaced).sorted { $0.qualifiedPlural < $1.qualifiedPlural }.compactMap { type in
      let found = objects(type, namespace: namespace)
      return found.isEmpty ? nil : (type, found)
    }
  }

  // MARK: Writing

  /// Puts a whole list in place of what is known of a type.
  public mutating func replaceAll(_ type: ResourceType, with list: ObjectList) -> [CacheChange] {
    var changes: [CacheChange] = []
    let listed = Set(list.items.map(\.key))
    let version = Self.version(list.resourceVersion)
    for known in objects(type) where !listed.contains(known.key) && Self.version(known) <= version {
      changes += [remove(type, known)].compactMap { $0 }
    }
    for object in list.items { changes += [put(type, object)].compactMap { $0 } }
    syncedTypes.insert(type)
    return changes
  }

  /// Forgets a type that the server no longer serves.
  public mutating func forget(_ type: ResourceType) {
    for known in objects(type) { _ = remove(type, known) }
    objects[type] = nil
    syncedTypes.remove(type)
  }

  public mutating func apply(_ type: ResourceType, _ event: WatchEvent) -> CacheChange? {
    switch event {
    case .added(let object), .modified(let object): put(type, object)
    case .deleted(let object): remove(type, object)
    case .bookmark, .error: nil
    }
  }

  /// Puts an object in unless a newer version is known or its deletion has been seen.
  public mutating func put(_ type: ResourceType, _ object: KubernetesObject) -> CacheChange? {
    let metadata = object.metadata
    guard !gone.contains(metadata.uid) else { return nil }
    let old = self.object(type, metadata.key)
    if let old {
      if old.metadata.uid == metadata.uid {
        guard Self.version(old) < Self.version(object) else { return nil }
      } else {
        // The name was given to another object; the deletion of the old one was missed or is still to come.
        guard Self.version(old) < Self.version(object) else { return nil }
        unlink(old)
        gone.insert(old.metadata.uid)
      }
    }
    let kept = KubernetesObject(object.json)
    objects[type, default: [:]][metadata.namespace, default: [:]][metadata.name] = kept
    link(type, kept, replacing: old?.metadata.uid == metadata.uid ? old : nil)
    return CacheChange(type: type, old: old, new: kept)
  }

  /// Takes an object out that is known to be gone.
  public mutating func remove(_ type: ResourceType, _ object: KubernetesObject) -> CacheChange? {
    let metadata = object.metadata
    gone.insert(metadata.uid)
    guard let old = self.object(type, metadata.key), old.metadata.uid == metadata.uid else { return nil }
    objects[type]?[metadata.namespace]?[metadata.name] = nil
    if objects[type]?[metadata.namespace]?.isEmpty == true { objects[type]?[metadata.namespace] = nil }
    unlink(old)
    return CacheChange(type: type, old: object, new: nil)
  }

  /// Notes that no object has this UID.
  public mutating func noteGone(uid: String) { gone.insert(uid) }

  private mutating func link(_ type: ResourceType, _ object: KubernetesObject, replacing old: KubernetesObject?) {
    let metadata = object.metadata
    if let old { unlinkOwners(old) }
    places[metadata.uid] = ObjectReference(type: type, key: metadata.key)
    for owner in metadata.ownerReferences { dependentUIDs[owner.uid, default: []].insert(metadata.uid) }
  }

  private mutating func unlink(_ object: KubernetesObject) {
    unlinkOwners(object)
    places[object.metadata.uid] = nil
  }

  private mutating func unlinkOwners(_ object: KubernetesObject) {
    for owner in object.metadata.ownerReferences {
      dependentUIDs[owner.uid]?.remove(object.metadata.uid)
      if dependentUIDs[owner.uid]?.isEmpty == true { dependentUIDs[owner.uid] = nil }
    }
  }

  private static func version(_ object: KubernetesObject) -> UInt64 { version(object.metadata.resourceVersion) }
  private static func version(_ text: String) -> UInt64 { UInt64(text) ?? 0 }
}

/// The names that were put in last, as many as `limit`.
private struct RecentNames: Sendable {
  private var names: Set<String> = []
  private var order: [String] = []
  private var oldest = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  func contains(_ name: String) -> Bool { names.contains(name) }

  mutating func insert(_ name: String) {
    guard names.insert(name).inserted else { return }
    if order.count < limit {
      order.append(name)
    } else {
      names.remove(order[oldest])
      order[oldest] = name
      oldest = (oldest + 1) % limit
    }
  }
}
