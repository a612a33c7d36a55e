import KubernetesAPI

extension Scenario {
  private static func adaptive(
    _ upgradeMode: String = "last-state", parallelism: Int = 2, configuration: [String: String] = [:]
  ) -> JSONValue {
    manifest(
      upgradeMode: upgradeMode, parallelism: parallelism,
      configuration: ["jobmanager.scheduler": "Adaptive"].merging(configuration) { $1 })
  }

  private static func native(_ overrides: String) -> JSONValue {
    var manifest = adaptive(configuration: ["pipeline.jobvertex-parallelism-overrides": overrides])
    manifest.set("native", at: ["spec", "mode"])
    return manifest
  }

  private static func overrides(_ overrides: String) -> JSONValue {
    ["spec": ["flinkConfiguration": ["pipeline.jobvertex-parallelism-overrides": .string(overrides)]]]
  }

  /// Whether Flink had been asked before the next edit came depends on how far the operator was.
  private static let starts = ["  savepoints", "  reconciled", "  by upgrade mode", "deployment", "  made for"]

  /// Another parallelism for a job of the adaptive scheduler, which goes on.
  static let scaling: [Scenario] = [
    Scenario(
      "scale-adaptive", length: 180,
      [(0, .apply(adaptive())), (30, .edit(job(["parallelism": 3]))), (70, .edit(job(["parallelism": 1])))]),
    Scenario(
      "scale-adaptive-stateless", length: 160, openEnds: starts,
      [(0, .apply(adaptive("stateless"))), (30, .edit(job(["parallelism": 4])))]),
    Scenario(
      "scale-adaptive-then-upgrade", length: 200, openEnds: starts,
      [
        (0, .apply(adaptive("savepoint"))), (30, .edit(job(["parallelism": 3]))),
        (32, .edit(["spec": ["image": "flink:1.20-new"]])),
      ]),
    Scenario(
      "scale-adaptive-and-back", length: 200, openEnds: starts,
      [
        (0, .apply(adaptive())), (30, .edit(job(["parallelism": 3]))), (32, .edit(job(["parallelism": 2]))),
        (60, .edit(job(["parallelism": 4]))), (62, .edit(job(["parallelism": 3]))),
      ]),
    Scenario(
      "scale-adaptive-refused", length: 180,
      [
        (0, .apply(adaptive("savepoint", configuration: ["pipeline.max-parallelism": "3"]))),
        (30, .edit(job(["parallelism": 4]))),
      ]),
    Scenario(
      "scale-adaptive-from-one", length: 200,
      [
        (0, .apply(adaptive("savepoint", parallelism: 1))), (30, .edit(job(["parallelism": 2]))),
        (80, .edit(job(["parallelism": 1]))),
      ]),
    Scenario(
      "scale-adaptive-turned-off", length: 160,
      [
        (
          0,
          .apply(
            adaptive(
              "savepoint", configuration: ["kubernetes.operator.job.upgrade.inplace-scaling.enabled": "false"]))
        ), (30, .edit(job(["parallelism": 3]))),
      ]),
    Scenario(
      "scale-adaptive-restarted", length: 180, openEnds: starts,
      [
        (0, .apply(adaptive("stateless"))), (30, .edit(job(["parallelism": 3]))), (70, .restartManagers),
      ]),
    Scenario(
      "scale-overrides", length: 200,
      [
        (0, .apply(native("counter:2"))), (30, .edit(overrides("counter:3"))),
        // One that is taken back is known to the program alone.
        (80, .edit(overrides("source:2"))),
      ]),
  ]
}
