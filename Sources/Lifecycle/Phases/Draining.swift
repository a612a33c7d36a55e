import FlinkModel
import KubernetesAPI

extension Turn {
  /// Authorises that the present incarnation, and what is left of earlier ones, goes.
  mutating func beginDrain(_ operation: OperationRecord) {
    var operation = operation
    dropSnapshots("the job is stopped")
    operation.deadline = moment(now + settings.cleanupTimeout)
    enter(.draining, operation)
    polling = nil
    standing = .progressing(Self.word(for: operation.kind), "the pods of incarnation \(operation.attempt) are going")
    guard let cluster = cluster.value else {
      wake = WakeUp(after: 1_000, "complete views of Deployments and pods")
      return
    }
    takeAway(operation, cluster)
  }

  static func word(for kind: OperationRecord.Kind) -> String {
    switch kind {
    case .suspend: "Suspending"
    case .delete: "Deleting"
    case .recover, .restart: "Recovering"
    case .rollback: "RollingBack"
    case .shutdown: "ShuttingDown"
    case .deploy: "Deploying"
    default: "Upgrading"
    }
  }

  /// Scale to 0, wait for the pods to go, delete, and see by quorum that nothing is left.
  ///
  /// Pods that no Deployment would take down (the TaskManagers of native mode, owned by the JobManager's) go by garbage
  /// collection, so they are not waited for before the Deployment that owns them is deleted, but after.
  mutating func drain(_ operation: OperationRecord) {
    standing = .progressing(Self.word(for: operation.kind), "the pods of incarnation \(operation.attempt) are going")
    if case .failure(let problem) = observation.target, operation.kind != .delete { reportInvalid(problem) }
    guard let cluster = cluster.value else {
      wake = WakeUp(after: 1_000, "complete views of Deployments and pods")
      return
    }
    if cluster.isEmpty, observation.quorum.value != nil {
      return drained(operation)
    }
    if operation.kind == .delete, !guards.holds(.podsGoneBeforeRelease) { return drained(operation) }
    if cluster.isEmpty, case .unknown(let why, _) = observation.quorum {
      standing = .progressing(Self.word(for: operation.kind), why)
      wake = WakeUp(after: 1_000, "a quorum list of what is left")
      return
    }
    takeAway(operation, cluster)
  }

  private mutating func takeAway(_ operation: OperationRecord, _ cluster: ClusterFacts) {
    let own = cluster.deployments.filter { $0.ownerUIDs.contains(uid) }
    let live = own.filter { !$0.isBeingDeleted }
    let scaled = live.filter { $0.desiredReplicas > 0 }
    let pods = cluster.runningPods
    if let problem = overdue(operation, pods, cluster) {
      standing = problem
    } else if !pods.isEmpty {
      standing = .progressing(
        Self.word(for: operation.kind), "waiting for pods to end: \(pods.map(\.name).sorted().joined(separator: ", "))")
    }
    if !scaled.isEmpty {
      // All of them, so that it stays one and the same act while the watches show one after the other scaled down.
      perform(
        .scaleDown(live.map { ObjectIdentity(name: $0.name, uid: $0.uid) }, operationID: operation.id),
        waitingFor: "the end of the pods")
      return
    }
    let hasTaskManagers = own.contains { $0.component == .taskManager }
    let holding = hasTaskManagers ? pods : pods.filter { $0.component != .taskManager }
    if !live.isEmpty, holding.isEmpty || isAssumedGone(operation) {
      perform(
        .deleteDeployments(live.map { ObjectIdentity(name: $0.name, uid: $0.uid) }, operationID: operation.id),
        waitingFor: "the end of the Deployments")
      return
    }
    let foreign = cluster.deployments.filter { !$0.ownerUIDs.contains(uid) }
    if !foreign.isEmpty {
      standing = .until(
        operation.deadline, now: now, "NameInUse",
        "waiting for Deployments of another owner to go: \(foreign.map(\.name).joined(separator: ", "))")
    }
    if isAssumedGone(operation), own.isEmpty, observation.quorum.value != nil { return drained(operation) }
    wake = WakeUp(after: 2_000, "the end of the pods")
  }

  private func isAssumedGone(_ operation: OperationRecord) -> Bool {
    metadata.annotations[IncarnationAnnotation.assumePodsGone] == operation.id
  }

  private func overdue(_ operation: OperationRecord, _ pods: [PodFacts], _ cluster: ClusterFacts) -> Standing? {
    guard let deadline = operation.deadline, now >= deadline.epochMilliseconds else { return nil }
    if pods.isEmpty { return nil }
    let names = pods.map { pod in pod.nodeName.map { "\(pod.name) on \($0)" } ?? pod.name }.sorted()
    return .stalled(
      "OldPodsUnreachable",
      "pods cannot be confirmed to be gone: \(names.joined(separator: ", ")); when their nodes are surely off, annotate "
        + "the resource with \(IncarnationAnnotation.assumePodsGone)=\(operation.id)")
  }

