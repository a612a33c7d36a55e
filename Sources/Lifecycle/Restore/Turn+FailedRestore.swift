import FlinkModel
import KubernetesAPI

/// Restore points that turn out not to be there when a job starts from them.
extension Turn {
  static let failedToRestore = "failed to restore"

  /// The path that the job was to start from, where it failed for want of it. State that is there and does not fit the job
  /// is no fault of the point.
  func failedRestore(_ operation: OperationRecord) -> String? {
    guard case .path(let path) = operation.restorePlan else { return nil }
    if isRejected(path) || isMissed(path) { return path }
    guard case .seen(let statistics, _) = observation.jobManager.checkpoints,
      statistics?.latestCompleted == nil, statistics?.latestRestored == nil,
      let exception = observation.jobManager.exceptions.value?.first
    else { return nil }
    let text = "\(exception.name)\n\(exception.stackTrace)"
    return MissingFiles.signs.contains { text.contains($0) } ? path : nil
  }

  /// A start has shown before that it is not there.
  private func isRejected(_ path: String) -> Bool {
    status.restorePoint?.rejected.contains { $0.point.path == path && $0.reason == Self.failedToRestore } ?? false
  }

  /// A JobManager that cannot read what its job starts from ends, before it can be asked: its log says which file.
  private func isMissed(_ path: String) -> Bool {
    let place = path.split(separator: ":", maxSplits: 1).last.map { String($0.drop { $0 == "/" }) } ?? path
    guard !place.isEmpty, let pods = observation.cluster.value?.pods else { return false }
    return pods.contains { pod in
      pod.component == .jobManager && !pod.isBeingDeleted
        && observation.crash(of: pod)?.missingFiles.contains { $0.contains(place) } ?? false
    }
  }

  /// Notes that a point is not usable, so that no start tries it again.
  mutating func reject(_ path: String) {
    var record = status.restorePoint ?? RestorePointRecord()
    if record.rejected.contains(where: { $0.point.path == path && $0.reason == Self.failedToRestore }) { return }
    let known = record.chosen?.path == path ? record.chosen : record.rejected.first { $0.point.path == path }?.point
    record.rejected.removeAll { $0.point.path == path }
    record.rejected.append(
      RejectedRestorePoint(
        point: known ?? RestorePoint(kind: .savepoint, path: path, provenance: .status), reason: Self.failedToRestore))
    if record.chosen?.path == path { record.chosen = nil }
    status.restorePoint = record
  }
}
