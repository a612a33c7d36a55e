import FlinkModel
import KubernetesAPI

/// How a job ends before the next incarnation, and what that one starts from.
enum StopChoice: Hashable {
  /// Take the incarnation away; what the next one starts from is known.
  case leave(RestoreStart)
  case savepoint
  /// Cancel, then start from the last checkpoint.
  case cancel
  /// Not now; something is expected to change by itself.
  case wait(reason: String, message: String)
  /// Not without help.
  case refuse(reason: String, message: String)

  init(_ answer: RestoreAnswer) {
    self =
      switch answer {
      case .start(let start): .leave(start)
      case .wait(let reason, let message): .wait(reason: reason, message: message)
      case .refuse(let reason, let message): .refuse(reason: reason, message: message)
      }
  }
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
    if settleAfterRollback(operation, target) { return }
    let diff = SpecDiff(from: deployed, to: target.spec)
    if let jobManager, rescaleInPlace(operation, target, diff, jobManager, cluster) { return }
    // What Flink may have been asked for meanwhile has to be undone.
    let isScaled = operation.scaling.map { $0.generation > operation.generation } ?? false
    if diff.type == .ignore, !isScaled {
      var operation = status.operation ?? operation
      operation.generation = generation
      status.operation = operation
      status.observedGeneration = generation
      recordIngress(target, diff)
      if isValidationError(status.error) { status.error = nil }
      return
    }
    if jobManager != nil, scaleInPlace(operation, target, diff, cluster) { return }
    var choice = chooseStop(target, diff, operation, jobManager)
    if let pending = pendingSavepoint(jobManager) { choice = pending }
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
    case .leave(let start):
      announce(diff, target)
      note(start)
      beginDrain(next(operation, target, diff, start.plan, jobManager))
      recordAttempt(target.spec, start.plan, status.reconciliationStatus.lastReconciledSpec)
    case .savepoint, .cancel:
      announce(diff, target)
      beginStop(next(operation, target, diff, nil, jobManager), target, withSavepoint: choice == .savepoint)
    }
  }

  /// An upgrade waits for the savepoint that is being taken, unless its user does not want that.
  func pendingSavepoint(_ jobManager: DeploymentFacts?) -> StopChoice? {
    guard jobManager != nil, status.jobStatus.savepointInfo?.triggerId != nil,
      !(target?.settings ?? settings).snapshots.isPendingSavepointIgnored,
      let job = observation.jobManager.jobs.value?.first(where: { $0.id == status.jobStatus.jobId }),
      job.state == FlinkJobState.running.rawValue
    else { return nil }
    return .wait(reason: "SavepointPending", message: "a savepoint is being taken")
  }

  private func next(
    _ operation: OperationRecord, _ target: Target, _ diff: SpecDiff, _ plan: RestorePlan?,
    _ jobManager: DeploymentFacts?
  ) -> OperationRecord {
    let kind: OperationRecord.Kind =
      target.spec.job?.state == .suspended ? .suspend : diff.type == .savepointRedeploy ? .redeploy : .upgrade
    return OperationRecord(
      uid: uid, generation: generation, kind: kind, id: "g\(generation)-a\(operation.attempt)-\(kind.rawValue)",
      attempt: operation.attempt, replacesUID: jobManager?.uid, startedAt: moment(now),
      startedFrom: operation.restorePlan,
      restorePlan: plan)
  }

  private mutating func announce(_ diff: SpecDiff, _ target: Target) {
    note(.normal, "SpecChanged", .jobManagerDeployment, diff.message, key: "SpecChange: \(generation)")
    if isSession { return }
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
    if isSession, target.spec.job == nil { return .leave(RestoreStart(plan: .empty)) }
    guard !isSession, let job = target.spec.job else {
      return .refuse(
        reason: "UpgradeFailed",
        message: "an application cluster cannot become a session cluster, nor the other way round")
    }
    if let wish = explicitWish(target) {
      return StopChoice(restore(operation, target, end(jobManager), wish: wish))
    }
    if case .terminal = end(jobManager) { return StopChoice(restore(operation, target, end(jobManager))) }
    guard let jobManager else { return unconfirmed(operation, target) }
    guard let jobs = observation.jobManager.jobs.value,
      let overview = jobs.first(where: { $0.id == status.jobStatus.jobId })
    else {
      if end(jobManager) == .neverBegan || !guards.holds(.silenceIsUnknown) {
        return StopChoice(restore(operation, target, .neverBegan))
      }
      if hasJobManagerCrashed {
        if status.jobStatus.startTime == nil, isSilentFromTheStart(operation) {
          return StopChoice(restore(operation, target, .neverBegan))
        }
        if !settings.isHighAvailabilityEnabled { return unconfirmed(operation, target) }
      }
      return silent(operation, target)
    }
    var isRunning = overview.state == FlinkJobState.running.rawValue
    let isNewVersion = target.spec.flinkVersion != observation.deployed?.spec.flinkVersion
    if job.upgradeMode == .savepoint || isNewVersion {
      if isRunning, !overview.hasAllTasksRunning, savepointDirectory(target) != nil {
        // Flink refuses a savepoint until all tasks run.
        if let deadline = operation.deadline, now < deadline.epochMilliseconds, !hasTaskManagerProblem {
          return .wait(reason: "TasksStarting", message: "not all tasks are running, as a savepoint needs it")
        }
        isRunning = !(settings.fallsBackToLastState || isNewVersion)
      }
      if isRunning, savepointDirectory(target) != nil { return .savepoint }
      if isRunning, job.upgradeMode == .savepoint {
        return .refuse(
          reason: "UpgradeFailed",
          message: "no savepoint directory: set execution.checkpointing.savepoint-dir in spec.flinkConfiguration")
      }
      if job.upgradeMode == .savepoint, !isNewVersion, !settings.fallsBackToLastState {
        return .wait(reason: "JobNotRunning", message: "the job is \(overview.state), a savepoint needs it RUNNING")
      }
    }
    if overview.state == FlinkJobState.cancelling.rawValue {
      return .wait(reason: "JobCancelling", message: "the job is being cancelled")
    }
    return lastState(operation, target, overview)
  }

  /// No JobManager runs, by what Kubernetes tells of its pods and by its silence: it cannot come up, or ends again and
  /// again. Another spec may be what mends that.
  private var hasJobManagerCrashed: Bool {
    guard case .unknown(_, let since) = observation.jobManager.jobs, now - since >= 10_000,
      let pods = cluster.value?.pods.filter({ $0.component == .jobManager && !$0.isBeingDeleted }), !pods.isEmpty
    else { return false }
    return pods.allSatisfy { observation.problem(of: $0) != nil }
  }

  /// Its JobManager was asked in vain from its beginning on, without a pause in which its job could have run and made
  /// something unseen.
  func isSilentFromTheStart(_ operation: OperationRecord) -> Bool {
    guard case .unknown(_, let since) = observation.jobManager.jobs else { return false }
    return since <= operation.startedAt.epochMilliseconds + 5_000
  }

  /// TaskManagers that will not come up by themselves.
  private var hasTaskManagerProblem: Bool {
    cluster.value?.pods.contains {
      $0.component == .taskManager && !$0.isBeingDeleted && observation.problem(of: $0) != nil
    } ?? false
  }

  func savepointDirectory(_ target: Target?) -> String? {
    target?.settings.savepointDirectory ?? settings.savepointDirectory
  }
}