  /// Nothing is left of the incarnation.
  private mutating func drained(_ operation: OperationRecord) {
    status.jobManagerDeploymentStatus = .missing
    if operation.kind == .delete { return release(operation) }
    if operation.kind == .shutdown { return shutDown(operation) }
    var operation = operation
    renewCheckpoint(&operation)
    let isChanged = generation > operation.generation
    if target?.spec.job?.state == .suspended || (target == nil && operation.kind == .suspend) {
      guard settleMetadata(operation, operation.restorePlan == .lastState ? .kept : .superseded) else { return }
      markStopped()
      return suspended(operation, target)
    }
    guard let plan = plan(of: operation, target) else { return }
    operation.restorePlan = plan
    enter(.draining, operation)
    // The jobs of a session cluster go on from their metadata.
    guard settleMetadata(operation, isSession ? .kept : plan == .lastState ? .used : .superseded) else { return }
    markStopped()
    let isRerun = operation.kind.isRerun && !isChanged
    var kind: OperationRecord.Kind = operation.kind == .suspend ? .resume : operation.kind
    if kind == .rollback, isChanged { kind = .upgrade }
    beginStart(kind, isRerun ? nil : target, plan, after: operation.attempt)
  }

  /// The Apache operator's word for a job that was ended.
  private mutating func markStopped() {
    if !isSession, status.jobStatus.state?.isGloballyTerminal != true { status.jobStatus.state = .finished }
  }

  /// What was authorised, unless the spec names a place, or gives the state up, meanwhile; nil where nothing can start.
  private mutating func plan(of operation: OperationRecord, _ target: Target?) -> RestorePlan? {
    if let target, generation > operation.generation, let wish = explicitWish(target),
      operation.kind != .redeploy || wish.namesAPlace,
      case .start(let start) = restore(operation, target, .cut, wish: wish)
    {
      note(start)
      return start.plan
    }
    if let plan = operation.restorePlan, isStillRight(plan, operation, target) { return plan }
    switch restore(operation, target, end(nil)) {
    case .start(let start):
      note(start)
      return start.plan
    case .wait(let reason, let message):
      standing = .progressing(reason, message)
      wake = WakeUp(after: 1_000, message)
    case .refuse(let reason, let message):
      setError(.upgradeFailure, message)
      if record.status.error != status.error { note(.warning, "RestoreFailed", .jobManagerDeployment, message) }
      standing = .stalled(reason, message)
      wake = WakeUp(after: 10_000, "another spec")
    }
    return nil
  }

  /// A job goes on until its pods are gone, heard of or not: where the next start takes its newest checkpoint by the path,
  /// its metadata tells whether another one is the newest now.
  private mutating func renewCheckpoint(_ operation: inout OperationRecord) {
    guard status.jobStatus.state?.isGloballyTerminal != true, var point = status.restorePoint?.chosen,
      point.kind != .savepoint, point.jobID == status.jobStatus.jobId, let id = point.checkpointID,
      let path = point.path, path.hasSuffix("/chk-\(id)"), operation.restorePlan == .path(path),
      let latest = observation.haMetadata.value?.job(point.jobID)?.latestCheckpoint, latest > id
    else { return }
    point.path = path.dropLast("\(id)".count) + "\(latest)"
    point.checkpointID = latest
    point.timestamp = nil
    status.restorePoint?.chosen = point
    status.jobStatus.upgradeSavepointPath = point.path
    operation.restorePlan = point.path.map { .path($0) }
    note(
      .normal, "RestorePointChosen", .job,
      "The job went on until its pods were gone: the next start takes its state from \(point.words)")
    enter(.draining, operation)
  }

  /// Whether what was authorised while the job still ran holds for what it has left.
  private func isStillRight(_ plan: RestorePlan, _ operation: OperationRecord, _ target: Target?) -> Bool {
    guard settings.usesKubernetesHighAvailability else { return true }
    let question = question(operation, target, .cut)
    guard case .seen(let metadata, _) = observation.haMetadata else { return plan != .lastState }
    let hasCheckpoint = metadata.job(status.jobStatus.jobId)?.latestCheckpoint != nil
    if plan == .lastState { return hasCheckpoint && question.metadataObstacle == nil }
    // Its first checkpoint was completed after the decision.
    let wantsState = (target ?? observation.deployed)?.spec.job?.upgradeMode != .stateless
    return
      !(hasCheckpoint && wantsState && plan == operation.startedFrom && operation.kind != .redeploy
      && status.jobStatus.state?.isGloballyTerminal != true)
  }
}

extension OperationRecord.Kind {
  /// The next incarnation is made from a spec that is recorded already, not from the present one.
  var isRerun: Bool { self == .recover || self == .restart || self == .rollback }
}
