import FlinkModel
import KubernetesAPI
import Testing

/// One rule of the Apache operator for FlinkDeployments: a manifest that breaks it and nothing else, and the field that
/// is named then.
struct Rule: Sendable, CustomTestStringConvertible {
  let name: String
  let edits: [(path: [String], value: JSONValue?)]
  let field: String

  init(_ name: String, _ path: String, _ value: JSONValue?, names field: String? = nil) {
    self.init(name, [(path, value)], names: field ?? path.replacing("/", with: "."))
  }

  init(_ name: String, _ edits: [(String, JSONValue?)], names field: String) {
    self.name = name
    self.edits = edits.map { ($0.0.split(separator: "/").map(String.init), $0.1) }
    self.field = field
  }

  /// Of keys of the Flink configuration.
  init(_ name: String, keys: [String: String], names key: String) {
    self.init(
      name, [("spec/flinkConfiguration", .object(JSONObject(keys.map { ($0.key, JSONValue.string($0.value)) })))],
      names: "spec.flinkConfiguration[\(key)]")
  }

  var testDescription: String { name }
}

/// A rule of the Apache operator that is not kept here, and why.
struct Dropped: Sendable {
  let name: String
  let why: String

  init(_ name: String, _ why: String) {
    self.name = name
    self.why = why
  }
}

private let checkpoints = "execution.checkpointing.dir"
private let savepoints = "execution.checkpointing.savepoint-dir"

/// Every rule that the Apache operator has for FlinkDeployments, in its order. `.ci/compat` prints the names.
@Suite struct RuleTableTests {
  static let rules: [Rule] = [
    Rule("the name fits into names of pods and labels", "metadata/name", "Basic"),
    Rule("flinkVersion is set", "spec/flinkVersion", nil),
    Rule("flinkVersion is supported", "spec/flinkVersion", "v1_14"),
    Rule("kubernetes.namespace is the operator's", keys: ["kubernetes.namespace": "x"], names: "kubernetes.namespace"),
    Rule(
      "kubernetes.cluster-id is the operator's", keys: ["kubernetes.cluster-id": "x"], names: "kubernetes.cluster-id"),
    Rule(
      "high-availability.cluster-id is the operator's", keys: ["high-availability.cluster-id": "x"],
      names: "high-availability.cluster-id"),
    Rule(
      "health checks need the recovery of JobManagers",
      keys: [
        "kubernetes.operator.cluster.health-check.enabled": "true",
        "kubernetes.operator.jm-deployment-recovery.enabled": "false",
      ],
      names: "kubernetes.operator.jm-deployment-recovery.enabled"),
    Rule("an ingress has a template", "spec/ingress", ["className": "nginx"], names: "spec.ingress.template"),
    Rule(
      "the template of an ingress is an address", "spec/ingress", ["template": "a b.example.com"],
      names: "spec.ingress.template"),
    Rule("logConfiguration holds the two files", "spec/logConfiguration", ["log4j.properties": ""]),
    Rule(
      "upgradeMode savepoint needs a checkpoint directory", "spec/job/upgradeMode", "savepoint",
      names: "spec.flinkConfiguration[\(checkpoints)]"),
    Rule(
      "upgradeMode last-state needs a checkpoint directory", "spec/job/upgradeMode", "last-state",
      names: "spec.flinkConfiguration[\(checkpoints)]"),
    Rule(
      "upgradeMode savepoint needs a savepoint directory",
      [("spec/job/upgradeMode", "savepoint"), ("spec/flinkConfiguration", [checkpoints: "s3://b/c"])],
      names: "spec.flinkConfiguration[\(savepoints)]"),
    Rule(
      "savepointTriggerNonce needs a savepoint directory", "spec/job/savepointTriggerNonce", 1,
      names: "spec.flinkConfiguration[\(savepoints)]"),
    Rule(
      "periodic savepoints need a savepoint directory",
      keys: ["kubernetes.operator.periodic.savepoint.interval": "1 h"],
      names: savepoints),
    Rule(
      "a limit to the age of checkpoints needs a savepoint directory",
      [
        ("spec/job/upgradeMode", "last-state"),
        (
          "spec/flinkConfiguration",
          [
            checkpoints: "s3://b/c", "high-availability.type": "kubernetes",
            "high-availability.storageDir": "s3://b/ha",
            "kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age": "1 h",
          ]
        ),
      ],
      names: "spec.flinkConfiguration[\(savepoints)]"),
    Rule("parallelism is 1 or more", "spec/job/parallelism", 0),
    Rule("JobManagers have memory", "spec/jobManager", [:], names: "spec.jobManager.resource.memory"),
    Rule("TaskManagers have memory", "spec/taskManager", [:], names: "spec.taskManager.resource.memory"),
    Rule("memory of JobManagers can be read", "spec/jobManager/resource/memory", "2048x"),
    Rule("memory of TaskManagers can be read", "spec/taskManager/resource/memory", "2048x"),
    Rule("ephemeralStorage of JobManagers can be read", "spec/jobManager/resource/ephemeralStorage", "2x"),
    Rule("ephemeralStorage of TaskManagers can be read", "spec/taskManager/resource/ephemeralStorage", "2x"),
    Rule(
      "requests of resources are more than 0", "spec/jobManager/resources", ["requests": ["cpu": 0, "memory": "1Gi"]],
      names: "spec.jobManager.resources.requests.cpu"),
    Rule(
      "resources can be read", "spec/taskManager/resources",
      ["requests": ["cpu": 1, "memory": "1Gi"], "limits": ["cpu": 1, "memory": "x"]],
      names: "spec.taskManager.resources.limits.memory"),
    Rule(
      "requests of resources are at most their limits", "spec/taskManager/resources",
      ["requests": ["cpu": 2, "memory": "1Gi"], "limits": ["cpu": 1, "memory": "1Gi"]],
      names: "spec.taskManager.resources.requests.cpu"),
    Rule("there is a JobManager", "spec/jobManager/replicas", 0),
    Rule("more JobManagers need high availability", "spec/jobManager/replicas", 2),
    Rule("there are TaskManagers", "spec/taskManager/replicas", 0),
    Rule("serviceAccount is set", "spec/serviceAccount", nil),
    Rule(
      "the autoscaler's options are in their ranges",
      keys: ["job.autoscaler.enabled": "true", "job.autoscaler.scale-down.max-factor": "-1"],
      names: "job.autoscaler.scale-down.max-factor"),
    Rule(
      "the autoscaler's excluded periods can be read",
      keys: ["job.autoscaler.enabled": "true", "job.autoscaler.excluded.periods": "never"],
      names: "job.autoscaler.excluded.periods"),
    Rule(
      "the autoscaler's window is not shorter than its cadence",
      keys: ["job.autoscaler.enabled": "true", "job.autoscaler.metrics.window": "1 s"],
      names: "job.autoscaler.metrics.window"),
  ]

