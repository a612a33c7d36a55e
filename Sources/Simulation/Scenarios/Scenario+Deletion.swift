import KubernetesAPI

extension Scenario {
  /// The end of a resource.
  static let deletion: [Scenario] = [
    Scenario("delete", length: 160, [(0, .apply(manifest())), (30, .delete)]),
    Scenario(
      "delete-with-savepoint", length: 180,
      [
        (
          0,
          .apply(
            manifest(
              upgradeMode: "savepoint", configuration: ["kubernetes.operator.job.savepoint-on-deletion": "true"]))
        ), (30, .delete),
      ]),
    Scenario(
      "delete-and-recreate", length: 200, [(0, .apply(manifest())), (30, .delete), (31, .apply(manifest()))]),
  ]
}
