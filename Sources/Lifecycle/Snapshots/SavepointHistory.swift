import FlinkModel

extension Turn {
  /// Savepoints beyond the limits of number and age are disposed of, oldest first, and then forgotten. Where clean-up
  /// is switched off they are only forgotten.
  mutating func cleanUpHistory(_ operation: OperationRecord) {
    guard var info = status.jobStatus.savepointInfo, info.savepointHistory.count > 1 else { return }
    let excess = info.savepointHistory.count - settings.snapshots.historyMaxCount
    let needed = guards.holds(.neededSavepoints) ? neededPaths(operation) : []
    let newest = info.savepointHistory.count - 1
    let old = info.savepointHistory.enumerated().filter { index, entry in
      guard index < newest, let path = entry.location, !needed.contains(path) else { return false }
      let age = now - (entry.timeStamp ?? 0)
      return index < excess || age > settings.snapshots.historyMaxAge
    }
    guard let (_, entry) = old.first, let path = entry.location else { return }
    guard settings.snapshots.isCleanupEnabled else {
      let paths = Set(old.compactMap(\.element.location))
      info.savepointHistory.removeAll { $0.location.map(paths.contains) == true }
      status.jobStatus.savepointInfo = info
      return
    }
    let effect = Effect.disposeSavepoint(path: path, operationID: operation.id)
    if let last = observation.lastEffect, last.identity == effect.identity, last.result == .succeeded {
      info.savepointHistory.removeAll { $0.location == path }
      status.jobStatus.savepointInfo = info
      note(.normal, "SavepointDisposed", .snapshot, "The savepoint in \(path) is disposed of, as newer ones exist")
      wake = WakeUp(after: 0, "other savepoints that are too old")
      return
    }
    let before = wake
    perform(effect, settle: 60_000, retry: 60_000, waitingFor: "the disposal of a savepoint")
    if self.effect != nil {
      // Nothing that is watched shows its result.
      wake = WakeUp(after: 0, "the result of the disposal")
    } else if let delay = before.delay, delay < wake.delay ?? .max {
      wake = before
    }
  }

  /// What a start may still need: it is never disposed of.
  private func neededPaths(_ operation: OperationRecord) -> Set<String> {
    var paths = [
      status.restorePoint?.chosen?.path, status.jobStatus.upgradeSavepointPath,
      status.jobStatus.savepointInfo?.lastSavepoint?.location, target?.spec.job?.initialSavepointPath,
      observation.deployed?.spec.job?.initialSavepointPath,
    ].compactMap { $0 }
    // A JobManager that Kubernetes restarts without high availability reads it again.
    if case .path(let path) = operation.restorePlan { paths.append(path) }
    return Set(paths)
  }
}
