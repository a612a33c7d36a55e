import FlinkModel
import KubernetesAPI

extension Scenario {
  private static var retained: JSONValue {
    manifest(upgradeMode: "savepoint", configuration: ["state.checkpoints.num-retained": "100"])
  }

  /// Under the name and labels that the resource's TaskManagers are to have.
  private static var deploymentOfOthers: JSONValue {
    let labels: JSONValue = [
      "app": "demo", "component": "taskmanager", "type": "flink-standalone-kubernetes", "owner": "somebody",
    ]
    return [
      "apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": [
        "name": "demo-taskmanager", "labels": labels,
      ],
      "spec": [
        "replicas": 1, "selector": ["matchLabels": labels],
        "template": [
          "metadata": ["labels": labels],
          "spec": ["containers": [["name": "flink-main-container", "image": "flink:1.20"]]],
        ],
      ],
    ]
  }

  /// What others do under the resource's name, and what becomes of a job behind the operator's back.
  static let strangers: [Scenario] = [
    Scenario(
      "name-taken", length: 200,
      [
        (
          0,
          .create(
            .configMaps,
            [
              "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "flink-config-demo"],
              "data": ["theirs": "1"],
            ])
        ), (1, .apply(manifest())), (40, .remove(.configMaps, "flink-config-demo")),
      ]),
    Scenario(
      "name-taken-by-a-deployment", length: 220,
      [
        (0, .create(.deployments, deploymentOfOthers)), (1, .apply(manifest())),
        (40, .remove(.deployments, "demo-taskmanager")),
      ]),
    Scenario(
      "restored-from-backup", length: 250,
      [(0, .apply(retained)), (40, .backUp), (41, .delete), (100, .restoreBackup)]),
    Scenario(
      // How far the upgrade was when the copy was made, and so what it says, depends on faults; and whether the
      // checkpoint that it knows is there: a job that is stopped with a savepoint takes its checkpoints with it.
      "restored-from-backup-of-an-upgrade", length: 260,
      openEnds: [
        "  savepoints", "  reconciled", "  by upgrade mode", "deployment", "  made for", "demo:", "  error", "  stable",
        "  Running", "  Ready", "  Reconciling", "  Stalled", "pods",
      ],
      ends: [
        ["lifecycle STABLE jm READY job RUNNING state DEPLOYED phase running", "  Ready True JobRunning", "error -"],
        ["chk-", "could not be restored; no restore point is usable", "Stalled True RestorePointUnknown"],
      ],
      [
        (0, .apply(retained)), (40, .edit(job(["parallelism": 2]))), (41, .backUp), (42, .delete),
        (110, .restoreBackup),
      ]),
    Scenario(
      "jobmanager-restarts-with-state", length: 200, [(0, .apply(retained)), (40, .restartManagers)]),
    Scenario(
      "jobmanager-restarts-in-a-stop", length: 220,
      [(0, .apply(retained)), (40, .edit(job(["parallelism": 2]))), (41, .restartManagers)]),
    Scenario(
      "finished-job-then-upgrade", length: 220,
      [(0, .apply(manifest(upgradeMode: "savepoint"))), (60, .endJob(.finished)), (90, .edit(job(["parallelism": 2])))]),
    Scenario(
      "jobmanager-lost-with-an-edit", length: 200,
      [(0, .apply(retained)), (60, .removeDeployment("demo")), (60, .edit(job(["parallelism": 2])))]),
  ]
}
