import FlinkModel
import KubernetesAPI

extension Turn {
  /// Brings the Ingress in line with the present spec; the job is not touched for it.
  mutating func considerIngress() {
    guard effect == nil, let target, let ingress = observation.ingress.value else { return }
    switch ingress {
    case .asWanted: return
    case .missing, .outdated:
      guard let spec = target.spec.ingress else { return }
      let failure = performAside(.applyIngress(spec, generation: generation), waitingFor: "the Ingress")
      if let failure { warn("The Ingress cannot be written: \(failure)") }
    case .unwanted(let identity):
      let failure = performAside(.removeIngress(identity), waitingFor: "the end of the Ingress")
      if let failure { warn("The Ingress cannot be removed: \(failure)") }
    case .foreign:
      warn("An Ingress \(metadata.name) exists and does not belong to this resource: delete or rename it")
    case .unmanaged:
      warn("spec.ingress is set but kubernetes.operator.ingress.manage is false: no Ingress is made")
    }
  }

  /// As `perform`, without giving up an earlier wake-up.
  private mutating func performAside(_ effect: Effect, waitingFor reason: String) -> String? {
    let before = wake
    let failure = perform(effect, retry: 30_000, waitingFor: reason)
    if let delay = before.delay, delay < wake.delay ?? .max { wake = before }
    return failure
  }

  private mutating func warn(_ message: String) {
    note(.warning, "IngressManagement", .operator, message, key: "IngressManagement: \(message)")
  }

  /// An edit of the Ingress is recorded as deployed at once.
  mutating func recordIngress(_ target: Target, _ diff: SpecDiff) {
    guard diff.changes.contains(where: { $0.path == "ingress" }) else { return }
    let (last, stable) = (status.reconciliationStatus.lastReconciledSpec, status.reconciliationStatus.lastStableSpec)
    status.reconciliationStatus.lastReconciledSpec = last?.settingIngress(target.spec.ingress)
    if stable == last { status.reconciliationStatus.lastStableSpec = status.reconciliationStatus.lastReconciledSpec }
  }
}
