public import FlinkModel
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
    /// Somebody else makes an object.
    case create(ResourceType, JSONValue)
    /// Somebody else takes one away.
    case remove(ResourceType, String)
    /// The containers of the JobManager end and are started again.
    case restartManagers
    /// Somebody else ends the job: FINISHED, FAILED or CANCELED.
    case endJob(FlinkJobState)
    /// Somebody else stops the job with a savepoint.
    case stopJob
    /// The next savepoints fail.
    case failSavepoints(Int)
    /// A savepoint that somebody has put into the storage.
    case putSavepoint(String, count: Int64)
    /// Somebody keeps a copy of the resource.
    case backUp
    /// The copy is made a resource again, with its status.
    case restoreBackup
    /// The operator is replaced by one with other defaults of its own.
    case restartOperator(defaults: [String: String])
  }

  public let name: String
  /// Seconds from the start.
  public let actions: [(at: Int64, action: Action)]
  /// Seconds from the start; the last minute must be quiet.
  public let length: Int64
  /// Parts of the end that depend on how far the operator was when the next edit came: lines that begin so are not
  /// compared.
  public let openEnds: [String]
  /// Where several ends are right: parts of the end's lines, all of one of these lists. None where one end is.
  public let ends: [[String]]
  /// Milliseconds by which every action after the first comes later.
  private var delay: Int64 = 0

  public init(
    _ name: String, length: Int64 = 180, openEnds: [String] = [], ends: [[String]] = [],
    _ actions: [(at: Int64, action: Action)]
  ) {
    self.openEnds = openEnds
    self.ends = ends
    self.name = name
    self.length = length
    self.actions = actions
  }

  /// The same with everything after the first act so many tenths of a second later.
  func shifted(by tenths: Int) -> Scenario {
    var copy = self
    copy.delay = Int64(tenths) * 100
    return copy
  }

  /// When an action comes, in milliseconds from the start.
  func time(of index: Int) -> Int64 { actions[index].at * 1000 + (index == 0 ? 0 : delay) }
}

extension Scenario {
  /// A resource as a user writes it.
  public static func manifest(
    upgradeMode: String = "stateless", parallelism: Int = 1, image: String = "flink:1.20", state: String = "running",
    configuration: [String: String] = [:]
  ) -> JSONValue {
    var settings: [String: String] = ["taskmanager.numberOfTaskSlots": "1"]
    if upgradeMode != "stateless" {
      settings["execution.checkpointing.interval"] = "5 s"
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

  /// A change of the job in the spec.
  static func job(_ members: JSONObject) -> JSONValue { ["spec": ["job": .object(members)]] }

  /// The paths of the life of an application cluster, one list for each area.
  public static let all: [Scenario] =
    basics + upgrades + badSpecs + deletion + failures + highAvailability + snapshots + changesOfMind + native
    + ingress + strangers + scaling

  /// The areas of which every single fault within the operator and its requests has been simulated.
  public static let swept: [Scenario] = basics + upgrades + badSpecs + deletion

  public static func named(_ name: String) -> Scenario? { all.first { $0.name == name } }
}

extension Scenario.Action: CustomStringConvertible {
  public var description: String {
    switch self {
    case .apply(let object): "apply \(object["spec"]?.text ?? "-")"
    case .edit(let patch): "edit \(patch["spec"]?.text ?? patch.text)"
    case .delete: "delete"
    case .removeDeployment(let name): "remove Deployment \(name)"
    case .create(let type, let object): "create \(type.plural) \(object["metadata", "name"]?.stringValue ?? "-")"
    case .remove(let type, let name): "remove \(type.plural) \(name)"
    case .restartManagers: "restart the JobManager's containers"
    case .endJob(let state): "end the job \(state.rawValue)"
    case .stopJob: "stop the job with a savepoint"
    case .failSavepoints(let count): "fail the next \(count) savepoints"
    case .putSavepoint(let path, let count): "put savepoint \(path) of count \(count)"
    case .backUp: "back the resource up"
    case .restoreBackup: "restore the backup"
    case .restartOperator(let defaults): "replace the operator, with defaults \(defaults)"
    }
  }
}
