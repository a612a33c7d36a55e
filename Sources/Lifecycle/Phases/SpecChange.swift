import FlinkModel
import KubernetesAPI

/// How a job ends before the next incarnation, and what that one starts from.
enum StopChoice: Hashable {
  /// Take the incarnation away; the next one starts by the plan.
  case direct(RestorePlan)
  case savepoint
  /// Cancel, then start from the last checkpoint.
  case cancel
  /// Not now; something is expected to change by itself.
  case wait(reason: String, message: String)
  /// Not without help.
  case refuse(reason: String, message: String)
}

extension Turn {
  /// Acts on a spec that is newer than what was acted upon.
  ///
  /// - Parameter jobManager: nil where it is known to be gone.
  mutating func considerSpec(_ operation: OperationRecord, _ jobManager: DeploymentFacts?, _ cluster: ClusterFacts) {
    guard generation > operation.generation else {
      if case .failure(let problem) = observation.target { overlayInvalid(problem) }
      return
    }
    guard case .success(let target) = observation.target else {
      if case .failure(let problem) = observation.target { overlayInvalid(problem) }
      return
    }
    guard let deployed = try? status.reconciliationStatus.deployedSpec?.spec() else {
      standing = .stalled("RecordUnreadable", "status.reconciliationStatus.lastReconciledSpec cannot be read")
      wake = .onChange("a repaired status")
      return
    }
    let diff = SpecDiff(from: deployed, to: target.spec)
    if diff.type == .ignore {
      var operation = status.operation ?? operation
      operation.generation = generation
      status.operation = operation
      status.observedGeneration = generation
      if isValidationError(status.error) { status.error = nil }
      return
    }
    let choice = chooseStop(target, diff, operation, jobManager)
    switch choice {
    case .wait(let reason, let message):
      if var current = status.operation {
        if current.deadline == nil { current.deadline = moment(now + settings.readinessTimeout) }
        status.operation = current
        standing = .until(
          current.deadline, now: now, reason, "\(message), so the changed spec (generation \(generation)) waits")
      }
      poll(operation, .fast)
      wake = WakeUp(after: min(wake.delay ?? 1_000, 1_000), message)
    case .refuse(let reason, let message):
      setError(.upgradeFailure, message)
      if record.status.error != status.error {
        note(.warning, "UpgradeFailed", .jobManagerDeployment, message)
      }
      standing = .stalled(reason, message)
      wake = WakeUp(after: 10_000, "a state of the job from which it can be upgraded, or another spec")
    case .direct(let plan):
      announce(diff, target)
      beginDrain(next(operation, target, diff, plan, jobManager))
      recordAttempt(target.spec, plan, status.reconciliationStatus.lastReconciledSpec)
    case .savepoint, .cancel:
      announce(diff, target)
      beginStop(next(operation, target, diff, nil, jobManager), target, withSavepoint: choice == .savepoint)
    }
  }

  private func next(
    _ operation: OperationRecord, _ target: Target, _ diff: SpecDiff, _ plan: RestorePlan?,
    _ jobManager: DeploymentFacts?
  ) -> OperationRecord {
    let kind: OperationRecord.Kind =
      target.spec.job?.state == .suspended ? .suspend : diff.type == .savepointRedeploy ? .redeploy : .upgrade
    return OperationRecord(
      uid: uid, generation: generation, kind: kind, id: "g\(generation)-a\(operation.attempt)-\(kind.rawValue)",
      attempt: operation.attempt, replacesUID: jobManager?.uid, startedAt: moment(now), restorePlan: plan)
  }

  private mutating func announce(_ diff: SpecDiff, _ target: Target) {
    note(.normal, "SpecChanged", .jobManagerDeployment, diff.message, key: "SpecChange: \(generation)")
    note(
      .normal, "Suspended", .jobManagerDeployment,
      target.spec.job?.state == .suspended ? "Suspending the job" : "Suspending the job for its upgrade")
  }

