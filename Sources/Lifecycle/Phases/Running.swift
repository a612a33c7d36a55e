import FlinkModel
import KubernetesAPI

extension Turn {
  /// Incarnation `operation.attempt` exists, as far as is known.
  mutating func run(_ operation: OperationRecord) {
    guard case .seen(let cluster, _) = cluster else {
      keepAsking()
      wake = WakeUp(after: 1_000, "complete views of Deployments and pods")
      return
    }
    let jobManager = cluster.deployments.first {
      $0.component == .jobManager && $0.ownerUIDs.contains(uid) && $0.belongs(to: operation)
    }
    guard let jobManager else {
      if case .unknown = observation.quorum {
        // A view from a watch says nothing about absence.
        keepAsking()
        if !isSession { flushLedger(force: true) }
        wake = WakeUp(after: 1_000, "a quorum list that shows whether the JobManager's Deployment is gone")
        return
      }
      return lose(operation)
    }
    var operation = operation
    observe(&operation, jobManager, cluster)
    // A job that Kubernetes has begun again is already being repaired.
    guard status.operation?.phase == Phase.Word.running.rawValue else { return }
    enter(.running, operation)
    considerSpec(operation, jobManager, cluster)
    continueScaling(cluster)
    continueRescaling(cluster)
    let isRollback = isRunningUnchanged && considerRollback(status.operation ?? operation, jobManager)
    if !isRollback {
      considerEnd(status.operation ?? operation, jobManager, cluster)
      considerHealth(status.operation ?? operation, jobManager)
    }
    guard status.operation?.phase == Phase.Word.running.rawValue, effect == nil else { return }
    if observation.quorum.value != nil, !jobManager.isBeingDeleted, observation.hasTaskManagerDeployment,
      !cluster.deployments.contains(where: { $0.component == .taskManager && $0.ownerUIDs.contains(uid) }),
      status.jobStatus.state?.isGloballyTerminal != true
    {
      if operation.id == Self.adoptedID {
        // What another operator has made cannot be completed, only made anew.
        recover(operation, "The Deployment of the TaskManagers is missing")
      } else {
        restoreTaskManagers(operation)
      }
    }
    if isRunningUnchanged { considerIngress() }
    if isRunningUnchanged, let current = status.operation { considerSnapshots(current) }
  }

  /// Nothing was authorised in this turn.
  var isRunningUnchanged: Bool { status.operation?.phase == Phase.Word.running.rawValue && effect == nil }

  /// The JobManager's Deployment is there and the TaskManagers' is not.
  private mutating func restoreTaskManagers(_ operation: OperationRecord) {
    guard settings.isRecoveryEnabled, var spec = try? status.reconciliationStatus.deployedSpec?.spec() else { return }
    let job = status.jobStatus.jobId ?? Identity.jobID(uid: uid, attempt: operation.attempt)
    spec.job?.state = .running
    let incarnation = Incarnation(
      operationID: operation.id, attempt: operation.attempt, generation: operation.generation, jobID: job, spec: spec,
      restorePlan: operation.restorePlan ?? .empty)
    note(.warning, "RecoverDeployment", .job, "The Deployment of the TaskManagers is missing and is created again")
    perform(.createIncarnation(incarnation), waitingFor: "the Deployment of the TaskManagers")
  }

  // MARK: What is seen

  private mutating func observe(
    _ operation: inout OperationRecord, _ jobManager: DeploymentFacts, _ cluster: ClusterFacts
  ) {
    poll(operation, .steady)
    if jobManager.isBeingDeleted {
      status.jobManagerDeploymentStatus = .deploying
      standing = .progressing("JobManagerTerminating", "the Deployment of the JobManager is being deleted")
      wake = WakeUp(after: 2_000, "the end of the JobManager's Deployment")
      return
    }
    switch observation.jobManager.jobs {
    case .seen(let jobs, let at):
      status.jobManagerDeploymentStatus = .ready
      if let config = observation.jobManager.config.value {
        status.clusterInfo["flink-version"] = config.flinkVersion
        status.clusterInfo["flink-revision"] = config.flinkRevision
      }
      if isSession {
        observeSession(&operation)
      } else if let job = jobs.first(where: { $0.id == status.jobStatus.jobId }) {
        observe(job, at: at, &operation, cluster)
      } else {
        missJob(&operation)
      }
    case .gone, .unknown:
      observeUnreachable(&operation, jobManager, cluster)
    }
    let isSettled = standing?.ready == .true || standing?.reason == "RolledBack"
    if !isSession { flushLedger(force: !isSettled) }
    // A changed spec that has to wait keeps its own deadline.
    if isSettled, generation == operation.generation { operation.deadline = nil }
  }

