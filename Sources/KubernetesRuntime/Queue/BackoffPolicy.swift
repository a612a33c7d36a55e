/// Delays that grow by `factor` from `base` to `cap`, each spread over its upper half.
public struct BackoffPolicy: Sendable, Hashable {
  public var base: Duration
  public var cap: Duration
  public var factor: Double

  /// Of turns that failed, where nothing else is configured.
  public static let turns = BackoffPolicy(base: .milliseconds(5), cap: .seconds(60))

  public init(base: Duration, cap: Duration, factor: Double = 2) {
    self.base = base
    self.cap = cap
    self.factor = factor
  }

  /// The delay before attempt `failures` (1 after the first failure). `jitter` is in 0..<1.
  public func delay(failures: Int, jitter: Double) -> Duration {
    var delay = base
    for _ in 1..<max(failures, 1) {
      delay = delay * factor
      if delay >= cap { break }
    }
    delay = min(delay, cap)
    return delay / 2 + delay / 2 * min(max(jitter, 0), 1)
  }
}
