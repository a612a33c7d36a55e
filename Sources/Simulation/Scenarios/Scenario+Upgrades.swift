import KubernetesAPI

extension Scenario {
  /// Changes of a job with state.
  static let upgrades: [Scenario] = [
    Scenario(
      "image-savepoint",
      [(0, .apply(manifest(upgradeMode: "savepoint"))), (30, .edit(["spec": ["image": "flink:1.20-new"]]))]),
    Scenario(
      "scale-last-state",
      [(0, .apply(manifest(upgradeMode: "last-state"))), (30, .edit(job(["parallelism": 2])))]),
    Scenario(
      // By the time the edit is seen the job may not have begun yet, or may have completed a checkpoint.
      "last-state-before-a-checkpoint",
      openEnds: ["  savepoints", "  reconciled", "  by upgrade mode", "deployment demo replicas", "  made for"],
      [(0, .apply(manifest(upgradeMode: "last-state"))), (6, .edit(job(["parallelism": 2])))]),
    Scenario(
      "suspend-resume-savepoint", length: 200,
      [
        (0, .apply(manifest(upgradeMode: "savepoint"))), (30, .edit(job(["state": "suspended"]))),
        (60, .edit(job(["state": "running"]))),
      ]),
    Scenario(
      "restart-nonce-savepoint",
      [(0, .apply(manifest(upgradeMode: "savepoint"))), (30, .edit(["spec": ["restartNonce": 1]]))]),
    Scenario(
      "change-of-mind", length: 200, openEnds: ["  savepoints"],
      [
        (0, .apply(manifest(upgradeMode: "savepoint"))), (30, .edit(job(["parallelism": 2]))),
        (31, .edit(job(["parallelism": 3]))), (32, .edit(job(["state": "suspended"]))),
        (33, .edit(job(["state": "running", "parallelism": 2]))),
      ]),
    Scenario(
      "failed-savepoint-then-success", length: 220,
      [
        (0, .apply(manifest(upgradeMode: "savepoint"))), (29, .failSavepoints(1)),
        (30, .edit(job(["parallelism": 2]))),
      ]),
    Scenario(
      "failed-savepoint-then-revert", length: 220,
      [
        (0, .apply(manifest(upgradeMode: "savepoint"))), (29, .failSavepoints(1)),
        (30, .edit(job(["parallelism": 2]))), (33, .edit(job(["parallelism": 1]))),
      ]),
  ]
}
