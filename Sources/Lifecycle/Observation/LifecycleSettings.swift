public import FlinkModel

/// What the core needs of a resource's effective configuration. Times are milliseconds.
public struct LifecycleSettings: Sendable, Hashable {
  /// `kubernetes.operator.deployment.readiness.timeout`.
  public var readinessTimeout: Int64 = 300_000
  /// `kubernetes.operator.resource.cleanup.timeout`.
  public var cleanupTimeout: Int64 = 300_000
  /// `kubernetes.operator.deployment.rollback.enabled`.
  public var isRollbackEnabled = false
  /// `kubernetes.operator.events.exceptions.limit-per-reconciliation`.
  public var exceptionLimit = 10
  /// `kubernetes.operator.events.exceptions.stacktrace-lines`.
  public var exceptionLines = 5
  /// `kubernetes.operator.exception.label.mapper`: labels by regular expressions for messages of errors.
  public var exceptionLabels: [String: String] = [:]
  /// `kubernetes.operator.session.deletion.block-on-session-jobs` and `….block-on-unmanaged-jobs`.
  public var blocksDeletionOnJobs = true
  /// `kubernetes.operator.job.restart.failed`.
  public var restartsFailedJobs = false
  /// `kubernetes.operator.jm-deployment.shutdown-ttl`.
  public var shutdownDelay: Int64 = 86_400_000
  /// `kubernetes.operator.jm-deployment-recovery.enabled`.
  public var isRecoveryEnabled = true
  /// `kubernetes.operator.job.savepoint-on-deletion`.
  public var takesSavepointOnDeletion = false
  /// `kubernetes.operator.job.drain-on-savepoint-deletion`.
  public var drainsOnSavepoint = false
  /// `kubernetes.operator.job.upgrade.last-state-fallback.enabled`.
  public var fallsBackToLastState = true
  /// `kubernetes.operator.savepoint.format.type`.
  public var savepointFormat = SavepointFormatType.canonical
  /// `execution.checkpointing.timeout`.
  public var checkpointTimeout: Int64 = 600_000
  public var savepointDirectory: String?
  public var checkpointDirectory: String?
  public var isHighAvailabilityEnabled = false
  /// HA metadata is in ConfigMaps, where the operator can read it.
  public var usesKubernetesHighAvailability = false
  /// Checkpoints stay when the job is cancelled.
  public var retainsCheckpoints = true
  /// Checkpoints stay when the job fails.
  public var retainsCheckpointsOnFailure = true
  /// How many completed checkpoints Flink keeps.
  public var retainedCheckpoints = 1
  /// Between checkpoints; nil where it is not configured, or set by the job itself.
  public var checkpointInterval: Int64?
  /// A job takes over the files of the point that it was started from.
  public var claimsRestorePoint = false
  /// `kubernetes.operator.job.restore-unconfirmed.enabled`: a job whose JobManager is lost without high availability
  /// starts again from the newest restore point known, though it may have completed a newer one since.
  public var restoresUnconfirmed = true
  /// `kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age`: nil for any age.
  public var maximalCheckpointAge: Int64?
  /// `kubernetes.operator.job.upgrade.last-state.job-cancel.enabled`.
  public var cancelsForLastState = false
  /// A job id that the user has fixed.
  public var userJobID: String?
  /// TaskManagers of this spec.
  public var taskManagers = 0
  /// `kubernetes.operator.checkpoint-ledger.flush-interval`: nothing but newly completed checkpoints is written to status
  /// more often than this.
  public var ledgerFlushInterval: Int64 = 300_000
  public var snapshots = SnapshotSettings()
  /// nil where the health of jobs is not checked.
  public var health: HealthSettings?
  /// `scheduler-mode: reactive`: the job takes whatever slots there are.
  public var isReactive = false
  /// `jobmanager.scheduler: adaptive`, not reactive, and in-place scaling is on: Flink can be asked for another
  /// parallelism of a running job.
  public var isRescalable = false
  /// `parallelism.default` of this spec.
  public var parallelism = 1
  /// `pipeline.jobvertex-parallelism-overrides`.
  public var parallelismOverrides: [String: Int] = [:]
  /// Answers of Flink's `/checkpoints` may be this old.
  public var restCacheTime: Int64 = 3_000

  public init() {}