  /// The running job stays as it is; the resource says what is wrong with the edit.
  mutating func overlayInvalid(_ problem: InvalidField) {
    reportInvalid(problem)
    let isReconciling = standing?.isReconciling ?? (status.conditions[type: ConditionType.reconciling]?.status == .true)
    standing = Standing(
      ready: .false, isReconciling: isReconciling, isStalled: true, reason: "InvalidSpec",
      message: "\(problem.description); what runs is the spec before it")
  }

  private func isValidationError(_ error: String?) -> Bool {
    error?.contains(StatusError.Kind.validation.rawValue) == true
  }

  // MARK: Which way

  func chooseStop(
    _ target: Target, _ diff: SpecDiff, _ operation: OperationRecord, _ jobManager: DeploymentFacts?
  ) -> StopChoice {
    guard let job = target.spec.job else {
      return .refuse(reason: "UpgradeFailed", message: "an application cluster cannot become a session cluster")
    }
    if diff.type == .savepointRedeploy, let path = job.initialSavepointPath, !path.isEmpty {
      return .direct(.path(path))
    }
    if job.upgradeMode == .stateless { return .direct(.empty) }
    if let terminal = restoreOfTerminalJob(operation, jobManager) { return terminal }

    guard let jobManager else {
      if !guards.holds(.stateBeforeUpgrade) { return .direct(operation.restorePlan ?? .empty) }
      let known =
        status.restorePoint?.chosen?.path.map { "the newest restore point known is \($0)" }
        ?? "no restore point is known"
      return .refuse(
        reason: "JobManagerMissing",
        message: "the JobManager is missing, so the job's state cannot be taken over (\(known)); "
          + "\(UnrecoverableError.manualRestoreRequired): set spec.job.initialSavepointPath and change "
          + "spec.job.savepointRedeployNonce, or set spec.job.upgradeMode to stateless")
    }
    guard let jobs = observation.jobManager.jobs.value,
      let overview = jobs.first(where: { $0.id == status.jobStatus.jobId })
    else {
      if status.jobStatus.startTime == nil && jobManager.hasNeverBeenAvailable || !guards.holds(.silenceIsUnknown) {
        // It never came up, so it has made no state: the next one starts from where this one was to start.
        return .direct(operation.restorePlan ?? .empty)
      }
      return .wait(reason: "JobManagerUnreachable", message: "the JobManager does not tell the state of the job")
    }
    let isRunning = overview.state == FlinkJobState.running.rawValue
    if job.upgradeMode == .savepoint || target.spec.flinkVersion != observation.deployed?.spec.flinkVersion {
      if isRunning, savepointDirectory(target) != nil { return .savepoint }
      if isRunning, job.upgradeMode == .savepoint {
        return .refuse(
          reason: "UpgradeFailed",
          message: "no savepoint directory: set execution.checkpointing.savepoint-dir in spec.flinkConfiguration")
      }
      if job.upgradeMode == .savepoint, !settings.fallsBackToLastState {
        return .wait(reason: "JobNotRunning", message: "the job is \(overview.state), a savepoint needs it RUNNING")
      }
    }
    if overview.state == FlinkJobState.cancelling.rawValue {
      return .wait(reason: "JobCancelling", message: "the job is being cancelled")
    }
    if settings.retainsCheckpoints { return .cancel }
    if isRunning, savepointDirectory(target) != nil { return .savepoint }
    return .refuse(
      reason: "UpgradeFailed",
      message: "the job's checkpoints do not outlive it: set "
        + "execution.checkpointing.externalized-checkpoint-retention to RETAIN_ON_CANCELLATION, or a savepoint directory"
    )
  }

  /// Where a user tells the next start to take its state from: a named place, or nowhere.
  func explicitPlan(_ target: Target) -> RestorePlan? {
    guard let job = target.spec.job else { return nil }
    if let recorded = try? status.reconciliationStatus.lastReconciledSpec?.spec(),
      SpecDiff(from: recorded, to: target.spec).type == .savepointRedeploy, let path = job.initialSavepointPath,
      !path.isEmpty
    {
      return .path(path)
    }
    return job.upgradeMode == .stateless ? .empty : nil
  }

