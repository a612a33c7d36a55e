/// Delays that double from `base` to `cap`, each spread over its upper half.
public struct BackoffPolicy: Sendable, Hashable {
  public var base: Duration
  public var cap: Duration

  public init(base: Duration, cap: Duration) {
    self.base = base
    self.cap = cap
  }

  /// The delay before attempt `failures` (1 after the first failure). `jitter` is in 0..<1.
  public func delay(failures: Int, jitter: Double) -> Duration {
    var delay = base
    for _ in 1..<max(failures, 1) {
      delay *= 2
      if delay >= cap { break }
    }
    delay = min(delay, cap)
    return delay / 2 + delay / 2 * min(max(jitter, 0), 1)
  }
}
