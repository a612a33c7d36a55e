import FlinkModel
import KubernetesAPI

/// Clusters without a job of their own.
extension Turn {
  /// Its JobManager answers.
  mutating func observeSession(_ operation: inout OperationRecord) {
    status.error = nil
    if isRolledBack, let cause = operation.cause { setError(.reconciliation, cause) }
    if status.reconciliationStatus.state == .deployed {
      status.reconciliationStatus.lastStableSpec = status.reconciliationStatus.lastReconciledSpec
    }
    standing = isRolledBack ? rolledBackStanding : .ready("JobManagerReady", "the JobManager is ready for jobs")
    wake = WakeUp(after: 60_000, "the next look at a session cluster")
  }

  /// Whether jobs that nobody is known to manage keep a session cluster from being deleted; it is said then.
  mutating func isDeletionBlocked(_ operation: OperationRecord) -> Bool {
    guard isSession, settings.blocksDeletionOnJobs, status.jobManagerDeploymentStatus == .ready else { return false }
    poll(operation, .fast)
    guard case .seen(let jobs, _) = observation.jobManager.jobs else {
      // One that does not answer runs nothing that is known of.
      guard case .unknown(_, let since) = observation.jobManager.jobs, now - since < 10_000 else { return false }
      standing = .progressing("Deleting", "the JobManager is asked for its jobs")
      wake = WakeUp(after: 1_000, "the jobs of the session cluster")
      return true
    }
    let running = jobs.filter { FlinkJobState(rawValue: $0.state)?.isGloballyTerminal != true }.map(\.id).sorted()
    if running.isEmpty { return false }
    poll(operation, .steady)
    let message =
      "The session cluster still runs jobs: \(running.prefix(10).joined(separator: ", ")); cancel them, or set "
      + "kubernetes.operator.session.deletion.block-on-unmanaged-jobs to false"
    if record.status.conditions[type: ConditionType.stalled]?.reason != "JobsRunning" {
      note(.warning, "CleanupFailed", .operator, message)
    }
    standing = .stalled("JobsRunning", message)
    wake = WakeUp(after: 10_000, "the end of the jobs")
    return true
  }
}
