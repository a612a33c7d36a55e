import Synchronization

/// The connections being served, each by a task of its own.
///
/// A task begins at the very moment its connection is accepted, also while the server is closing: NIO traps when a
/// connection that was wrapped for tasks is dropped before one has served it.
final class ConnectionTasks: Sendable {
  private struct State {
    var tasks: [Int: Task<Void, Never>] = [:]
    var ended: Set<Int> = []
    var next = 0
    var isCancelled = false
  }

  private let state = Mutex(State())

  func start(_ body: @escaping @Sendable () async -> Void) {
    let (id, isCancelled) = state.withLock { state in
      state.next += 1
      return (state.next, state.isCancelled)
    }
    let task = Task {
      await body()
      self.state.withLock { state in
        // It may have ended before it was noted below.
        if state.tasks.removeValue(forKey: id) == nil { state.ended.insert(id) }
      }
    }
    if isCancelled { task.cancel() }
    state.withLock { state in
      if state.ended.remove(id) == nil { state.tasks[id] = task }
      if state.isCancelled { task.cancel() }
    }
  }

  /// Cancels what runs and what still begins; returns when nothing runs.
  func cancel() async {
    state.withLock { state in
      state.isCancelled = true
      for task in state.tasks.values { task.cancel() }
    }
    while let task = state.withLock({ $0.tasks.values.first }) {
      task.cancel()
      await task.value
      // The task takes itself off the list before its value is there.
    }
  }
}
