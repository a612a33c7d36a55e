internal import Synchronization

/// Calls back at the earliest time asked for, with no timer cancelled or re-created.
///
/// A cancelled `Task.sleep` keeps its memory until its deadline, so a timer that is moved forward often must not cancel.
/// Here a sleep's length is rounded down to a power of two milliseconds; a sleeper that wakes too early sleeps again, and
/// one that wakes late for its purpose does nothing. A new sleeper starts only where none wakes in time, so that no two
/// sleeps of one length are under way at once: at most 17 of them, however often the time is moved.
final class DeadlineTimer: Sendable {
  private struct State {
    var deadline: ContinuousClock.Instant?
    /// When the sleepers under way wake, by id.
    var sleepers: [UInt64: (wakes: ContinuousClock.Instant, task: Task<Void, Never>?)] = [:]
    var lastID: UInt64 = 0
    var isStopped = false
  }

  private static let longestSleep = Duration.milliseconds(1 << 16)
  private let state = Mutex(State())
  private let onFire: @Sendable () -> Void

  init(onFire: @escaping @Sendable () -> Void) { self.onFire = onFire }

  /// The number of sleeping tasks.
  var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  /// Fires at `deadline`, or at the time asked for before if that is earlier. Fires once.
  func arm(at deadline: ContinuousClock.Instant) {
    state.withLock { state in
      guard !state.isStopped else { return }
      if let earlier = state.deadline, earlier <= deadline { return }
      state.deadline = deadline
      startSleeper(&state, now: .now)
    }
  }

  /// Nothing fires any more.
  func stop() {
    let tasks = state.withLock { state in
      state.isStopped = true
      state.deadline = nil
      return state.sleepers.values.compactMap(\.task)
    }
    for task in tasks { task.cancel() }
  }

  private func startSleeper(_ state: inout State, now: ContinuousClock.Instant) {
    guard let deadline = state.deadline else { return }
    let sleep = Self.length(of: now.duration(to: deadline))
    let wakes = now + sleep
    if state.sleepers.values.contains(where: { $0.wakes <= max(wakes, deadline) }) { return }
    state.lastID += 1
    let id = state.lastID
    state.sleepers[id] = (wakes, nil)
    state.sleepers[id]?.task = Task { [weak self] in
      // Cancelled only by `stop`, after which waking does nothing.
      try? await Task.sleep(until: wakes, tolerance: .zero, clock: .continuous)
      self?.wake(id)
    }
  }

  private func wake(_ id: UInt64) {
    let fires = state.withLock { state in
      state.sleepers[id] = nil
      guard !state.isStopped, let deadline = state.deadline else { return false }
      let now = ContinuousClock.now
      if deadline <= now {
        state.deadline = nil
        return true
      }
      startSleeper(&state, now: now)
      return false
    }
    if fires { onFire() }
  }

  static func length(of remaining: Duration) -> Duration {
    guard remaining > .milliseconds(2) else { return max(remaining, .zero) }
    var length = longestSleep
    while length > remaining { length /= 2 }
    return length
  }
}
