import FlinkModel
import KubernetesAPI

extension Turn {
  /// Authorises a stop; its trigger id is stored before it is sent.
  mutating func beginStop(_ operation: OperationRecord, _ target: Target?, withSavepoint: Bool) {
    var operation = operation
    dropSnapshots("the job is stopped")
    operation.deadline = moment(now + settings.checkpointTimeout + 60_000)
    if withSavepoint {
      operation.savepoint = SavepointRequest(
        triggerID: Identity.triggerID(uid: uid, operation: operation.id, previous: nil),
        targetDirectory: savepointDirectory(target))
    }
    if operation.kind != .delete, operation.kind != .rollback {
      status.error = nil
      recordUpgrade()
    }
    flushLedger(force: true)
    enter(.stopping, operation)
    poll(operation, .fast)
    sendStop(operation)
  }

  /// The Apache operator forgets the record of a first deployment while an upgrade is under way, and the state with it.
  private mutating func recordUpgrade() {
    let isStable = status.reconciliationStatus.isLastReconciledSpecStable
    let record = status.reconciliationStatus.lastReconciledSpec?.settingFirstDeployment(false)
    status.reconciliationStatus.lastReconciledSpec = record
    if isStable { status.reconciliationStatus.lastStableSpec = record }
    status.reconciliationStatus.state = .upgrading
  }

  private mutating func sendStop(_ operation: OperationRecord) {
    guard let job = status.jobStatus.jobId else { return }
    let effect: Effect =
      if let request = operation.savepoint {
        .stopWithSavepoint(
          jobID: job, request: request, format: settings.savepointFormat, drains: settings.drainsOnSavepoint,
          operationID: operation.id)
      } else {
        .cancelJob(jobID: job, operationID: operation.id)
      }
    let failure = perform(effect, settle: 5_000, retry: 5_000, waitingFor: "the stop of the job")
    standing = waiting(
      operation, operation.savepoint == nil ? "Cancelling" : "Savepointing", failure ?? "the job is being stopped")
  }

  /// What is to start after the stop.
  private func successor(of operation: OperationRecord) -> Target? {
    operation.kind == .rollback && (generation <= operation.generation || target == nil) ? stableTarget : target
  }

  /// - Parameter act: what a person can do, said when the time is over.
  private func waiting(
    _ operation: OperationRecord, _ reason: String, _ message: String, orElse act: String? = nil
  ) -> Standing {
    let isOverdue = isOverdue(operation) && operation.kind != .delete
    return .until(operation.deadline, now: now, reason, isOverdue ? "\(message): \(act ?? Self.stopWayOut)" : message)
  }

  private func isOverdue(_ operation: OperationRecord) -> Bool {
    operation.deadline.map { now >= $0.epochMilliseconds } ?? false
  }

  /// Without asking the job for anything more.
  static let stopWayOut =
    "look at the JobManager's log, or start the job elsewhere: set spec.job.initialSavepointPath and change "
    + "spec.job.savepointRedeployNonce, or set spec.job.upgradeMode to stateless to give its state up"

  /// A user who has come to want the last checkpoint does not wait for a savepoint that fails, or takes too long.
  ///
  /// - Returns: whether the turn is over.
  private mutating func giveUpSavepoint(_ operation: OperationRecord, _ job: JobOverview) -> Bool {
    guard operation.kind != .delete, operation.kind != .rollback, generation > operation.generation, let target,
      target.spec.job?.upgradeMode == .lastState,
      target.spec.flinkVersion == observation.deployed?.spec.flinkVersion
    else { return false }
    switch lastState(operation, target, job) {
    case .leave(let start):
      finishStop(operation, .start(start))
      return true
    case .cancel:
      var operation = operation
      operation.savepoint = nil
      operation.deadline = moment(now + settings.checkpointTimeout + 60_000)
      status.error = nil
      enter(.stopping, operation)
      poll(operation, .fast)
      sendStop(operation)
      return true
    case .wait(let reason, let message):
      standing = waiting(operation, reason, message)
      wake = WakeUp(after: 1_000, message)
      return true
    case .savepoint, .refuse: return false
    }
  }

