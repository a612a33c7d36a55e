import FlinkModel
import KubernetesAPI

extension Turn {
  /// The resource is to go.
  mutating func delete() {
    guard metadata.finalizers.contains(FlinkDeployment.finalizer) else {
      wake = .onChange("the end of the resource")
      return
    }
    standing = .progressing("Deleting", "the resource is being deleted")
    switch record.phase {
    case .new:
      note(.normal, "Cleanup", .operator, "Cleaning up: nothing was deployed")
      perform(.removeFinalizer, waitingFor: "the end of the resource")
    case .stopping(let operation) where operation.kind == .delete:
      if let deadline = operation.deadline, now >= deadline.epochMilliseconds {
        note(
          .warning, "CleanupFailed", .operator,
          "No savepoint could be taken before the deletion; the newest restore point known is \(knownPoint)")
        // With the metadata the state can still be found.
        var operation = operation
        operation.restorePlan = .lastState
        return beginDrain(operation)
      }
      stop(operation)
    case .stopping(let operation) where operation.savepoint != nil && settings.takesSavepointOnDeletion:
      // The savepoint that is being taken is the one that its user wants to keep.
      var operation = operation
      operation.kind = .delete
      operation.generation = max(generation, operation.generation)
      if isForegroundCascade { operation.restorePlan = .lastState }
      note(.normal, "Cleanup", .operator, "Cleaning up after the savepoint that is being taken")
      enter(.stopping, operation)
      stop(operation)
    case .draining(let operation) where operation.kind == .delete:
      if let deadline = operation.deadline, now >= deadline.epochMilliseconds {
        note(
          .warning, "CleanupFailed", .operator,
          "The cluster could not be confirmed to be gone; its objects are left to Kubernetes' garbage collector")
        perform(.removeFinalizer, waitingFor: "the end of the resource")
        return
      }
      drain(operation)
    default:
      if case .running(let operation) = record.phase, isDeletionBlocked(operation) { return }
      beginDelete()
    }
  }

  private mutating func beginDelete() {
    let before = record.phase.operation
    let attempt = before?.attempt ?? 0
    var operation = OperationRecord(
      uid: uid, generation: max(generation, before?.generation ?? 0), kind: .delete,
      id: "g\(generation)-a\(attempt)-delete", attempt: attempt, startedAt: moment(now), savepoint: nil)
    // It is over before the pods are: what it means for the metadata is noted now.
    let isCascade = isForegroundCascade
    if isCascade { operation.restorePlan = .lastState }
    if case .running(let running) = record.phase, settings.takesSavepointOnDeletion, !isSession,
      status.jobStatus.state?.isGloballyTerminal != true
    {
      switch savepointBeforeDeletion(running) {
      case .ready:
        note(.normal, "Cleanup", .operator, "Cleaning up; the newest restore point known is \(knownPoint)")
        return beginStop(operation, nil, withSavepoint: true)
      case .waiting: return
      case .impossible(let why):
        note(.warning, "CleanupFailed", .operator, "No savepoint is taken before the deletion: \(why)")
        // With the metadata the state can still be found.
        operation.restorePlan = .lastState
      }
    }
    let left =
      isCascade && settings.isHighAvailabilityEnabled
      ? " (Kubernetes ends the JobManager by a foreground cascade: HA metadata stays)" : ""
    note(.normal, "Cleanup", .operator, "Cleaning up; the newest restore point known is \(knownPoint)\(left)")
    beginDrain(operation)
  }

  /// Kubernetes takes the cluster away before, or while, the operator acts. The finalizer that tells so goes with the last
  /// object of the cluster.
  private var isForegroundCascade: Bool {
    if metadata.finalizers.contains("foregroundDeletion") { return true }
    guard case .running = record.phase, status.jobStatus.state?.isGloballyTerminal != true,
      let listed = observation.quorum.value
    else { return false }
    return listed.deployment(.jobManager, ownedBy: uid)?.isBeingDeleted ?? true
  }

  private enum LastSavepoint {
    case ready, waiting
    case impossible(String)
  }

  /// Whether the job can be stopped with a savepoint now. What is not yet known, and a job that may come to run again, is
  /// waited for as long as a clean-up may take.
  private mutating func savepointBeforeDeletion(_ operation: OperationRecord) -> LastSavepoint {
    guard settings.savepointDirectory != nil else { return .impossible("no savepoint directory is configured") }
    guard let cluster = cluster.value else {
      wake = WakeUp(after: 1_000, "complete views of Deployments and pods")
      return .waiting
    }
    guard let jobManager = cluster.deployment(.jobManager, ownedBy: uid), !jobManager.isBeingDeleted else {
      return .impossible("the Deployment of the JobManager is gone")
    }
    let why: String
    if case .seen(let jobs, _) = observation.jobManager.jobs {
      let state = jobs.first { $0.id == status.jobStatus.jobId }?.state
      if state == FlinkJobState.running.rawValue { return .ready }
      if let state, FlinkJobState(rawValue: state)?.isGloballyTerminal == true {
        return .impossible("the job is \(state)")
      }
      why = state.map { "the job is \($0)" } ?? "the JobManager does not know the job"
    } else {
      why = "the JobManager does not answer"
    }
    let began = metadata.deletionTimestamp.flatMap { Timestamp(rfc3339: $0)?.epochMilliseconds } ?? now
    if now >= began + settings.cleanupTimeout { return .impossible(why) }
    poll(operation, .fast)
    standing = .progressing("Deleting", "waiting to take a savepoint before the deletion: \(why)")
    wake = WakeUp(after: 1_000, "a job that can be stopped with a savepoint")
    return .waiting
  }

  private var knownPoint: String {
    let known = record.phase.operation.flatMap { operation in
      let question = question(operation, nil, .cut)
      return question.newest(question.candidates.filter { $0.fault == nil })
    }
    return known?.point.path ?? known?.point.words ?? status.jobStatus.upgradeSavepointPath ?? "none"
  }

  /// Nothing is left: Kubernetes may forget the resource.
  ///
  /// HA metadata goes with the resource, but for the case that it is the only way to the job's newest state: the savepoint
  /// that was asked for was not taken, or Kubernetes has ended the JobManager before anything could be asked of it.
  mutating func release(_ operation: OperationRecord) {
    let isForeground = metadata.finalizers.contains("foregroundDeletion")
    guard settleMetadata(operation, isForeground || operation.restorePlan == .lastState ? .kept : .removed) else {
      return
    }
    perform(.removeFinalizer, waitingFor: "the end of the resource")
  }
}
