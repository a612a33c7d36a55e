import KubernetesAPI

extension Scenario {
  private static func native(_ manifest: JSONValue) -> JSONValue {
    var manifest = manifest
    manifest.set("native", at: ["spec", "mode"])
    return manifest
  }

  /// Native mode, where the JobManager makes the TaskManagers and its Deployment owns them.
  static let native: [Scenario] = [
    Scenario("native-deploy", length: 120, [(0, .apply(native(manifest())))]),
    Scenario(
      "native-scale-stateless", [(0, .apply(native(manifest()))), (30, .edit(job(["parallelism": 2])))]),
    Scenario(
      "native-scale-savepoint",
      [(0, .apply(native(manifest(upgradeMode: "savepoint")))), (30, .edit(job(["parallelism": 2])))]),
    Scenario(
      "native-suspend-resume-savepoint", length: 200,
      [
        (0, .apply(native(manifest(upgradeMode: "savepoint")))), (30, .edit(job(["state": "suspended"]))),
        (60, .edit(job(["state": "running"]))),
      ]),
    Scenario(
      "native-bad-image-then-fix", length: 200,
      [(0, .apply(native(manifest(image: "flink:missing")))), (30, .edit(["spec": ["image": "flink:1.20"]]))]),
    Scenario(
      "native-jobmanager-lost-stateless", [(0, .apply(native(manifest()))), (30, .removeDeployment("demo"))]),
    Scenario(
      "native-delete-and-recreate", length: 200,
      [(0, .apply(native(manifest()))), (30, .delete), (31, .apply(native(manifest())))]),
  ]
}
