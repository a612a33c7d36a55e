import FlinkModel
import KubernetesAPI
import Testing

/// The rules for the other kinds, and the autoscaler's.
@Suite struct KindRulesTests {
  private func problem(_ check: () throws -> Void) -> String? {
    do { try check() } catch { return (error as? InvalidField)?.field ?? "\(error)" }
    return nil
  }

  private func autoscaled(_ keys: [String: String], prefix: String = "job.autoscaler.", enabled: String = "true")
    -> String?
  {
    problem {
      _ = try Validator(OperatorSettings()).validate(
        deployment {
          var configuration: JSONObject = ["taskmanager.numberOfTaskSlots": "2", "\(prefix)enabled": .string(enabled)]
          for (key, value) in keys { configuration["\(prefix)\(key)"] = .string(value) }
          $0.set(.object(configuration), at: ["spec", "flinkConfiguration"])
        })
    }
  }

  @Test(arguments: [
    ("scale-down.max-factor", "-0.1", "0"), ("scale-up.max-factor", "-1", "5"), ("utilization.target", "1.1", "1"),
    ("target.utilization.boundary", "-0.3", "0.3"), ("utilization.max", "0.6", "0.9"),
    ("utilization.max", "1.2", "0.7"),
    ("utilization.min", "0.8", "0.1"), ("memory.gc-pressure.threshold", "2", "1"),
    ("memory.heap-usage.threshold", "-1", "0.5"), ("excluded.periods", "9-17", "09:00-17:00;* * * ? * MON-FRI"),
    ("excluded.periods", "24:00-25:00", "09:00-17:00 && * * * ? * 2-6"),
    ("excluded.periods", "09:00-10:00 && 11:00-12:00", "* * 1-3 * * ?"), ("metrics.window", "30 s", "1 min"),
    ("utilization.target", "much", "0.5"),
  ])
  func anAutoscalerOptionIsJudgedWhereItIsOn(_ key: String, _ wrong: String, _ right: String) {
    for prefix in ["job.autoscaler.", "kubernetes.operator.job.autoscaler."] {
      #expect(autoscaled([key: wrong], prefix: prefix) == "spec.flinkConfiguration[\(prefix)\(key)]")
      #expect(autoscaled([key: right], prefix: prefix) == nil)
      #expect(autoscaled([key: wrong], prefix: prefix, enabled: "false") == nil)
    }
  }

  @Test(arguments: [
    ("observed-scalability.coefficient-min", "0.001", "observed-scalability.enabled"),
    ("scaling.effectiveness.threshold", "1.5", "scaling.effectiveness.detection.enabled"),
    ("memory.tuning.overhead", "-0.1", "memory.tuning.enabled"),
  ])
  func anOptionOfAFeatureIsJudgedWhereTheFeatureIsOn(_ key: String, _ wrong: String, _ feature: String) {
    #expect(autoscaled([key: wrong]) == nil)
    #expect(autoscaled([key: wrong, feature: "true"]) == "spec.flinkConfiguration[job.autoscaler.\(key)]")
  }

  private func sessionProblem(
    _ edit: (inout FlinkSessionJobSpec) -> Void = { _ in }, previous: FlinkSessionJobSpec? = nil,
    cluster: FlinkDeployment? = nil, defaults: [String: String] = [:]
  ) throws -> String? {
    var spec = FlinkSessionJobSpec(
      deploymentName: "session", job: JobSpec(jarURI: "https://example.com/job.jar", parallelism: 1))
    edit(&spec)
    let validator = Validator(try OperatorSettings(OperatorDefaults(defaults)))
    let metadata = ObjectMetadata(name: "job", namespace: "default")
    return problem { try validator.validate(spec, metadata: metadata, previous: previous, cluster: cluster) }
  }

