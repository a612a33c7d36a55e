import FlinkModel
import KubernetesAPI

extension Turn {
  /// Nothing has been authorised yet.
  mutating func beginNew() {
    switch observation.target {
    case .failure(let problem):
      reportInvalid(problem)
      standing = .stalled("InvalidSpec", problem.description)
      wake = .onChange("a corrected spec")
    case .success(let target):
      status.error = nil
      let job = target.spec.job
      guard job?.state != .suspended else {
        status.observedGeneration = generation
        standing = .ready("Suspended", "the job is suspended, as the spec asks, and was never started")
        wake = .onChange("a spec that asks for a running job")
        return
      }
      switch observation.quorum {
      case .unknown(let why, _):
        standing = .progressing("WaitingForKubernetes", why)
        wake = WakeUp(after: 1_000, "a list of what runs under this name")
      case .gone:
        beginStart(.deploy, target, initialPlan(job), after: 0)
      case .seen(let cluster, _):
        guard cluster.isEmpty else { return takeStock(of: cluster) }
        switch observation.haMetadata {
        case .unknown(let why, _):
          standing = .progressing("WaitingForKubernetes", why)
          wake = WakeUp(after: 1_000, "a list of HA metadata under this name")
        case .gone: beginStart(.deploy, target, initialPlan(job), after: 0)
        case .seen(let metadata, _) where metadata == .none: beginStart(.deploy, target, initialPlan(job), after: 0)
        case .seen:
          // Of a resource that is gone: it is to be put out of the way first, which needs a record.
          beginDrain(
            OperationRecord(
              uid: uid, generation: generation, kind: .deploy, id: "g\(generation)-a0-clear", attempt: 0,
              startedAt: moment(now), restorePlan: initialPlan(job)))
        }
      }
    }
  }

  private func initialPlan(_ job: JobSpec?) -> RestorePlan {
    if let path = job?.initialSavepointPath, !path.isEmpty { .path(path) } else { .empty }
  }

  /// Something runs under the name of a resource that has no record.
  private mutating func takeStock(of cluster: ClusterFacts) {
    let own = cluster.deployments.filter { $0.ownerUIDs.contains(uid) }
    if own.isEmpty {
      // Of a resource that is gone; the garbage collector takes it away.
      let names = (cluster.deployments.map(\.name) + cluster.runningPods.map(\.name)).joined(separator: ", ")
      let since = metadata.creationTimestamp.flatMap { Timestamp(rfc3339: $0)?.epochMilliseconds } ?? now
      let deadline = since + settings.cleanupTimeout
      standing = .until(
        moment(deadline), now: now, "NameInUse",
        "waiting for objects of another owner under this name to go: \(names)"
          + (now >= deadline ? "; delete them, or rename this resource" : ""))
      wake = WakeUp(after: 2_000, "the end of what has this name")
      return
    }
    guard target?.spec.job?.upgradeMode == .stateless else {
      standing = .stalled(
        "StatusLost",
        "Deployments of this resource run but its status is empty, so its state cannot be carried over: put a restore "
          + "path in spec.job.initialSavepointPath or set spec.job.upgradeMode to stateless, and delete the Deployment")
      wake = WakeUp(after: 10_000, "an end of the Deployments, or a changed spec")
      return
    }
    let attempt = own.compactMap(\.attempt).max() ?? 0
    beginDrain(
      OperationRecord(
        uid: uid, generation: generation, kind: .deploy, id: "g\(generation)-a\(attempt)-clear", attempt: attempt,
        startedAt: moment(now), restorePlan: .empty))
  }

  /// The spec cannot be used: said once per generation.
  mutating func reportInvalid(_ problem: InvalidField) {
    setError(.validation, problem.description)
    if record.status.error != status.error {
      note(.warning, "ValidationError", .operator, problem.description)
    }
    if status.reconciliationStatus.state != .upgrading || status.reconciliationStatus.lastReconciledSpec == nil {
      status.observedGeneration = generation
    }
  }
}