  private mutating func observe(
    _ job: JobOverview, at: Int64, _ operation: inout OperationRecord, _ cluster: ClusterFacts
  ) {
    let state = FlinkJobState(rawValue: job.state) ?? .reconciling
    let before = record.status.jobStatus
    if let regress = regress(operation, job), repair(regress, operation) { return }
    status.jobStatus.jobName = job.name
    status.jobStatus.startTime = job.startTime
    if state != before.state {
      status.jobStatus.state = state
      status.jobStatus.updateTime = now
      note(
        .normal, "JobStatusChanged", .job,
        "Job status changed from \(before.state?.rawValue ?? "none") to \(state.rawValue)")
    }
    markStable(job, state)
    defer { if before.state?.isGloballyTerminal != true { reportExceptions(&operation) } }
    switch state {
    case .running:
      status.error = nil
      if isRolledBack, let cause = operation.cause { setError(.reconciliation, cause) }
      let total = job.tasks["total"] ?? 0
      let done = (job.tasks["running"] ?? 0) + (job.tasks["finished"] ?? 0)
      if job.hasAllTasksRunning {
        standing = isRolledBack ? rolledBackStanding : .ready("JobRunning", "the job is running")
        wake = WakeUp(after: 60_000, "the next look at a running job")
      } else {
        progress(
          &operation, "TasksStarting", "\(done) of \(total) tasks are running", cause: problem(.taskManager, cluster))
      }
    case .finished:
      status.error = nil
      standing = .ready("JobFinished", "the job has come to its end")
      wake = .onChange("a changed spec")
    case .canceled:
      standing = .progressing("JobCanceled", "the job was cancelled, not by this operator")
      wake = .onChange("a changed spec")
    case .failed:
      fail(&operation)
    default:
      progress(
        &operation, "Job\(Self.capitalised(state.rawValue))", "the job is \(state.rawValue)",
        cause: problem(.taskManager, cluster))
    }
  }

  /// The Apache operator's rule for a spec that has proved itself.
  private mutating func markStable(_ job: JobOverview, _ state: FlinkJobState) {
    let reconciliation = status.reconciliationStatus
    guard reconciliation.state == .deployed, reconciliation.lastReconciledSpec?.jobState == .running,
      state == .running && isProven(job) || state == .finished
    else { return }
    status.reconciliationStatus.lastStableSpec = reconciliation.lastReconciledSpec
  }

  private mutating func fail(_ operation: inout OperationRecord) {
    poll(operation, .steady)
    let trace = observation.jobManager.exceptions.value?.first
    let cause = trace.map { LogExcerpt.cause(in: $0.stackTrace.isEmpty ? $0.name : $0.stackTrace) }
    let isNew = record.status.jobStatus.state != .failed
    let said = StatusError.message(of: record.status.error ?? "")
    if let cause,
      isNew || !said.contains(cause) && said != "The job failed: \(cause)".prefix(max(0, observation.errorLimits.field))
    {
      note(.warning, "Error", .job, "The job failed: \(cause)")
      setError(.reconciliation, "The job failed: \(cause)", trace: trace?.stackTrace)
    } else if isNew {
      setError(.reconciliation, "The job failed")
    }
    let message =
      "the job failed\(cause.map { ": \($0)" } ?? ""); correct the spec, or change spec.restartNonce to start it again"
    if record.status.reconciliationStatus.isLastReconciledSpecStable {
      standing = .stalled("JobFailed", message)
    } else {
      if operation.deadline == nil { operation.deadline = moment(now + settings.readinessTimeout) }
      standing = .until(operation.deadline, now: now, "JobFailed", message)
    }
    let remaining = operation.deadline.map { $0.epochMilliseconds - now } ?? 0
    wake = WakeUp(after: cause == nil ? 1_000 : remaining > 0 ? remaining : nil, "the cause, or a changed spec")
  }

