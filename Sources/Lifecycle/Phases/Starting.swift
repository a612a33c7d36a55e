import FlinkModel
import KubernetesAPI

extension Turn {
  /// Authorises the next incarnation and creates it. The caller has seen, by quorum, that nothing of the ones before
  /// is left.
  ///
  /// - Parameters:
  ///   - target: nil starts the recorded spec again.
  ///   - attempt: the number of the last incarnation.
  mutating func beginStart(
    _ kind: OperationRecord.Kind, _ target: Target?, _ plan: RestorePlan, after attempt: Int64
  ) {
    let previous = status.reconciliationStatus.lastReconciledSpec
    let acted = target == nil ? record.actedGeneration ?? generation : generation
    let attempt = attempt + 1
    let operation = OperationRecord(
      uid: uid, generation: acted, kind: kind, id: "g\(acted)-a\(attempt)", attempt: attempt, startedAt: moment(now),
      deadline: moment(now + (target?.settings ?? settings).readinessTimeout), restorePlan: plan,
      cause: kind.isRerun ? status.operation?.cause : nil)

    if let target {
      let isRerun = kind.isRerun && acted == record.actedGeneration
      if !isRerun { recordAttempt(target.spec, plan, previous) }
    } else if status.reconciliationStatus.state == .upgrading {
      status.reconciliationStatus.lastReconciledSpec = previous?.settingJob(
        state: .suspended, upgradeMode: Self.mode(of: plan))
    }
    status.jobStatus = JobStatus(
      jobName: nil, jobId: status.jobStatus.jobId, state: .reconciling,
      upgradeSavepointPath: status.jobStatus.upgradeSavepointPath, savepointInfo: status.jobStatus.savepointInfo,
      checkpointInfo: status.jobStatus.checkpointInfo)
    if isSession {
      status.jobStatus = JobStatus()
    } else if plan != .lastState || status.jobStatus.jobId == nil {
      status.jobStatus.jobId =
        (target?.settings ?? settings).userJobID ?? Identity.jobID(uid: uid, attempt: attempt)
    }
    switch plan {
    case .path(let path): status.jobStatus.upgradeSavepointPath = path
    case .lastState: status.jobStatus.upgradeSavepointPath = JobStatus.lastStateMarker
    case .empty: status.jobStatus.upgradeSavepointPath = nil
    }
    status.jobManagerDeploymentStatus = .missing
    enter(.starting, operation)
    note(
      .normal, "Submit", .jobManagerDeployment,
      "Starting incarnation \(attempt)\(isSession ? "" : " \(Self.words(for: plan))")")
    create(operation)
  }

  static func words(for plan: RestorePlan) -> String {
    switch plan {
    case .empty: "without state"
    case .path(let path): "from \(path)"
    case .lastState: "from its HA metadata"
    }
  }

  /// The mode by which the Apache operator would restore by the same plan.
  static func mode(of plan: RestorePlan) -> UpgradeMode {
    switch plan {
    case .empty: .stateless
    case .path: .savepoint
    case .lastState: .lastState
    }
  }

  /// The Apache operator's record "before a deployment attempt".
  mutating func recordAttempt(_ spec: FlinkDeploymentSpec, _ plan: RestorePlan, _ previous: ReconciledSpec?) {
    status.error = nil
    status.reconciliationStatus.reconciliationTimestamp = now
    status.reconciliationStatus.state = .upgrading
    // The Apache operator forgets a record that says so while nothing is deployed, and the state with it.
    status.reconciliationStatus.lastReconciledSpec = ReconciledSpec(
      spec, firstDeployment: previous == nil, jobState: .suspended, upgradeMode: Self.mode(of: plan),
      keepingTriggerNoncesOf: previous)
    status.observedGeneration = generation
    if !isSession { status.taskManager = TaskManagerInfo() }
  }

  /// Incarnation `operation.attempt` is authorised: create it until it is seen.
  mutating func start(_ operation: OperationRecord) {
    guard let cluster = cluster.value else {
      standing = .progressing("WaitingForKubernetes", "the views of Deployments and pods are not complete yet")
      wake = WakeUp(after: 1_000, "complete views")
      return
    }
    if let quorum = observation.quorum.value, quorum.deployments.contains(where: { $0.operationID != operation.id }) {
      // Made by a request of an earlier incarnation that was thought lost, or by another operator.
      return beginDrain(redirected(operation, suffix: "clear"))
    }
    let jobManager = cluster.deployments.first { $0.component == .jobManager && $0.operationID == operation.id }
    let taskManager = cluster.deployments.first { $0.component == .taskManager && $0.operationID == operation.id }
    if let jobManager, taskManager != nil || !observation.hasTaskManagerDeployment {
      return deployed(operation, jobManager)
    }
    create(operation)
  }

