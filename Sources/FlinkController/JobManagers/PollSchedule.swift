import FlinkModel

/// When a JobManager is asked next.
struct PollSchedule: Sendable, Hashable {
  /// What the answers are wanted for.
  enum Urgency: Sendable, Hashable {
    case steady
    /// Something is under way: a start, for instance, which takes seconds.
    case transition
    /// A stop with savepoint: the job is down from its end until it is noticed.
    case savepoint
  }

  /// Milliseconds. The longest pause in a transition; its first pauses are a fraction of this.
  var fast: Int64 = 250
  var steady: Int64 = 10_000
  /// Longest pause while a JobManager does not answer.
  var fastCap: Int64 = 1_000
  var steadyCap: Int64 = 30_000

  init() {}

  /// By `kubernetes.operator.polling.*`.
  init(_ settings: OperatorSettings) {
    fast = Self.milliseconds(settings.pollingFastInterval)
    steady = Self.milliseconds(settings.pollingInterval)
  }

  private static func milliseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000
  }

  /// - Parameters:
  ///   - waiting: milliseconds since this was first wanted. What has taken long is asked for less often, so that the
  ///     delay of noticing it stays small beside it.
  ///   - failing: milliseconds since the JobManager answered last; nil where it answered just now.
  ///   - failures: in a row.
  ///   - seed: spreads steady polls by a fifth to either side; equal seeds give equal pauses.
  func pause(_ urgency: Urgency, waiting: Int64, failing: Int64? = nil, failures: Int = 0, seed: UInt64) -> Int64 {
    if urgency == .steady {
      if failures > 0 { return min((steady / 4) << Int64(min(failures - 1, 8)), steadyCap) }
      let spread = steady / 5
      return steady - spread + Int64(seed % UInt64(max(2 * spread, 1)))
    }
    if failures > 0 {
      // A JobManager that starts refuses connections for some seconds, which costs next to nothing; how late its first
      // answer is heard stays small beside the time that it took.
      return min(fastCap, max(fast * 2 / 5, (failing ?? 0) / 60))
    }
    let least = urgency == .savepoint ? fast / 5 : fast * 2 / 5
    return min(fast, max(least, waiting / 80))
  }
}
