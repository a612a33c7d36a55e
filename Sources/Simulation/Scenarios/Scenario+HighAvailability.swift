import KubernetesAPI

extension Scenario {
  /// Jobs whose state is in HA metadata.
  static let highAvailability: [Scenario] = []
}
