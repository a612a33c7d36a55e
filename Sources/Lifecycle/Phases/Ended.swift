import FlinkModel
import KubernetesAPI

/// Jobs that have come to an end which this operator did not bring about.
extension Turn {
  /// A restart by itself comes at the earliest so long after the start of the incarnation that has ended, in
  /// milliseconds: one that fails at once must not fill the cluster with starts.
  static let restartPause: Int64 = 30_000

  /// To be called when no newer spec is there to be acted upon.
  ///
  /// - Parameter jobManager: nil where it is known to be gone.
  mutating func considerEnd(_ operation: OperationRecord, _ jobManager: DeploymentFacts?, _ cluster: ClusterFacts) {
    guard isRunningUnchanged, generation <= operation.generation || target == nil, let state = status.jobStatus.state
    else { return }
    // Its JobManager starts and ends again and again: the job's own state tells little.
    if state == .failed || state == .reconciling || state == .initializing, let path = failedRestore(operation) {
      reject(path)
      return restartEnded(operation, jobManager, because: "\(path) could not be restored", wish: .newest)
    }
    guard state.isGloballyTerminal else { return }
    let ended = status.jobStatus.updateTime ?? now
    if state == .finished, jobManager != nil, now - ended < 60_000,
      observation.jobManager.checkpoints.at.map({ $0 < ended + settings.restCacheTime }) ?? true
    {
      // How it came to its end is in the statistics, once they are newer than it.
      poll(operation, .fast)
      wake = WakeUp(after: 1_000, "the statistics of the job that has ended")
      return
    }
    if let why = restartReason(state, jobManager) { return restartEnded(operation, jobManager, because: why) }
    if let jobManager, !jobManager.isBeingDeleted { considerShutdown(operation, jobManager) }
  }

  /// Why the job is to run again; nil where its end stands.
  private func restartReason(_ state: FlinkJobState, _ jobManager: DeploymentFacts?) -> String? {
    switch state {
    case .failed: settings.restartsFailedJobs ? "the job failed" : nil
    case .canceled: "the job was cancelled by somebody else while its spec asks for it to run"
    case .finished:
      wasStoppedElsewhere
        ? "the job was stopped with a savepoint by somebody else while its spec asks for it to run" : nil
    default: nil
    }
  }

  /// The job ended by a savepoint that nobody asked for here: an operator that had lost its lease, or a person.
  private var wasStoppedElsewhere: Bool {
    guard let statistics = observation.jobManager.checkpoints.value ?? nil, let savepoint = statistics.latestSavepoint,
      savepoint.isStop
    else { return false }
    // Whatever the job has completed after it shows that it went on.
    return savepoint.id >= statistics.latestCompleted?.id ?? 0
  }

  private mutating func restartEnded(
    _ operation: OperationRecord, _ jobManager: DeploymentFacts?, because why: String,
    wish explicit: RestoreQuestion.Wish? = nil
  ) {
    let earliest = operation.startedAt.epochMilliseconds + Self.restartPause
    if now < earliest {
      standing = .progressing("JobRestarting", "\(why); it starts again when its last start is old enough")
      wake = WakeUp(after: earliest - now, "the next start")
      return
    }
    let mode = (target ?? observation.deployed)?.spec.job?.upgradeMode ?? .stateless
    let wish: RestoreQuestion.Wish = explicit ?? (mode == .stateless ? .asBefore : .newest)
    switch restore(operation, nil, end(jobManager), wish: wish) {
    case .start(let start):
      note(.warning, "RestartJob", .job, "\(why): it is started again \(Self.words(for: start.plan))")
      note(start)
      status.error = nil
      beginDrain(
        OperationRecord(
          uid: uid, generation: operation.generation, kind: .restart,
          id: "g\(operation.generation)-a\(operation.attempt)-restart", attempt: operation.attempt,
          replacesUID: jobManager?.uid, startedAt: moment(now), startedFrom: operation.restorePlan,
          restorePlan: start.plan, cause: operation.cause))
    case .wait(let reason, let message):
      standing = .progressing(reason, "\(why); \(message)")
      poll(operation, .fast)
      wake = WakeUp(after: 1_000, message)
    case .refuse(let reason, let message):
      setError(.reconciliation, "\(why); \(message)")
      if record.status.error != status.error { note(.warning, "RestoreFailed", .job, message) }
      standing = .stalled(reason, "\(why); \(message)")
      wake = .onChange("another spec")
    }
  }

  /// The JobManager of a job that has ended goes after a while; what the job has left is noted first.
  private mutating func considerShutdown(_ operation: OperationRecord, _ jobManager: DeploymentFacts) {
    if status.jobStatus.updateTime == nil { status.jobStatus.updateTime = now }
    let due = (status.jobStatus.updateTime ?? now) + settings.shutdownDelay
    guard now >= due else {
      if wake.delay.map({ $0 > due - now }) ?? true {
        wake = WakeUp(after: due - now, "the end of the JobManager's time")
      }
      return
    }
    var operation = operation
    switch restore(operation, nil, guards.holds(.stateBeforeShutdown) ? end(jobManager) : .neverBegan) {
    case .start(let start):
      note(start)
      if case .path = start.plan {
        operation.startedFrom = operation.restorePlan
        operation.restorePlan = start.plan
      }
    case .wait(_, let message):
      poll(operation, .fast)
      wake = WakeUp(after: 1_000, message)
      return
    case .refuse: break
    }
    operation.id = "g\(operation.generation)-a\(operation.attempt)-shutdown"
    operation.kind = .shutdown
    let before = standing
    beginDrain(operation)
    // The end of the JobManager is no news of the job.
    standing = before
  }

  /// The JobManager of a job that has ended is gone, by its time to live.
  mutating func shutDown(_ operation: OperationRecord) {
    var operation = operation
    operation.deadline = nil
    enter(.running, operation)
    wake = WakeUp(after: 0, "what a job leaves that has ended")
  }
}
