internal import Glibc

/// Where the controller's time comes from.
public struct OperatorClock: Sendable {
  /// Epoch milliseconds.
  public let now: @Sendable () -> Int64

  public init(now: @escaping @Sendable () -> Int64) { self.now = now }

  /// The machine's clock.
  public static let system = OperatorClock {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
