import KubernetesAPI

extension Scenario {
  /// What breaks under a running job.
  static let failures: [Scenario] = [
    Scenario(
      "jobmanager-lost-stateless", length: 180, [(0, .apply(manifest())), (30, .removeDeployment("demo"))]),
    Scenario(
      "jobmanager-lost-savepoint", length: 180,
      [(0, .apply(manifest(upgradeMode: "savepoint"))), (60, .removeDeployment("demo"))]),
  ]
}
