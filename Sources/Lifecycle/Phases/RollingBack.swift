import FlinkModel
import KubernetesAPI

/// A spec that does not come up in time gives way to the last one that did.
extension Turn {
  /// A job has proved its spec when it has run so long, in milliseconds, or has completed a checkpoint.
  static let provingTime: Int64 = 10_000

  /// Whether the job that runs shows that its spec is good.
  ///
  /// Flink says RUNNING of a job whose tasks are still being deployed, and of one that fails again and again in
  /// between. Where that decides on a rollback, all tasks have to run, and to go on running.
  func isProven(_ job: JobOverview) -> Bool {
    guard settings.isRollbackEnabled, !status.reconciliationStatus.isLastReconciledSpecStable,
      status.reconciliationStatus.lastStableSpec != nil
    else { return true }
    guard job.hasAllTasksRunning else { return false }
    let hasCheckpoint = (observation.jobManager.checkpoints.value ?? nil).map { $0.latestCompleted != nil } ?? false
    return hasCheckpoint || now - (status.jobStatus.updateTime ?? now) >= Self.provingTime
  }

  /// Whether the recorded spec has had its time.
  ///
  /// - Parameter isRunning: the job runs with all its tasks, so that it is about to prove itself.
  func isRollbackDue(isRunning: Bool) -> Bool {
    guard let due = rollbackTime else { return false }
    return now >= due && !isRunning
  }

  /// When the recorded spec gives way unless it proves itself; nil where there is no rollback.
  var rollbackTime: Int64? {
    let reconciliation = status.reconciliationStatus
    guard settings.isRollbackEnabled, reconciliation.state == .deployed || reconciliation.state == .upgrading,
      !reconciliation.isLastReconciledSpecStable, let stable = reconciliation.lastStableSpec,
      let failed = reconciliation.lastReconciledSpec, stable.jobState != .suspended,
      let before = try? stable.spec(), let after = try? failed.spec(), before.flinkVersion == after.flinkVersion
    else { return nil }
    return reconciliation.reconciliationTimestamp + settings.readinessTimeout
  }

  /// To be called when no newer spec is there to be acted upon. Whether the turn is about a rollback.
  @discardableResult
  mutating func considerRollback(_ operation: OperationRecord, _ jobManager: DeploymentFacts?) -> Bool {
    guard generation <= operation.generation || target == nil else { return false }
    let jobs = observation.jobManager.jobs.value
    let isRunning =
      isSession
      ? jobs != nil
      : jobs?.first { $0.id == status.jobStatus.jobId }.map {
        $0.state == FlinkJobState.finished.rawValue
          || $0.state == FlinkJobState.running.rawValue && $0.hasAllTasksRunning
      } ?? false
    if status.reconciliationStatus.state == .rollingBack || isRollbackDue(isRunning: isRunning) {
      let cause = status.error.map { StatusError.message(of: $0) } ?? standing?.message ?? "it did not become ready"
      rollBack(operation, jobManager, because: cause)
      return true
    }
    if let due = rollbackTime {
      let delay = isRunning ? 1_000 : max(due - now, 0)
      if wake.delay.map({ $0 > delay }) ?? true { wake = WakeUp(after: delay, "the proof of the deployed spec") }
    }
    return false
  }

  mutating func rollBack(_ operation: OperationRecord, _ jobManager: DeploymentFacts?, because cause: String) {
    let choice = chooseRollback(operation, jobManager)
    let prefix = "The spec of generation \(operation.generation) did not become ready in time"
    // Said before, while it could not be rolled back.
    let failed = cause.hasPrefix(prefix) ? cause : "\(prefix): \(cause)"
    switch choice {
    case .wait(let reason, let message):
      standing = .progressing(reason, "\(message), before the last stable spec is restored")
      poll(operation, .fast)
      wake = WakeUp(after: 1_000, message)
      return
    case .refuse(let reason, let message):
      setError(.upgradeFailure, failed.hasSuffix(message) ? failed : "\(failed); it is not rolled back: \(message)")
      if record.status.error != status.error { note(.warning, "UpgradeFailed", .jobManagerDeployment, message) }
      standing = .stalled(reason, "not rolled back: \(message)")
      wake = WakeUp(after: 10_000, "a restore point, or another spec")
      return
    case .leave, .savepoint, .cancel: break
    }
    if status.reconciliationStatus.state != .rollingBack {
      note(.normal, "Rollback", .jobManagerDeployment, "Rolling back to the last stable spec: \(cause)")
      setError(.reconciliation, failed)
    }
    status.reconciliationStatus.state = .rollingBack
    status.reconciliationStatus.lastReconciledSpec =
      status.reconciliationStatus.lastReconciledSpec?.settingJob(state: .running)
    let next = OperationRecord(
      uid: uid, generation: operation.generation, kind: .rollback,
      id: "g\(operation.generation)-a\(operation.attempt)-rollback", attempt: operation.attempt,
      replacesUID: jobManager?.uid, startedAt: moment(now), startedFrom: operation.restorePlan, cause: failed)
    standing = .progressing("RollingBack", "going back to the last stable spec")
    if case .leave(let start) = choice {
      note(start)
      recordRollback(start.plan)
      var next = next
      next.restorePlan = start.plan
      beginDrain(next)
    } else {
      beginStop(next, target, withSavepoint: choice == .savepoint)
    }
  }

