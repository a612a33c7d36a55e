import FlinkModel
import KubernetesAPI

/// A savepoint or checkpoint that does not stop the job, in the terms that both have in common.
private enum Snapshot {
  case savepoint, checkpoint

  var word: String { self == .savepoint ? "savepoint" : "checkpoint" }
  var errorReason: String { self == .savepoint ? "SavepointError" : "CheckpointError" }
}

extension Turn {
  /// Snapshots of a job that goes on: follows what was asked for, asks for what is due, and forgets what is too old.
  ///
  /// The id of a request is stored in the Apache operator's fields before it is sent, so that a crash leaves nothing
  /// that is not found again.
  mutating func considerSnapshots(_ operation: OperationRecord) {
    guard case .deployed = status.reconciliationStatus.state.steadiness,
      let jobs = observation.jobManager.jobs.value,
      let job = jobs.first(where: { $0.id == status.jobStatus.jobId })
    else {
      if hasPendingSnapshot { giveUpOverdue(operation) }
      return
    }
    guard job.state == FlinkJobState.running.rawValue else {
      return dropSnapshots("the job is \(job.state)")
    }
    let hadPending = hasPendingSnapshot
    followSavepoint(operation)
    followCheckpoint(operation)
    if effect == nil { askForSnapshots(operation, job) }
    if effect == nil, status.jobStatus.savepointInfo?.triggerId == nil { cleanUpHistory(operation) }
    if hasPendingSnapshot {
      poll(operation, .fast)
      if effect == nil { wakeWithin(2_000, "the end of a snapshot") }
    } else if hadPending {
      wakeWithin(0, "what has waited for the end of a snapshot")
    }
  }

  var hasPendingSnapshot: Bool {
    status.jobStatus.savepointInfo?.triggerId != nil || status.jobStatus.checkpointInfo?.triggerId != nil
  }

  private mutating func wakeWithin(_ delay: Int64, _ reason: String) {
    if let present = wake.delay, present <= delay { return }
    wake = WakeUp(after: max(delay, 0), reason)
  }

  /// The job does not go on as it was: what was asked of it is not waited for any more.
  mutating func dropSnapshots(_ why: String) {
    if status.jobStatus.savepointInfo?.triggerId != nil { giveUp(.savepoint, "was given up: \(why)") }
    if status.jobStatus.checkpointInfo?.triggerId != nil { giveUp(.checkpoint, "was given up: \(why)") }
  }

  private mutating func giveUpOverdue(_ operation: OperationRecord) {
    let why = "was given up: the JobManager does not tell what became of it"
    if isOverdue(status.jobStatus.savepointInfo?.triggerTimestamp) { giveUp(.savepoint, why) }
    if isOverdue(status.jobStatus.checkpointInfo?.triggerTimestamp) { giveUp(.checkpoint, why) }
  }

  /// Flink itself gives a checkpoint up after its timeout.
  private func isOverdue(_ triggered: Int64?) -> Bool {
    guard let triggered else { return false }
    return now - triggered > settings.checkpointTimeout + 60_000
  }

  // MARK: What is due

  private mutating func askForSnapshots(_ operation: OperationRecord, _ job: JobOverview) {
    guard job.isFullyRunning else { return }
    let handled = status.reconciliationStatus.lastReconciledSpec?.triggerNonces
    let wanted = target?.spec.job
    if status.jobStatus.savepointInfo?.triggerId == nil {
      if let nonce = wanted?.savepointTriggerNonce, nonce != handled?.savepoint {
        return askForSavepoint(operation, .manual, nonce)
      }
      let last = status.jobStatus.savepointInfo?.lastPeriodicSavepointTimestamp
      if isDue(settings.snapshots.periodicSavepoints, after: last, "the next periodic savepoint"),
        savepointDirectory(target) != nil
      {
        return askForSavepoint(operation, .periodic, nil)
      }
    }
    if status.jobStatus.checkpointInfo?.triggerId == nil {
      let isPossible = (observation.deployed?.spec.flinkVersion ?? .v1_20) >= .v1_17
      if let nonce = wanted?.checkpointTriggerNonce, nonce != handled?.checkpoint {
        if isPossible { return askForCheckpoint(operation, .manual, nonce) }
        markHandled(.checkpoint, nonce)
        note(
          .warning, "CheckpointError", .operator,
          "No checkpoint was triggered for checkpointTriggerNonce \(nonce): Flink takes that request from 1.17 on")
        return
      }
      let last = status.jobStatus.checkpointInfo?.lastPeriodicCheckpointTimestamp
      if isPossible, isDue(settings.snapshots.periodicCheckpoints, after: last, "the next periodic checkpoint") {
        return askForCheckpoint(operation, .periodic, nil)
      }
    }
  }

