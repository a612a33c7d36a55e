import KubernetesAPI

extension Scenario {
  private static let savepointMode = manifest(upgradeMode: "savepoint")
  /// Whether another savepoint is needed depends on how far the first upgrade was.
  private static let counts = ["  savepoints"]
  /// Whether there is an upgrade at all depends on it.
  private static let starts = ["  savepoints", "  reconciled", "  by upgrade mode", "deployment", "  made for"]

  /// Edits that come while an upgrade is under way.
  static let changesOfMind: [Scenario] = [
    Scenario(
      "revert-while-stopping", length: 200, openEnds: starts,
      [
        (0, .apply(savepointMode)), (30, .edit(job(["parallelism": 2]))), (31, .edit(job(["parallelism": 1]))),
      ]),
    Scenario(
      // What is suspended in its start has not gone on from its savepoint, and is cancelled.
      "suspend-while-draining", length: 200, openEnds: counts + ["demo:", "  Running"],
      ends: ["FINISHED", "CANCELED"].map { state in
        [
          "demo: generation 3 observed 3 lifecycle SUSPENDED jm MISSING job \(state) state DEPLOYED phase suspended",
          "  Running False \(state.prefix(1))\(state.dropFirst().lowercased())",
        ]
      },
      [
        (0, .apply(savepointMode)), (30, .edit(job(["parallelism": 2]))), (32, .edit(job(["state": "suspended"]))),
      ]),
    Scenario(
      "suspend-while-starting-then-resume", length: 240, openEnds: counts,
      [
        (0, .apply(savepointMode)), (30, .edit(job(["parallelism": 2]))), (33, .edit(job(["state": "suspended"]))),
        (80, .edit(job(["state": "running"]))),
      ]),
    Scenario(
      "delete-while-stopping", length: 160,
      [
        (
          0,
          .apply(
            manifest(
              upgradeMode: "savepoint", configuration: ["kubernetes.operator.job.savepoint-on-deletion": "true"]))
        ), (30, .edit(job(["parallelism": 2]))), (31, .delete),
      ]),
    Scenario(
      "delete-while-starting", length: 160,
      [(0, .apply(savepointMode)), (30, .edit(job(["parallelism": 2]))), (33, .delete)]),
    Scenario(
      "give-up-savepoint", length: 200,
      [
        (0, .apply(savepointMode)), (29, .failSavepoints(100)), (30, .edit(job(["parallelism": 2]))),
        (36, .edit(job(["upgradeMode": "stateless"]))),
      ]),
    Scenario(
      "stateless-while-draining", length: 200, openEnds: starts,
      [
        (0, .apply(savepointMode)), (30, .edit(job(["parallelism": 2]))),
        (32, .edit(job(["upgradeMode": "stateless", "parallelism": 3]))),
      ]),
    Scenario(
      "savepoint-while-cancelling", length: 200, openEnds: counts,
      [
        (0, .apply(manifest(upgradeMode: "last-state"))), (30, .edit(job(["parallelism": 2]))),
        (31, .edit(job(["upgradeMode": "savepoint", "parallelism": 3]))),
      ]),
    Scenario(
      "invalid-while-stopping", length: 220, openEnds: counts,
      [
        (0, .apply(savepointMode)), (30, .edit(job(["parallelism": 2]))), (31, .edit(job(["parallelism": 0]))),
        (60, .edit(job(["parallelism": 3]))),
      ]),
    Scenario(
      "other-flink-version", length: 200,
      [
        (0, .apply(manifest(upgradeMode: "last-state"))),
        (30, .edit(["spec": ["flinkVersion": "v1_19", "image": "flink:1.19"]])),
      ]),
    Scenario(
      "operator-with-other-defaults", length: 200,
      [
        (0, .apply(savepointMode)),
        (
          60,
          .restartOperator(defaults: [
            "taskmanager.numberOfTaskSlots": "4", "kubernetes.operator.jm-deployment.startup.probe.enabled": "false",
            "kubernetes.operator.savepoint.format.type": "NATIVE", "execution.checkpointing.interval": "7 s",
            "kubernetes.container.image.ref": "flink:other", "env.java.opts.all": "-Xlog:disable",
            "kubernetes.operator.default-configuration.flink-version.v1_20.web.refresh-interval": "100",
          ])
        ),
      ]),
    Scenario(
      "scale-reactive", length: 180,
      [
        (0, .apply(manifest(upgradeMode: "last-state", configuration: ["scheduler-mode": "reactive"]))),
        (30, .edit(job(["parallelism": 3]))),
      ]),
    Scenario(
      "redeploy-while-stopping", length: 220, openEnds: counts,
      [
        (0, .apply(savepointMode)), (29, .putSavepoint("file:/elsewhere/savepoint-1", count: 7)),
        (30, .edit(job(["parallelism": 2]))),
        (31, .edit(job(["savepointRedeployNonce": 1, "initialSavepointPath": "file:/elsewhere/savepoint-1"]))),
      ]),
  ]
}
