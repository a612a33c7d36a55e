/// Something that is worth reading about a pod, for its status does not tell it.
public enum PodInspection: Sendable, Hashable {
  /// The Events of a pod that hangs before its containers.
  case events(pod: String, uid: String)
  /// The end of the log of a container that failed.
  case log(pod: String, uid: String, ContainerFailure)

  /// Of the pod.
  public var uid: String {
    switch self {
    case .events(_, let uid), .log(_, let uid, _): uid
    }
  }

  /// Lines of a log that are read for its cause.
  public static let logLines = 400
}

extension Lifecycle {
  /// What a decision would name problems by: of each component at most the log of one pod that fails and the Events of
  /// the one that hangs longest.
  public static func inspections(_ record: Record, _ observation: Observation, now: Int64) -> [PodInspection] {
    switch record.phase {
    case .running, .stopping: break
    case .new, .unowned, .starting, .draining, .suspended: return []
    }
    guard let cluster = observation.cluster.value else { return [] }
    return [ClusterComponent.jobManager, .taskManager].flatMap { component in
      let pods = cluster.pods.filter { $0.component == component && !$0.isBeingDeleted }
      let failing = pods.filter { $0.problem != nil && $0.failure != nil }.min { $0.name < $1.name }
      let hanging = pods.filter { $0.hangs(at: now) }
        .min { ($0.createdAt ?? 0, $0.name) < ($1.createdAt ?? 0, $1.name) }
      let log = failing.flatMap { pod in
        pod.failure.map { PodInspection.log(pod: pod.name, uid: pod.uid, $0) }
      }
      return [log, hanging.map { .events(pod: $0.name, uid: $0.uid) }].compactMap { $0 }
    }
  }
}

extension PodFacts {
  /// Its preparation takes so long that its Events may say why.
  fileprivate func hangs(at now: Int64) -> Bool {
    isBeingPrepared && problem == nil && createdAt.map { now - $0 >= PodWarnings.patience } ?? false
  }
}
