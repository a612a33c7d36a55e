import FlinkModel
import KubernetesAPI

extension RestoreQuestion {
  /// Ranks every restore point known and answers what the next incarnation starts from.
  func answer() -> RestoreAnswer {
    switch wish {
    case .path(let path):
      let point = RestorePoint(kind: .savepoint, path: path, provenance: .spec)
      return .start(
        RestoreStart(plan: .path(path), chosen: point, rejected: others(than: point, "the spec names another")))
    case .none(let why):
      return .start(RestoreStart(plan: .empty, rejected: others(than: nil, why)))
    case .asBefore:
      if let metadata = usableMetadata, metadata.checkpointID != nil { return start(from: metadata) }
      guard let base, base != .lastState else { break }
      return .start(
        RestoreStart(plan: base, chosen: basePoint, rejected: others(than: basePoint, "upgrade mode stateless")))
    case .newest: break
    }
    if let open = openQuestion { return open }
    if end == .neverBegan { return again }
    let candidates = candidates
    guard let best = newest(candidates.filter { $0.fault == nil }) else { return nothing(candidates) }
    if let lost = candidates.first(where: { $0.isSubsumed && isNewer($0, than: best) }) {
      return refuse(
        "the newest checkpoint known (\(lost.point.words)) is so old that the job has probably replaced it")
    }
    return start(from: best, of: candidates)
  }

  /// What has to be known first, and is not.
  private var openQuestion: RestoreAnswer? {
    if case .configMaps(.unknown(let why, _)) = availability, dependsOnMetadata {
      return .wait(reason: "ReadingHAMetadata", message: "waiting for the HA metadata: \(why)")
    }
    if case .terminal(_, _, true) = end, statisticsAfterEnd == nil {
      // Flink answers from a cache: an answer may be from before the end.
      return .wait(reason: "ReadingCheckpoints", message: "waiting for the last checkpoint of the job that has ended")
    }
    return nil
  }

  /// A job that its JobManager has seen end has none any more.
  private var dependsOnMetadata: Bool {
    switch end {
    case .cut, .neverBegan: isMetadataAwaited
    case .terminal(let state, _, let isJobManagerThere): isMetadataAwaited && !isJobManagerThere && state != .finished
    }
  }

  /// A job that has made nothing starts as the one before was to start.
  private var again: RestoreAnswer {
    // Begun after all, unseen.
    if let metadata = usableMetadata, metadata.checkpointID != nil { return start(from: metadata) }
    switch base {
    case .path, .empty:
      return .start(RestoreStart(plan: base ?? .empty, chosen: basePoint))
    case .lastState:
      if case .elsewhere = availability { return start(from: elsewhere) }
    case nil: break
    }
    let candidates = candidates
    guard let best = newest(candidates.filter { $0.fault == nil }) else { return nothing(candidates) }
    return start(from: best, of: candidates)
  }

  /// No point is usable.
  private func nothing(_ candidates: [RestoreCandidate]) -> RestoreAnswer {
    if case .terminal(.finished, _, _) = end {
      return .refuse(
        reason: "UpgradeFailed",
        message: "the job has finished and left no savepoint: set spec.job.upgradeMode to stateless to run it again")
    }
    if case .elsewhere = availability, end == .cut, metadataObstacle == nil { return start(from: elsewhere) }
    if base == .empty, hasMadeNothing {
      return .start(RestoreStart(plan: .empty, rejected: candidates.map(\.rejected)))
    }
    if base == .lastState || availability.isOn {
      return refuse(UnrecoverableError.haMetadataNotAvailable)
    }
    let what = candidates.isEmpty ? "no restore point is known" : "no restore point is usable"
    return refuse(candidates.map { "\($0.point.words): \($0.fault ?? "older")" }.reduce(what) { "\($0); \($1)" })
  }

  /// It is known, not only not contradicted, that the job has completed no checkpoint.
  private var hasMadeNothing: Bool {
    if case .seen(nil, _) = statistics { return true }
    if statisticsAfterEnd != nil { return true }
    if case .configMaps(.seen(let metadata, _)) = availability, let job = metadata.job(jobID) {
      return job.checkpointIDs.isEmpty
    }
    return false
  }

  private func refuse(_ why: String) -> RestoreAnswer {
    // Where the newest point known was, that job had its others.
    let job = newest(candidates)?.point.jobID ?? jobID
    let directory =
      checkpointDirectory.map { directory in
        "; look for checkpoints in \(job.map { "\(directory)/\($0)" } ?? directory)"
      }
      ?? ""
    return .refuse(
      reason: "RestorePointUnknown",
      message: "\(why)\(directory); \(UnrecoverableError.manualRestoreRequired): set spec.job.initialSavepointPath and "
        + "change spec.job.savepointRedeployNonce, or set spec.job.upgradeMode to stateless")
  }

