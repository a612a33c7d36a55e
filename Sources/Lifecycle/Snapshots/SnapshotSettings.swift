public import FlinkModel

/// What the core needs of a resource's configuration for snapshots that do not stop the job. Times are milliseconds.
public struct SnapshotSettings: Sendable, Hashable {
  /// `kubernetes.operator.savepoint.trigger.grace-period`.
  public var savepointGracePeriod: Int64 = 60_000
  /// `kubernetes.operator.checkpoint.trigger.grace-period`.
  public var checkpointGracePeriod: Int64 = 60_000
  /// `kubernetes.operator.checkpoint.type`.
  public var checkpointFormat = CheckpointFormatType.full
  /// `kubernetes.operator.periodic.savepoint.interval`.
  public var periodicSavepoints: PeriodicTrigger?
  /// `kubernetes.operator.periodic.checkpoint.interval`.
  public var periodicCheckpoints: PeriodicTrigger?
  /// `kubernetes.operator.savepoint.cleanup.enabled`.
  public var isCleanupEnabled = true
  /// `kubernetes.operator.savepoint.history.max.count`, at least 1.
  public var historyMaxCount = 10
  /// `kubernetes.operator.savepoint.history.max.age`.
  public var historyMaxAge: Int64 = 86_400_000
  /// `kubernetes.operator.job.upgrade.ignore-pending-savepoint`.
  public var isPendingSavepointIgnored = false

  public init() {}

  /// - Throws: `InvalidField` for a key that cannot be read.
  public init(_ configuration: FlinkConfiguration) throws(InvalidField) {
    let settings = try ResourceSettings(configuration)
    savepointGracePeriod = settings.savepointTriggerGracePeriod.milliseconds
    checkpointGracePeriod = settings.checkpointTriggerGracePeriod.milliseconds
    checkpointFormat = CheckpointFormatType(rawValue: settings.checkpointType) ?? .full
    periodicSavepoints = try PeriodicTrigger.read(
      settings.periodicSavepointInterval, key: "kubernetes.operator.periodic.savepoint.interval")
    periodicCheckpoints = try PeriodicTrigger.read(
      settings.periodicCheckpointInterval, key: "kubernetes.operator.periodic.checkpoint.interval")
    isCleanupEnabled = settings.isSavepointCleanupEnabled
    historyMaxCount = max(1, settings.savepointHistoryMaxCount)
    historyMaxAge = settings.savepointHistoryMaxAge.milliseconds
    isPendingSavepointIgnored = settings.isPendingSavepointIgnored
  }

  /// What the operator's own configuration allows at most.
  public mutating func limit(by operatorSettings: OperatorSettings) {
    if let count = operatorSettings.savepointHistoryMaxCountThreshold {
      historyMaxCount = max(1, min(historyMaxCount, count))
    }
    if let age = operatorSettings.savepointHistoryMaxAgeThreshold {
      historyMaxAge = min(historyMaxAge, age.milliseconds)
    }
  }
}
