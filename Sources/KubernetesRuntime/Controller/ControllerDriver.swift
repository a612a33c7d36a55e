public import KubernetesAPI
public import Logging
internal import Synchronization

/// Takes keys from a queue and runs turns on them, several at once but never two of one key.
public final class ControllerDriver: Sendable {
  public struct Statistics: Sendable, Hashable {
    public var turns: UInt64 = 0
    public var failures: UInt64 = 0
    public var running = 0
    public var longestTurn = Duration.zero
  }

  public let queue: WorkQueue
  private let concurrency: Int
  private let logger: Logger
  private let reconcile: @Sendable (ObjectKey) async -> Wake
  private let counts = Mutex(Statistics())

  /// - Parameters:
  ///   - concurrency: turns at once; they are short and asynchronous, so this may be high.
  ///   - reconcile: one turn. It reports its own errors and says by the result when to come again.
  public init(
    queue: WorkQueue, concurrency: Int = 64, logger: Logger,
    reconcile: @escaping @Sendable (ObjectKey) async -> Wake
  ) {
    self.queue = queue
    self.concurrency = max(concurrency, 1)
    self.logger = logger
    self.reconcile = reconcile
  }

  public var statistics: Statistics { counts.withLock { $0 } }

  /// Works until `stop` (turns under way end normally) or until the calling task is cancelled (they are cancelled too).
  public func run() async {
    await withDiscardingTaskGroup { group in
      for _ in 0..<concurrency { group.addTask { await self.work() } }
    }
  }

  /// Takes no more keys; `run` returns when the turns under way have ended.
  public func stop() { queue.shutDown() }

  private func work() async {
    while let key = await queue.take() {
      counts.withLock { $0.running += 1 }
      let start = ContinuousClock.now
      let wake = await reconcile(key)
      let elapsed = start.duration(to: .now)
      counts.withLock { counts in
        counts.running -= 1
        counts.turns += 1
        if case .failed = wake { counts.failures += 1 }
        counts.longestTurn = max(counts.longestTurn, elapsed)
      }
      logger.trace("turn ended", metadata: ["key": "\(key)", "wake": "\(wake)", "took": "\(elapsed)"])
      queue.finish(key, wake: wake)
    }
  }
}
