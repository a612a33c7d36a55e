import FlinkModel
import KubernetesAPI

/// The decision core: what to do next for one FlinkDeployment.
///
/// Pure, total and synchronous: equal arguments give equal decisions; no clock, no randomness, no failure. What it
/// returns as status must be stored before its effect is performed, and the effect must not be performed if it could
/// not be stored.
public enum Lifecycle {
  /// - Parameters:
  ///   - now: epoch milliseconds.
  ///   - guards: all of them, but for the simulation.
  public static func decide(
    _ observation: Observation, _ record: Record, now: Int64, guards: Guards = .all
  ) -> Decision {
    var turn = Turn(observation.believed(with: guards, in: record.phase), record, now: now, guards: guards)
    turn.run()
    turn.report()
    return Decision(
      status: turn.status, events: turn.events, effect: turn.effect, wake: turn.wake, polling: turn.polling)
  }

  /// Whether the decision may depend on the absence of pods or Deployments, which only a quorum LIST shows.
  ///
  /// - Parameter observation: with the view from the watches.
  public static func needsQuorum(_ record: Record, _ observation: Observation, guards: Guards = .all) -> Bool {
    guard let cluster = observation.cluster.value, guards.holds(record.phase.quorumGuard) else { return false }
    let uid = observation.metadata.uid
    let isDeleting = observation.metadata.isBeingDeleted
    switch record.phase {
    case .new:
      return !isDeleting && observation.metadata.finalizers.contains(FlinkDeployment.finalizer)
        && observation.wantsRunning
    case .unowned:
      return cluster.deployment(.jobManager, ownedBy: uid) == nil
    case .starting(let operation):
      // What a view does not show yet may have been running for long.
      return cluster.deployments.count < (observation.hasTaskManagerDeployment ? 2 : 1)
        || cluster.deployments.contains { $0.operationID != operation.id }
    case .running(let operation):
      return cluster.deployments.count < (observation.hasTaskManagerDeployment ? 2 : 1)
        || cluster.deployments.contains { !$0.belongs(to: operation) || !$0.ownerUIDs.contains(uid) }
    case .stopping:
      return cluster.deployment(.jobManager, ownedBy: uid) == nil
    case .draining:
      let hasDeleted = observation.lastEffect.map { $0.isDeletion && $0.result == .succeeded } ?? false
      return cluster.isEmpty || (hasDeleted && cluster.runningPods.isEmpty)
    case .suspended:
      return !isDeleting && observation.wantsRunning
    }
  }
}

extension Observation {
  /// What is deployed has its TaskManagers in a Deployment. In native mode they are pods that the JobManager makes and
  /// its Deployment owns.
  var hasTaskManagerDeployment: Bool { deployed?.spec.effectiveMode != .native }

  /// The job is to be begun again because of how it fares.
  var isUnhealthy: Bool {
    guard let settings = deployed?.settings.health, let health = jobManager.health else { return false }
    return !settings.problems(of: health).isEmpty
  }

  /// The present spec is valid and asks for a running job.
  var wantsRunning: Bool {
    guard case .success(let target) = target else { return false }
    return target.spec.job?.state != .suspended
  }
}

extension Lifecycle {
  /// Whether the decision may depend on HA metadata, which only a quorum LIST shows.
  ///
  /// - Parameter observation: with the cluster as the watches show it.
  public static func needsHAMetadata(_ record: Record, _ observation: Observation) -> Bool {
    guard let cluster = observation.cluster.value else { return false }
    let isOn = observation.deployed?.settings.usesKubernetesHighAvailability == true
    let isDeleting = observation.metadata.isBeingDeleted
    let isLost = cluster.deployment(.jobManager, ownedBy: observation.metadata.uid) == nil
    switch record.phase {
    case .unowned, .starting: return false
    case .new: return !isDeleting && observation.wantsRunning && cluster.isEmpty
    case .running(let operation):
      let state = record.status.jobStatus.state
      return isOn
        && (isLost || isDeleting || observation.metadata.generation != operation.generation || state == .failed
          || state == .reconciling || record.status.reconciliationStatus.state == .rollingBack
          || observation.isUnhealthy)
    case .stopping(let operation): return isOn && (isLost || observation.metadata.generation > operation.generation)
    // What is left may also be of a spec before, with high availability, or of another resource.
    case .draining: return cluster.isEmpty
    case .suspended: return isDeleting || observation.wantsRunning
    }
  }
}

extension DeploymentFacts {
  /// Made for this operation's incarnation, or adopted with it.
  func belongs(to operation: OperationRecord) -> Bool {
    attempt == operation.attempt || (attempt == nil && operation.id == Turn.adoptedID)
  }
}

extension Turn {
  mutating func run() {
    if metadata.isBeingDeleted { return delete() }
    if let acted = record.phase.operation?.generation, generation < acted {
      // An older view of the resource than one that was acted upon.
      keepAsking()
      wake = WakeUp(after: 1_000, "the view of the resource is older than what was acted upon")
      return
    }
    if !metadata.finalizers.contains(FlinkDeployment.finalizer), guards.holds(.finalizerFirst) {
      if case .new = record.phase {
        standing = .beginning("Created", "the resource was seen; its deployment begins")
      }
      keepAsking()
      perform(.setFinalizer, waitingFor: "the finalizer")
      return
    }
    switch record.phase {
    case .new: beginNew()
    case .unowned: adopt()
    case .starting(let operation): start(operation)
    case .running(let operation): run(operation)
    case .stopping(let operation): stop(operation)
    case .draining(let operation): drain(operation)
    case .suspended(let operation): rest(operation)
    }
  }

  /// What a JobManager has said is remembered as long as it is asked; some of it nobody can ever say again.
  mutating func keepAsking() {
    switch record.phase {
    case .running(let operation), .stopping(let operation): poll(operation, .fast)
    case .new, .unowned, .starting, .draining, .suspended: break
    }
  }
}
