import FlinkModel
import KubernetesAPI

/// A JobManager that Kubernetes starts again, without high availability, begins its job by the arguments it was first
/// started with: from where that was, not from the newest checkpoint.
extension Turn {
  /// What is known of the run of the job before the one that is seen.
  struct Regress {
    var startTime: Int64
    /// nil where it had made nothing that is known.
    var lost: RestoreStart?
    /// A checkpoint of the present run has taken the place of the lost one in storage.
    var isOverwritten: Bool
  }

  /// nil where the job goes on as it was started.
  func regress(_ operation: OperationRecord, _ job: JobOverview) -> Regress? {
    guard !settings.isHighAvailabilityEnabled, let before = record.status.jobStatus.startTime, before > 0,
      job.startTime > before, record.status.jobStatus.state?.isGloballyTerminal != true
    else { return nil }
    var question = question(operation, nil, .cut)
    question.subsumption = nil
    question.statistics =
      observation.jobManager.earlierRun.map { .seen($0, at: before) } ?? .unknown(why: "not read", since: before)
    if let time = question.ledger?.timestamp, time.epochMilliseconds >= job.startTime { question.ledger = nil }
    let lost = question.newest(question.candidates.filter { $0.fault == nil && $0.age == .own })
    var start: RestoreStart?
    if let lost, let path = lost.point.path, operation.startedFrom ?? operation.restorePlan != .path(path) {
      start = RestoreStart(plan: .path(path), chosen: lost.point)
    }
    let present = (observation.jobManager.checkpoints.value ?? nil)?.latestCompleted
    let isOverwritten =
      present.map { $0.timestamp >= job.startTime && $0.id >= lost?.point.checkpointID ?? .max } ?? false
      && lost?.point.kind == .checkpoint
    return Regress(startTime: job.startTime, lost: start, isOverwritten: isOverwritten)
  }

  /// Says that the job went back, and repairs it. Whether the turn is over.
  mutating func repair(_ regress: Regress, _ operation: OperationRecord) -> Bool {
    let mode = (target ?? observation.deployed)?.spec.job?.upgradeMode ?? .stateless
    let message =
      "The JobManager was restarted without high availability: the job began again "
      + Self.words(for: operation.restorePlan ?? .empty)
    note(.warning, "RegressedRestore", .job, message, key: "RegressedRestore: \(regress.startTime)")
    guard mode != .stateless, guards.holds(.regressedRestore), let lost = regress.lost else { return false }
    // Until it is repaired the record tells of the run before.
    status.jobStatus.startTime = record.status.jobStatus.startTime
    if settings.restoresUnconfirmed, !regress.isOverwritten {
      note(lost)
      beginDrain(
        OperationRecord(
          uid: uid, generation: operation.generation, kind: .recover,
          id: "g\(operation.generation)-a\(operation.attempt)-regressed", attempt: operation.attempt,
          startedAt: moment(now), startedFrom: operation.restorePlan, restorePlan: lost.plan))
      return true
    }
    let why =
      regress.isOverwritten
      ? "its checkpoints have since been written over"
      : "kubernetes.operator.job.restore-unconfirmed.enabled is false"
    standing = .stalled(
      "RegressedRestore",
      "\(message), although it had \(lost.chosen?.words ?? "newer state"); \(why): change spec.restartNonce to go on from "
        + "what it has now, or set spec.job.initialSavepointPath and change spec.job.savepointRedeployNonce")
    wake = .onChange("a changed spec")
    return true
  }
}
