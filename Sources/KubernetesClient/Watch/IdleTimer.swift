internal import NIOCore
internal import Synchronization

/// Calls back when a stream has brought nothing for a time. Bytes only note the moment; the one timer on the event loop
/// looks when it fires, so a busy stream costs nothing.
final class IdleTimer: Sendable {
  private struct State {
    var lastActivity: NIODeadline
    var isPaused = false
    var isFired = false
    var isStopped = false
    var scheduled: Scheduled<Void>?
  }

  private let timeout: TimeAmount
  private let eventLoop: any EventLoop
  private let state: Mutex<State>

  init(timeout: Duration, on eventLoop: any EventLoop) {
    self.timeout = TimeAmount(timeout)
    self.eventLoop = eventLoop
    state = Mutex(State(lastActivity: .now()))
  }

  /// - Parameter onIdle: called once, on the event loop.
  func start(onIdle: @escaping @Sendable () -> Void) { arm(at: .now() + timeout, onIdle) }

  /// Whether the timer has called back.
  var isFired: Bool { state.withLock(\.isFired) }

  /// Bytes came, or reading goes on after a pause.
  func touch() {
    state.withLock {
      $0.lastActivity = .now()
      $0.isPaused = false
    }
  }

  /// The reader waits for its consumer: silence is not the server's.
  func pause() { state.withLock { $0.isPaused = true } }

  func stop() {
    let scheduled = state.withLock { state in
      state.isStopped = true
      return state.scheduled.take()
    }
    scheduled?.cancel()
  }

  private func arm(at deadline: NIODeadline, _ onIdle: @escaping @Sendable () -> Void) {
    let scheduled = eventLoop.scheduleTask(deadline: deadline) { self.look(onIdle) }
    let isStopped = state.withLock { state in
      if !state.isStopped { state.scheduled = scheduled }
      return state.isStopped
    }
    if isStopped { scheduled.cancel() }
  }

  private func look(_ onIdle: @escaping @Sendable () -> Void) {
    let now = NIODeadline.now()
    let next = state.withLock { state -> NIODeadline? in
      if state.isStopped { return nil }
      let due = state.isPaused ? now + timeout : state.lastActivity + timeout
      if due <= now { state.isFired = true }
      return state.isFired ? nil : due
    }
    if let next { arm(at: next, onIdle) } else if isFired { onIdle() }
  }
}