  /// Those about a change of what is deployed are in `ValidatorTests.whatIsDeployedLimitsWhatMayChange`.
  private static let changes = ["flinkVersion while suspended", "session or job", "mode", "savepointRedeployNonce"]

  private static let dropped: [Dropped] = [
    Dropped("rollback needs high availability", "a rollback starts from the newest restore point known, of any kind")
  ]

  @Test(arguments: rules) func everyRuleIsKept(_ rule: Rule) throws {
    let deployment = deployment { manifest in
      for (path, value) in rule.edits { manifest.set(value, at: path) }
    }
    let error = #expect(throws: InvalidField.self) { try Validator(OperatorSettings()).validate(deployment) }
    #expect(error?.field == rule.field, "\(rule.name): \(error.map { "\($0)" } ?? "accepted")")
    #expect(error?.fix.isEmpty == false)
  }

  @Test func theTableIsWhole() {
    #expect(Self.rules.count == 33)
    #expect(Set(Self.rules.map(\.name)).count == Self.rules.count)
    #expect(Self.changes.count == 4)
    // What is said not to be kept is accepted.
    let lenient = deployment {
      $0.set(
        ["kubernetes.operator.deployment.rollback.enabled": "true"], at: ["spec", "flinkConfiguration"])
    }
    #expect(throws: Never.self) { try Validator(OperatorSettings()).validate(lenient) }
    #expect(Self.dropped.count == 1)
  }
}
