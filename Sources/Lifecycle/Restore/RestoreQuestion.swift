import FlinkModel
import KubernetesAPI

/// Everything that the choice of a start's state is made from.
struct RestoreQuestion: Sendable, Hashable {
  enum Wish: Sendable, Hashable {
    /// The newest state there is.
    case newest
    /// A place that the user names.
    case path(String)
    /// The user gives the state up; why, in words.
    case none(String)
    /// As the incarnation before was started: its user does not care for state, nobody has given up what it had.
    case asBefore

    var namesAPlace: Bool { if case .path = self { true } else { false } }
  }

  /// How the job of the incarnation before came to its end, or will.
  enum End: Sendable, Hashable {
    /// It never came up, so it has made nothing.
    case neverBegan
    /// In a state it does not leave.
    case terminal(FlinkJobState, at: Int64, isJobManagerThere: Bool)
    /// Its JobManager is gone, or is taken away without a word to the job.
    case cut
  }

  /// Where the metadata of high availability is.
  enum Availability: Sendable, Hashable {
    case off
    case configMaps(Fact<HAMetadata>)
    /// Somewhere that the operator does not read.
    case elsewhere
  }

  var wish = Wish.newest
  var end = End.cut
  var jobID: String?
  /// By what the incarnation before was started; nil where that is not known.
  var base: RestorePlan?
  /// The savepoint with which the job was to be stopped, once it is complete.
  var stop: RestorePoint?
  var statistics: Fact<CheckpointStatistics?> = .unknown(why: "not asked", since: 0)
  /// The newest point in the record.
  var ledger: RestorePoint?
  /// Places in the record that were written for another purpose, or by another operator.
  var recorded: [RestorePoint] = []
  var availability = Availability.off
  /// Nothing is chosen before the metadata is read.
  var isMetadataAwaited = true
  /// Why the metadata of high availability must not be used for this start; nil where it may.
  var metadataObstacle: String?
  /// Paths that are known not to restore.
  var failedPaths: Set<String> = []
  /// Checkpoints outlive a job that is cancelled, or whose JobManager ends in order.
  var retainsCheckpoints = true
  /// Checkpoints outlive a job that fails.
  var retainsOnFailure = true
  /// A job that has finished has discarded its checkpoints, whatever its statistics list.
  var finishDiscards = true
  /// A job takes over the files of the point it was started from.
  var claims = false
  /// A checkpoint this much older than the end of its job has been subsumed; nil where that cannot be told.
  var subsumption: Int64?
  /// When the job was last known to run.
  var lastAlive: Int64?
  var restCacheTime: Int64 = 3_000
  var checkpointDirectory: String?

  /// What the JobManager's statistics tell about the time after the end of the job, or nil.
  var statisticsAfterEnd: CheckpointStatistics?? {
    guard case .terminal(_, let ended, true) = end, case .seen(let value, let at) = statistics,
      at >= ended + restCacheTime
    else { return nil }
    return .some(value)
  }
}

/// A start whose state is chosen.
struct RestoreStart: Sendable, Hashable {
  var plan: RestorePlan
  /// nil for a start without state.
  var chosen: RestorePoint?
  var rejected: [RejectedRestorePoint] = []

  var record: RestorePointRecord { RestorePointRecord(chosen: chosen, rejected: rejected) }
}

enum RestoreAnswer: Sendable, Hashable {
  case start(RestoreStart)
  /// Something is expected to become known by itself.
  case wait(reason: String, message: String)
  /// Not without help: the message says which.
  case refuse(reason: String, message: String)
}
