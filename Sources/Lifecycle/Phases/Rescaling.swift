import FlinkModel
import KubernetesAPI

/// Another parallelism for a job that goes on: the adaptive scheduler is asked for it.
///
/// First the TaskManagers that are missing, then the bounds. The spec counts as deployed once Flink is seen to have them:
/// until then a refusal leads to an ordinary upgrade. TaskManagers that are not needed go last.
extension Turn {
  /// How long the JobManager may not tell the bounds, in milliseconds, before the job is upgraded instead.
  static let boundsPatience: Int64 = 10_000

  /// Acts on a spec that changes the parallelism and nothing else, or takes such a change back.
  ///
  /// - Returns: false where it takes an ordinary upgrade, or nothing.
  mutating func rescaleInPlace(
    _ operation: OperationRecord, _ target: Target, _ diff: SpecDiff, _ jobManager: DeploymentFacts,
    _ cluster: ClusterFacts
  ) -> Bool {
    // What Flink was asked for by a spec that came before this one, and that is not recorded as deployed.
    let pending = operation.scaling.flatMap { $0.generation > operation.generation ? $0 : nil }
    guard diff.type == .scale || diff.type == .ignore && pending != nil, isRescalable(target),
      !jobManager.isBeingDeleted, pending != nil || pendingSavepoint(jobManager) == nil
    else { return false }
    guard let jobs = observation.jobManager.jobs.value else {
      // Right after the start of the operator, or after a request to the JobManager.
      guard case .unknown(_, let since) = observation.jobManager.jobs, now - since < 5_000 else { return false }
      awaitBounds(operation, pending, "the JobManager is asked for the job's state")
      return true
    }
    guard let job = jobs.first(where: { $0.id == status.jobStatus.jobId }),
      canBeRescaled(job, isUnderWay: pending != nil)
    else { return false }
    let bounds: [String: ParallelismBounds]
    switch observation.jobManager.bounds {
    case .seen(let value, _): bounds = value
    case .gone: return false
    case nil:
      awaitBounds(operation, pending, "the JobManager is asked for the bounds of the job's parallelism")
      return true
    case .unknown(let why, let since):
      guard now - since < Self.boundsPatience else { return false }
      awaitBounds(operation, pending, "the bounds of the job's parallelism are not known: \(why)")
      return true
    }
    guard let wanted = wantedParallelism(of: bounds, operation, target) else { return false }
    var scaling = ScalingRecord(
      generation: generation, parallelism: wanted, deadline: moment(now + settings.readinessTimeout),
      taskManagers: operation.scaling?.taskManagers)
    if let pending, pending.generation == generation, pending.parallelism == wanted {
      scaling = pending
    } else if diff.type == .scale {
      note(.normal, "SpecChanged", .jobManagerDeployment, diff.message, key: "SpecChange: \(generation)")
      status.error = nil
    }
    let asked = scaling.applied(to: bounds)
    if asked == bounds {
      settle(operation, scaling, target, diff, job)
      return true
    }
    let effect = Effect.boundParallelism(
      jobID: status.jobStatus.jobId ?? "", asked, operationID: operation.id)
    if let last = observation.lastEffect, last.identity == effect.identity, case .refused(let why) = last.result {
      note(
        .warning, "ScalingRefused", .job, "Flink refuses to scale the job in place, it is upgraded instead: \(why)",
        key: "ScalingRefused: \(generation)")
      return false
    }
    var next = status.operation ?? operation
    next.scaling = scaling
    enter(.running, next)
    pollParallelism(next, scaling)
    if addTaskManagers(next, scaling, target, bounds, cluster) { return true }
    note(.normal, "Scaling", .job, "In-place scaling triggered", key: "Scaling: \(generation)")
    ask(effect, scaling)
    return true
  }

