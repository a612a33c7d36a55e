import FlinkModel
import KubernetesAPI

/// Jobs that run and get nowhere.
extension Turn {
  /// Starts the recorded spec again where its job is not healthy, from its newest state. To be called when no newer spec
  /// is there to be acted upon.
  mutating func considerHealth(_ operation: OperationRecord, _ jobManager: DeploymentFacts) {
    guard isRunningUnchanged, !isSession, let health = settings.health, let known = observation.jobManager.health,
      settings.isRecoveryEnabled, generation <= operation.generation || target == nil, !jobManager.isBeingDeleted,
      let job = observation.jobManager.jobs.value?.first(where: { $0.id == status.jobStatus.jobId }),
      let state = FlinkJobState(rawValue: job.state), !state.isGloballyTerminal, state != .cancelling,
      let deployed = target ?? observation.deployed
    else { return }
    let problems = health.problems(of: known)
    guard !problems.isEmpty else { return }
    let cause = "The job is not healthy: \(problems.joined(separator: "|"))"
    let choice: StopChoice =
      deployed.spec.job?.upgradeMode == .stateless
      ? StopChoice(restore(operation, nil, .cut, wish: .asBefore)) : stateOfUnhealthy(operation, deployed, job)
    if case .wait(_, let message) = choice {
      wake = WakeUp(after: 1_000, message)
      return
    }
    if case .refuse(_, let message) = choice {
      note(
        .warning, "RestartUnhealthyJob", .job, "\(cause); it is not started again: \(message)",
        key: "unhealthy: \(message)"
      )
      return
    }
    note(.warning, "RestartUnhealthyJob", .job, cause)
    let next = OperationRecord(
      uid: uid, generation: operation.generation, kind: .restart,
      id: "g\(operation.generation)-a\(operation.attempt)-unhealthy", attempt: operation.attempt,
      replacesUID: jobManager.uid, startedAt: moment(now), startedFrom: operation.restorePlan, cause: operation.cause)
    standing = .progressing("JobRestarting", cause)
    guard case .leave(let start) = choice else { return beginStop(next, nil, withSavepoint: false) }
    note(start)
    var drained = next
    drained.restorePlan = start.plan
    beginDrain(drained)
  }

  /// A job that is not healthy takes no savepoint: its newest checkpoint is what it has.
  private func stateOfUnhealthy(_ operation: OperationRecord, _ deployed: Target, _ job: JobOverview) -> StopChoice {
    if settings.isHighAvailabilityEnabled { return StopChoice(restore(operation, nil, .cut)) }
    if settings.retainsCheckpoints { return .cancel }
    return .refuse(
      reason: "UpgradeFailed",
      message: "its checkpoints do not outlive it: set "
        + "execution.checkpointing.externalized-checkpoint-retention to RETAIN_ON_CANCELLATION")
  }
}
