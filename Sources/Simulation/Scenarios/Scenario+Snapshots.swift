import KubernetesAPI

extension Scenario {
  private static let savepointMode = manifest(upgradeMode: "savepoint")

  /// Savepoints and checkpoints that are asked for while the job goes on.
  static let snapshots: [Scenario] = [
    Scenario("savepoint-nonce", [(0, .apply(savepointMode)), (30, .edit(job(["savepointTriggerNonce": 1])))]),
    Scenario(
      "checkpoint-nonce",
      [(0, .apply(manifest(upgradeMode: "last-state"))), (30, .edit(job(["checkpointTriggerNonce": 1])))]),
    // A checkpoint that was completed just before the job is cancelled may not be in what Flink answers from its cache.
    Scenario(
      "upgrade-after-checkpoint",
      // Whether the edit is seen before the checkpoint is complete depends on when.
      openEnds: ["  savepoints", "  checkpoint of nonce"],
      [
        (0, .apply(manifest(upgradeMode: "last-state"))), (30, .edit(job(["checkpointTriggerNonce": 1]))),
        (31, .edit(job(["parallelism": 2]))),
      ]),
    Scenario(
      // Whoever is away for both edits takes the savepoint of the second one.
      "both-nonces-twice", length: 200, openEnds: ["  savepoints"],
      [
        (0, .apply(savepointMode)), (30, .edit(job(["savepointTriggerNonce": 1, "checkpointTriggerNonce": 1]))),
        (31, .edit(job(["savepointTriggerNonce": 2, "checkpointTriggerNonce": 2]))),
      ]),
    Scenario(
      "nonce-with-upgrade", length: 200,
      [(0, .apply(savepointMode)), (30, .edit(job(["savepointTriggerNonce": 1, "parallelism": 2])))]),
    Scenario(
      "upgrade-while-savepoint", length: 200,
      [
        (0, .apply(savepointMode)), (30, .edit(job(["savepointTriggerNonce": 1]))),
        (31, .edit(job(["parallelism": 2]))),
      ]),
    Scenario(
      "savepoint-nonce-fails-once", length: 220,
      [(0, .apply(savepointMode)), (29, .failSavepoints(1)), (30, .edit(job(["savepointTriggerNonce": 1])))]),
    Scenario(
      "savepoint-nonce-fails", length: 260,
      [(0, .apply(savepointMode)), (29, .failSavepoints(100)), (30, .edit(job(["savepointTriggerNonce": 1])))]),
    Scenario(
      // What could not be asked for before the JobManager went is asked of the next one.
      "jobmanager-lost-while-savepoint", length: 200, openEnds: ["  savepoints"],
      [
        (0, .apply(manifest(configuration: savepointDirectory))), (30, .edit(job(["savepointTriggerNonce": 1]))),
        (31, .removeDeployment("demo")),
      ]),
    Scenario(
      "periodic-savepoints", length: 340,
      [
        (
          0,
          .apply(
            manifest(
              upgradeMode: "savepoint",
              configuration: [
                "kubernetes.operator.periodic.savepoint.interval": "20 s",
                "kubernetes.operator.savepoint.history.max.count": "2",
              ]))
        ),
        (
          170,
          .edit(["spec": ["flinkConfiguration": ["kubernetes.operator.periodic.savepoint.interval": "0"]]])
        ),
      ]),
    Scenario(
      // While pods linger the next spec comes, and the upgrade is to that one.
      "savepoints-after-upgrade", length: 240, openEnds: ["  made for"],
      [
        (
          0,
          .apply(
            manifest(
              upgradeMode: "savepoint", configuration: ["kubernetes.operator.savepoint.history.max.count": "1"]))
        ), (30, .edit(job(["parallelism": 2]))),
        (60, .edit(job(["savepointTriggerNonce": 1]))), (80, .edit(job(["savepointTriggerNonce": 2]))),
      ]),
    Scenario(
      "redeploy-nonce", length: 200,
      [
        (0, .apply(savepointMode)), (29, .putSavepoint("file:/elsewhere/savepoint-1", count: 7)),
        (
          30, .edit(job(["savepointRedeployNonce": 1, "initialSavepointPath": "file:/elsewhere/savepoint-1"]))
        ),
      ]),
    Scenario(
      // A JobManager that could not be reached since its stop tells of its savepoint no more when the spec names another.
      "redeploy-nonce-while-suspended", length: 220, openEnds: ["  savepoints"],
      [
        (0, .apply(savepointMode)), (29, .putSavepoint("file:/elsewhere/savepoint-1", count: 7)),
        (30, .edit(job(["state": "suspended"]))),
        (60, .edit(job(["savepointRedeployNonce": 1, "initialSavepointPath": "file:/elsewhere/savepoint-1"]))),
        (80, .edit(job(["state": "running"]))),
      ]),
  ]

  private static let savepointDirectory = ["execution.checkpointing.savepoint-dir": "file:///savepoints"]
}
