public import KubernetesAPI

/// What users do, and when. Which faults happen is no part of it.
public struct Scenario: Sendable {
  public enum Action: Sendable {
    case apply(JSONValue)
    /// A merge patch of the resource `demo`.
    case edit(JSONValue)
    case delete
    /// What others do to the cluster: a Deployment vanishes.
    case removeDeployment(String)
    /// The next savepoints fail.
    case failSavepoints(Int)
  }

  public let name: String
  /// Seconds from the start.
  public let actions: [(at: Int64, action: Action)]
  /// Seconds from the start; the last minute must be quiet.
  public let length: Int64

  public init(_ name: String, length: Int64 = 180, _ actions: [(at: Int64, action: Action)]) {
    self.name = name
    self.length = length
    self.actions = actions
  }
}

extension Scenario {
  /// A resource as a user writes it.
  public static func manifest(
    upgradeMode: String = "stateless", parallelism: Int = 1, image: String = "flink:1.20", state: String = "running",
    configuration: [String: String] = [:]
  ) -> JSONValue {
    var settings: [String: String] = ["taskmanager.numberOfTaskSlots": "1"]
    if upgradeMode != "stateless" {
      settings["execution.checkpointing.dir"] = "file:///checkpoints"
      settings["execution.checkpointing.savepoint-dir"] = "file:///savepoints"
    }
    settings.merge(configuration) { $1 }
    return [
      "apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment",
      "metadata": ["name": "demo", "namespace": .string(SimulatedWorld.namespace)],
      "spec": [
        "image": .string(image), "flinkVersion": "v1_20", "mode": "standalone", "serviceAccount": "flink",
        "flinkConfiguration": JSONValue(settings),
        "jobManager": ["resource": ["memory": "1024m", "cpu": 0.5]],
        "taskManager": ["resource": ["memory": "1024m", "cpu": 0.5]],
        "job": [
          "jarURI": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
          "parallelism": JSONValue(parallelism), "upgradeMode": .string(upgradeMode), "state": .string(state),
        ],
      ],
    ]
  }

  private static func job(_ members: JSONObject) -> JSONValue { ["spec": ["job": .object(members)]] }

  /// The paths of the life of an application cluster.
  public static let all: [Scenario] = [
    Scenario("deploy", length: 120, [(0, .apply(manifest()))]),
    Scenario("scale-stateless", [(0, .apply(manifest())), (30, .edit(job(["parallelism": 2])))]),
    Scenario(
      "edit-soon", [(0, .apply(manifest())), (6, .edit(job(["parallelism": 2])))]),
    Scenario(
      "image-savepoint",
      [(0, .apply(manifest(upgradeMode: "savepoint"))), (30, .edit(["spec": ["image": "flink:1.20-new"]]))]),
    Scenario(
      "scale-last-state",
      [(0, .apply(manifest(upgradeMode: "last-state"))), (30, .edit(job(["parallelism": 2])))]),
    Scenario(
      "suspend-resume-stateless", length: 200,
      [
        (0, .apply(manifest())), (30, .edit(job(["state": "suspended"]))), (60, .edit(job(["state": "running"]))),
      ]),
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
    Scenario("delete", length: 120, [(0, .apply(manifest())), (30, .delete)]),
    Scenario(
      "delete-with-savepoint", length: 140,
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
    Scenario(
      "change-of-mind", length: 200,
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
    Scenario(
      "jobmanager-lost-stateless", length: 180, [(0, .apply(manifest())), (30, .removeDeployment("demo"))]),
    Scenario(
      "jobmanager-lost-savepoint", length: 180,
      [(0, .apply(manifest(upgradeMode: "savepoint"))), (60, .removeDeployment("demo"))]),
    Scenario(
      "suspended-first", length: 140,
      [
        (0, .apply(manifest(state: "suspended"))), (20, .edit(job(["state": "running"]))),
      ]),
  ]

  public static func named(_ name: String) -> Scenario? { all.first { $0.name == name } }
}