  /// The job is asked to stop.
  mutating func stop(_ operation: OperationRecord) {
    poll(operation, .fast)
    wake = WakeUp(after: 2_000, "the end of the stop")
    if case .failure(let problem) = observation.target, operation.kind != .delete { reportInvalid(problem) }
    if operation.kind != .delete, generation > operation.generation, let target, let wish = explicitWish(target) {
      // The state that is being saved is not wanted any more.
      return finishStop(operation, restore(operation, target, .cut, wish: wish))
    }
    guard let cluster = cluster.value else { return }
    let jobManager = cluster.deployment(.jobManager, ownedBy: uid)
    if jobManager == nil {
      guard observation.quorum.value != nil else { return }
      return loseWhileStopping(operation)
    }
    if operation.kind == .rollback, let deadline = operation.deadline, now >= deadline.epochMilliseconds {
      // It cannot be asked to stop; what it has left is known.
      return finishStop(operation, restore(operation, successor(of: operation), end(jobManager)))
    }
    guard let jobs = observation.jobManager.jobs.value else {
      standing = waiting(operation, "JobManagerUnreachable", "the JobManager does not answer while the job stops")
      return
    }
    guard let job = jobs.first(where: { $0.id == status.jobStatus.jobId }) else {
      standing = waiting(operation, "JobNotFound", "the JobManager does not know the job that is to stop")
      return
    }
    let state = FlinkJobState(rawValue: job.state) ?? .reconciling
    if state != status.jobStatus.state {
      note(
        .normal, "JobStatusChanged", .job,
        "Job status changed from \(status.jobStatus.state?.rawValue ?? "none") to \(state.rawValue)")
      status.jobStatus.state = state
      status.jobStatus.updateTime = now
    }
    if let request = operation.savepoint {
      followSavepoint(operation, request, job, state, jobManager)
    } else {
      followCancel(operation, job, state, jobManager)
    }
  }

  private mutating func followCancel(
    _ operation: OperationRecord, _ job: JobOverview, _ state: FlinkJobState, _ jobManager: DeploymentFacts?
  ) {
    if state.isGloballyTerminal {
      return finishStop(operation, restore(operation, successor(of: operation), end(jobManager)))
    }
    if state == .cancelling {
      standing = waiting(operation, "Cancelling", "the job is being cancelled")
      return
    }
    if operation.kind == .upgrade || operation.kind == .suspend, let target,
      target.spec.job?.upgradeMode != .stateless
    {
      // It has gone on since it was to be cancelled, and may have done what nothing keeps.
      switch lastState(operation, target, job) {
      case .savepoint: return askAgain(operation, after: "cancelling until \(now)")
      case .wait(let reason, let message):
        standing = waiting(operation, reason, message)
        wake = WakeUp(after: 1_000, message)
        return
      case .cancel, .leave, .refuse: break
      }
    }
    sendStop(operation)
  }

  private mutating func followSavepoint(
    _ operation: OperationRecord, _ request: SavepointRequest, _ job: JobOverview, _ state: FlinkJobState,
    _ jobManager: DeploymentFacts?
  ) {
    switch observation.jobManager.savepoint {
    case .seen(.completed(let location), _):
      // Flink says so when the job has ended with it, not before.
      let end = RestoreQuestion.End.terminal(.finished, at: now, isJobManagerThere: false)
      return finishStop(operation, restore(operation, nil, end), location: location)
    case .seen(.inProgress, _):
      if isOverdue(operation), giveUpSavepoint(operation, job) { return }
      standing = waiting(
        operation, "Savepointing", "the savepoint is being taken",
        orElse:
          "it takes longer than execution.checkpointing.timeout allows; wait for it, or set spec.job.upgradeMode to "
          + "last-state to go on from the newest checkpoint, or to stateless to give the state up")
    case .seen(.failed(let cause), let at):
      if state.isGloballyTerminal {
        return finishStop(operation, restore(operation, successor(of: operation), end(jobManager)))
      }
      failSavepoint(operation, request, job, cause, at: at)
    case .gone:
      if state.isGloballyTerminal {
        // The answer is lost, the savepoint may not be: it is in the statistics.
        return finishStop(operation, restore(operation, successor(of: operation), end(jobManager)))
      }
      if job.startTime != record.status.jobStatus.startTime, record.status.jobStatus.startTime != nil {
        // Another run of the job, that never got the request.
        status.jobStatus.startTime = job.startTime
        return askAgain(operation, after: request.triggerID)
      }
      if state == .running {
        sendStop(operation)
      } else {
        standing = waiting(operation, "JobNotRunning", "the job is \(state.rawValue) and cannot take a savepoint")
      }
    case .unknown:
      standing = waiting(operation, "Savepointing", "the state of the savepoint is being read")
    }
  }

