import KubernetesAPI

extension Scenario {
  /// Savepoints and checkpoints that are asked for while the job goes on.
  static let snapshots: [Scenario] = []
}
