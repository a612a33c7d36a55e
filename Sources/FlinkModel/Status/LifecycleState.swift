/// Phrases in `status.error` that say that the operator cannot go on by itself. With the JobManager missing or in
/// error they make `lifecycleState` FAILED, so errors of that meaning must contain one of them.
public enum UnrecoverableError {
  public static let manualRestoreRequired = "manual restore required"
  public static let haMetadataNotAvailable = "HA metadata is not available"
  public static let jobFinishedOrConfigMapsDeleted = "job has finished or its ConfigMaps have been deleted"

  public static func matches(_ error: String) -> Bool {
    let error = error.lowercased()
    return [manualRestoreRequired, haMetadataNotAvailable, jobFinishedOrConfigMapsDeleted].contains {
      error.contains($0.lowercased())
    }
  }
}

extension LifecycleState {
  /// DELETED, or a state in which a resource stays by itself.
  public var isTerminal: Bool {
    switch self {
    case .suspended, .stable, .rolledBack, .failed, .deleted: true
    case .created, .upgrading, .deployed, .rollingBack, .deleting: false
    }
  }

  /// The state that follows from the other fields of a status.
  public init(of status: FlinkDeploymentStatus) {
    let reconciliation = status.reconciliationStatus
    let error = status.error ?? ""
    if let stored = status.lifecycleState, stored == .deleting || stored == .deleted {
      self = stored
    } else if let last = reconciliation.lastReconciledSpec {
      let isManagerLost =
        status.jobManagerDeploymentStatus == .missing || status.jobManagerDeploymentStatus == .error
      if reconciliation.state == .upgrading {
        self = .upgrading
      } else if reconciliation.state == .rollingBack {
        self = .rollingBack
      } else if last.jobState == .suspended {
        self = .suspended
      } else if status.jobStatus.state == .failed || (isManagerLost && UnrecoverableError.matches(error)) {
        self = .failed
      } else if reconciliation.state == .rolledBack {
        self = .rolledBack
      } else {
        self = reconciliation.isLastReconciledSpecStable ? .stable : .deployed
      }
    } else {
      self = error.isEmpty ? .created : .failed
    }
  }
}
