internal import Synchronization

/// How many requests per second all JobManagers together get: pauses between polls are stretched to keep to it.
///
/// Polls in transitions come first: they wait only for each other. Steady ones get what is left of the budget.
public final class PollBudget: Sendable {
  private let state: Mutex<PollBudgetMachine>

  public init(requestsPerSecond: Int) { state = Mutex(PollBudgetMachine(requestsPerSecond: requestsPerSecond)) }

  /// The pause until the next poll, at least `pause`, after one that took `requests`. Milliseconds.
  func pause(_ pause: Int64, isUrgent: Bool, requests: Int, now: Int64) -> Int64 {
    state.withLock { $0.pause(pause, isUrgent: isUrgent, requests: requests, now: now) }
  }
}

/// The bookkeeping of `PollBudget`: each poll takes the next free slot of its class.
struct PollBudgetMachine: Sendable {
  /// No poll is put off for longer than this, whatever the load.
  static let longestDelay: Int64 = 120_000

  /// Milliseconds that one request takes of the budget.
  private let cost: Double
  /// When the next slot of each class is free, in epoch milliseconds.
  private var urgent = 0.0
  private var steady = 0.0

  init(requestsPerSecond: Int) { cost = 1_000 / Double(max(requestsPerSecond, 1)) }

  mutating func pause(_ pause: Int64, isUrgent: Bool, requests: Int, now: Int64) -> Int64 {
    let now = Double(now)
    let price = cost * Double(max(requests, 1))
    // What was not used within the last second is lost.
    let floor = now - 1_000
    let limit = now + Double(Self.longestDelay)
    let slot = max(isUrgent ? urgent : steady, floor)
    if isUrgent { urgent = min(slot + price, limit) }
    steady = min(max(steady, floor) + price, limit)
    return max(pause, Int64(max(0, slot - now)))
  }
}
