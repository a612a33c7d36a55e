public import KubernetesAPI
internal import Synchronization

/// A `WorkQueueMachine` on the real clock, shared between those who add keys and those who work on them.
public final class WorkQueue: Sendable {
  private struct State {
    var machine: WorkQueueMachine
    var waiters: [(id: UInt64, continuation: CheckedContinuation<ObjectKey?, Never>)] = []
    var lastWaiter: UInt64 = 0
    var isShutDown = false
  }

  private let origin = ContinuousClock.now
  private let state: Mutex<State>
  private let timer: Mutex<DeadlineTimer?>

  public init(machine: WorkQueueMachine = WorkQueueMachine()) {
    state = Mutex(State(machine: machine))
    timer = Mutex(nil)
    timer.withLock { $0 = DeadlineTimer { [weak self] in self?.dispatch() } }
  }

  deinit { timer.withLock { $0?.stop() } }

  private var now: Duration { origin.duration(to: .now) }

  public var queuedCount: Int { state.withLock { $0.machine.queuedCount } }
  public var processingCount: Int { state.withLock { $0.machine.processingCount } }
  var waiterCount: Int { state.withLock { $0.waiters.count } }

  /// Queues `key` to be due after `delay`. If it waits already, the earlier time and the higher priority hold.
  public func add(_ key: ObjectKey, priority: WorkPriority = .steady, after delay: Duration = .zero) {
    state.withLock { state in
      guard !state.isShutDown else { return }
      state.machine.add(key, priority: priority, at: now + max(delay, .zero))
    }
    dispatch()
  }

  /// Waits for a due key, which is then in process until `finish`. Nil when the queue is shut down or the calling task
  /// cancelled.
  public func take() async -> ObjectKey? {
    let id = state.withLock { state in
      state.lastWaiter += 1
      return state.lastWaiter
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<ObjectKey?, Never>) in
        let refuses = state.withLock { state in
          if state.isShutDown || Task.isCancelled { return true }
          state.waiters.append((id, continuation))
          return false
        }
        if refuses { continuation.resume(returning: nil) } else { dispatch() }
      }
    } onCancel: {
      let cancelled = state.withLock { state in
        state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0).continuation }
      }
      cancelled?.resume(returning: nil)
    }
  }

  /// Ends the turn of `key`.
  public func finish(_ key: ObjectKey, wake: Wake) {
    state.withLock { state in
      // Backoff jitter needs no reproducibility here; the machine takes it as an argument.
      state.machine.finish(key, wake: wake, jitter: .random(in: 0..<1), now: now)
    }
    dispatch()
  }

  /// Ends all waiting and takes no more keys. Keys in process may still be finished.
  public func shutDown() {
    let waiters = state.withLock { state in
      state.isShutDown = true
      defer { state.waiters = [] }
      return state.waiters
    }
    timer.withLock { $0?.stop() }
    for waiter in waiters { waiter.continuation.resume(returning: nil) }
  }

  /// Hands due keys to waiting tasks and sets the timer for the next.
  private func dispatch() {
    var deliveries: [(CheckedContinuation<ObjectKey?, Never>, ObjectKey)] = []
    let next: Duration? = state.withLock { state in
      guard !state.isShutDown else { return nil }
      let now = now
      var taken = 0
      while taken < state.waiters.count, let key = state.machine.take(now: now) {
        deliveries.append((state.waiters[taken].continuation, key))
        taken += 1
      }
      state.waiters.removeFirst(taken)
      // With nobody waiting, the next call to `take` dispatches.
      return state.waiters.isEmpty ? nil : state.machine.nextDue()
    }
    for (continuation, key) in deliveries { continuation.resume(returning: key) }
    if let next { timer.withLock { $0 }?.arm(at: origin + next) }
  }
}