  private mutating func failSavepoint(
    _ operation: OperationRecord, _ request: SavepointRequest, _ job: JobOverview, _ cause: String, at: Int64
  ) {
    let message = "The job could not be stopped with a savepoint: \(cause)"
    setError(.upgradeFailure, message, reason: "SavepointError")
    if record.status.error != status.error { note(.warning, "SavepointError", .jobManagerDeployment, message) }
    // The savepoint may be complete although the stop has failed: it is in the statistics, and newer than what is known.
    flushLedger(force: true)
    // The user may have taken the change back meanwhile.
    if operation.kind != .delete, let target, let deployed = try? status.reconciliationStatus.deployedSpec?.spec(),
      SpecDiff(from: deployed, to: target.spec).type == .ignore
    {
      var operation = operation
      operation.kind = .deploy
      operation.generation = generation
      operation.savepoint = nil
      operation.deadline = moment(now + settings.readinessTimeout)
      operation.restorePlan = operation.startedFrom ?? Self.plan(recordedBy: record.status)
      operation.startedFrom = nil
      // The objects that run carry the id of the operation that made them.
      operation.id = cluster.value?.deployment(.jobManager, ownedBy: uid)?.operationID ?? operation.id
      status.reconciliationStatus.state = .deployed
      status.observedGeneration = generation
      status.error = nil
      standing = nil
      enter(.running, operation)
      wake = WakeUp(after: 0, "the job that goes on")
      return
    }
    if giveUpSavepoint(operation, job) { return }
    standing = .until(
      operation.deadline, now: now, "SavepointError",
      operation.kind == .delete
        ? message
        : "\(message); the job goes on and is asked again: mend the cause, take the change back, or set "
          + "spec.job.upgradeMode to last-state to go on from the newest checkpoint")
    var operation = operation
    let failedAt = request.failedAt ?? moment(at)
    operation.savepoint?.failedAt = failedAt
    status.operation = operation
    let retry = failedAt.epochMilliseconds + 10_000 - now
    if retry <= 0 { return askAgain(operation, after: request.triggerID) }
    wake = WakeUp(after: min(retry, 10_000), "the next try to take a savepoint")
  }

  /// - Parameter previous: tells this request from the ones before.
  private mutating func askAgain(_ operation: OperationRecord, after previous: String) {
    var operation = operation
    operation.savepoint = SavepointRequest(
      triggerID: Identity.triggerID(uid: uid, operation: operation.id, previous: previous),
      targetDirectory: savepointDirectory(target) ?? operation.savepoint?.targetDirectory)
    enter(.stopping, operation)
    poll(operation, .fast)
    sendStop(operation)
  }

  /// The job has ended; where its state is decides what comes.
  private mutating func finishStop(_ operation: OperationRecord, _ answer: RestoreAnswer, location: String? = nil) {
    switch answer {
    case .start(let start):
      var operation = operation
      operation.restorePlan = start.plan
      if let location {
        operation.savepoint?.location = location
        status.jobStatus.state = .finished
        record(
          SavepointEntry(
            timeStamp: now, location: location, triggerType: .upgrade, formatType: settings.savepointFormat))
      }
      note(start)
      if operation.kind != .rollback { status.error = nil }
      if operation.kind == .rollback, generation <= operation.generation || target == nil {
        recordRollback(start.plan)
      } else if operation.kind != .delete, let target {
        if operation.kind == .rollback {
          operation.kind = .upgrade
          operation.cause = nil
        }
        operation.generation = generation
        recordAttempt(target.spec, start.plan, status.reconciliationStatus.lastReconciledSpec)
      }
      beginDrain(operation)
    case .wait(let reason, let message):
      standing = waiting(operation, reason, message)
      wake = WakeUp(after: 1_000, message)
    case .refuse(_, let message):
      refuseStop(operation, message)
    }
  }

  private mutating func refuseStop(_ operation: OperationRecord, _ message: String) {
    if operation.kind == .delete { return beginDrain(operation) }
    let place = operation.savepoint?.targetDirectory.map { "; look for its savepoint in \($0)" } ?? ""
    setError(.upgradeFailure, message + place, reason: "UpgradeFailed")
    if record.status.error != status.error { note(.warning, "UpgradeFailed", .jobManagerDeployment, message + place) }
    standing = .stalled("RestorePointUnknown", message + place)
    if generation > operation.generation, let target, let wish = explicitWish(target),
      case .start(let start) = restore(operation, target, .cut, wish: wish)
    {
      var operation = operation
      operation.restorePlan = start.plan
      operation.generation = generation
      note(start)
      recordAttempt(target.spec, start.plan, status.reconciliationStatus.lastReconciledSpec)
      return beginDrain(operation)
    }
    wake = WakeUp(after: 10_000, "another spec")
  }

  private mutating func loseWhileStopping(_ operation: OperationRecord) {
    status.jobManagerDeploymentStatus = .missing
    if operation.kind == .delete {
      // With the metadata the state can still be found.
      var operation = operation
      operation.restorePlan = .lastState
      return beginDrain(operation)
    }
    if operation.kind == .rollback {
      return finishStop(operation, restore(operation, successor(of: operation), end(nil)))
    }
    let answer = restore(operation, target, .cut)
    // A savepoint that nobody has told the place of may have ended the job: only the metadata shows that it has not.
    if case .start(let start) = answer, start.plan == .lastState || operation.savepoint == nil {
      return finishStop(operation, answer)
    }
    if case .wait = answer { return finishStop(operation, answer) }
    refuseStop(
      operation,
      "the JobManager went away before the place of its savepoint was known; "
        + "\(UnrecoverableError.manualRestoreRequired): set spec.job.upgradeMode to stateless, or delete and create the "
        + "resource with spec.job.initialSavepointPath")
  }
}
