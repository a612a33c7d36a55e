public import KubernetesAPI

/// Events that wait to be written, one entry per Event object; repetitions are counted up.
public struct EventBacklog: Sendable {
  public struct Entry: Sendable, Hashable {
    public var record: EventRecord
    public var count: Int
    public var firstTime: Timestamp
    public var lastTime: Timestamp
    /// Attempts to write it that failed.
    public var attempts = 0
    /// An earlier attempt may have been stored.
    public var mayBeStored = false
  }

  private struct Slot: Hashable {
    let namespace: String
    let name: String
  }

  public let capacity: Int
  private var entries: [Slot: Entry] = [:]
  private var order: [Slot] = []
  /// Records lost because the backlog was full or their writing failed for good, since `takeDroppedCount`.
  private var dropped = 0

  public init(capacity: Int = 1000) { self.capacity = capacity }

  public var count: Int { entries.count }
  public var isEmpty: Bool { entries.isEmpty }

  /// Adds a record, or counts the one up that waits under its name (with the newer message).
  public mutating func add(_ record: EventRecord, at time: Timestamp) {
    let slot = Slot(namespace: record.subject.namespace, name: record.name)
    if var entry = entries[slot] {
      entry.record = record
      entry.count += 1
      entry.lastTime = time
      entries[slot] = entry
    } else if entries.count < capacity {
      entries[slot] = Entry(record: record, count: 1, firstTime: time, lastTime: time)
      order.append(slot)
    } else {
      dropped += 1
    }
  }

  /// Takes the entry that has waited longest.
  public mutating func popFirst() -> Entry? {
    guard !order.isEmpty else { return nil }
    return entries.removeValue(forKey: order.removeFirst())
  }

  /// Puts an entry back whose writing failed, in front; what was added meanwhile joins it.
  public mutating func putBack(_ entry: Entry) {
    let slot = Slot(namespace: entry.record.subject.namespace, name: entry.record.name)
    var merged = entry
    if let newer = entries[slot] {
      merged.record = newer.record
      merged.count += newer.count
      merged.lastTime = newer.lastTime
      order.removeAll { $0 == slot }
    }
    entries[slot] = merged
    order.insert(slot, at: 0)
  }

  /// Gives an entry up.
  public mutating func drop(_ entry: Entry) { dropped += entry.count }

  /// Records lost since the last call.
  public mutating func takeDroppedCount() -> Int {
    defer { dropped = 0 }
    return dropped
  }
}
