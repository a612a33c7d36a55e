import FlinkModel
import KubernetesAPI

/// Restore points that turn out not to be there when a job starts from them.
extension Turn {
  static let failedToRestore = "failed to restore"

  /// By what Flink, and the file systems it uses, say that files are not there. State that is there and does not fit the
  /// job is no fault of the point.
  private static let signs = [
    "FileNotFoundException", "NoSuchFileException", "Cannot find checkpoint or savepoint", "Cannot find meta data file",
    "NoSuchKey",
  ]

  /// The path that the job was to start from, where it failed for want of it.
  func failedRestore(_ operation: OperationRecord) -> String? {
    guard case .path(let path) = operation.restorePlan,
      case .seen(let statistics, _) = observation.jobManager.checkpoints,
      statistics?.latestCompleted == nil, statistics?.latestRestored == nil,
      let exception = observation.jobManager.exceptions.value?.first
    else { return nil }
    let text = "\(exception.name)\n\(exception.stackTrace)"
    return Self.signs.contains { text.contains($0) } ? path : nil
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
