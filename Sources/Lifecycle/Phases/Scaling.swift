import FlinkModel
import KubernetesAPI

extension Turn {
  /// Changes the number of TaskManagers and nothing else, where the job takes whatever slots there are.
  ///
  /// - Returns: whether that is all that the changed spec needs.
  mutating func scaleInPlace(
    _ operation: OperationRecord, _ target: Target, _ diff: SpecDiff, _ cluster: ClusterFacts
  ) -> Bool {
    guard diff.type == .scale, target.spec.effectiveMode == .standalone, settings.isReactive,
      target.settings.isReactive, status.reconciliationStatus.state == .deployed, target.settings.taskManagers > 0,
      status.jobStatus.state?.isGloballyTerminal != true,
      let previous = status.reconciliationStatus.lastReconciledSpec, let mode = previous.upgradeMode,
      let taskManager = scalable(cluster)
    else { return false }
    note(.normal, "SpecChanged", .jobManagerDeployment, diff.message, key: "SpecChange: \(generation)")
    status.error = nil
    // What runs is the new spec from here on; how it must be restored has not changed.
    status.reconciliationStatus.lastReconciledSpec = ReconciledSpec(
      target.spec, firstDeployment: previous.firstDeployment ?? false, jobState: .running, upgradeMode: mode,
      keepingTriggerNoncesOf: previous)
    status.reconciliationStatus.reconciliationTimestamp = now
    status.observedGeneration = generation
    status.taskManager = TaskManagerInfo(
      labelSelector: "component=taskmanager,app=\(metadata.name)", replicas: target.settings.taskManagers)
    var operation = operation
    operation.kind = .scale
    operation.generation = generation
    operation.startedAt = moment(now)
    operation.deadline = moment(now + settings.readinessTimeout)
    enter(.running, operation)
    scale(operation, taskManager, to: target.settings.taskManagers)
    return true
  }

  /// The number of TaskManagers was authorised to change. Once it has it is left alone: an autoscaler may own it.
  mutating func continueScaling(_ cluster: ClusterFacts) {
    guard var operation = status.operation, operation.kind == .scale, operation.scaling == nil, effect == nil,
      let wanted = status.taskManager?.replicas, let taskManager = scalable(cluster)
    else { return }
    if taskManager.desiredReplicas != Int64(wanted) { return scale(operation, taskManager, to: wanted) }
    operation.kind = .deploy
    status.operation = operation
    note(.normal, "Scaling", .job, "The job was scaled in place to \(wanted) TaskManagers")
  }

  func scalable(_ cluster: ClusterFacts) -> DeploymentFacts? {
    cluster.deployment(.taskManager, ownedBy: uid).flatMap { $0.isBeingDeleted ? nil : $0 }
  }

  mutating func scale(_ operation: OperationRecord, _ taskManager: DeploymentFacts, to replicas: Int) {
    let failure = perform(
      .scaleTaskManagers(
        ObjectIdentity(name: taskManager.name, uid: taskManager.uid), replicas: replicas, operationID: operation.id),
      waitingFor: "the number of TaskManagers")
    standing = .until(
      operation.deadline, now: now, "Scaling",
      failure.map { "the number of TaskManagers cannot be changed: \($0)" }
        ?? "the number of TaskManagers changes to \(replicas)")
  }
}
