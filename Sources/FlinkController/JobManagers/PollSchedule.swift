/// When a JobManager is asked next.
struct PollSchedule: Sendable, Hashable {
  /// Milliseconds.
  var fast: Int64 = 250
  var steady: Int64 = 10_000
  /// Longest pause while a JobManager does not answer.
  var fastCap: Int64 = 1_000
  var steadyCap: Int64 = 30_000

  /// - Parameters:
  ///   - failures: in a row.
  ///   - seed: spreads steady polls by a fifth to either side; equal seeds give equal pauses.
  func pause(isFast: Bool, failures: Int, seed: UInt64) -> Int64 {
    if failures > 0 {
      let base = isFast ? fast : steady / 4
      let doubled = base << Int64(min(failures - 1, 8))
      return min(doubled, isFast ? fastCap : steadyCap)
    }
    if isFast { return fast }
    let spread = steady / 5
    return steady - spread + Int64(seed % UInt64(max(2 * spread, 1)))
  }
}
