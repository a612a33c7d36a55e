public import FlinkModel
public import KubernetesAPI

/// What the JobManager of the present incarnation says.
public struct JobManagerFacts: Sendable, Hashable {
  public var jobs: Fact<[JobOverview]>
  public var config: Fact<ClusterConfig>
  /// The statistics are nil where checkpointing is off.
  public var checkpoints: Fact<CheckpointStatistics?>
  /// Of the run of the job before the present one, as last read; nil where the job has not begun again since.
  public var earlierRun: CheckpointStatistics?
  /// The result under the recorded trigger id; gone where the JobManager does not know that id.
  public var savepoint: Fact<AsyncOperationResult>
  /// The state of the checkpoint under the recorded trigger id; gone where the JobManager does not know that id.
  public var checkpoint: Fact<CheckpointTriggerResult> = .unknown(why: "not asked for", since: 0)
  /// Newest first.
  public var exceptions: Fact<[JobExceptionEntry]>
  /// nil where it is not asked for, or nothing was read yet.
  public var health: JobHealth?
  /// Between which parallelisms Flink may choose, by job vertex; gone where it says that this job has no such bounds, nil
  /// where it has not been asked yet.
  public var bounds: Fact<[String: ParallelismBounds]>?
  /// What it has chosen.
  public var parallelism: Fact<[String: Int]>?

  public init(
    jobs: Fact<[JobOverview]>, config: Fact<ClusterConfig>, checkpoints: Fact<CheckpointStatistics?>,
    savepoint: Fact<AsyncOperationResult>, exceptions: Fact<[JobExceptionEntry]>,
    earlierRun: CheckpointStatistics? = nil
  ) {
    self.jobs = jobs
    self.config = config
    self.checkpoints = checkpoints
    self.savepoint = savepoint
    self.exceptions = exceptions
    self.earlierRun = earlierRun
  }

  /// The same facts with `difference` milliseconds added to their times.
  public func dated(from difference: Int64) -> JobManagerFacts {
    var copy = self
    copy.jobs = jobs.dated(from: difference)
    copy.config = config.dated(from: difference)
    copy.checkpoints = checkpoints.dated(from: difference)
    copy.savepoint = savepoint.dated(from: difference)
    copy.checkpoint = checkpoint.dated(from: difference)
    copy.exceptions = exceptions.dated(from: difference)
    copy.bounds = bounds?.dated(from: difference)
    copy.parallelism = parallelism?.dated(from: difference)
    return copy
  }

  /// Nothing is known.
  public static func unknown(_ why: String, since: Int64) -> JobManagerFacts {
    JobManagerFacts(
      jobs: .unknown(why: why, since: since), config: .unknown(why: why, since: since),
      checkpoints: .unknown(why: why, since: since), savepoint: .unknown(why: why, since: since),
      exceptions: .unknown(why: why, since: since))
  }
}

/// A spec that passed validation, with what the core needs of its effective configuration.
public struct Target: Sendable, Hashable {
  public var spec: FlinkDeploymentSpec
  public var settings: LifecycleSettings

  public init(spec: FlinkDeploymentSpec, settings: LifecycleSettings) {
    self.spec = spec
    self.settings = settings
  }
}

/// How the last effect of this process on this resource went. Only in memory: after a restart it is nil.
public struct EffectOutcome: Sendable, Hashable {
  public enum Result: Sendable, Hashable {
    case succeeded
    /// It has changed nothing, or part of what it was to change.
    case failed(String)
    /// Flink will not do it, however often it is asked; it has changed nothing.
    case refused(String)
    /// It may have been carried out.
    case ambiguous(String)
  }

  /// `Effect.identity`.
  public var identity: String
  /// Epoch milliseconds, when it ended.
  public var at: Int64
  public var result: Result
  /// It was to take Deployments away: a list made after it shows what is left sooner than the watches do.
  public var isDeletion: Bool

  public init(identity: String, at: Int64, result: Result, isDeletion: Bool = false) {
    self.identity = identity
    self.at = at
    self.result = result
    self.isDeletion = isDeletion
  }
}

/// Everything a decision is made from, but for the record.
public struct Observation: Sendable, Hashable {
  public var metadata: ObjectMetadata
  /// The present spec, or why it cannot be used.
  public var target: Result<Target, InvalidField>
  /// What is deployed by the record, with the operator keys of the present spec; nil where nothing is.
  public var deployed: Target?
  /// From the watches; unknown until they are synced.
  public var cluster: Fact<ClusterFacts>
  /// From quorum LISTs made in this turn; unknown unless `Lifecycle.needsQuorum` asked for them.
  public var quorum: Fact<ClusterFacts>
  public var jobManager: JobManagerFacts
  /// From a quorum LIST made in this turn; unknown unless `Lifecycle.needsHAMetadata` asked for it.
  public var haMetadata: Fact<HAMetadata>
  public var lastEffect: EffectOutcome?
  /// By the watch.
  public var ingress: Fact<IngressFacts> = .unknown(why: "not looked at", since: 0)
  /// From the Events of pods that `Lifecycle.inspections` named.
  public var podWarnings: Fact<PodWarnings> = .unknown(why: "not asked for", since: 0)
  /// What logs say of containers that failed, by pod UID, as far as they were read.
  public var crashReports: [String: CrashReport] = [:]

  /// `kubernetes.operator.exception.*`.
  public var errorLimits = StatusError.Limits()

  public init(
    metadata: ObjectMetadata, target: Result<Target, InvalidField>, deployed: Target?, cluster: Fact<ClusterFacts>,
    quorum: Fact<ClusterFacts>, jobManager: JobManagerFacts,
    haMetadata: Fact<HAMetadata> = .unknown(why: "not asked for", since: 0), lastEffect: EffectOutcome? = nil
  ) {
    self.metadata = metadata
    self.target = target
    self.deployed = deployed
    self.cluster = cluster
    self.quorum = quorum
    self.jobManager = jobManager
    self.haMetadata = haMetadata
    self.lastEffect = lastEffect
  }
}