  private mutating func isDue(_ trigger: PeriodicTrigger?, after last: Int64?, _ reason: String) -> Bool {
    guard let trigger else { return false }
    let created = metadata.creationTimestamp.flatMap { Timestamp(rfc3339: $0)?.epochMilliseconds } ?? 0
    guard let next = trigger.next(after: max(last ?? 0, created)) else { return false }
    if next <= now { return true }
    wakeWithin(next - now, reason)
    return false
  }

  private mutating func askForSavepoint(_ operation: OperationRecord, _ type: SnapshotTriggerType, _ nonce: Int64?) {
    var info = status.jobStatus.savepointInfo ?? SavepointInfo()
    info.triggerId = Identity.triggerID(
      uid: uid, operation: "\(operation.id)/savepoint/\(nonce.map { "\($0)" } ?? "periodic")/\(now)", previous: nil)
    info.triggerTimestamp = now
    info.triggerType = type
    info.formatType = settings.savepointFormat
    info.triggerNonce = nonce
    status.jobStatus.savepointInfo = info
    sendSavepoint(operation)
  }

  private mutating func sendSavepoint(_ operation: OperationRecord) {
    guard let info = status.jobStatus.savepointInfo, let trigger = info.triggerId, let job = status.jobStatus.jobId
    else { return }
    let request = SavepointRequest(triggerID: trigger, targetDirectory: savepointDirectory(target))
    perform(
      .triggerSavepoint(
        jobID: job, request: request, format: info.formatType ?? settings.savepointFormat, operationID: operation.id),
      waitingFor: "the savepoint")
  }

  private mutating func askForCheckpoint(_ operation: OperationRecord, _ type: SnapshotTriggerType, _ nonce: Int64?) {
    var info = status.jobStatus.checkpointInfo ?? CheckpointInfo()
    info.triggerId = Identity.triggerID(
      uid: uid, operation: "\(operation.id)/checkpoint/\(nonce.map { "\($0)" } ?? "periodic")/\(now)", previous: nil)
    info.triggerTimestamp = now
    info.triggerType = type
    info.formatType = settings.snapshots.checkpointFormat
    info.triggerNonce = nonce
    status.jobStatus.checkpointInfo = info
    sendCheckpoint(operation)
  }

  private mutating func sendCheckpoint(_ operation: OperationRecord) {
    guard let info = status.jobStatus.checkpointInfo, let trigger = info.triggerId, let job = status.jobStatus.jobId
    else { return }
    perform(
      .triggerCheckpoint(
        jobID: job, triggerID: trigger, type: info.formatType ?? settings.snapshots.checkpointFormat,
        operationID: operation.id), waitingFor: "the checkpoint")
  }

  // MARK: What was asked for

  private mutating func followSavepoint(_ operation: OperationRecord) {
    guard let info = status.jobStatus.savepointInfo, let trigger = info.triggerId else { return }
    let began = info.triggerTimestamp ?? now
    switch observation.jobManager.savepoint {
    case .seen(.completed(let location), _): completeSavepoint(location)
    case .seen(.inProgress, _), .unknown:
      if isOverdue(began) { giveUp(.savepoint, "did not end in time") }
    case .seen(.failed(let cause), let at):
      if now - began > settings.snapshots.savepointGracePeriod {
        giveUp(.savepoint, "failed: \(cause)")
      } else if now - at >= Self.retryPause {
        say(.savepoint, "failed and is tried again: \(cause)")
        let next = Identity.triggerID(uid: uid, operation: operation.id, previous: trigger)
        status.jobStatus.savepointInfo?.triggerId = next
        sendSavepoint(operation)
      } else {
        wakeWithin(Self.retryPause - (now - at), "the next try to take a savepoint")
      }
    case .gone:
      // Never arrived; or its result is lost, which its entry in the statistics is not.
      let known = info.savepointHistory.compactMap(\.location) + [info.lastSavepoint?.location].compactMap { $0 }
      if let taken = (observation.jobManager.checkpoints.value ?? nil)?.latestSavepoint, taken.timestamp >= began,
        !taken.externalPath.isEmpty, !taken.isDiscarded, !known.contains(taken.externalPath)
      {
        completeSavepoint(taken.externalPath)
      } else if now - began > settings.snapshots.savepointGracePeriod {
        giveUp(.savepoint, "was given up: the JobManager does not know it")
      } else {
        sendSavepoint(operation)
      }
    }
  }

