import FlinkModel
import KubernetesAPI

extension Turn {
  /// Id of the operation that stands for a deployment made by somebody else.
  static let adoptedID = "adopted"

  /// Takes over what the Apache operator, or a backup, left in status. A settled resource is not touched.
  mutating func adopt() {
    guard let cluster = cluster.value else {
      wake = WakeUp(after: 1_000, "complete views of Deployments and pods")
      return
    }
    let jobManager = cluster.deployment(.jobManager, ownedBy: uid)
    let acted = status.observedGeneration ?? jobManager?.generation ?? 0
    var operation = OperationRecord(
      uid: uid, generation: acted, kind: .deploy, id: jobManager?.operationID ?? Self.adoptedID,
      attempt: jobManager?.attempt ?? 0, startedAt: moment(now), deadline: moment(now + settings.readinessTimeout),
      restorePlan: Self.plan(recordedBy: status))
    let isRunning = status.reconciliationStatus.deployedSpec?.jobState != .suspended
    noteEndedJob()
    switch status.reconciliationStatus.state {
    case .deployed where !isRunning:
      operation.kind = .suspend
      if let path = pathOfEndedJob { operation.restorePlan = .path(path) }
      enter(.suspended, operation)
    case .rollingBack where jobManager == nil:
      // What has failed is ended already; the record tells how the stable spec is to be restored.
      operation.kind = .rollback
      operation.id = "g\(acted)-a\(operation.attempt)-takeover"
      disbelieveEnd()
      beginDrain(operation)
    case .deployed, .rolledBack, .rollingBack:
      enter(.running, operation)
    case .upgrading:
      if let jobManager, jobManager.generation == status.observedGeneration {
        operation.id = jobManager.operationID ?? Self.adoptedID
        return deployed(operation, jobManager)
      }
      if isRunning, jobManager != nil {
        enter(.running, operation)
      } else {
        if isRunning {
          // By the record the job was not ended yet, so that it tells the last start's state, and not the next one's.
          operation.startedFrom = operation.restorePlan
          operation.restorePlan = nil
        }
        operation.kind = .upgrade
        operation.id = "g\(acted)-a\(operation.attempt)-takeover"
        disbelieveEnd()
        beginDrain(operation)
      }
    }
    wake = WakeUp(after: 0, "the state of what was taken over")
  }

  /// Where a job that has failed, or was cancelled, has left its newest state: the Apache operator reads that from the
  /// JobManager and notes it beside a record that goes on telling how the job was started.
  private var pathOfEndedJob: String? {
    let job = status.jobStatus
    guard job.state == .canceled || job.state == .failed, let path = job.upgradeSavepointPath,
      path != JobStatus.lastStateMarker
    else { return nil }
    return path
  }

  private mutating func noteEndedJob() {
    guard status.restorePoint == nil, let path = pathOfEndedJob else { return }
    let isCheckpoint = path.split(separator: "/").last?.hasPrefix("chk-") == true
    status.restorePoint = RestorePointRecord(
      chosen: RestorePoint(
        kind: isCheckpoint ? .checkpoint : .savepoint, path: path, provenance: .status, jobID: status.jobStatus.jobId))
  }

  /// The Apache operator says FINISHED of every job that it has ended, also of one whose JobManager it took away.
  private mutating func disbelieveEnd() {
    if status.jobStatus.state == .finished { status.jobStatus.state = .reconciling }
  }
}
