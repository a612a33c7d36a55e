import FlinkModel
import KubernetesAPI

extension Scenario {
  private static let rollback = [
    "kubernetes.operator.deployment.rollback.enabled": "true",
    "kubernetes.operator.deployment.readiness.timeout": "20s",
  ]

  /// A session cluster.
  private static func session(configuration: [String: String] = [:]) -> JSONValue {
    var manifest = manifest(configuration: configuration)
    manifest.set(.null, at: ["spec", "job"])
    return manifest
  }

  /// Its pods want a Secret that is not there.
  private static func unmountable() -> JSONValue {
    var manifest = manifest(configuration: ["kubernetes.operator.deployment.readiness.timeout": "60s"])
    manifest.set(
      [
        "spec": [
          "containers": [["name": "flink-main-container"]],
          "volumes": [["name": "keys", "secret": ["secretName": "missing"]]],
        ]
      ], at: ["spec", "podTemplate"])
    return manifest
  }

  /// What breaks under a running job.
  static let failures: [Scenario] = [
    Scenario(
      "jobmanager-lost-stateless", length: 180, [(0, .apply(manifest())), (30, .removeDeployment("demo"))]),
    Scenario(
      "jobmanager-lost-retained", length: 180,
      [
        (0, .apply(manifest(upgradeMode: "savepoint", configuration: ["state.checkpoints.num-retained": "100"]))),
        (60, .removeDeployment("demo")),
      ]),
    Scenario(
      "jobmanager-lost-savepoint", length: 180,
      // Whether what was known of is gone already, or is tried and found to be gone, is a matter of moments.
      openEnds: [
        "demo: ", "  error", "  Running", "  Ready", "  Stalled", "  Reconciling", "pods", "deployment", "  made for",
      ],
      ends: [
        ["lifecycle STABLE jm READY job RUNNING state DEPLOYED phase running", "  Ready True JobRunning", "pods 2"],
        ["jm MISSING job RECONCILING", "no restore point is usable", "Stalled True JobManagerMissing"],
      ],
      [(0, .apply(manifest(upgradeMode: "savepoint"))), (60, .removeDeployment("demo"))]),
    Scenario(
      "rollback-stateless-image", length: 200,
      [
        (0, .apply(manifest(configuration: rollback))), (30, .edit(["spec": ["image": "flink:missing"]])),
      ]),
    Scenario(
      "rollback-savepoint-image", length: 220,
      [
        (0, .apply(manifest(upgradeMode: "savepoint", configuration: rollback))),
        (40, .edit(["spec": ["image": "flink:missing"]])),
      ]),
    Scenario(
      "rollback-failing-job", length: 240,
      [
        (0, .apply(manifest(upgradeMode: "last-state", configuration: rollback))),
        (40, .edit(job(["args": ["--fail"]]))),
      ]),
    Scenario(
      "rollback-then-revert", length: 260,
      [
        (0, .apply(manifest(upgradeMode: "savepoint", configuration: rollback))),
        (40, .edit(["spec": ["image": "flink:missing"]])), (110, .edit(["spec": ["image": "flink:1.20"]])),
      ]),
    Scenario(
      "rollback-then-new-spec", length: 280,
      [
        (0, .apply(manifest(upgradeMode: "savepoint", configuration: rollback))),
        (40, .edit(["spec": ["image": "flink:missing"]])),
        (110, .edit(["spec": ["image": "flink:1.20", "job": ["parallelism": 2]]])),
      ]),
    Scenario(
      // Whether the stable job runs by the time the edit is seen, so that its state has to be saved, depends on when.
      "new-spec-while-rolling-back", length: 260, openEnds: ["  savepoints"],
      [
        (0, .apply(manifest(upgradeMode: "savepoint", configuration: rollback))),
        (40, .edit(["spec": ["image": "flink:missing"]])),
        (63, .edit(["spec": ["image": "flink:1.20", "job": ["parallelism": 2]]])),
      ]),
    Scenario(
      "rollback-then-suspend", length: 260,
      [
        (0, .apply(manifest(upgradeMode: "savepoint", configuration: rollback))),
        (40, .edit(["spec": ["image": "flink:missing"]])), (110, .edit(job(["state": "suspended"]))),
      ]),
    Scenario(
      "no-rollback-of-a-first-deployment", length: 160,
      [(0, .apply(manifest(upgradeMode: "savepoint", image: "flink:missing", configuration: rollback)))]),
    Scenario("volume-cannot-be-mounted", length: 180, [(0, .apply(unmountable()))]),
    Scenario(
      "restart-failed-job", length: 200,
      [
        (
          0,
          .apply(
            manifest(upgradeMode: "savepoint", configuration: ["kubernetes.operator.job.restart.failed": "true"]))
        ), (60, .endJob(.failed)),
      ]),
    Scenario(
      "failed-job-stays", length: 160,
      [(0, .apply(manifest(upgradeMode: "savepoint"))), (60, .endJob(.failed))]),
    Scenario(
      "cancelled-by-others", length: 200,
      [(0, .apply(manifest(upgradeMode: "last-state"))), (60, .endJob(.canceled))]),
    Scenario(
      "stopped-by-others", length: 200, [(0, .apply(manifest(upgradeMode: "savepoint"))), (60, .stopJob)]),
    Scenario(
      "finished-job-shuts-down", length: 220,
      [
        (0, .apply(manifest(configuration: ["kubernetes.operator.jm-deployment.shutdown-ttl": "30s"]))),
        (40, .endJob(.finished)),
      ]),
    Scenario(
      "finished-job-runs-again", length: 260,
      [
        (0, .apply(manifest(configuration: ["kubernetes.operator.jm-deployment.shutdown-ttl": "30s"]))),
        (40, .endJob(.finished)), (120, .edit(["spec": ["restartNonce": 1]])),
      ]),
    Scenario(
      "failed-job-shuts-down-then-upgrade", length: 280,
      [
        (
          0,
          .apply(
            manifest(
              upgradeMode: "savepoint", configuration: ["kubernetes.operator.jm-deployment.shutdown-ttl": "30s"]))
        ), (60, .endJob(.failed)), (140, .edit(job(["parallelism": 2]))),
      ]),
    Scenario(
      "delete-finished-job", length: 180,
      [(0, .apply(manifest())), (40, .endJob(.finished)), (60, .delete)]),
    Scenario("session-deploy", length: 120, [(0, .apply(session()))]),
    Scenario(
      "session-upgrade", length: 180, [(0, .apply(session())), (30, .edit(["spec": ["image": "flink:1.20-new"]]))]),
    Scenario(
      "session-lost", length: 180, [(0, .apply(session())), (30, .removeDeployment("demo"))]),
    Scenario("session-delete", length: 160, [(0, .apply(session())), (30, .delete)]),
    Scenario(
      "session-rollback", length: 200,
      [(0, .apply(session(configuration: rollback))), (30, .edit(["spec": ["image": "flink:missing"]]))]),
    Scenario(
      "taskmanagers-lost", length: 180,
      [(0, .apply(manifest(upgradeMode: "savepoint"))), (40, .removeDeployment("demo-taskmanager"))]),
  ]
}
