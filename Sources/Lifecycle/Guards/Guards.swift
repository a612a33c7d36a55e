import KubernetesAPI

/// Which guards hold. In the operator all of them do.
public struct Guards: Sendable, Hashable {
  private var missing: Set<Guard> = []

  /// All of them.
  public static let all = Guards()

  private init() {}

  /// For the simulation: the operator as it would be without some of its guards.
  public static func without(_ guards: Guard...) -> Guards { without(Set(guards)) }

  public static func without(_ guards: Set<Guard>) -> Guards {
    var result = Guards()
    result.missing = guards
    return result
  }

  /// Whether no guard is missing.
  public var areComplete: Bool { missing.isEmpty }

  public func holds(_ rule: Guard) -> Bool { missing.isEmpty || !missing.contains(rule) }
}

extension Observation {
  /// What a core without some of its guards takes this observation for: the same where it has all of them.
  func believed(with guards: Guards, in phase: Phase) -> Observation {
    if guards.areComplete { return self }
    var copy = self
    if !guards.holds(.ownerUID) {
      copy.cluster = cluster.ownedBy(metadata.uid)
      copy.quorum = quorum.ownedBy(metadata.uid)
    }
    if !guards.holds(phase.quorumGuard) { copy.quorum = copy.cluster }
    if !guards.holds(.restCache) {
      copy.deployed?.settings.restCacheTime = 0
      if case .success(var target) = target {
        target.settings.restCacheTime = 0
        copy.target = .success(target)
      }
    }
    return copy
  }
}

extension Fact<ClusterFacts> {
  fileprivate func ownedBy(_ uid: String) -> Self {
    guard case .seen(var cluster, let at) = self else { return self }
    for index in cluster.deployments.indices { cluster.deployments[index].ownerUIDs.append(uid) }
    return .seen(cluster, at: at)
  }
}

extension Phase {
  /// The guard that asks for a quorum LIST in this phase.
  var quorumGuard: Guard {
    switch self {
    case .new, .starting, .suspended, .draining: .quorumBeforeStart
    case .unowned, .running, .stopping: .quorumBeforeLoss
    }
  }
}