  private func start(from best: RestoreCandidate, of candidates: [RestoreCandidate]) -> RestoreAnswer {
    let rejected = candidates.filter { $0 != best && $0.point.path != best.point.path }.map(\.rejected)
    guard best.isMetadata, metadataObstacle == nil else {
      guard let path = best.point.path else { return refuse("\(best.point.words) cannot be used") }
      return .start(RestoreStart(plan: .path(path), chosen: best.point, rejected: rejected))
    }
    return .start(RestoreStart(plan: .lastState, chosen: best.point, rejected: rejected))
  }

  private func start(from metadata: RestorePoint) -> RestoreAnswer {
    .start(
      RestoreStart(plan: .lastState, chosen: metadata, rejected: others(than: metadata, "older than the HA metadata")))
  }

  private var elsewhere: RestorePoint {
    RestorePoint(kind: .haMetadata, path: nil, provenance: .haMetadata, jobID: jobID)
  }

  private var usableMetadata: RestorePoint? {
    if case .terminal(_, _, true) = end { return nil }
    guard metadataObstacle == nil, case .configMaps(.seen(let metadata, _)) = availability,
      let job = metadata.job(jobID)
    else { return nil }
    return RestorePoint(
      kind: .haMetadata, path: derivedPath(job), provenance: .haMetadata, jobID: jobID,
      checkpointID: job.latestCheckpoint)
  }

  /// Where Flink puts a job's checkpoints, unless it is told not to make folders.
  private func derivedPath(_ job: HAMetadata.Job) -> String? {
    guard let checkpointDirectory, let id = job.latestCheckpoint else { return nil }
    let root = checkpointDirectory.hasSuffix("/") ? String(checkpointDirectory.dropLast()) : checkpointDirectory
    return "\(root)/\(job.jobID)/chk-\(id)"
  }

  private var basePoint: RestorePoint? {
    guard case .path(let path) = base else { return nil }
    if let ledger, ledger.path == path { return ledger }
    let isCheckpoint = path.split(separator: "/").last?.hasPrefix("chk-") == true
    return recorded.first { $0.path == path }
      ?? RestorePoint(kind: isCheckpoint ? .checkpoint : .savepoint, path: path, provenance: .status)
  }

  private func others(than chosen: RestorePoint?, _ reason: String) -> [RejectedRestorePoint] {
    candidates.filter { $0.point.path != chosen?.path || $0.point.path == nil }
      .filter { $0.point != chosen }
      .map { RejectedRestorePoint(point: $0.point, reason: $0.fault ?? reason) }
  }
}

extension RestoreQuestion.Availability {
  var isOn: Bool { if case .off = self { false } else { true } }
}

/// A restore point with what speaks against it.
struct RestoreCandidate: Sendable, Hashable {
  enum Age: Int, Sendable, Hashable, Comparable {
    /// From before the incarnation before.
    case earlier
    /// What the incarnation before was started from.
    case base
    /// Made by the job of the incarnation before.
    case own
    /// The savepoint that ended it.
    case last

    static func < (left: Age, right: Age) -> Bool { left.rawValue < right.rawValue }
  }

  var point: RestorePoint
  var age: Age
  /// Why it is not usable; nil where it is.
  var fault: String?
  var isSubsumed = false

  var isMetadata: Bool { point.kind == .haMetadata }
  var rejected: RejectedRestorePoint {
    RejectedRestorePoint(point: point, reason: fault ?? Turn.older)
  }
}

extension RestoreQuestion {
  /// Every point known, each once.
  var candidates: [RestoreCandidate] {
    var all: [RestoreCandidate] = []
    func add(_ point: RestorePoint?, _ age: RestoreCandidate.Age, _ fault: String? = nil) {
      guard let point else { return }
      if let path = point.path, point.kind != .haMetadata,
        let index = all.firstIndex(where: { $0.point.path == path && !$0.isMetadata })
      {
        // One point that is known in two ways.
        if all[index].point.checkpointID == nil { all[index].point.checkpointID = point.checkpointID }
        if all[index].fault == nil { all[index].fault = fault }
        return
      }
      var candidate = RestoreCandidate(point: point, age: age, fault: fault)
      if candidate.fault == nil, let problem = self.fault(of: point, age) { candidate.fault = problem }
      if candidate.fault == nil, isSubsumed(point, age) {
        candidate.fault = "older than the checkpoints that are kept"
        candidate.isSubsumed = true
      }
      all.append(candidate)
    }
    if let stop {
      if case .terminal(.finished, _, _) = end { add(stop, .last) } else { add(stop, .own) }
    }
    let statistics = statistics.value ?? nil
    for record in [statistics?.latestSavepoint, statistics?.latestCompleted].compactMap({ $0 })
    where !record.externalPath.isEmpty {
      add(RestorePoint(record, jobID: jobID), .own, record.isDiscarded ? "discarded by Flink" : nil)
    }
    if case .configMaps(.seen(let metadata, _)) = availability, let job = metadata.job(jobID), dependsOnMetadata,
      let checkpoint = job.latestCheckpoint
    {
      add(
        RestorePoint(
          kind: .haMetadata, path: derivedPath(job), provenance: .haMetadata, jobID: jobID, checkpointID: checkpoint),
        .own, derivedPath(job) == nil ? metadataObstacle : nil)
    }
    if let restored = statistics?.latestRestored, !restored.externalPath.isEmpty {
      let isBase = base == .path(restored.externalPath)
      add(RestorePoint(restored, jobID: isBase ? nil : jobID), isBase ? .base : .own)
    }
    if let ledger { add(ledger, age(of: ledger)) }
    if case .path = base { add(basePoint, .base) }
    for point in recorded { add(point, age(of: point)) }
    return all
  }

