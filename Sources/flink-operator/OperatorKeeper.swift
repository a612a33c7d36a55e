import Glibc
import Logging
import Synchronization

/// Keeps one operator process alive: starts it again when it dies, at once the first time, then with growing pauses as
/// long as it dies young.
final class OperatorKeeper: Sendable {
  private let executable: String
  private let arguments: [String]
  private let logger = Logger(label: "local")
  private let state = Mutex(State())

  private struct State {
    /// Not reaped yet.
    var current: ChildProcess?
    var isStopping = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  init(executable: String, arguments: [String]) {
    self.executable = executable
    self.arguments = arguments
  }

  /// Returns after `stop()`, when the last process has ended.
  func run() async {
    var youngDeaths = 0
    while true {
      let started = ContinuousClock.now
      guard let child = startUnlessStopping() else { return }
      say("operator: pid \(child.pid)")
      let ending = await child.ending()
      let (isStopping, waiters) = state.withLock { state in
        state.current = nil
        defer { state.waiters = [] }
        return (state.isStopping, state.waiters)
      }
      for waiter in waiters { waiter.resume() }
      if isStopping { return }
      youngDeaths = ContinuousClock.now - started < .seconds(3) ? youngDeaths + 1 : 0
      var pause = Duration.milliseconds(min(10_000, youngDeaths <= 1 ? 0 : 100 << min(youngDeaths, 7)))
      // It was asked to end, as we may be: whoever signals a whole process group does not mean a restart.
      if ending == .exited(0) { pause = max(pause, .seconds(1)) }
      logger.warning("the operator \(ending); starting it again", metadata: ["pause": "\(pause)"])
      try? await Task.sleep(for: pause)
    }
  }

  /// Ends the operator in order, by force after ten seconds, and returns when it has ended.
  func stop() async {
    let child = state.withLock { state in
      state.isStopping = true
      return state.current
    }
    guard let child else { return }
    child.signal(SIGTERM)
    let force = Task {
      try await Task.sleep(for: .seconds(10))
      child.signal(SIGKILL)
    }
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.current != nil { state.waiters.append(continuation) }
        return state.current == nil
      }
      if isOver { continuation.resume() }
    }
    force.cancel()
  }

  private func startUnlessStopping() -> ChildProcess? {
    state.withLock { state in
      guard !state.isStopping else { return nil }
      do throws(CommandFailure) {
        let child = try ChildProcess.start(executable: executable, arguments: arguments)
        state.current = child
        return child
      } catch {
        logger.error("\(error)")
        return nil
      }
    }
  }
}
