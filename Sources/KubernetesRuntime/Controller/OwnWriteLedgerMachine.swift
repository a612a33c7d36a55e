/// What this process wrote last, so that nobody decides on a view older than its own writes.
///
/// One ledger goes with one store; entries are keyed by the UID that decisions are made for (of the object itself, or of
/// the owner for objects written on its behalf).
public struct OwnWriteLedgerMachine: Sendable {
  public enum State: Sendable, Hashable {
    /// The store shows everything written under this UID.
    case caughtUp
    /// The store does not show the last write yet.
    case behind
    /// A write got no clear answer: settle it by a quorum GET.
    case ambiguous
    /// The object was deleted by us and the store may still show it: it does not exist.
    case deleted
  }

  private enum Entry: Sendable {
    case version(String)
    case ambiguous
    case tombstone
  }

  private var entries: [String: Entry] = [:]

  public init() {}

  public var count: Int { entries.count }

  /// A write was answered with `resourceVersion`. The newest is kept; an ambiguous write before it stays ambiguous.
  public mutating func recordWrite(uid: String, resourceVersion: String) {
    switch entries[uid] {
    case .ambiguous, .tombstone: return
    case .version(let known) where ResourceVersion.isNewer(known, than: resourceVersion): return
    case .version, nil: entries[uid] = .version(resourceVersion)
    }
  }

  /// A write may or may not have been stored.
  public mutating func recordAmbiguous(uid: String) {
    if case .tombstone = entries[uid] { return }
    entries[uid] = .ambiguous
  }

  /// The object is known to be deleted: its UID never comes back.
  public mutating func recordDeletion(uid: String) { entries[uid] = .tombstone }

  /// A quorum read made after the last write showed the object at `resourceVersion`: an ambiguous write is settled, and
  /// the store has to reach this version.
  public mutating func settle(uid: String, resourceVersion: String) {
    if case .tombstone = entries[uid] { return }
    entries[uid] = .version(resourceVersion)
  }

  /// The UID is gone from the store too.
  public mutating func forget(uid: String) { entries[uid] = nil }

  /// Whether a store at `storeVersion` (its stream's position; nil before the first list) shows the writes under `uid`.
  /// Versions that cannot be compared count as behind: the caller's timer and a quorum GET settle them.
  public func state(uid: String, storeVersion: String?) -> State {
    switch entries[uid] {
    case nil: .caughtUp
    case .ambiguous: .ambiguous
    case .tombstone: .deleted
    case .version(let written):
      storeVersion.flatMap { ResourceVersion.hasReached($0, written) } == true ? .caughtUp : .behind
    }
  }
}
