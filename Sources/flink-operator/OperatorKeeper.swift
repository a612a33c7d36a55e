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
    var current: ChildProcess?
    var isStopping = false
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
      if state.withLock({ $0.isStopping }) { return }
      youngDeaths = ContinuousClock.now - started < .seconds(3) ? youngDeaths + 1 : 0
      let pause = Duration.milliseconds(min(10_000, youngDeaths <= 1 ? 0 : 100 << min(youngDeaths, 7)))
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
    let deadline = ContinuousClock.now + .seconds(10)
    while kill(child.pid, 0) == 0 {
      if ContinuousClock.now > deadline { child.signal(SIGKILL) }
      // Its end is awaited in run(), which reaps it; here only the fact matters.
      do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
    }
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
