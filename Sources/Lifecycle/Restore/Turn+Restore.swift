import FlinkModel
import KubernetesAPI

extension Turn {
  /// What the next incarnation starts from, if the present one ends as `end` says.
  ///
  /// - Parameters:
  ///   - operation: the stored one.
  ///   - target: what is to start; nil where that is what was deployed.
  func restore(
    _ operation: OperationRecord, _ target: Target?, _ end: RestoreQuestion.End, wish: RestoreQuestion.Wish = .newest
  ) -> RestoreAnswer {
    question(operation, target, end, wish: wish).answer()
  }

  func question(
    _ operation: OperationRecord, _ target: Target?, _ end: RestoreQuestion.End, wish: RestoreQuestion.Wish = .newest
  ) -> RestoreQuestion {
    let job = status.jobStatus
    var question = RestoreQuestion(wish: wish, end: end)
    question.jobID = job.jobId
    question.base = base(of: operation)
    question.stop = stopPoint(operation)
    question.statistics = observation.jobManager.checkpoints
    question.ledger = status.restorePoint?.chosen.flatMap(Self.place)
    question.recorded = recordedPoints
    question.availability = availability
    question.isMetadataAwaited = guards.holds(.metadataUnknown)
    question.metadataObstacle = metadataObstacle(target)
    question.failedPaths = Set(
      (status.restorePoint?.rejected ?? []).filter { $0.reason == Self.failedToRestore }.compactMap(\.point.path))
    question.retainsCheckpoints = settings.retainsCheckpoints
    question.retainsOnFailure = settings.retainsCheckpointsOnFailure
    question.claims = settings.claimsRestorePoint
    question.subsumption = settings.checkpointLifetime
    question.lastAlive = lastAlive
    question.restCacheTime = settings.restCacheTime
    question.finishDiscards = guards.holds(.finishedDiscards)
    question.checkpointDirectory = settings.checkpointDirectory
    return question
  }

  /// How the job has ended, by what is recorded of it; `cut` where it has not ended by itself.
  func end(_ jobManager: DeploymentFacts?) -> RestoreQuestion.End {
    if let state = status.jobStatus.state, state.isGloballyTerminal {
      let ended = status.jobStatus.updateTime ?? now
      return .terminal(
        state, at: ended, isJobManagerThere: jobManager != nil && !hasJobManagerProcessEnded(since: ended))
    }
    if status.jobStatus.startTime == nil, jobManager?.hasNeverBeenAvailable == true { return .neverBegan }
    return .cut
  }

  /// Whether the process that saw the job end has ended itself, so that nothing more will be learnt from it.
  ///
  /// Flink's JobManager ends with a job that cannot take its state up, and its container is started again and again:
  /// each time the job is seen to fail, and never long enough for statistics from after its end.
  private func hasJobManagerProcessEnded(since ended: Int64) -> Bool {
    if case .seen = observation.jobManager.jobs { return false }
    guard let pods = observation.cluster.value?.pods.filter({ $0.component == .jobManager && !$0.isBeingDeleted }),
      !pods.isEmpty
    else { return false }
    // Kubernetes' times are cut to seconds.
    return pods.allSatisfy { pod in pod.lastEndAt.map { $0 + 1_000 > ended } ?? false }
  }

  /// Where a user tells the next start to take its state from: a named place, or nowhere.
  func explicitWish(_ target: Target) -> RestoreQuestion.Wish? {
    guard let job = target.spec.job else { return nil }
    if let recorded = try? status.reconciliationStatus.lastReconciledSpec?.spec(),
      SpecDiff(from: recorded, to: target.spec).type == .savepointRedeploy, let path = job.initialSavepointPath,
      !path.isEmpty
    {
      return .path(path)
    }
    return job.upgradeMode == .stateless ? RestoreQuestion.Wish.none("spec.job.upgradeMode is stateless") : nil
  }

  /// Notes a choice where everybody can see it.
  mutating func note(_ start: RestoreStart) {
    if case .path(let path) = start.plan { status.jobStatus.upgradeSavepointPath = path }
    if start.plan == .lastState { status.jobStatus.upgradeSavepointPath = JobStatus.lastStateMarker }
    guard start.chosen != nil || !start.rejected.isEmpty else { return }
    status.restorePoint = start.record
    // The ledger may have named the same point before; that a start takes its state from there is news.
    let isNews: Bool =
      switch record.phase {
      case .running, .stopping: true
      default: record.status.restorePoint != start.record
      }
    guard isNews else { return }
    let rest = start.rejected.map { "\($0.point.words) (\($0.reason))" }
    note(
      .normal, "RestorePointChosen", .job,
      "The next start takes its state from \(start.chosen?.words ?? "nowhere")"
        + (rest.isEmpty ? "" : "; not taken: \(rest.joined(separator: ", "))"))
  }

  // MARK: What is known

  /// By what the present incarnation was started.
  private func base(of operation: OperationRecord) -> RestorePlan? {
    switch record.phase {
    case .stopping: operation.startedFrom ?? Self.plan(recordedBy: status)
    case .draining: operation.startedFrom ?? operation.restorePlan ?? Self.plan(recordedBy: status)
    case .new: nil
    case .unowned: Self.plan(recordedBy: status)
    case .starting, .running, .suspended: operation.restorePlan ?? Self.plan(recordedBy: status)
    }
  }

