import FlinkModel
import Lifecycle
import Testing

/// What the core knows of a resource's keys.
@Suite struct LifecycleSettingsTests {
  private func settings(_ key: String, _ value: String) throws -> LifecycleSettings {
    try LifecycleSettings(FlinkConfiguration(["kubernetes.operator.\(key)": value]))
  }

  /// The defaults are the Apache operator's.
  @Test func withoutKeysTheDefaultsHold() throws {
    let settings = try LifecycleSettings(FlinkConfiguration([:]))
    #expect(settings.isRecoveryEnabled && settings.fallsBackToLastState && settings.blocksDeletionOnJobs)
    #expect(!settings.drainsOnSavepoint && !settings.takesSavepointOnDeletion && !settings.restartsFailedJobs)
    #expect(settings.maximalCheckpointAge == nil)
    #expect(settings.snapshots == SnapshotSettings())
  }

  // covers: kubernetes.operator.session.deletion.block-on-session-jobs
  // covers: kubernetes.operator.session.deletion.block-on-unmanaged-jobs
  @Test func switchesAreRead() throws {
    #expect(try !settings("jm-deployment-recovery.enabled", "false").isRecoveryEnabled)
    #expect(try !settings("job.upgrade.last-state-fallback.enabled", "false").fallsBackToLastState)
    #expect(try settings("job.drain-on-savepoint-deletion", "true").drainsOnSavepoint)
    for key in ["block-on-session-jobs", "block-on-unmanaged-jobs"] {
      #expect(try !settings("session.deletion.\(key)", "false").blocksDeletionOnJobs)
    }
    #expect(try !settings("session.block-on-unmanaged-jobs", "false").blocksDeletionOnJobs)
    #expect(try !settings("savepoint.cleanup.enabled", "false").snapshots.isCleanupEnabled)
  }

  @Test func timesAreRead() throws {
    #expect(try settings("job.upgrade.last-state.max.allowed.checkpoint.age", "2 min").maximalCheckpointAge == 120_000)
    #expect(try settings("resource.cleanup.timeout", "7 s").cleanupTimeout == 7_000)
    #expect(try settings("savepoint.trigger.grace-period", "8 s").snapshots.savepointGracePeriod == 8_000)
    #expect(try settings("checkpoint.trigger.grace-period", "9 s").snapshots.checkpointGracePeriod == 9_000)
    #expect(try settings("savepoint.history.max.age", "1 h").snapshots.historyMaxAge == 3_600_000)
    #expect(try settings("periodic.checkpoint.interval", "1 h").snapshots.periodicCheckpoints != nil)
    #expect(try settings("periodic.savepoint.interval", "1 h").snapshots.periodicSavepoints != nil)
  }

  /// Read from the operator's own configuration.
  @Test func theOperatorsOwnTimesAreTakenOver() throws {
    let configured = try OperatorSettings(
      OperatorDefaults([
        "kubernetes.operator.checkpoint-ledger.flush-interval": "30 s",
        "kubernetes.operator.resource.cleanup.timeout": "2 min",
      ]))
    let settings = try LifecycleSettings(FlinkConfiguration([:]), operatorSettings: configured)
    #expect(settings.ledgerFlushInterval == 30_000)
    #expect(settings.cleanupTimeout == 120_000)
    #expect(try LifecycleSettings(FlinkConfiguration([:])).ledgerFlushInterval == 300_000)
  }

  @Test func kindsOfCheckpointsAreRead() throws {
    #expect(try settings("checkpoint.type", "incremental").snapshots.checkpointFormat == .incremental)
    #expect(throws: InvalidField.self) { try settings("checkpoint.type", "SOME") }
  }
}