  /// Follows what Flink has agreed to until the job has taken it.
  mutating func continueRescaling(_ cluster: ClusterFacts) {
    guard var operation = status.operation, var scaling = operation.scaling, effect == nil,
      operation.phase == Phase.Word.running.rawValue, scaling.generation <= operation.generation,
      let job = observation.jobManager.jobs.value?.first(where: { $0.id == status.jobStatus.jobId })
    else { return }
    guard let state = FlinkJobState(rawValue: job.state), !state.isGloballyTerminal else {
      if operation.kind == .scale { operation.kind = .deploy }
      status.operation = operation
      return
    }
    if scaling.runStartedAt != job.startTime {
      // A JobManager has begun the job anew, by what its objects say.
      scaling.runStartedAt = job.startTime
      scaling.acceptedAt = nil
      scaling.deadline = moment(now + settings.readinessTimeout)
      operation.kind = .scale
    }
    guard operation.kind == .scale else { return }
    defer {
      operation.scaling = scaling
      status.operation = operation
    }
    let isReady = standing?.ready == .true
    pollParallelism(operation, scaling)
    guard let bounds = observation.jobManager.bounds?.value else {
      if isReady { awaitTaking(scaling, "the bounds of the job's parallelism are not known yet") }
      return
    }
    let asked = scaling.applied(to: bounds)
    guard asked == bounds else {
      scaling.acceptedAt = nil
      // Which TaskManagers there are was settled before.
      return ask(
        .boundParallelism(jobID: status.jobStatus.jobId ?? "", asked, operationID: operation.id), scaling)
    }
    guard let accepted = scaling.acceptedAt else {
      scaling.acceptedAt = moment(now)
      if isReady { awaitTaking(scaling, "Flink has its new bounds") }
      return
    }
    guard isReady else { return }
    guard hasTaken(scaling, since: accepted.epochMilliseconds) || !guards.holds(.workersLast) else {
      return awaitTaking(scaling, whatIsMissing(scaling, cluster))
    }
    let present = settings.taskManagers
    if let workers = scalable(cluster), observation.hasTaskManagerDeployment,
      workers.desiredReplicas > Int64(present) || scaling.taskManagers ?? present > present
    {
      scaling.taskManagers = present
      return scale(operation, workers, to: present)
    }
    operation.kind = .deploy
    polling?.wantsParallelism = false
    polling?.pace = .steady
  }

  // MARK: Whether

  private func isRescalable(_ target: Target) -> Bool {
    guard settings.isRescalable, target.settings.isRescalable, target.settings.taskManagers > 0,
      status.reconciliationStatus.state == .deployed, status.reconciliationStatus.lastReconciledSpec != nil,
      let version = target.spec.flinkVersion
    else { return false }
    return version >= .v1_18
  }

  /// The job has a scheduler that can be asked. One that starts again and again is scaled like one that runs.
  private func canBeRescaled(_ job: JobOverview, isUnderWay: Bool) -> Bool {
    switch FlinkJobState(rawValue: job.state) {
    case .running, .restarting, .failing, .created: true
    // Its JobManager has begun it again.
    case .initializing: isUnderWay
    default: false
    }
  }

  /// The parallelism of the vertices that follow the spec; nil where that is not known, or cannot be asked for.
  ///
  /// Flink does not tell a vertex that the program has fixed at 1, such as a source that must not run twice, from one
  /// that follows the spec. Which vertices follow is known where they have more, and once they have been scaled.
  private func wantedParallelism(
    of bounds: [String: ParallelismBounds], _ operation: OperationRecord, _ target: Target
  ) -> [String: Int]? {
    let known = operation.scaling?.parallelism.keys
    if target.spec.effectiveMode == .native {
      let wanted = target.settings.parallelismOverrides.filter { bounds[$0.key] != nil }
      let before = Set(settings.parallelismOverrides.keys).union(known.map(Array.init) ?? [])
      // One that is not overridden any more gets what the program says, which Flink does not tell.
      return before.contains { bounds[$0] != nil && wanted[$0] == nil } ? nil : wanted
    }
    let followers =
      known.map(Array.init)
      ?? (settings.parallelism > 1 ? bounds.filter { $0.value.upper == settings.parallelism }.map(\.key) : [])
    guard !followers.isEmpty, followers.allSatisfy({ bounds[$0] != nil }) else { return nil }
    return Dictionary(uniqueKeysWithValues: followers.map { ($0, target.settings.parallelism) })
  }

  /// Whether the job has the parallelism, by an answer that cannot be from before it was asked to take it.
  private func hasTaken(_ scaling: ScalingRecord, since accepted: Int64) -> Bool {
    guard case .seen(let present, let at) = observation.jobManager.parallelism,
      at >= accepted + settings.restCacheTime
    else { return false }
    return scaling.parallelism.allSatisfy { present[$0.key] == nil || present[$0.key] == $0.value }
  }

  // MARK: Steps

  /// Whether there is something to be done, or waited for, before Flink is asked.
  private mutating func addTaskManagers(
    _ operation: OperationRecord, _ scaling: ScalingRecord, _ target: Target, _ bounds: [String: ParallelismBounds],
    _ cluster: ClusterFacts
  ) -> Bool {
    guard observation.hasTaskManagerDeployment, let workers = scalable(cluster) else { return false }
    let wanted = target.settings.taskManagers
    let isGrowing = scaling.parallelism.contains { $0.value > bounds[$0.key]?.upper ?? 0 }
    guard isGrowing else { return false }
    if workers.desiredReplicas < Int64(wanted) {
      status.operation?.scaling?.taskManagers = wanted
      scale(operation, workers, to: wanted)
      standing = .until(
        scaling.deadline, now: now, "Scaling",
        "the number of TaskManagers grows from \(workers.desiredReplicas) to \(wanted)")
      return true
    }
    guard workers.availableReplicas < Int64(wanted) else { return false }
    // All at once: the job starts again at each number it is given.
    awaitTaking(scaling, whatIsMissing(scaling, cluster))
    return true
  }