  private static let retryPause: Int64 = 10_000

  private mutating func followCheckpoint(_ operation: OperationRecord) {
    guard let info = status.jobStatus.checkpointInfo, let trigger = info.triggerId else { return }
    let began = info.triggerTimestamp ?? now
    switch observation.jobManager.checkpoint {
    case .seen(.completed(let id), _): completeCheckpoint(id)
    case .seen(.inProgress, _), .unknown:
      if isOverdue(began) { giveUp(.checkpoint, "did not end in time") }
    case .seen(.failed(let cause), let at):
      if now - began > settings.snapshots.checkpointGracePeriod {
        giveUp(.checkpoint, "failed: \(cause)")
      } else if now - at >= Self.retryPause, effect == nil {
        say(.checkpoint, "failed and is tried again: \(cause)")
        let next = Identity.triggerID(uid: uid, operation: operation.id, previous: trigger)
        status.jobStatus.checkpointInfo?.triggerId = next
        sendCheckpoint(operation)
      } else {
        wakeWithin(max(Self.retryPause - (now - at), 100), "the next try to take a checkpoint")
      }
    case .gone:
      // A checkpoint completed since it was asked for is what was asked for.
      if let taken = (observation.jobManager.checkpoints.value ?? nil)?.latestCompleted, taken.timestamp >= began {
        completeCheckpoint(taken.id)
      } else if now - began > settings.snapshots.checkpointGracePeriod {
        giveUp(.checkpoint, "was given up: the JobManager does not know it")
      } else if effect == nil {
        sendCheckpoint(operation)
      }
    }
  }

  private mutating func completeSavepoint(_ location: String) {
    guard let info = status.jobStatus.savepointInfo else { return }
    let type = info.triggerType ?? .unknown
    let nonce = info.triggerNonce ?? (type == .manual ? target?.spec.job?.savepointTriggerNonce : nil)
    record(
      SavepointEntry(
        timeStamp: info.triggerTimestamp ?? now, location: location, triggerType: type, formatType: info.formatType,
        triggerNonce: nonce))
    if type == .periodic { notePeriod(.savepoint) }
    end(.savepoint)
    note(.normal, "SavepointCompleted", .snapshot, "The \(Self.name(.savepoint, type, nonce)) is in \(location)")
    flushLedger(force: true)
  }

  private mutating func completeCheckpoint(_ id: Int64) {
    guard let info = status.jobStatus.checkpointInfo else { return }
    let type = info.triggerType ?? .unknown
    let nonce = info.triggerNonce ?? (type == .manual ? target?.spec.job?.checkpointTriggerNonce : nil)
    status.jobStatus.checkpointInfo?.lastCheckpoint = CheckpointEntry(
      timeStamp: info.triggerTimestamp ?? now, triggerType: type, formatType: info.formatType, triggerNonce: nonce)
    if type == .periodic { notePeriod(.checkpoint) }
    end(.checkpoint)
    note(
      .normal, "CheckpointCompleted", .snapshot, "The \(Self.name(.checkpoint, type, nonce)) is complete, with id \(id)"
    )
    flushLedger(force: true)
  }

  /// A completed savepoint, as the newest and in the history.
  mutating func record(_ entry: SavepointEntry) {
    var info = status.jobStatus.savepointInfo ?? SavepointInfo()
    if info.lastSavepoint?.location != entry.location {
      info.lastSavepoint = entry
      info.savepointHistory.append(entry)
    }
    status.jobStatus.savepointInfo = info
  }