  @Test func aSessionJobNamesACluster() throws {
    #expect(try sessionProblem() == nil)
    #expect(try sessionProblem { $0.deploymentName = nil } == "spec.deploymentName")
    #expect(try sessionProblem { $0.deploymentName = "Session" } == "spec.deploymentName")
    #expect(try sessionProblem { $0.job = nil } == "spec.job")
    #expect(
      try sessionProblem(previous: FlinkSessionJobSpec(deploymentName: "other")) == "spec.deploymentName")
    #expect(try sessionProblem(previous: FlinkSessionJobSpec(deploymentName: "session")) == nil)
    #expect(try sessionProblem(cluster: deployment()) == "spec.deploymentName")
    let session = deployment { $0.set(nil, at: ["spec", "job"]) }
    #expect(try sessionProblem(cluster: session) == nil)
    #expect(try sessionProblem({ $0.job?.parallelism = 0 }, cluster: session) == "spec.job.parallelism")
    #expect(
      try sessionProblem({ $0.job?.upgradeMode = .lastState }, cluster: session)
        == "spec.flinkConfiguration[execution.checkpointing.dir]")
    #expect(
      try sessionProblem(
        {
          $0.job?.upgradeMode = .lastState
          $0.flinkConfiguration = ["state": ["checkpoints": ["dir": "s3://b/c"]]]
        }, cluster: session) == nil)
  }

  @Test(arguments: [
    "job.jar", "http://example.com/a.jar", "file:///a.jar", "https:///a.jar", "https://localhost/a.jar",
    "https://127.0.0.1:80/a.jar", "https://user@10.1.2.3/a.jar", "https://172.20.0.1/a.jar",
    "https://192.168.1.1/a.jar",
    "https://169.254.169.254/latest", "https://[::1]/a.jar", "https://[fe80::1]/a", "https://[::ffff:10.0.0.1]/a",
    "https://239.0.0.1/a.jar", "https://0.0.0.0/a",
  ])
  func jarsComeFromAllowedPlaces(_ uri: String) throws {
    #expect(try sessionProblem { $0.job?.jarURI = uri } == "spec.job.jarURI")
  }

  @Test func operatorsMayAllowMorePlaces() throws {
    for uri in ["https://8.8.8.8/a.jar", "HTTPS://example.com/a.jar", "https://172.32.0.1/a.jar"] {
      #expect(try sessionProblem { $0.job?.jarURI = uri } == nil)
    }
    let prefix = "kubernetes.operator.user.artifacts"
    let defaults = ["\(prefix).allowed-schemes": "https;s3;http", "\(prefix).disallow-restricted-hosts": "false"]
    for uri in ["s3://bucket/a.jar", "http://localhost/a.jar"] {
      #expect(try sessionProblem({ $0.job?.jarURI = uri }, defaults: defaults) == nil)
    }
  }

  @Test func aSnapshotIsOfOneKindAndOfAJob() throws {
    func problem(_ json: JSONValue) -> String? {
      self.problem { try Validator(OperatorSettings()).validate(FlinkStateSnapshotSpec(json: json)) }
    }
    let reference: JSONValue = ["kind": "FlinkDeployment", "name": "basic"]
    #expect(problem(["savepoint": [:], "jobReference": reference]) == nil)
    #expect(problem(["checkpoint": [:], "jobReference": reference]) == nil)
    #expect(problem(["jobReference": reference]) == "spec.savepoint")
    #expect(problem(["savepoint": [:], "checkpoint": [:], "jobReference": reference]) == "spec.savepoint")
    #expect(problem(["savepoint": [:]]) == "spec.jobReference")
    #expect(problem(["savepoint": [:], "jobReference": ["name": "basic"]]) == "spec.jobReference.kind")
    #expect(problem(["savepoint": [:], "jobReference": ["kind": "FlinkSessionJob"]]) == "spec.jobReference.name")
    #expect(problem(["savepoint": ["alreadyExists": true, "path": "s3://b/p"]]) == nil)
    #expect(problem(["savepoint": ["alreadyExists": true]]) == "spec.savepoint.path")
  }

  @Test func aBlueGreenDeploymentIsJudgedByItsChildren() throws {
    func problem(_ spec: JSONValue?, name: String = "bg", configuration: JSONValue = [:]) -> String? {
      self.problem {
        try Validator(OperatorSettings()).validate(
          FlinkBlueGreenDeploymentSpec(
            json: ["template": ["spec": spec ?? .null], "configuration": configuration]),
          metadata: ObjectMetadata(name: name, namespace: "default"))
      }
    }
    let good = try spec().json
    #expect(problem(good) == nil)
    #expect(problem(nil) == "spec.template.spec")
    #expect(problem(try spec { $0.set(nil, at: ["spec", "flinkVersion"]) }.json) == "spec.template.spec.flinkVersion")
    #expect(problem(good, name: String(repeating: "a", count: 40)) == "metadata.name")
    #expect(problem(good, name: String(repeating: "a", count: 39)) == nil)
    #expect(
      problem(good, configuration: ["kubernetes.operator.bluegreen.abort.grace-period": "soon"])
        == "spec.configuration[kubernetes.operator.bluegreen.abort.grace-period]")
  }
}