  /// How the incarnation that has failed ends, and what the stable spec starts from.
  private func chooseRollback(_ operation: OperationRecord, _ jobManager: DeploymentFacts?) -> StopChoice {
    let mode = (target ?? observation.deployed)?.spec.job?.upgradeMode ?? .stateless
    let stable = stableTarget
    if mode == .stateless || !guards.holds(.stateBeforeRollback) {
      let wish = RestoreQuestion.Wish.none("spec.job.upgradeMode is stateless")
      return StopChoice(restore(operation, stable, end(jobManager), wish: wish))
    }
    if case .terminal = end(jobManager) { return StopChoice(restore(operation, stable, end(jobManager))) }
    guard jobManager != nil,
      let job = observation.jobManager.jobs.value?.first(where: { $0.id == status.jobStatus.jobId })
    else {
      guard jobManager != nil, mayRunUnheard else {
        let hasBegun = status.jobStatus.startTime != nil || jobManager == nil && !isSilentFromTheStart(operation)
        return hasBegun && !isSession
          ? unconfirmed(operation, stable) : StopChoice(restore(operation, stable, .neverBegan))
      }
      if settings.usesKubernetesHighAvailability { return StopChoice(restore(operation, stable, .cut)) }
      return .refuse(
        reason: "JobManagerUnreachable",
        message: "the JobManager may be running without being heard, and its job may have newer checkpoints; "
          + "it goes on when the JobManager answers or fails. Mend what keeps the operator from reaching it, or "
          + "\(Self.stopWayOut)")
    }
    if job.state == FlinkJobState.cancelling.rawValue {
      return .wait(reason: "JobCancelling", message: "the job is being cancelled")
    }
    // Its checkpoints, if it has made any, are newer than what it was started from.
    return settings.retainsCheckpoints ? .cancel : StopChoice(restore(operation, stable, .cut))
  }

  /// Its pod has been given to a node which tells of no problem: one that cannot be reached tells of nothing.
  private var mayRunUnheard: Bool {
    guard !isSession, case .unknown = observation.jobManager.jobs else { return false }
    return cluster.value?.pods.contains {
      $0.component == .jobManager && !$0.hasEnded && $0.nodeName != nil && $0.restarts == 0 && $0.failure == nil
        && observation.problem(of: $0) == nil
    } ?? true
  }

  /// The last stable spec, with the settings of the failed one but for what a start depends on.
  var stableTarget: Target? {
    guard let stable = try? status.reconciliationStatus.lastStableSpec?.spec() else { return nil }
    var settings = settings
    if let failed = try? status.reconciliationStatus.lastReconciledSpec?.spec() {
      let keys = ["high-availability.type", "high-availability"]
      let before = keys.compactMap { stable.flattenedConfiguration[$0] }.first
      let after = keys.compactMap { failed.flattenedConfiguration[$0] }.first
      if before != after { settings.isHighAvailabilityEnabled = before.map { $0.uppercased() != "NONE" } ?? false }
    }
    return Target(spec: stable, settings: settings)
  }

  /// The failed spec stays the last reconciled one; only how the job is restored is noted in it.
  mutating func recordRollback(_ plan: RestorePlan) {
    status.reconciliationStatus.lastReconciledSpec =
      status.reconciliationStatus.lastReconciledSpec?.settingJob(upgradeMode: Self.mode(of: plan))
  }

  var isRolledBack: Bool { status.reconciliationStatus.state == .rolledBack }

  /// The stable spec runs in place of the one asked for.
  var rolledBackStanding: Standing {
    Standing(
      ready: .false, isReconciling: false, isStalled: true, reason: "RolledBack",
      message: "the spec of generation \(status.observedGeneration ?? generation) did not become ready and the last "
        + "stable spec runs in its place: correct the spec, or change spec.restartNonce to try it again"
        + (status.operation?.cause.map { "; \($0)" } ?? ""))
  }

  /// A changed spec after a rollback: whether it leaves everything as it is, and that is noted.
  ///
  /// It does where it is still the spec that has failed, and where it is the one that runs.
  mutating func settleAfterRollback(_ operation: OperationRecord, _ target: Target) -> Bool {
    let reconciliation = status.reconciliationStatus
    guard reconciliation.state == .rolledBack, let failed = try? reconciliation.lastReconciledSpec?.spec(),
      let stable = try? reconciliation.lastStableSpec?.spec()
    else { return false }
    let isStillFailed = SpecDiff(from: failed, to: target.spec).type == .ignore
    let isReverted = SpecDiff(from: stable, to: target.spec).type == .ignore
    guard isStillFailed || isReverted else { return false }
    var operation = status.operation ?? operation
    operation.generation = generation
    if isReverted { operation.cause = nil }
    status.operation = operation
    status.observedGeneration = generation
    if isReverted {
      status.error = nil
      status.reconciliationStatus.state = .deployed
      status.reconciliationStatus.reconciliationTimestamp = now
      status.reconciliationStatus.lastReconciledSpec = ReconciledSpec(
        target.spec, firstDeployment: false, jobState: .running, keepingTriggerNoncesOf: reconciliation.lastStableSpec)
      status.reconciliationStatus.lastStableSpec = status.reconciliationStatus.lastReconciledSpec
      standing = .progressing("Deployed", "the spec is the one that runs already")
      wake = WakeUp(after: 0, "the job under its own spec")
    }
    return true
  }
}

extension JobOverview {
  /// Every task runs or has come to its end; true where Flink tells nothing of tasks.
  var hasAllTasksRunning: Bool {
    let total = tasks["total"] ?? 0
    return (tasks["running"] ?? 0) + (tasks["finished"] ?? 0) >= total
  }
}
