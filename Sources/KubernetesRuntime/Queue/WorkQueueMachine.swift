internal import HeapModule
public import KubernetesAPI

/// A queue of keys: one entry per key, never in process twice at once, with delays, priorities and backoff.
///
/// Adding a key again keeps the earlier time and the higher priority. A key added while in process becomes due when its
/// turn ends. Among due keys the higher priority goes first and the longer due within a priority; a key that has been due
/// for `ageing` longer goes before one of the next higher priority, so that nothing starves.
///
/// Time is what the caller says, as a duration since any fixed origin, and must not go backwards.
public struct WorkQueueMachine: Sendable {
  private enum Place {
    case queued(at: Duration, token: UInt64)
    case processing(again: (at: Duration, priority: WorkPriority)?)
  }

  private struct Entry {
    var place: Place
    var priority: WorkPriority
    var failures: Int
  }

  /// Something in a heap; worthless once the key's entry carries another token.
  private struct Ticket: Comparable {
    let at: Duration
    let token: UInt64
    let key: ObjectKey
    static func < (left: Ticket, right: Ticket) -> Bool { (left.at, left.token) < (right.at, right.token) }
    static func == (left: Ticket, right: Ticket) -> Bool { left.token == right.token }
  }

  public let backoff: BackoffPolicy
  public let ageing: Duration
  private var entries: [ObjectKey: Entry] = [:]
  /// By the time they become due.
  private var waiting = Heap<Ticket>()
  /// By the time they became due, put forward by their priority.
  private var due = Heap<Ticket>()
  private var lastToken: UInt64 = 0
  public private(set) var processingCount = 0

  public init(
    backoff: BackoffPolicy = .turns, ageing: Duration = .seconds(30)
  ) {
    self.backoff = backoff
    self.ageing = ageing
  }

  /// Keys that wait, due or not; a key in process counts when it was added again.
  public var queuedCount: Int {
    entries.count { _, entry in
      switch entry.place {
      case .queued: true
      case .processing(let again): again != nil
      }
    }
  }

  public mutating func add(_ key: ObjectKey, priority: WorkPriority, at: Duration) {
    guard var entry = entries[key] else {
      enqueue(key, Entry(place: .processing(again: nil), priority: priority, failures: 0), at: at)
      return
    }
    switch entry.place {
    case .queued(let earlier, _):
      let sooner = min(earlier, at)
      let higher = max(entry.priority, priority)
      guard sooner != earlier || higher != entry.priority else { return }
      entry.priority = higher
      enqueue(key, entry, at: sooner)
    case .processing(let again):
      entry.place = .processing(
        again: (min(again?.at ?? at, at), max(again?.priority ?? priority, priority)))
      entries[key] = entry
    }
  }

  /// The due key that goes first; it is in process until `finish`.
  public mutating func take(now: Duration) -> ObjectKey? {
    promote(now: now)
    while let ticket = due.popMin() {
      guard var entry = entries[ticket.key], case .queued(_, ticket.token) = entry.place else { continue }
      entry.place = .processing(again: nil)
      entries[ticket.key] = entry
      processingCount += 1
      return ticket.key
    }
    return nil
  }

  /// Ends a key's turn and queues it again as `wake` and what was added meanwhile say. `jitter` is in 0..<1.
  public mutating func finish(_ key: ObjectKey, wake: Wake, jitter: Double, now: Duration) {
    guard var entry = entries[key], case .processing(let again) = entry.place else { return }
    processingCount -= 1
    entries[key] = nil
    var next = again
    switch wake {
    case .onChange:
      entry.failures = 0
    case .after(let delay, let priority):
      entry.failures = 0
      next = Self.merge(again, (now + max(delay, .zero), priority))
    case .failed(let retryAfter):
      entry.failures += 1
      let delay = max(backoff.delay(failures: entry.failures, jitter: jitter), retryAfter ?? .zero)
      next = Self.merge(again, (now + delay, entry.priority))
    }
    guard let next else { return }
    entry.priority = next.priority
    enqueue(key, entry, at: next.at)
  }

  /// When a key that waits now becomes due; nil when none waits. In the past when keys are due already.
  public mutating func nextDue() -> Duration? {
    dropWorthless(&due)
    dropWorthless(&waiting)
    if due.min != nil { return .zero }
    return waiting.min?.at
  }

  private static func merge(
    _ left: (at: Duration, priority: WorkPriority)?, _ right: (at: Duration, priority: WorkPriority)
  ) -> (at: Duration, priority: WorkPriority) {
    guard let left else { return right }
    return (min(left.at, right.at), max(left.priority, right.priority))
  }

  private mutating func enqueue(_ key: ObjectKey, _ entry: Entry, at: Duration) {
    var entry = entry
    lastToken += 1
    entry.place = .queued(at: at, token: lastToken)
    entries[key] = entry
    waiting.insert(Ticket(at: at, token: lastToken, key: key))
    compact()
  }

  private mutating func promote(now: Duration) {
    while let ticket = waiting.min, ticket.at <= now {
      waiting.removeMin()
      guard let entry = entries[ticket.key], case .queued(_, ticket.token) = entry.place else { continue }
      let ahead = ageing * entry.priority.rawValue
      due.insert(Ticket(at: ticket.at - ahead, token: ticket.token, key: ticket.key))
    }
  }

  private func isLive(_ ticket: Ticket) -> Bool {
    if case .queued(_, ticket.token)? = entries[ticket.key]?.place { true } else { false }
  }

  private func dropWorthless(_ heap: inout Heap<Ticket>) {
    while let ticket = heap.min, !isLive(ticket) { heap.removeMin() }
  }

  /// Worthless tickets are left in the heaps until they are more than the live ones.
  private mutating func compact() {
    guard waiting.count + due.count > 2 * entries.count + 64 else { return }
    waiting = Heap(waiting.unordered.filter(isLive))
    due = Heap(due.unordered.filter(isLive))
  }
}
