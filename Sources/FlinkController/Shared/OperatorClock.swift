internal import Glibc
internal import Synchronization

/// Where the controller's time comes from.
///
/// What is kept in memory is dated by the time that has passed (`elapsed`), which no correction of the machine's clock
/// changes; what is stored, or compared with what is, by the time of day (`now`).
public struct OperatorClock: Sendable {
  /// Smaller corrections are not followed, so that two dates of one moment are equal.
  private static let tolerance: Int64 = 500

  private let wall: @Sendable () -> Int64
  private let passed: @Sendable () -> Int64
  private let offset: Offset

  private final class Offset: Sendable {
    let value: Mutex<Int64?> = Mutex(nil)
  }

  /// - Parameters:
  ///   - now: epoch milliseconds; may go back or leap.
  ///   - elapsed: milliseconds since any time; goes on steadily. Without it `now` is taken to do so.
  public init(now: @escaping @Sendable () -> Int64, elapsed: (@Sendable () -> Int64)? = nil) {
    wall = now
    passed = elapsed ?? now
    offset = Offset()
  }

  /// Milliseconds since some time, whatever happens to the time of day.
  public func elapsed() -> Int64 { passed() }

  /// Epoch milliseconds.
  public func now() -> Int64 {
    let passed = passed()
    return passed + epoch(at: passed)
  }

  /// What to add to a time by `elapsed` for its epoch milliseconds, as the time of day is now.
  func epoch() -> Int64 { epoch(at: passed()) }

  private func epoch(at passed: Int64) -> Int64 {
    let present = wall() - passed
    return offset.value.withLock { known in
      if let known, abs(present - known) < Self.tolerance { return known }
      known = present
      return present
    }
  }

  /// The machine's clocks.
  public static let system = OperatorClock(
    now: { read(CLOCK_REALTIME) }, elapsed: { read(CLOCK_BOOTTIME) })

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
