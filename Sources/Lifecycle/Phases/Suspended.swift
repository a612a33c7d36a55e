import FlinkModel
import KubernetesAPI

extension Turn {
  /// The Apache operator's record "deployed" of a suspended spec.
  ///
  /// - Parameter target: nil where the present spec is invalid and the recorded one asks for the suspension.
  mutating func suspended(_ operation: OperationRecord, _ target: Target?) {
    let previous = status.reconciliationStatus.lastReconciledSpec
    status.error = nil
    if let target {
      recordAttempt(target.spec, operation.restorePlan ?? .empty, previous)
    } else {
      status.reconciliationStatus.lastReconciledSpec = previous?.settingJob(
        state: .suspended, upgradeMode: Self.mode(of: operation.restorePlan ?? .empty))
    }
    status.reconciliationStatus.state = .deployed
    status.reconciliationStatus.lastStableSpec = status.reconciliationStatus.lastReconciledSpec
    status.taskManager = TaskManagerInfo()
    var operation = operation
    operation.kind = .suspend
    if target != nil { operation.generation = generation }
    operation.deadline = nil
    operation.replacesUID = nil
    enter(.suspended, operation)
    standing = .ready("Suspended", "the job is suspended, as the spec asks")
    if case .failure(let problem) = observation.target { overlayInvalid(problem) }
    wake = .onChange("a spec that asks for a running job")
  }

  /// Nothing runs, as asked.
  mutating func rest(_ operation: OperationRecord) {
    guard case .success(let target) = observation.target else {
      if case .failure(let problem) = observation.target { overlayInvalid(problem) }
      wake = .onChange("a corrected spec")
      return
    }
    guard target.spec.job?.state == .running else {
      var operation = operation
      if generation > operation.generation { operation.generation = generation }
      status.operation = operation
      status.observedGeneration = generation
      status.error = nil
      standing = .ready("Suspended", "the job is suspended, as the spec asks")
      wake = .onChange("a spec that asks for a running job")
      considerIngress()
      return
    }
    guard let cluster = observation.quorum.value else {
      standing = .progressing("Resuming", "looking for what is left of earlier incarnations")
      wake = WakeUp(after: 1_000, "a quorum list of what is left")
      return
    }
    let start: RestoreStart
    switch resume(operation, target) {
    case .start(let answer): start = answer
    case .wait(let reason, let message):
      standing = .progressing(reason, message)
      wake = WakeUp(after: 1_000, message)
      return
    case .refuse(let reason, let message):
      setError(.upgradeFailure, message)
      if record.status.error != status.error { note(.warning, "RestoreFailed", .jobManagerDeployment, message) }
      standing = .stalled(reason, message)
      wake = .onChange("a changed spec")
      return
    }
    note(.normal, "SpecChanged", .jobManagerDeployment, "The job is to run again", key: "SpecChange: \(generation)")
    note(start)
    let plan = start.plan
    if cluster.isEmpty {
      var operation = operation
      operation.restorePlan = plan
      enter(.suspended, operation)
      guard settleMetadata(operation, plan == .lastState ? .used : .superseded) else { return }
      return beginStart(.resume, target, plan, after: operation.attempt)
    }
    var operation = redirected(operation, suffix: "clear")
    operation.kind = .resume
    operation.restorePlan = plan
    beginDrain(operation)
  }

  /// A suspended job starts from where it was stopped, unless the spec gives its state up or names another place.
  private func resume(_ operation: OperationRecord, _ target: Target) -> RestoreAnswer {
    if let wish = explicitWish(target) { return restore(operation, target, .cut, wish: wish) }
    guard let plan = operation.restorePlan ?? Self.plan(recordedBy: status) else {
      return restore(operation, target, .cut)
    }
    if plan == .lastState { return restore(operation, target, .neverBegan) }
    return .start(
      RestoreStart(plan: plan, chosen: status.restorePoint?.chosen, rejected: status.restorePoint?.rejected ?? []))
  }
}
