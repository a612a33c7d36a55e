import KubernetesAPI

extension Scenario {
  /// Specs that cannot be deployed, and what mends them.
  static let badSpecs: [Scenario] = [
    Scenario(
      "bad-spec-then-fix", length: 200,
      [
        (0, .apply(manifest())), (30, .edit(job(["parallelism": 0]))), (60, .edit(job(["parallelism": 2]))),
      ]),
    Scenario(
      "bad-first-spec-then-fix",
      [(0, .apply(manifest(parallelism: 0))), (20, .edit(job(["parallelism": 1])))]),
    Scenario(
      "bad-image-then-fix", length: 200,
      [(0, .apply(manifest(image: "flink:missing"))), (30, .edit(["spec": ["image": "flink:1.20"]]))]),
    Scenario(
      "bad-image-savepoint-then-revert", length: 260,
      [
        (0, .apply(manifest(upgradeMode: "savepoint"))), (30, .edit(["spec": ["image": "flink:missing"]])),
        (70, .edit(["spec": ["image": "flink:1.20"]])),
      ]),
  ]
}
