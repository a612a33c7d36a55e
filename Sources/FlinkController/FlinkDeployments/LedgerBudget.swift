import KubernetesAPI
internal import Synchronization

/// How many status writes per second the whole fleet gets that carry nothing but newly completed checkpoints: those of
/// many jobs fall due together. What is put off is decided again later, by what is known then.
struct LedgerBudget: Sendable {
  /// Nothing is put off for longer than this at a time. Milliseconds.
  static let longestDelay: Int64 = 60_000

  /// When the next write is within the budget, in epoch milliseconds.
  private var free = 0.0
  /// How many were put off since the last one that was not.
  private var waiting = 0.0

  init() {}

  /// - Returns: nil for a write that may be made, else in how many milliseconds to ask again.
  mutating func delay(writesPerSecond: Int, now: Int64) -> Int64? {
    let cost = 1_000 / Double(max(writesPerSecond, 1))
    // What was not used within the last second is lost.
    let slot = max(free, Double(now) - 1_000)
    if slot <= Double(now) {
      free = slot + cost
      waiting = max(0, waiting - 1)
      return nil
    }
    waiting += 1
    return min(Self.longestDelay, Int64((slot - Double(now) + waiting * cost).rounded(.up)))
  }

  /// Whether a patch of the status carries nothing that anybody waits for.
  static func concerns(_ patch: JSONValue) -> Bool {
    guard case .object(let object) = patch else { return false }
    return object.members.map(\.key) == ["restorePoint"]
  }
}

/// A `LedgerBudget` of all resources together.
public final class SharedLedgerBudget: Sendable {
  private let budget = Mutex(LedgerBudget())

  public init() {}

  func delay(writesPerSecond: Int, now: Int64) -> Int64? {
    budget.withLock { $0.delay(writesPerSecond: writesPerSecond, now: now) }
  }
}