  /// How the Apache operator's record says that a start got, or is to get, its state; nil where it does not say.
  static func plan(recordedBy status: FlinkDeploymentStatus) -> RestorePlan? {
    switch status.reconciliationStatus.lastReconciledSpec?.upgradeMode {
    case .lastState: .lastState
    case .savepoint:
      (status.jobStatus.upgradeSavepointPath ?? status.jobStatus.savepointInfo?.lastSavepoint?.location).map {
        $0 == JobStatus.lastStateMarker ? .lastState : .path($0)
      }
    case .stateless: .empty
    case nil: nil
    }
  }

  private func stopPoint(_ operation: OperationRecord) -> RestorePoint? {
    let location: String?
    if case .seen(.completed(let path), _) = observation.jobManager.savepoint, operation.savepoint != nil {
      location = path
    } else {
      location = operation.savepoint?.location
    }
    return location.map {
      RestorePoint(
        kind: .savepoint, path: $0, provenance: .stop, jobID: status.jobStatus.jobId,
        timestamp: observation.jobManager.savepoint.at.map { moment($0) })
    }
  }

  /// As a place in storage: whether there is HA metadata is looked up anew each time.
  private static func place(_ point: RestorePoint) -> RestorePoint? {
    guard point.kind == .haMetadata else { return point }
    guard point.path != nil else { return nil }
    var point = point
    point.kind = .checkpoint
    return point
  }

  /// Places that another operator, or a nonce, left in status.
  private var recordedPoints: [RestorePoint] {
    let job = status.jobStatus
    var points: [RestorePoint] = []
    if let path = job.upgradeSavepointPath, path != JobStatus.lastStateMarker {
      points.append(RestorePoint(kind: .savepoint, path: path, provenance: .status))
    }
    // What was usable when a newer point was taken may be of use again.
    points += (status.restorePoint?.rejected ?? []).filter { $0.reason == Self.older }.map(\.point)
    if let last = job.savepointInfo?.lastSavepoint, let path = last.location {
      let isOwn = last.timeStamp.map { $0 >= job.startTime ?? .max } ?? false
      points.append(
        RestorePoint(
          kind: .savepoint, path: path, provenance: .status, jobID: isOwn ? job.jobId : nil,
          timestamp: last.timeStamp.map { moment($0) }))
    }
    return points
  }

  private var lastAlive: Int64 {
    switch observation.jobManager.jobs {
    case .seen(_, let at), .gone(let at): at
    case .unknown(_, let since): since
    }
  }

  private var availability: RestoreQuestion.Availability {
    guard settings.isHighAvailabilityEnabled else { return .off }
    return settings.usesKubernetesHighAvailability ? .configMaps(observation.haMetadata) : .elsewhere
  }

  /// Why a start of this spec must not use the metadata of what runs.
  private func metadataObstacle(_ target: Target?) -> String? {
    guard let target, let deployed = observation.deployed else { return nil }
    if target.spec.flinkVersion != deployed.spec.flinkVersion { return "made by another version of Flink" }
    if !target.settings.isHighAvailabilityEnabled { return "the new spec turns high availability off" }
    return nil
  }
}

extension Turn {
  /// Notes the newest restore point in status: at once when `force` is set, else at most every few minutes.
  mutating func flushLedger(force: Bool) {
    guard let statistics = observation.jobManager.checkpoints.value ?? nil else { return }
    var question = RestoreQuestion(jobID: status.jobStatus.jobId)
    question.statistics = .seen(statistics, at: now)
    guard let newest = question.newest(question.candidates.filter { $0.fault == nil })?.point else { return }
    if let known = status.restorePoint?.chosen {
      guard known != newest, newest.jobID != known.jobID || (newest.checkpointID ?? 0) >= (known.checkpointID ?? 0)
      else { return }
      let age = (newest.timestamp?.epochMilliseconds ?? now) - (known.timestamp?.epochMilliseconds ?? 0)
      if !force, newest.jobID == known.jobID, age < settings.ledgerFlushInterval { return }
    }
    status.restorePoint = RestorePointRecord(
      chosen: newest,
      rejected: savepoint(behind: newest, of: question).map { [RejectedRestorePoint(point: $0, reason: Self.older)] }
        ?? [])
  }

  /// The newest savepoint that is older than a checkpoint: Flink takes checkpoints away by itself, and savepoints never.
  private func savepoint(behind newest: RestorePoint, of question: RestoreQuestion) -> RestorePoint? {
    guard newest.kind == .checkpoint, !settings.claimsRestorePoint else { return nil }
    let known = status.restorePoint
    let points =
      question.candidates.map(\.point) + [known?.chosen].compactMap { $0 }
      + (known?.rejected ?? []).filter { $0.reason == Self.older }.map(\.point)
    return points.filter { $0.kind == .savepoint && $0.path != nil && $0.path != newest.path }
      .max { ($0.timestamp?.epochMilliseconds ?? 0) < ($1.timestamp?.epochMilliseconds ?? 0) }
  }

  /// Why a point is not taken that may be of use again.
  static let older = "older than the chosen one"
}
