import FlinkModel
import KubernetesAPI
import Testing

/// One wrong manifest: where it is spoilt, and what the message must name.
struct BadInput: Sendable, CustomTestStringConvertible {
  let path: [String]
  let value: JSONValue?
  let field: String
  let mentions: [String]

  init(_ path: String, _ value: JSONValue?, field: String? = nil, mentions: [String] = []) {
    self.path = path.split(separator: "/").map(String.init)
    self.value = value
    self.field = field ?? path.replacing("/", with: ".")
    self.mentions = mentions
  }

  var testDescription: String { "\(path.joined(separator: ".")) = \(value?.text ?? "absent")" }
}

private func configuration(_ key: String, _ value: String, field: String? = nil, mentions: [String] = []) -> BadInput {
  BadInput(
    "spec/flinkConfiguration", .object(["taskmanager.numberOfTaskSlots": "2", key: .string(value)]),
    field: field ?? "spec.flinkConfiguration[\(key)]", mentions: mentions)
}

@Suite struct ValidatorTests {
  private static let inputs: [BadInput] = [
    BadInput("metadata/name", "Basic"), BadInput("metadata/name", .string(String(repeating: "a", count: 46))),
    BadInput("metadata/name", "1st"), BadInput("metadata/name", "a-"),
    BadInput("spec/flinkVersion", nil, mentions: ["is not set", "v1_20"]),
    BadInput("spec/flinkVersion", "v1_14", mentions: ["v1_14", "v1_15"]),
    BadInput("spec/flinkVersion", "1.20", mentions: ["1.20", "v1_20"]),
    BadInput("spec/mode", "hybrid", mentions: ["native, standalone"]),
    BadInput("spec/job/state", "paused", mentions: ["running, suspended"]),
    BadInput("spec/job/parallelism", 0, mentions: ["'0'", "taskManager.replicas"]),
    BadInput("spec/job/parallelism", "two", mentions: ["whole number"]),
    BadInput("spec/job/args", ["a", 1], field: "spec.job.args[1]", mentions: ["string"]),
    BadInput("spec/job/jarURI", "job.jar", mentions: ["local:///"]),
    BadInput("spec/job", ["parallelism": 1], field: "spec.job.jarURI", mentions: ["entryClass"]),
    BadInput("spec/taskManager/replicas", 0),
    BadInput("spec/jobManager/replicas", 0), BadInput("spec/jobManager/replicas", 2, mentions: ["high-availability"]),
    BadInput("spec/jobManager/resource/memory", "2048x", mentions: ["2048x", "2048m"]),
    BadInput("spec/jobManager/resource/memory", "0"),
    BadInput("spec/jobManager/resource/cpu", 0), BadInput("spec/jobManager/resource/cpu", "1", mentions: ["number"]),
    BadInput("spec/jobManager", [:], field: "spec.jobManager.resource.memory"),
    BadInput("spec/jobManager", nil, field: "spec.jobManager.resource.memory"),
    BadInput("spec/taskManager/resource/memory", nil),
    BadInput(
      "spec/taskManager/resources", ["requests": ["cpu": "2", "memory": "1Gi"], "limits": ["cpu": 1, "memory": "x"]],
      field: "spec.taskManager.resources.limits.memory", mentions: ["limits.memory", "; requests.cpu"]),
    BadInput("spec/ingress", [:], field: "spec.ingress.template"),
    BadInput("spec/logConfiguration", ["log.xml": ""], mentions: ["log4j-console.properties"]),
    BadInput("spec/serviceAccount", nil), BadInput("spec/imagePullPolicy", "Sometimes"),
    BadInput("spec/job/upgradeMode", "savepoint", field: "spec.flinkConfiguration[execution.checkpointing.dir]"),
    BadInput("spec/job/upgradeMode", "last-state", field: "spec.flinkConfiguration[execution.checkpointing.dir]"),
    BadInput(
      "spec/job/savepointTriggerNonce", 1, field: "spec.flinkConfiguration[execution.checkpointing.savepoint-dir]",
      mentions: ["savepointTriggerNonce"]),
    configuration("kubernetes.cluster-id", "x"), configuration("high-availability.cluster-id", "x"),
    configuration("kubernetes.operator.deployment.readiness.timeout", "5 minutos", mentions: ["5 minutos", "5 min"]),
    configuration("execution.checkpointing.interval", "often"),
    configuration("taskmanager.memory.managed.size", "1 gigabyte"),
  ]