  private mutating func missJob(_ operation: inout OperationRecord) {
    poll(operation, .fast)
    let before = record.status.jobStatus.state
    guard record.status.jobStatus.startTime != nil else {
      return progress(&operation, "JobStarting", "the JobManager has not begun the job yet", cause: nil)
    }
    status.jobStatus.state = .reconciling
    status.error = StatusError.jobNotFound
    if before != .reconciling {
      status.jobStatus.updateTime = now
      note(.warning, "Missing", .job, "The JobManager does not know job \(status.jobStatus.jobId ?? "") any more")
    }
    progress(
      &operation, "JobNotFound", "the JobManager does not know job \(status.jobStatus.jobId ?? "") any more",
      cause: nil)
  }

  private mutating func observeUnreachable(
    _ operation: inout OperationRecord, _ jobManager: DeploymentFacts, _ cluster: ClusterFacts
  ) {
    let problem = problem(.jobManager, cluster)
    if record.status.jobManagerDeploymentStatus == .ready, problem == nil, jobManager.availableReplicas > 0 {
      // One missed answer is no news.
      guard case .unknown(_, let since) = observation.jobManager.jobs, now - since >= 3_000 else {
        poll(operation, .fast)
        wake = WakeUp(after: 1_000, "an answer of the JobManager")
        return
      }
    }
    if !isSession, status.jobStatus.state?.isGloballyTerminal != true, status.jobStatus.state != .reconciling {
      status.jobStatus.state = .reconciling
      status.jobStatus.updateTime = now
    }
    if let problem {
      reportDeploymentProblem(problem)
      status.jobManagerDeploymentStatus = .error
      let isOverdue = operation.deadline.map { now >= $0.epochMilliseconds } ?? false
      let act = "; it goes on when that is mended: correct the spec, or what the pod waits for"
      progress(&operation, problem.reason, problem.message + (isOverdue ? act : ""), cause: nil)
    } else if jobManager.availableReplicas > 0 {
      if record.status.jobManagerDeploymentStatus != .deployedNotReady { status.error = nil }
      status.jobManagerDeploymentStatus = .deployedNotReady
      var why = ""
      // Said once it matters: what one try after another runs into is no news.
      if case .unknown(let text, _) = observation.jobManager.jobs, let deadline = operation.deadline,
        now >= deadline.epochMilliseconds
      {
        why = ": \(text)"
      }
      let isLost = record.status.jobStatus.startTime != nil
      progress(
        &operation, isLost ? "JobManagerUnreachable" : "JobManagerStarting",
        "the JobManager's pod is ready, its REST interface does not answer yet\(why)", cause: nil)
    } else {
      if record.status.jobManagerDeploymentStatus != .error { status.jobManagerDeploymentStatus = .deploying }
      progress(&operation, "JobManagerStarting", "the JobManager's pod is not ready yet", cause: nil)
    }
  }

  /// Said once per problem.
  mutating func reportDeploymentProblem(_ problem: PodProblem) {
    let before = record.status.error
    setError(.deploymentFailed, problem.message, reason: problem.reason)
    if before != status.error { note(.warning, problem.reason, .jobManagerDeployment, problem.message) }
  }

  private func problem(_ component: ClusterComponent, _ cluster: ClusterFacts) -> PodProblem? {
    let pods = cluster.pods.filter { $0.component == component && !$0.isBeingDeleted }
    if let problem = pods.compactMap({ observation.problem(of: $0) }).first { return problem }
    let deployment = cluster.deployments.first {
      $0.component == component && $0.ownerUIDs.contains(uid) && !$0.isBeingDeleted
    }
    return deployment?.creationFailure.map { PodProblem(reason: "FailedCreate", message: $0) }
  }

  /// Not there yet: reconciling until the deadline, stalled from then on.
  private mutating func progress(
    _ operation: inout OperationRecord, _ reason: String, _ message: String, cause: PodProblem?
  ) {
    if operation.deadline == nil { operation.deadline = moment(now + settings.readinessTimeout) }
    poll(operation, .fast)
    standing = .until(
      operation.deadline, now: now, cause?.reason ?? reason,
      message + (cause.map { "; a TaskManager: \($0.message)" } ?? ""))
    let remaining = (operation.deadline?.epochMilliseconds ?? now) - now
    wake = WakeUp(after: remaining > 0 ? min(remaining, 10_000) : 30_000, message)
  }

