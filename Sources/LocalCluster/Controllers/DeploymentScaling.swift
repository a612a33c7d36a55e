import KubernetesAPI

extension Rollout {
  /// Whether the Deployment's replicas changed since its ReplicaSets were scaled.
  var isScalingEvent: Bool {
    replicaSets.contains { $0.replicas > 0 && $0.desiredAnnotation.map { $0 != replicas } ?? false }
  }

  /// Spreads a changed number of replicas over the ReplicaSets, in proportion while an update is on its way.
  func scalingWrites() -> [ControllerWrite] {
    let active = replicaSets.filter { $0.replicas > 0 }
    if active.count <= 1 {
      guard let only = active.first ?? current ?? old.last else { return [] }
      return only.replicas == replicas && (only.desiredAnnotation == replicas || only.replicas == 0)
        ? [] : [scale(only, to: replicas)]
    }
    if let current, current.replicas == replicas, current.desiredAnnotation == replicas,
      current.count("availableReplicas") == replicas
    {
      return old.filter { $0.replicas > 0 }.map { scale($0, to: 0) }
    }
    guard !isRecreate else { return [] }
    let total = active.reduce(0) { $0 + $1.replicas }
    let allowed = replicas > 0 ? replicas + maxSurge : 0
    let change = allowed - total
    // The largest first, and among equals the newest when growing, the oldest when shrinking.
    let newestFirst = Array(active.reversed())
    let ordered = (change > 0 ? newestFirst : active).enumerated().sorted {
      ($1.element.replicas, $0.offset) < ($0.element.replicas, $1.offset)
    }.map(\.element)
    var counts = ordered.map(\.replicas)
    var added: Int64 = 0
    for (index, set) in ordered.enumerated() where change != 0 {
      let share = proportion(of: set, change: change, added: added)
      counts[index] = max(0, set.replicas + share)
      added += share
    }
    if let first = counts.first, change != added { counts[0] = max(0, first + change - added) }
    return zip(ordered, counts).filter { $0.replicas != $1 || $0.desiredAnnotation != replicas }.map {
      scale($0, to: $1)
    }
  }

  private func proportion(of set: ReplicaSetState, change: Int64, added: Int64) -> Int64 {
    let former = set.metadata.annotations[Self.maximumAnnotation].flatMap { Int64($0) } ?? replicas
    guard set.replicas > 0, former > 0 else { return 0 }
    let wanted = Double(set.replicas) * Double(replicas + maxSurge) / Double(former)
    let share = Int64(wanted.rounded()) - set.replicas
    let allowed = change - added
    return change > 0 ? min(share, allowed) : max(share, allowed)
  }
}