  private mutating func giveUp(_ snapshot: Snapshot, _ why: String) {
    say(snapshot, why)
    // So that a periodic one is tried at its next time, and not at once.
    let type =
      snapshot == .savepoint
      ? status.jobStatus.savepointInfo?.triggerType : status.jobStatus.checkpointInfo?.triggerType
    if type == .periodic { notePeriod(snapshot) }
    end(snapshot)
  }

  private mutating func notePeriod(_ snapshot: Snapshot) {
    switch snapshot {
    case .savepoint:
      let time = status.jobStatus.savepointInfo?.triggerTimestamp ?? now
      status.jobStatus.savepointInfo?.lastPeriodicSavepointTimestamp = time
    case .checkpoint:
      let time = status.jobStatus.checkpointInfo?.triggerTimestamp ?? now
      status.jobStatus.checkpointInfo?.lastPeriodicCheckpointTimestamp = time
    }
  }

  private mutating func say(_ snapshot: Snapshot, _ what: String) {
    let (type, nonce) =
      switch snapshot {
      case .savepoint: (status.jobStatus.savepointInfo?.triggerType, status.jobStatus.savepointInfo?.triggerNonce)
      case .checkpoint: (status.jobStatus.checkpointInfo?.triggerType, status.jobStatus.checkpointInfo?.triggerNonce)
      }
    note(.warning, snapshot.errorReason, .operator, "The \(Self.name(snapshot, type ?? .unknown, nonce)) \(what)")
  }

  private static func name(_ snapshot: Snapshot, _ type: SnapshotTriggerType, _ nonce: Int64?) -> String {
    switch type {
    case .manual:
      "\(snapshot.word) of \(snapshot.word)TriggerNonce\(nonce.map { " \($0)" } ?? "")"
    case .periodic: "periodic \(snapshot.word)"
    case .upgrade, .unknown: snapshot.word
    }
  }

  /// Nothing is asked for any more; what a nonce asked for is done.
  private mutating func end(_ snapshot: Snapshot) {
    switch snapshot {
    case .savepoint:
      let info = status.jobStatus.savepointInfo
      if info?.triggerType == .manual, let nonce = info?.triggerNonce ?? target?.spec.job?.savepointTriggerNonce {
        markHandled(.savepoint, nonce)
      }
      status.jobStatus.savepointInfo?.triggerId = nil
      status.jobStatus.savepointInfo?.triggerTimestamp = nil
      status.jobStatus.savepointInfo?.triggerType = nil
      status.jobStatus.savepointInfo?.formatType = nil
      status.jobStatus.savepointInfo?.triggerNonce = nil
    case .checkpoint:
      let info = status.jobStatus.checkpointInfo
      if info?.triggerType == .manual, let nonce = info?.triggerNonce ?? target?.spec.job?.checkpointTriggerNonce {
        markHandled(.checkpoint, nonce)
      }
      status.jobStatus.checkpointInfo?.triggerId = nil
      status.jobStatus.checkpointInfo?.triggerTimestamp = nil
      status.jobStatus.checkpointInfo?.triggerType = nil
      status.jobStatus.checkpointInfo?.formatType = nil
      status.jobStatus.checkpointInfo?.triggerNonce = nil
    }
  }

  /// The nonce in the recorded spec is what says that it was acted upon.
  private mutating func markHandled(_ snapshot: Snapshot, _ nonce: Int64) {
    var reconciliation = status.reconciliationStatus
    let wasStable = reconciliation.isLastReconciledSpecStable
    reconciliation.lastReconciledSpec =
      snapshot == .savepoint
      ? reconciliation.lastReconciledSpec?.settingJob(savepointTriggerNonce: nonce)
      : reconciliation.lastReconciledSpec?.settingJob(checkpointTriggerNonce: nonce)
    if wasStable { reconciliation.lastStableSpec = reconciliation.lastReconciledSpec }
    reconciliation.reconciliationTimestamp = now
    status.reconciliationStatus = reconciliation
  }
}

extension ReconciliationState {
  enum Steadiness { case deployed, inTransition }

  /// Whether what the record describes is what is meant to run.
  var steadiness: Steadiness {
    switch self {
    case .deployed, .rolledBack: .deployed
    case .upgrading, .rollingBack: .inTransition
    }
  }
}