  /// - Parameter operatorSettings: as they apply to the resource's namespace and version.
  /// - Throws: `InvalidField` for a key that cannot be read.
  public init(
    _ configuration: FlinkConfiguration, operatorSettings: OperatorSettings = OperatorSettings()
  ) throws(InvalidField) {
    let prefix = "kubernetes.operator"
    func milliseconds(_ key: String, _ fallback: Int64) throws(InvalidField) -> Int64 {
      guard let duration = try configuration.duration(key) else { return fallback }
      return duration.milliseconds
    }
    readinessTimeout = try milliseconds("\(prefix).deployment.readiness.timeout", readinessTimeout)
    cleanupTimeout = try milliseconds(
      "\(prefix).resource.cleanup.timeout", operatorSettings.resourceCleanupTimeout.milliseconds)
    ledgerFlushInterval = operatorSettings.ledgerFlushInterval.milliseconds
    isRollbackEnabled = try configuration.bool("\(prefix).deployment.rollback.enabled", default: false)
    exceptionLimit = try configuration.int("\(prefix).events.exceptions.limit-per-reconciliation") ?? exceptionLimit
    exceptionLines = try configuration.int("\(prefix).events.exceptions.stacktrace-lines") ?? exceptionLines
    exceptionLabels = configuration.map("\(prefix).exception.label.mapper")
    let blocksOnSessionJobs = try configuration.bool(
      "\(prefix).session.deletion.block-on-session-jobs", default: true)
    let blocksOnUnmanagedJobs = try configuration.bool(
      "\(prefix).session.deletion.block-on-unmanaged-jobs", "\(prefix).session.block-on-unmanaged-jobs", default: true)
    blocksDeletionOnJobs = blocksOnSessionJobs && blocksOnUnmanagedJobs
    restartsFailedJobs = try configuration.bool("\(prefix).job.restart.failed", default: false)
    shutdownDelay = try milliseconds("\(prefix).jm-deployment.shutdown-ttl", shutdownDelay)
    isRecoveryEnabled = try configuration.bool("\(prefix).jm-deployment-recovery.enabled", default: true)
    takesSavepointOnDeletion = try configuration.bool("\(prefix).job.savepoint-on-deletion", default: false)
    drainsOnSavepoint = try configuration.bool("\(prefix).job.drain-on-savepoint-deletion", default: false)
    fallsBackToLastState = try configuration.bool(
      "\(prefix).job.upgrade.last-state-fallback.enabled", default: true)
    if let format = configuration.string("\(prefix).savepoint.format.type") {
      savepointFormat = SavepointFormatType(rawValue: format.uppercased()) ?? .canonical
    }
    checkpointTimeout = try milliseconds("execution.checkpointing.timeout", checkpointTimeout)
    restCacheTime = try configuration.int("web.refresh-interval").map { Int64($0) } ?? restCacheTime
    savepointDirectory = configuration.savepointDirectory
    checkpointDirectory = configuration.checkpointDirectory
    isHighAvailabilityEnabled = configuration.isHighAvailabilityEnabled
    usesKubernetesHighAvailability = configuration.usesKubernetesHA
    retainedCheckpoints = try configuration.retainedCheckpoints
    checkpointInterval = try configuration.duration("execution.checkpointing.interval")?.milliseconds
    let claim = configuration.string("execution.state-recovery.claim-mode", "execution.savepoint-restore-mode")
    claimsRestorePoint = claim?.uppercased() == "CLAIM"
    maximalCheckpointAge =
      try configuration.duration("\(prefix).job.upgrade.last-state.max.allowed.checkpoint.age")?.milliseconds
    cancelsForLastState = try configuration.bool(
      "\(prefix).job.upgrade.last-state.job-cancel.enabled", default: false)
    restoresUnconfirmed = try configuration.bool("\(prefix).job.restore-unconfirmed.enabled", default: true)
    let retention = configuration.string(
      "execution.checkpointing.externalized-checkpoint-retention",
      "execution.checkpointing.externalized-checkpoint-retention-mode")
    retainsCheckpoints = (retention ?? "RETAIN_ON_CANCELLATION").uppercased() == "RETAIN_ON_CANCELLATION"
    retainsCheckpointsOnFailure = retainsCheckpoints || retention?.uppercased() == "DELETE_ON_CANCELLATION"
    userJobID = configuration.string("$internal.pipeline.job-id")
    taskManagers = try configuration.expectedTaskManagers
    health = try HealthSettings(configuration)
    snapshots = try SnapshotSettings(configuration)
    isReactive = configuration.isReactive
    let scalesInPlace = try configuration.bool(
      "\(prefix).job.upgrade.inplace-scaling.enabled", default: true)
    let isAdaptive = configuration.string("jobmanager.scheduler")?.lowercased() == "adaptive"
    isRescalable = isAdaptive && !isReactive && scalesInPlace
    parallelism = try configuration.int("parallelism.default") ?? 1
    parallelismOverrides =
      configuration.map("pipeline.jobvertex-parallelism-overrides").compactMapValues { Int($0) }
  }
}

extension Duration {
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000
  }
}

extension LifecycleSettings {
  /// How long Flink keeps a checkpoint before later ones take its place, in milliseconds; nil where the job takes none by
  /// itself.
  var checkpointLifetime: Int64? { checkpointInterval.map { $0 * Int64(retainedCheckpoints) } }
}