  private func age(of point: RestorePoint) -> RestoreCandidate.Age {
    if case .path(let path) = base, point.path == path { return .base }
    return point.jobID != nil && point.jobID == jobID ? .own : .earlier
  }

  private func fault(of point: RestorePoint, _ age: RestoreCandidate.Age) -> String? {
    if let path = point.path, failedPaths.contains(path) { return "failed to restore" }
    // Where what the job was started from is not there, what is older is the newest.
    if age == .earlier, let base, !hasLost(base) {
      return base == .empty ? "from before the job began without state" : "older than what the job was started from"
    }
    if age == .base, claims, hasOwnCheckpoint { return "claimed by job \(jobID ?? "")" }
    guard age == .own, point.kind != .savepoint else { return nil }
    switch end {
    case .terminal(.finished, _, _): return finishDiscards ? "discarded when the job finished" : nil
    case .terminal(.failed, _, _): return retainsOnFailure ? nil : "not retained when the job failed"
    case .terminal: return retainsCheckpoints ? nil : "not retained when the job was cancelled"
    case .cut: return retainsCheckpoints || usableMetadata != nil ? nil : "not retained when its JobManager ended"
    case .neverBegan: return nil
    }
  }

  private func hasLost(_ base: RestorePlan) -> Bool {
    if case .path(let path) = base { failedPaths.contains(path) } else { false }
  }

  private var hasOwnCheckpoint: Bool {
    if (statistics.value ?? nil)?.latestCompleted != nil { return true }
    return ledger.map { $0.kind == .checkpoint && $0.jobID == jobID } ?? false
  }

  /// Without confirmation a checkpoint counts as long as Flink keeps it.
  private func isSubsumed(_ point: RestorePoint, _ age: RestoreCandidate.Age) -> Bool {
    guard age == .own, point.kind == .checkpoint, end == .cut, usableMetadata == nil, let subsumption, let lastAlive,
      let time = point.timestamp?.epochMilliseconds
    else { return false }
    return lastAlive - time > subsumption
  }

  func newest(_ candidates: [RestoreCandidate]) -> RestoreCandidate? {
    candidates.reduce(nil as RestoreCandidate?) { best, next in
      guard let best else { return next }
      return isNewer(next, than: best) ? next : best
    }
  }

  func isNewer(_ left: RestoreCandidate, than right: RestoreCandidate) -> Bool {
    if left.age != right.age { return left.age > right.age }
    if let one = left.point.checkpointID, let other = right.point.checkpointID, one != other { return one > other }
    if left.point.checkpointID != nil, left.point.checkpointID == right.point.checkpointID {
      // One checkpoint: with the metadata the job goes on as the same one.
      guard left.isMetadata != right.isMetadata else { return false }
      let prefersMetadata = end == .cut && metadataObstacle == nil
      return left.isMetadata == prefersMetadata
    }
    return (left.point.timestamp?.epochMilliseconds ?? 0) > (right.point.timestamp?.epochMilliseconds ?? 0)
  }
}

extension RestorePoint {
  /// From a JobManager's statistics.
  init(_ record: CheckpointRecord, jobID: String?) {
    self.init(
      kind: record.isSavepoint ? .savepoint : .checkpoint, path: record.externalPath, provenance: .jobManager,
      jobID: jobID, checkpointID: record.id, timestamp: Timestamp(epochMilliseconds: record.timestamp))
  }

  /// For people.
  var words: String {
    switch kind {
    case .haMetadata:
      "the HA metadata of job \(jobID ?? "")\(checkpointID.map { ", checkpoint \($0)" } ?? "")"
    case .checkpoint, .savepoint: "\(kind.rawValue) \(path ?? "")"
    }
  }
}
