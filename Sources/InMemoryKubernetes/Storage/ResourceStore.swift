import KubernetesAPI

/// The group and plural under which objects are stored; versions and aliases of one resource share it.
struct StorageID: Sendable, Hashable {
  var group: String
  var plural: String

  init(_ type: ResourceType) {
    group = type.group
    plural = type.plural
  }

  init(group: String, plural: String) {
    self.group = group
    self.plural = plural
  }

  /// The prefix etcd keys have, as some error messages show it.
  var registryPath: String { group.isEmpty ? "/registry/\(plural)" : "/registry/\(group)/\(plural)" }
}

struct StoredObject: Sendable {
  /// As stored: in storage form, with its resourceVersion.
  var json: JSONValue
  var metadata: ObjectMetadata
  var version: UInt64

  init(json: JSONValue, version: UInt64) {
    self.json = json
    self.json.set(.string(String(version)), at: ["metadata", "resourceVersion"])
    self.version = version
    metadata = ObjectMetadata(json: self.json["metadata"])
  }
}

/// One change of one object.
struct LogEntry: Sendable {
  enum Change: Sendable {
    case added, modified, deleted
  }

  var version: UInt64
  var change: Change
  /// The object after the change; for a deletion its last state, with the version of the deletion.
  var object: StoredObject
  var previous: StoredObject?
}

/// The objects of one resource in the order of their keys, and the log of their changes.
struct ResourceStore: Sendable {
  private(set) var objects: [String: StoredObject] = [:]
  /// Sorted as etcd sorts: by the bytes of `namespace/name`.
  private(set) var keys: [String] = []
  private var log: [LogEntry] = []
  /// Sequence number of `log[0]`.
  private(set) var firstSequence = 0
  /// Changes up to and including this version are no longer in the log.
  private(set) var compactedThrough: UInt64
  private let historyLength: Int

  init(createdAt version: UInt64, historyLength: Int) {
    compactedThrough = version
    self.historyLength = max(1, historyLength)
  }

  var nextSequence: Int { firstSequence + log.count }
  var isEmpty: Bool { keys.isEmpty }

  static func key(namespace: String, name: String) -> String { namespace.isEmpty ? name : "\(namespace)/\(name)" }

  subscript(key: String) -> StoredObject? { objects[key] }

  /// The objects whose key begins with the namespace's prefix, in order; all of them without one.
  func objects(namespace: String?) -> [StoredObject] {
    guard let namespace, !namespace.isEmpty else { return keys.compactMap { objects[$0] } }
    let prefix = namespace + "/"
    return keys[lowerBound(prefix)...].prefix { $0.hasPrefix(prefix) }.compactMap { objects[$0] }
  }

  mutating func put(_ object: StoredObject, key: String) {
    let previous = objects.updateValue(object, forKey: key)
    if previous == nil { keys.insert(key, at: lowerBound(key)) }
    append(
      LogEntry(
        version: object.version, change: previous == nil ? .added : .modified, object: object, previous: previous))
  }

  /// Removes an object; the log keeps its last state under `version`.
  mutating func remove(key: String, version: UInt64) -> StoredObject? {
    guard let previous = objects.removeValue(forKey: key) else { return nil }
    let index = lowerBound(key)
    if index < keys.count, keys[index] == key { keys.remove(at: index) }
    let last = StoredObject(json: previous.json, version: version)
    append(LogEntry(version: version, change: .deleted, object: last, previous: previous))
    return last
  }

  private mutating func append(_ entry: LogEntry) {
    log.append(entry)
    // Trimmed in batches, so that appending stays cheap.
    if log.count >= historyLength * 2 { compact(keeping: historyLength) }
  }

  /// Forgets all but the newest `count` changes.
  mutating func compact(keeping count: Int) {
    let dropped = log.count - count
    guard dropped > 0 else { return }
    compactedThrough = log[dropped - 1].version
    log.removeFirst(dropped)
    firstSequence += dropped
  }

  /// The sequence number of the first change after `version`; nil when it may be forgotten.
  func sequence(after version: UInt64) -> Int? {
    guard version >= compactedThrough else { return nil }
    var low = 0
    var high = log.count
    while low < high {
      let middle = (low + high) / 2
      if log[middle].version <= version { low = middle + 1 } else { high = middle }
    }
    return firstSequence + low
  }

  /// A change by its sequence number; nil when it is forgotten or not there yet.
  func entry(at sequence: Int) -> LogEntry? {
    sequence >= firstSequence && sequence < nextSequence ? log[sequence - firstSequence] : nil
  }

  /// The store's objects as they were at `version`; nil when that is forgotten.
  func objects(at version: UInt64, namespace: String?) -> [StoredObject]? {
    guard let from = sequence(after: version) else { return nil }
    guard from < nextSequence else { return objects(namespace: namespace) }
    var past = objects
    for sequence in (from..<nextSequence).reversed() {
      let entry = log[sequence - firstSequence]
      let metadata = entry.object.metadata
      past[Self.key(namespace: metadata.namespace, name: metadata.name)] = entry.previous
    }
    let prefix = namespace.flatMap { $0.isEmpty ? nil : $0 + "/" }
    return past.keys.filter { key in prefix.map { key.hasPrefix($0) } ?? true }
      .sorted { Self.precedes($0, $1) }.compactMap { past[$0] }
  }

  private func lowerBound(_ key: String) -> Int {
    var low = 0
    var high = keys.count
    while low < high {
      let middle = (low + high) / 2
      if Self.precedes(keys[middle], key) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Byte order, which is etcd's.
  static func precedes(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }
}