  @Test(arguments: inputs) func badInputIsNamedWithItsFix(input: BadInput) throws {
    let deployment = deployment { $0.set(input.value, at: input.path) }
    let error = #expect(throws: InvalidField.self) { try Validator(OperatorSettings()).validate(deployment) }
    let problem = try #require(error)
    #expect(problem.field == input.field)
    for mention in input.mentions { #expect(problem.description.contains(mention), "\(problem)") }
    #expect(problem.description.contains(problem.fix))
  }

  @Test func whatAFileCannotHoldIsNamed() throws {
    func problem(_ version: JSONValue, _ configuration: JSONValue) -> String? {
      self.problem(
        deployment {
          $0.set(version, at: ["spec", "flinkVersion"])
          $0.set(configuration, at: ["spec", "flinkConfiguration"])
        })
    }
    let overlapping: JSONValue = ["a": "1", "a.b.c": "2"]
    #expect(problem("v2_2", overlapping) == "spec.flinkConfiguration[a.b.c]")
    #expect(problem("v1_20", overlapping) == nil)
    // The older name and a key that the operator sets itself.
    #expect(
      problem("v2_0", ["high-availability": "kubernetes"]) == "spec.flinkConfiguration[high-availability.cluster-id]")
    #expect(problem("v1_20", ["a": "1\n2"]) == "spec.flinkConfiguration[a]")
    #expect(problem("v2_2", ["a": "1\n2"]) == nil)
  }

  private static let hugeNumbers: [(String, JSONValue)] = [
    ("spec/job/parallelism", JSONValue(Int64.max)), ("spec/taskManager/replicas", JSONValue(Int64.max)),
    ("spec/jobManager/resource/cpu", JSONValue(1e300)), ("spec/jobManager/resource/memory", "9000000t"),
    ("spec/taskManager/resources", ["limits": ["memory": "9Ei", "cpu": "9E"]]),
    ("spec/flinkConfiguration", ["taskmanager.numberOfTaskSlots": "9999999999"]),
    ("spec/flinkConfiguration", ["taskmanager.memory.flink.size": "8000000t"]),
  ]

  /// Numbers beyond all measure are refused or bounded, never a crash.
  @Test(arguments: hugeNumbers)
  func hugeNumbersAreRefused(path: String, value: JSONValue) {
    #expect(problem(deployment { $0.set(value, at: path.split(separator: "/").map(String.init)) }) != nil)
  }

  @Test func goodInputPasses() throws {
    let validator = Validator(OperatorSettings())
    _ = try validator.validate(deployment())
    _ = try validator.validate(deployment { $0.set(3, at: ["spec", "taskManager", "replicas"]) })
    // No jar and no class: an image of one's own may hold the job.
    _ = try validator.validate(
      deployment {
        $0.set("registry/mine:1", at: ["spec", "image"])
        $0.set(["parallelism": 1], at: ["spec", "job"])
      })
    // Memory from the operator's defaults.
    let defaults = OperatorDefaults(["jobmanager.memory.process.size": "1g"])
    _ = try Validator(OperatorSettings(defaults)).validate(deployment { $0.set(nil, at: ["spec", "jobManager"]) })
  }

  private func status(of spec: FlinkDeploymentSpec, state: DesiredJobState? = nil, mode: UpgradeMode? = nil)
    -> FlinkDeploymentStatus
  {
    let record = ReconciledSpec(spec, firstDeployment: false, jobState: state, upgradeMode: mode)
    return FlinkDeploymentStatus(
      reconciliationStatus: ReconciliationStatus(lastReconciledSpec: record, state: .deployed))
  }

  private func problem(_ deployment: FlinkDeployment) -> String? {
    do {
      _ = try Validator(OperatorSettings()).validate(deployment)
      return nil
    } catch {
      return error.field
    }
  }

  @Test func whatIsDeployedLimitsWhatMayChange() throws {
    let deployed = status(of: try spec())
    #expect(problem(deployment(status: deployed)) == nil)
    #expect(problem(deployment({ $0.set("native", at: ["spec", "mode"]) }, status: deployed)) == "spec.mode")
    #expect(problem(deployment({ $0.set(nil, at: ["spec", "job"]) }, status: deployed)) == "spec.job")
    let nonce = deployment({ $0.set(1, at: ["spec", "job", "savepointRedeployNonce"]) }, status: deployed)
    #expect(problem(nonce) == "spec.job.initialSavepointPath")

    let suspended = status(of: try spec(), state: .suspended, mode: .lastState)
    func newVersion(_ mode: JSONValue) -> FlinkDeployment {
      deployment(
        {
          $0.set("v2_2", at: ["spec", "flinkVersion"])
          $0.set(mode, at: ["spec", "job", "upgradeMode"])
        }, status: suspended)
    }
    #expect(problem(newVersion("last-state")) == "spec.flinkVersion")
    #expect(problem(newVersion("stateless")) == nil)
  }
}