  private mutating func ask(_ effect: Effect, _ scaling: ScalingRecord) {
    let failure = perform(effect, waitingFor: "the bounds of the job's parallelism")
    let parallelism = Set(scaling.parallelism.values).sorted().map { "\($0)" }.joined(separator: ", ")
    standing = .until(
      scaling.deadline, now: now, "Scaling",
      failure.map { "Flink does not take parallelism \(parallelism): \($0); \(Self.wayOut)" }
        ?? "Flink is asked for parallelism \(parallelism)")
  }

  /// Flink has the bounds: from here on the spec is the deployed one, as in the Apache operator's record.
  private mutating func settle(
    _ operation: OperationRecord, _ scaling: ScalingRecord, _ target: Target, _ diff: SpecDiff, _ job: JobOverview
  ) {
    if diff.type == .scale, let previous = status.reconciliationStatus.lastReconciledSpec {
      status.reconciliationStatus.lastReconciledSpec = ReconciledSpec(
        target.spec, firstDeployment: previous.firstDeployment ?? false, jobState: .running,
        upgradeMode: previous.upgradeMode ?? target.spec.job?.upgradeMode ?? .stateless,
        keepingTriggerNoncesOf: previous)
      status.reconciliationStatus.reconciliationTimestamp = now
      status.taskManager = TaskManagerInfo(
        labelSelector: "component=taskmanager,app=\(metadata.name)", replicas: target.settings.taskManagers)
    }
    status.observedGeneration = generation
    var next = status.operation ?? operation
    next.kind = .scale
    next.generation = generation
    next.startedAt = moment(now)
    next.scaling = scaling
    next.scaling?.acceptedAt = moment(now)
    next.scaling?.runStartedAt = job.startTime
    enter(.running, next)
    pollParallelism(next, scaling)
    awaitTaking(scaling, "Flink has its new bounds")
  }

  // MARK: Waiting

  private static let wayOut =
    "the job goes on as it is: make room for what is missing, set the parallelism back, or change spec.restartNonce"

  private mutating func awaitBounds(_ operation: OperationRecord, _ pending: ScalingRecord?, _ message: String) {
    standing = .progressing("Scaling", message)
    poll(operation, .fast)
    polling?.wantsParallelism = true
    wake = WakeUp(after: 1_000, message)
  }

  private mutating func awaitTaking(_ scaling: ScalingRecord, _ message: String) {
    standing = .until(
      scaling.deadline, now: now, "Scaling", isLate(scaling) ? "\(message); \(Self.wayOut)" : message)
    wake = WakeUp(after: isLate(scaling) ? 10_000 : 1_000, message)
  }

  private func isLate(_ scaling: ScalingRecord) -> Bool { now >= scaling.deadline.epochMilliseconds }

  private mutating func pollParallelism(_ operation: OperationRecord, _ scaling: ScalingRecord) {
    poll(operation, isLate(scaling) ? .steady : .fast)
    polling?.wantsParallelism = true
  }

  /// What was asked, what is there, and what to do about it.
  private func whatIsMissing(_ scaling: ScalingRecord, _ cluster: ClusterFacts) -> String {
    let present = observation.jobManager.parallelism?.value
    let differing = scaling.parallelism.filter { present?[$0.key] != $0.value }
    let wanted = Set(scaling.parallelism.values).sorted().map { "\($0)" }.joined(separator: ", ")
    let have = Set(differing.keys.compactMap { present?[$0] }).sorted().map { "\($0)" }.joined(separator: ", ")
    var text = "the job is to take parallelism \(wanted)" + (have.isEmpty ? "" : " and has \(have)")
    if let workers = scalable(cluster), workers.availableReplicas < workers.desiredReplicas {
      text += "; \(workers.availableReplicas) of \(workers.desiredReplicas) TaskManagers are there"
      if let failure = workers.creationFailure { text += ": \(failure)" }
    }
    let problem = cluster.pods.lazy.filter { $0.component == .taskManager && !$0.isBeingDeleted }
      .compactMap { observation.problem(of: $0) }.first
    if let problem { text += "; a TaskManager: \(problem.reason), \(problem.message)" }
    return text
  }
}
