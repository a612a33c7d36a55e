import KubernetesAPI

extension Scenario {
  private static func highlyAvailable(_ mode: String, _ more: [String: String] = [:]) -> JSONValue {
    var configuration = [
      "high-availability.type": "kubernetes", "high-availability.storageDir": "file:///ha",
      "execution.checkpointing.dir": "file:/checkpoints",
    ]
    configuration.merge(more) { $1 }
    return manifest(upgradeMode: mode, configuration: configuration)
  }

  private static let foreignJob = "ffffffffffffffffffffffffffffffff"

  /// Jobs whose state is in HA metadata.
  static let highAvailability: [Scenario] = [
    Scenario("ha-deploy", length: 120, [(0, .apply(highlyAvailable("last-state")))]),
    Scenario(
      "ha-last-state", length: 200,
      [(0, .apply(highlyAvailable("last-state"))), (30, .edit(job(["parallelism": 2])))]),
    Scenario(
      "ha-last-state-twice", length: 240,
      [
        (0, .apply(highlyAvailable("last-state"))), (30, .edit(job(["parallelism": 2]))),
        (70, .edit(job(["parallelism": 1]))),
      ]),
    Scenario(
      // By the time the edit is seen the job may not have begun yet, or may have completed a checkpoint.
      "ha-last-state-before-a-checkpoint", length: 200,
      openEnds: ["  savepoints", "  reconciled", "  by upgrade mode", "deployment demo replicas", "  made for"],
      [(0, .apply(highlyAvailable("last-state"))), (6, .edit(job(["parallelism": 2])))]),
    Scenario(
      "ha-savepoint", length: 200,
      [(0, .apply(highlyAvailable("savepoint"))), (30, .edit(["spec": ["image": "flink:1.20-new"]]))]),
    Scenario(
      "ha-stateless", length: 200,
      [(0, .apply(highlyAvailable("stateless"))), (30, .edit(job(["parallelism": 2])))]),
    Scenario(
      // A JobManager that cannot be reached cannot cancel its job: it goes on from the metadata.
      "ha-cancel", length: 200, openEnds: ["  by upgrade mode"],
      ends: [["by upgrade mode savepoint"], ["by upgrade mode last-state"]],
      [
        (
          0,
          .apply(
            highlyAvailable(
              "last-state", ["kubernetes.operator.job.upgrade.last-state.job-cancel.enabled": "true"]))
        ), (30, .edit(job(["parallelism": 2]))),
      ]),
    Scenario(
      "ha-suspend-resume", length: 220,
      [
        (0, .apply(highlyAvailable("last-state"))), (30, .edit(job(["state": "suspended"]))),
        (60, .edit(job(["state": "running"]))),
      ]),
    Scenario(
      "ha-switched-off", length: 220,
      [
        (0, .apply(highlyAvailable("last-state"))),
        (30, .edit(["spec": ["flinkConfiguration": ["high-availability.type": "NONE"]]])),
      ]),
    Scenario(
      "ha-bad-image-then-fix", length: 260,
      [
        (0, .apply(highlyAvailable("last-state"))), (30, .edit(["spec": ["image": "flink:missing"]])),
        (70, .edit(["spec": ["image": "flink:1.20-new"]])),
      ]),
    Scenario(
      "ha-jobmanager-lost", length: 200,
      [(0, .apply(highlyAvailable("last-state"))), (40, .removeDeployment("demo"))]),
    Scenario(
      "ha-jobmanager-lost-stateless", length: 200,
      [(0, .apply(highlyAvailable("stateless"))), (40, .removeDeployment("demo"))]),
    Scenario(
      // A stop that completes while nobody can hear of it takes metadata and checkpoints with it, and its savepoint is
      // where nobody can know; one that comes late stops the next job, which goes on from that savepoint.
      "ha-jobmanager-lost-in-a-savepoint", length: 220,
      openEnds: [
        "demo:", "  error", "  by upgrade mode", "  stable", "  savepoints", "  Running", "  Ready", "  Stalled",
        "configmap",
      ],
      ends: [
        ["lifecycle STABLE jm READY job RUNNING state DEPLOYED phase running", "  Ready True JobRunning", "error -"],
        ["could not be restored; HA metadata is not available", "Stalled True RestorePointUnknown"],
      ],
      [
        (0, .apply(highlyAvailable("savepoint"))), (40, .edit(job(["parallelism": 2]))),
        (41, .removeDeployment("demo")),
      ]),
    Scenario("ha-delete", length: 180, [(0, .apply(highlyAvailable("last-state"))), (30, .delete)]),
    Scenario(
      "ha-delete-and-recreate", length: 220,
      [
        (0, .apply(highlyAvailable("last-state"))), (30, .delete), (31, .apply(highlyAvailable("last-state"))),
      ]),
    Scenario(
      "ha-metadata-of-another", length: 160,
      [
        (
          0,
          .create(
            .configMaps,
            haConfigMap("demo-cluster-config-map", cluster: "demo", ["jobGraph-\(foreignJob)": "0"]))
        ),
        (
          0,
          .create(
            .configMaps,
            haConfigMap(
              "demo-\(foreignJob)-config-map", cluster: "demo",
              ["checkpointID-0000000000000000003": "file:/checkpoints/\(foreignJob)/chk-3"]))
        ), (1, .apply(highlyAvailable("last-state"))),
      ]),
  ]
}
