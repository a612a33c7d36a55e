internal import Glibc
internal import KubernetesAPI
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The credentials a plugin makes, shared by all clients of one configuration: runs the program as
/// `ExecCredentialCache` says, on a thread that may block.
final class ExecCredentials: Sendable {
  private struct State {
    var cache = ExecCredentialCache()
    var credential: Credential?
    var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var lastWaiter: UInt64 = 0
  }

  let plugin: ExecPlugin
  private let state = Mutex(State())

  init(_ plugin: ExecPlugin) { self.plugin = plugin }

  /// - Parameter deadline: how long to wait for the plugin; it goes on by itself after that.
  func current(until deadline: ContinuousClock.Instant) async throws(ConfigurationError) -> Credential {
    while true {
      let (decision, credential) = state.withLock { ($0.cache.decide(now: .now), $0.credential) }
      switch decision {
      case .use(_, let startsRun):
        if startsRun { start() }
        guard let credential else { throw plugin.failure("gave a credential that cannot be used", "") }
        return credential
      case .wait(let startsRun):
        if startsRun { start() }
        try await wait(until: deadline)
      case .fail(let error): throw error
      case .refused: throw plugin.failure("gives credentials that the server refuses", "")
      }
    }
  }

  /// The server refused `credential`: another to try, or nil when the plugin has none.
  func replacement(
    for credential: Credential, until deadline: ContinuousClock.Instant
  ) async throws(ConfigurationError) -> Credential? {
    switch state.withLock({ $0.cache.decide(refused: credential.serial, now: .now) }) {
    case .refused: return nil
    case .fail(let error): throw error
    case .wait(let startsRun):
      if startsRun { start() }
      try await wait(until: deadline)
    case .use(_, let startsRun): if startsRun { start() }
    }
    let current = try await current(until: deadline)
    return current.serial == credential.serial ? nil : current
  }

  private func start() {
    Task.detached { [self] in
      let result: Result<ExecAnswer, ConfigurationError>
      do {
        result = try await NIOThreadPool.singleton.runIfActive { [plugin] in
          Result { () throws(ConfigurationError) in try plugin.run() }
        }
      } catch {
        result = .failure(plugin.failure("cannot be started", "\(error)"))
      }
      finish(result)
    }
  }

  private func finish(_ result: Result<ExecAnswer, ConfigurationError>) {
    let waiters = state.withLock { state in
      let before = state.cache.answer?.serial
      // A certificate that cannot be read is a failed run.
      let checked = result.flatMap { answer in
        Result { () throws(ConfigurationError) in
          _ = try answer.credential(serial: 0, of: plugin)
          return answer
        }
      }
      state.cache.finish(checked, now: .now)
      if let (answer, serial) = state.cache.answer, serial != before {
        state.credential = try? answer.credential(serial: serial, of: plugin)
      }
      defer { state.waiters = [:] }
      return state.waiters.values
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Until the run under way has ended, the deadline has passed or the task is cancelled.
  private func wait(until deadline: ContinuousClock.Instant) async throws(ConfigurationError) {
    let left = deadline - .now
    guard left > .zero, !Task.isCancelled else { throw plugin.failure("has not answered in time", "") }
    let number = state.withLock { state in
      state.lastWaiter += 1
      return state.lastWaiter
    }
    let timer = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: TimeAmount(left)) { [self] in
      resume(number)
    }
    defer { timer.cancel() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          guard state.cache.isRunning, !Task.isCancelled, ContinuousClock.now < deadline else { return true }
          state.waiters[number] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      resume(number)
    }
  }

  private func resume(_ number: UInt64) {
    state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
  }
}

extension Timestamp {
  /// By the system's clock.
  static var now: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(epochMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}
