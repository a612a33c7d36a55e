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
    switch status.reconciliationStatus.state {
    case .deployed where !isRunning:
      operation.kind = .suspend
      enter(.suspended, operation)
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
        beginDrain(operation)
      }
    }
    wake = WakeUp(after: 0, "the state of what was taken over")
  }
}