  mutating func poll(_ operation: OperationRecord, _ pace: Polling.Pace) {
    if isSession {
      polling = Polling(attempt: operation.attempt, jobID: "", pace: pace)
      return
    }
    guard let job = status.jobStatus.jobId else { return }
    polling = Polling(
      attempt: operation.attempt, jobID: job, pace: pace,
      savepointTriggerID: operation.savepoint?.triggerID ?? status.jobStatus.savepointInfo?.triggerId,
      wantsCheckpoints: true, wantsExceptions: record.phase.name == Phase.Word.running.rawValue)
    polling?.checkpointTriggerID = status.jobStatus.checkpointInfo?.triggerId
    let mode = (target ?? observation.deployed)?.spec.job?.upgradeMode ?? .stateless
    let lifetime = mode == .stateless || settings.usesKubernetesHighAvailability ? nil : settings.checkpointLifetime
    polling?.checkpointLifetime = lifetime
    let window = settings.health?.restartsWindow
    polling?.healthWindow = window
  }

  static func capitalised(_ word: String) -> String { word.prefix(1).uppercased() + word.dropFirst().lowercased() }

  // MARK: The JobManager's Deployment is gone

  private mutating func lose(_ operation: OperationRecord) {
    status.jobManagerDeploymentStatus = .missing
    // Whatever is decided: what was known of its checkpoints is asked of nobody any more.
    if !isSession { flushLedger(force: true) }
    if status.jobStatus.state?.isGloballyTerminal == true {
      let state = status.jobStatus.state ?? .failed
      if state == .finished {
        standing = .ready("JobFinished", "the job has come to its end; its JobManager is gone")
      } else {
        standing = .stalled(
          "Job\(Self.capitalised(state.rawValue))",
          "the job is \(state.rawValue) and its JobManager is gone: change spec.restartNonce to start it again")
      }
      wake = .onChange("a changed spec")
      considerSpec(operation, nil, ClusterFacts())
      return considerEnd(status.operation ?? operation, nil, ClusterFacts())
    }
    let message = "The Deployment of the JobManager is missing"
    let isNew =
      record.status.jobManagerDeploymentStatus != .missing && record.status.jobManagerDeploymentStatus != .error
    if !isSession { status.jobStatus.state = .reconciling }
    if isNew { note(.warning, "Missing", .jobManagerDeployment, message) }
    enter(.running, operation)
    considerSpec(operation, nil, ClusterFacts())
    if isRunningUnchanged, considerRollback(status.operation ?? operation, nil) { return }
    if status.operation?.phase != Phase.Word.running.rawValue || (standing?.isStalled == true && target != nil) {
      return
    }

    recover(operation, message)
  }

  /// Starts the recorded spec again after a loss, if that loses nothing.
  private mutating func recover(_ operation: OperationRecord, _ message: String) {
    guard settings.isRecoveryEnabled else {
      setError(.missingJobManager, message)
      standing = .stalled(
        "JobManagerMissing",
        "\(message) and kubernetes.operator.jm-deployment-recovery.enabled is false: change spec.restartNonce")
      wake = .onChange("a changed spec")
      return
    }
    let mode = (target ?? observation.deployed)?.spec.job?.upgradeMode ?? .stateless
    let choice: StopChoice =
      if isSession || status.jobStatus.startTime == nil && isSilentFromTheStart(operation) {
        StopChoice(restore(operation, nil, .neverBegan))
      } else if mode == .stateless || !guards.holds(.stateBeforeRecovery) {
        StopChoice(restore(operation, nil, .cut, wish: .asBefore))
      } else {
        unconfirmed(operation, nil)
      }
    switch choice {
    case .leave(let start):
      let what = isSession ? "the cluster" : "the job"
      note(
        .warning, "RecoverDeployment", .job, "\(message): \(what) is started again \(Self.words(for: start.plan))")
      note(start)
      status.error = nil
      beginDrain(
        OperationRecord(
          uid: uid, generation: operation.generation, kind: .recover,
          id: "g\(operation.generation)-a\(operation.attempt)-recover", attempt: operation.attempt,
          startedAt: moment(now), deadline: moment(now + settings.cleanupTimeout), startedFrom: operation.restorePlan,
          restorePlan: start.plan, cause: operation.cause))
    case .wait(let reason, let why):
      standing = .progressing(reason, "\(message): \(why)")
      wake = WakeUp(after: 1_000, why)
    case .refuse(_, let why):
      let text = "\(message): \(why)"
      setError(.missingJobManager, text)
      standing = .stalled("JobManagerMissing", text)
      wake = .onChange("a changed spec")
    case .savepoint, .cancel: break
    }
  }
}