  func savepointDirectory(_ target: Target?) -> String? {
    target?.settings.savepointDirectory ?? settings.savepointDirectory
  }

  /// What a job that has ended leaves; nil while it has not ended.
  func restoreOfTerminalJob(_ operation: OperationRecord, _ jobManager: DeploymentFacts?) -> StopChoice? {
    guard let state = status.jobStatus.state, state.isGloballyTerminal else { return nil }
    let ended = status.jobStatus.updateTime ?? now
    let plan: RestorePlan? = operation.restorePlan
    guard jobManager != nil else {
      if let path = status.restorePoint?.chosen?.path { return .direct(.path(path)) }
      return .refuse(
        reason: "UpgradeFailed",
        message: "the job is \(state.rawValue), its JobManager is gone and no restore point is known; "
          + "\(UnrecoverableError.manualRestoreRequired): set spec.job.initialSavepointPath and change "
          + "spec.job.savepointRedeployNonce, or set spec.job.upgradeMode to stateless")
    }
    // Flink answers from a cache: an answer may be from before the end.
    guard case .seen(let statistics, let at) = observation.jobManager.checkpoints, at >= ended + settings.restCacheTime
    else {
      return .wait(reason: "ReadingCheckpoints", message: "waiting for the last checkpoint of the job that has ended")
    }
    let points = RestorePoints.usable(
      statistics, after: guards.holds(.finishedDiscards) ? state : nil, jobID: status.jobStatus.jobId)
    if let path = points.first?.path { return .direct(.path(path)) }
    if let known = status.restorePoint?.chosen, known.jobID == status.jobStatus.jobId, state != .finished,
      let path = known.path
    {
      return .direct(.path(path))
    }
    if state == .finished {
      return .refuse(
        reason: "UpgradeFailed",
        message: "the job has finished and left no savepoint: set spec.job.upgradeMode to stateless to run it again")
    }
    // It has completed no checkpoint: nothing is newer than what it was started from.
    return .direct(plan ?? .empty)
  }
}

/// Restore points in a JobManager's statistics.
enum RestorePoints {
  /// Newest first.
  static func usable(
    _ statistics: CheckpointStatistics?, after state: FlinkJobState?, jobID: String?
  ) -> [RestorePoint] {
    guard let statistics else { return [] }
    var records: [CheckpointRecord] = []
    // The checkpoints of a job that reached its end are discarded with it, its savepoints are not.
    if state != .finished { records = [statistics.latestRestored, statistics.latestCompleted].compactMap { $0 } }
    if let savepoint = statistics.latestSavepoint { records.append(savepoint) }
    return records.filter { !$0.externalPath.isEmpty && !$0.isDiscarded }
      .sorted { $0.id > $1.id }
      .map {
        RestorePoint(
          kind: $0.isSavepoint ? .savepoint : .checkpoint, path: $0.externalPath, provenance: .jobManager, jobID: jobID,
          checkpointID: $0.id, timestamp: Timestamp(epochMilliseconds: $0.timestamp))
      }
  }
}

extension Turn {
  /// Notes the newest restore point in status: at once when `force` is set, else at most every few minutes.
  mutating func flushLedger(force: Bool) {
    guard let statistics = observation.jobManager.checkpoints.value,
      let newest = RestorePoints.usable(statistics, after: nil, jobID: status.jobStatus.jobId).first
    else { return }
    if let known = status.restorePoint?.chosen {
      guard known != newest, newest.jobID != known.jobID || (newest.checkpointID ?? 0) >= (known.checkpointID ?? 0)
      else {
        return
      }
      let age = (newest.timestamp?.epochMilliseconds ?? now) - (known.timestamp?.epochMilliseconds ?? 0)
      if !force, newest.jobID == known.jobID, age < settings.ledgerFlushInterval { return }
    }
    status.restorePoint = RestorePointRecord(chosen: newest)
  }
}
