import FlinkModel
import KubernetesAPI

extension Turn {
  /// The Apache operator's `last-state` for a job that its JobManager knows and that is not ending.
  func lastState(_ operation: OperationRecord, _ target: Target, _ overview: JobOverview) -> StopChoice {
    let isRunning = overview.state == FlinkJobState.running.rawValue
    if isRunning, let age = settings.maximalCheckpointAge, let choice = tooOld(age, target, overview) { return choice }
    if settings.isHighAvailabilityEnabled, question(operation, target, .cut).metadataObstacle == nil,
      !(settings.cancelsForLastState && settings.retainsCheckpoints)
    {
      guard settings.usesKubernetesHighAvailability else { return StopChoice(restore(operation, target, .cut)) }
      switch observation.haMetadata {
      case .unknown(let why, _) where guards.holds(.metadataUnknown):
        return .wait(reason: "ReadingHAMetadata", message: "waiting for a list of the HA metadata (\(why))")
      case .seen(let metadata, _) where metadata.job(status.jobStatus.jobId) != nil:
        let hasCheckpoint = metadata.job(status.jobStatus.jobId)?.latestCheckpoint != nil
        // What it has done so far is nowhere else yet.
        if isRunning, !hasCheckpoint, savepointDirectory(target) != nil { return .savepoint }
        return StopChoice(restore(operation, target, .cut))
      default: break
      }
    }
    if settings.retainsCheckpoints {
      // Flink refuses a savepoint until all tasks run.
      let canSave = isRunning && overview.hasAllTasksRunning && savepointDirectory(target) != nil
      return canSave && guards.holds(.stateBeforeCancel) ? cancelAfterCheckpoint() : .cancel
    }
    if isRunning, savepointDirectory(target) != nil { return .savepoint }
    return .refuse(
      reason: "UpgradeFailed",
      message: "the job's checkpoints do not outlive it: set "
        + "execution.checkpointing.externalized-checkpoint-retention to RETAIN_ON_CANCELLATION, or a savepoint directory"
    )
  }

  /// To cancel a job keeps what it has done only if a checkpoint of it was completed.
  private func cancelAfterCheckpoint() -> StopChoice {
    if case .seen(let statistics, _) = observation.jobManager.checkpoints {
      return statistics?.latestCompleted == nil ? .savepoint : .cancel
    }
    return .wait(
      reason: "ReadingCheckpoints", message: "waiting to be told whether the job has completed a checkpoint")
  }

  /// What happens instead where the newest checkpoint is older than the user allows; nil where it is not.
  private func tooOld(_ age: Int64, _ target: Target, _ overview: JobOverview) -> StopChoice? {
    if now - overview.startTime <= age { return nil }
    guard case .seen(let statistics, let at) = observation.jobManager.checkpoints, now - at <= max(age, 60_000) else {
      return .wait(reason: "ReadingCheckpoints", message: "waiting for the age of the newest checkpoint")
    }
    if let completed = statistics?.latestCompleted, now - completed.timestamp <= age { return nil }
    if let statistics, statistics.inProgressCount > 0 {
      return .wait(reason: "CheckpointInProgress", message: "waiting for a checkpoint that is being taken")
    }
    if savepointDirectory(target) != nil { return .savepoint }
    return .refuse(
      reason: "UpgradeFailed",
      message:
        "the newest checkpoint is older than kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age "
        + "and there is no savepoint directory: set execution.checkpointing.savepoint-dir")
  }

  /// The JobManager does not answer, or does not know the job (any more).
  ///
  /// With high availability its metadata holds the state whatever the JobManager does; without there is nothing to go by.
  func silent(_ operation: OperationRecord, _ target: Target) -> StopChoice {
    let unanswered = StopChoice.wait(
      reason: "JobManagerUnreachable", message: "the JobManager does not tell the state of the job")
    guard settings.isHighAvailabilityEnabled, status.jobStatus.state == .reconciling,
      now - (status.jobStatus.updateTime ?? 0) >= 10_000,
      target.spec.job?.upgradeMode == .lastState || settings.fallsBackToLastState
    else { return unanswered }
    let answer = restore(operation, target, .cut)
    switch answer {
    case .start(let start):
      if start.plan == .lastState { return .leave(start) }
      // No checkpoint yet: the metadata says so, not its absence.
      let isKnown = observation.haMetadata.value?.job(status.jobStatus.jobId) != nil
      return isKnown ? .leave(start) : unanswered
    case .wait: return StopChoice(answer)
    case .refuse: return unanswered
    }
  }

  /// The JobManager is gone: from the newest point known, which need not be the newest that there is.
  func unconfirmed(_ operation: OperationRecord, _ target: Target?) -> StopChoice {
    let wish: RestoreQuestion.Wish = guards.holds(.stateBeforeUpgrade) ? .newest : .asBefore
    let choice = StopChoice(restore(operation, target, end(nil), wish: wish))
    guard case .leave(let start) = choice, case .path = start.plan, !settings.restoresUnconfirmed else { return choice }
    return .refuse(
      reason: "JobManagerMissing",
      message: "the JobManager is missing and kubernetes.operator.job.restore-unconfirmed.enabled is false: the newest "
        + "restore point known is \(start.chosen?.words ?? "none"); \(UnrecoverableError.manualRestoreRequired): set "
        + "spec.job.initialSavepointPath and change spec.job.savepointRedeployNonce, or set spec.job.upgradeMode to "
        + "stateless")
  }
}
