import FlinkModel

/// How a running job fares, by what its JobManager counts. Times are milliseconds.
public struct JobHealth: Sendable, Hashable {
  /// Restarts of the job within the window, as estimated at the last look.
  public private(set) var recentRestarts: Int64 = 0
  /// Since the number of completed checkpoints was last seen to grow.
  public private(set) var withoutCheckpoint: Int64 = 0

  private var restarts: (base: Int64, at: Int64)?
  private var checkpoints: (count: Int, at: Int64)?

  public init() {}

  /// Takes in what was just read. What cannot be read is nil and changes nothing.
  ///
  /// The estimate is the Apache operator's: restarts since a base, scaled down to the window where the base is older than
  /// it; then the base moves on. A counter that goes back belongs to another run of the job.
  ///
  /// - Parameters:
  ///   - window: what `recentRestarts` is about.
  ///   - now: by a clock that goes on steadily.
  public mutating func note(restarts count: Int64?, checkpoints completed: Int?, window: Int64, now: Int64) {
    if let count {
      if let known = restarts, count >= known.base {
        let elapsed = max(now - known.at, 1)
        recentRestarts = elapsed > window ? (count - known.base) * window / elapsed : count - known.base
        if elapsed > window { restarts = (count, now) }
      } else {
        restarts = (count, now)
        recentRestarts = 0
      }
    }
    if let completed {
      if checkpoints?.count != completed { checkpoints = (completed, now) }
      withoutCheckpoint = now - (checkpoints?.at ?? now)
    }
  }

  public static func == (left: JobHealth, right: JobHealth) -> Bool {
    left.recentRestarts == right.recentRestarts && left.withoutCheckpoint == right.withoutCheckpoint
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(recentRestarts)
    hasher.combine(withoutCheckpoint)
  }
}

/// `kubernetes.operator.cluster.health-check.*`. Times are milliseconds.
public struct HealthSettings: Sendable, Hashable {
  public var restartsWindow: Int64 = 120_000
  /// More restarts than this within the window are too many.
  public var restartsThreshold: Int64 = 64
  /// A job that completes no checkpoint for longer than this is stuck; nil where that is not judged.
  public var checkpointWindow: Int64?

  public init() {}

  /// nil where health is not checked.
  init?(_ configuration: FlinkConfiguration) throws(InvalidField) {
    let prefix = "kubernetes.operator"
    guard try configuration.bool("\(prefix).cluster.health-check.enabled", default: false) else { return nil }
    restartsWindow =
      try configuration.duration("\(prefix).cluster.health-check.restarts.window")?.milliseconds ?? restartsWindow
    restartsThreshold =
      try configuration.int("\(prefix).cluster.health-check.restarts.threshold").map { Int64($0) } ?? restartsThreshold
    let isProgressChecked = try configuration.bool(
      "\(prefix).cluster.health-check.checkpoint-progress.enabled", default: true)
    let explicit = try configuration.duration("\(prefix).cluster.health-check.checkpoint-progress.window")?.milliseconds
    let interval = try configuration.duration("execution.checkpointing.interval")?.milliseconds
    guard isProgressChecked, explicit != nil || interval ?? 0 > 0 else { return }
    let timeout = try configuration.duration("execution.checkpointing.timeout")?.milliseconds ?? 600_000
    let tolerable = try configuration.int("execution.checkpointing.tolerable-failed-checkpoints") ?? 0
    // A healthy job may need as much.
    let least = max(interval ?? 0, timeout) * Int64(max(tolerable, 0) + 2)
    checkpointWindow = max(explicit ?? least, least)
  }

  /// What is wrong with a job, in words.
  func problems(of health: JobHealth) -> [String] {
    var problems: [String] = []
    if health.recentRestarts > restartsThreshold {
      problems.append(
        "it restarted about \(health.recentRestarts) times in \(restartsWindow / 1_000) s, more than the "
          + "\(restartsThreshold) of kubernetes.operator.cluster.health-check.restarts.threshold")
    }
    if let checkpointWindow, health.withoutCheckpoint > checkpointWindow {
      problems.append(
        "it completed no checkpoint for \(health.withoutCheckpoint / 1_000) s, longer than \(checkpointWindow / 1_000) s"
      )
    }
    return problems
  }
}