  /// A new operation that clears away what the present one made, and then goes on with the same plan.
  func redirected(_ operation: OperationRecord, suffix: String) -> OperationRecord {
    var next = operation
    next.id = "\(operation.id)-\(suffix)"
    next.startedAt = moment(now)
    next.deadline = moment(now + settings.cleanupTimeout)
    return next
  }

  private mutating func create(_ operation: OperationRecord) {
    let spec: FlinkDeploymentSpec
    do {
      guard var recorded = try status.reconciliationStatus.startedSpec?.spec() else { return startAgain(operation) }
      recorded.job?.state = .running
      spec = recorded
    } catch {
      standing = .stalled("RecordUnreadable", error.description)
      wake = .onChange("a repaired status")
      return
    }
    let incarnation = Incarnation(
      operationID: operation.id, attempt: operation.attempt, generation: operation.generation,
      jobID: status.jobStatus.jobId ?? Identity.jobID(uid: uid, attempt: operation.attempt), spec: spec,
      restorePlan: operation.restorePlan ?? .empty)
    let failure = perform(
      .createIncarnation(incarnation), waitingFor: "the Deployments of incarnation \(operation.attempt)")
    if let failure {
      let hasNotRun = hasNotRun(operation)
      // Another spec may be what repairs it.
      if hasNotRun, generation > operation.generation, target != nil {
        return beginDrain(redirected(operation, suffix: "clear"))
      }
      if hasNotRun, isRollbackDue(isRunning: false) { return rollBack(operation, nil, because: failure) }
      reportDeploymentProblem(PodProblem(reason: "CreationFailed", message: failure))
      standing = .until(operation.deadline, now: now, "CreationFailed", failure)
    } else {
      standing = .progressing(
        "Deploying", "creating incarnation \(operation.attempt) \(Self.words(for: operation.restorePlan ?? .empty))")
    }
    if case .failure(let problem) = observation.target { reportInvalid(problem) }
  }

  /// Something that a job cannot run without was not made: only a quorum LIST shows that.
  private func hasNotRun(_ operation: OperationRecord) -> Bool {
    guard let quorum = observation.quorum.value else { return false }
    let last: ClusterComponent = observation.hasTaskManagerDeployment ? .taskManager : .jobManager
    return !quorum.deployments.contains { $0.component == last && $0.operationID == operation.id }
  }

  /// There is an operation but no spec that it was authorised for.
  private mutating func startAgain(_ operation: OperationRecord) {
    standing = .stalled(
      "RecordUnreadable",
      "status.reconciliationStatus.lastReconciledSpec is missing; remove status.operation to begin anew")
    wake = .onChange("a repaired status")
  }

  /// The Apache operator's record "deployed".
  mutating func deployed(_ operation: OperationRecord, _ jobManager: DeploymentFacts) {
    var reconciliation = status.reconciliationStatus
    // What was wrong with the spec that was given up stays to be read.
    if reconciliation.state != .rollingBack, reconciliation.state != .rolledBack { status.error = nil }
    if reconciliation.state == .upgrading {
      reconciliation.state = .deployed
      reconciliation.reconciliationTimestamp = now
    }
    if reconciliation.state == .rollingBack { reconciliation.state = .rolledBack }
    if reconciliation.state == .deployed {
      reconciliation.lastReconciledSpec = reconciliation.lastReconciledSpec?.settingJob(state: .running)
    }
    if operation.kind == .redeploy { reconciliation.lastStableSpec = reconciliation.lastReconciledSpec }
    status.reconciliationStatus = reconciliation
    status.jobManagerDeploymentStatus = .deploying
    if !isSession {
      status.taskManager = TaskManagerInfo(
        labelSelector: "component=taskmanager,app=\(metadata.name)", replicas: settings.taskManagers)
      status.jobStatus.state = .reconciling
    }
    var operation = operation
    operation.savepoint = nil
    operation.deadline = operation.startedAt + .milliseconds(settings.readinessTimeout)
    operation.replacesUID = nil
    enter(.running, operation)
    standing = .progressing("Deploying", "the JobManager of incarnation \(operation.attempt) is starting")
    poll(operation, .fast)
    wake = WakeUp(after: 0, "the first look at the new JobManager")
  }
}
