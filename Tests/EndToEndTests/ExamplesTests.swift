import Foundation
import KubernetesAPI
import Testing
import YAML

/// The examples that the local cluster can run, as their head comments tell a user to, on real Flink.
@Suite(.serialized) struct ExamplesTests {
  /// What can be shown of an example here, or why nothing can.
  private enum Showing: Sendable {
    case runs(resource: String, more: @Sendable (ExamplesTests, LocalInstance, FlinkJob) async throws -> Void)
    /// As `runs`, with a part of the resource's spec replaced by what the local Flink distribution has.
    case runsChanged(
      resource: String, spec: JSONValue, why: String,
      more: @Sendable (ExamplesTests, LocalInstance, FlinkJob) async throws -> Void)
    case notHere(String)
  }

  private static let showings: [(example: String, showing: Showing)] = [
    ("01-basic.yaml", .runs(resource: "basic-example") { _, _, job in try await job.waitCheckpoint() }),
    ("02-checkpoint-ha.yaml", .runs(resource: "checkpoint-ha-example") { try await $0.losesItsJobManager($1, $2) }),
    ("03-savepoint-upgrade.yaml", .runs(resource: "savepoint-example") { try await $0.upgrades($1, $2) }),
    ("04-reactive.yaml", .runs(resource: "reactive-example") { try await $0.scales($1, $2) }),
    ("05-session-cluster.yaml", .runs(resource: "session-example") { try await $0.hasASession($1, $2) }),
    ("06-pod-template.yaml", .runs(resource: "pod-template-example") { try await $0.hasItsPods($1, $2) }),
    ("07-ingress.yaml", .runs(resource: "ingress-example") { try await $0.hasItsIngress($1, $2) }),
    ("08-custom-logging.yaml", .runs(resource: "custom-logging-example") { try await $0.logsItsWay($1, $2) }),
    ("09-python.yaml", python),
    (
      "10-sql.yaml",
      .runsChanged(
        resource: "sql-example",
        spec: [
          "job": [
            "jarURI": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
            "entryClass": "dev.flinkoperator.examples.SqlJob",
          ]
        ], why: "its driver needs the SQL gateway, which Flink's Python package is without: ours ran the script"
      ) { try await $0.printsTotals($1, $2) }
    ),
    ("11-kustomize-overlay/staging", .runs(resource: "staging-overlay-example") { try await $0.isLaidOver($1, $2) }),
  ]

  /// With a virtual environment of Python that has PyFlink (700 MB) and its interpreter, mounted where they are.
  private static var python: Showing {
    let environment = ProcessInfo.processInfo.environment["FLINK_OPERATOR_PYFLINK"] ?? ""
    let interpreter = URL(fileURLWithPath: "\(environment)/bin/python").resolvingSymlinksInPath()
    let home = interpreter.deletingLastPathComponent().deletingLastPathComponent().path
    let code = LocalInstance.repository.appendingPathComponent("examples/09-python").path
    let jars = try? FileManager.default.contentsOfDirectory(
      atPath: "\(environment)/lib/\(interpreter.lastPathComponent)/site-packages/pyflink/opt")
    guard !environment.isEmpty, let jar = jars?.first(where: { $0.hasPrefix("flink-python-1.20.") }) else {
      return .notHere("needs PyFlink 1.20: name a virtual environment that has it in FLINK_OPERATOR_PYFLINK")
    }
    let places = [("code", code, "/opt/flink/usrlib"), ("environment", environment, environment)]
    let mounted = home == "/usr" ? places : places + [("python", home, home)]
    let mounts = mounted.map { name, _, path -> JSONValue in ["name": .string(name), "mountPath": .string(path)] }
    let volumes = mounted.map { name, path, _ -> JSONValue in
      ["name": .string(name), "hostPath": ["path": .string(path)]]
    }
    let python = JSONValue.string("\(environment)/bin/python")
    return .runsChanged(
      resource: "python-example",
      spec: [
        "image": "flink:1.20",
        "podTemplate": [
          "spec": [
            "containers": [["name": "flink-main-container", "volumeMounts": .array(mounts)]],
            "volumes": .array(volumes),
          ]
        ],
        "job": [
          "jarURI": .string("local:///opt/flink/opt/\(jar)"),
          "args": ["-pyclientexec", python, "-pyexec", python, "-py", "/opt/flink/usrlib/count.py"],
        ],
      ], why: "its image's Python from a virtual environment"
    ) { try await $0.countsDigits($1, $2) }
  }

  /// What an example shows that is not there yet; taken away from here when it is.
  private static let pending: [String: String] = [:]

  @Test func everyExampleIsShownOrItIsSaidWhyNot() throws {
    let folder = LocalInstance.repository.appendingPathComponent("examples").path
    let numbered = try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.first?.isNumber == true && ($0.hasSuffix(".yaml") || $0.hasSuffix("-overlay")) }
    #expect(numbered.sorted() == Self.showings.map { $0.example.replacing("/staging", with: "") })
  }

  @Test(.timeLimit(.minutes(15))) func theyDoWhatTheirHeadsSay() async throws {
    let only = ProcessInfo.processInfo.environment["EXAMPLE"]
    try await LocalInstance.with { instance in
      for (example, showing) in Self.showings where only == nil || example.contains(only ?? "") {
        switch showing {
        case .notHere(let why): report(example, "not run: \(why)")
        case .runsChanged(let resource, let spec, let why, let more):
          do {
            let manifest = try changed(example, spec)
            let job = FlinkJob(instance: instance, namespace: "default", name: resource)
            try await instance.kubectl("apply", "-f", "-", input: manifest)
            try await instance.kubectl("wait", "--for=condition=Ready", "flinkdep/\(resource)", "--timeout=180s")
            try await more(self, instance, job)
            try await instance.kubectl("delete", "-f", "-", "--timeout=120s", input: manifest)
            try await job.waitGone()
            report(example, "runs on real Flink; \(why)")
          } catch {
            Issue.record("\(example): \(error)\n\(instance.logTail)")
            _ = try? await instance.kubectl("delete", "flinkdep", resource, "--timeout=120s")
          }
        case .runs(let resource, let more):
          let option = example.hasSuffix(".yaml") ? "-f" : "-k"
          let path = LocalInstance.repository.appendingPathComponent("examples/\(example)").path
          do {
            try await instance.kubectl("apply", option, path)
            try await instance.kubectl(
              "wait", "--for=condition=Ready", "flinkdep/\(resource)",
              "--timeout=\(Self.pending[example] == nil ? 180 : 40)s")
            let job = FlinkJob(instance: instance, namespace: "default", name: resource)
            try await more(self, instance, job)
            try await instance.kubectl("delete", option, path, "--timeout=120s")
            try await job.waitGone()
            report(example, "runs on real Flink")
          } catch {
            if let why = Self.pending[example] {
              report(example, "not yet: \(why)")
            } else {
              Issue.record("\(example): \(error)\n\(instance.logTail)")
            }
            _ = try? await instance.kubectl("delete", option, path, "--timeout=120s")
          }
        }
      }
    }
  }

  /// The manifest with a merge patch on the FlinkDeployment's spec.
  private func changed(_ example: String, _ patch: JSONValue) throws -> String {
    let file = LocalInstance.repository.appendingPathComponent("examples/\(example)")
    return try YAML.parseAll(try String(contentsOf: file, encoding: .utf8)).map { document in
      guard document["kind"] == "FlinkDeployment" else { return YAML.write(document) }
      var document = document
      document["spec"] = (document["spec"] ?? [:]).merging(patch: patch)
      return YAML.write(document)
    }.joined(separator: "---\n")
  }

  /// A line for `make compat`.
  private func report(_ example: String, _ result: String) {
    guard let path = ProcessInfo.processInfo.environment["COMPAT_REPORT"], let file = FileHandle(forWritingAtPath: path)
    else { return }
    file.seekToEndOfFile()
    file.write(Data("example\t\(example)\t\(result)\tExamplesTests.theyDoWhatTheirHeadsSay\n".utf8))
    try? file.close()
  }

  private func jobManagerPods(_ job: FlinkJob) async throws -> Set<String> {
    Set(try await job.pods().filter { $0.metadata.labels["component"] == "jobmanager" }.map(\.metadata.uid))
  }

  private func isLaidOver(_ instance: LocalInstance, _ job: FlinkJob) async throws {
    let parallelism = try await job.parallelism()
    #expect(parallelism == 2)
  }

  private func losesItsJobManager(_ instance: LocalInstance, _ job: FlinkJob) async throws {
    try await job.waitCheckpoint()
    let id = try await job.jobID()
    let before = try await jobManagerPods(job)
    try await instance.kubectl("delete", "pod", "-l", "app=\(job.name),component=jobmanager")
    try await eventually("another JobManager", within: .seconds(60)) {
      let now = try await jobManagerPods(job)
      return !now.isEmpty && now.isDisjoint(with: before)
    }
    try await job.waitRunning()
    #expect(try await job.jobID() == id)
    try await eventually("the job goes on from a checkpoint", within: .seconds(60)) {
      (try? await job.flink("/jobs/\(id)/checkpoints"))?["latest", "restored", "id"]?.intValue != nil
    }
  }

  // covers: spec.job.entryClass, spec.job.jarURI, spec.job.upgradeMode
  private func upgrades(_ instance: LocalInstance, _ job: FlinkJob) async throws {
    try await job.waitCheckpoint()
    try await instance.kubectl(
      "patch", "flinkdep", job.name, "--type=merge", "-p", #"{"spec":{"job":{"parallelism":2}}}"#)
    let status = try await job.waitRunning()["status", "jobStatus"]
    #expect(status?["upgradeSavepointPath"]?.stringValue?.hasPrefix("file:/flink-data/savepoints/") == true)
    #expect(try await job.parallelism() == 2)
  }

  private func scales(_ instance: LocalInstance, _ job: FlinkJob) async throws {
    try await job.waitCheckpoint()
    let before = try await jobManagerPods(job)
    try await instance.kubectl("scale", "flinkdep/\(job.name)", "--replicas=2")
    try await eventually("parallelism 2", within: .seconds(90)) { (try? await job.parallelism()) == 2 }
    guard try await jobManagerPods(job) == before else { throw Unexpected("the JobManager was replaced") }
    try await job.waitRunning()
  }

  private func hasASession(_ instance: LocalInstance, _ job: FlinkJob) async throws {
    try await eventually("two TaskManagers", within: .seconds(60)) {
      (try? await job.flink("/overview"))?["taskmanagers"]?.intValue == 2
    }
    try await instance.kubectl(
      "wait", "--for=condition=Stalled", "flinksessionjob/session-job-example", "--timeout=30s")
  }

  // covers: spec.podTemplate, spec.jobManager.podTemplate, kubernetes.operator.pod-template.merge-arrays-by-name
  private func hasItsPods(_ instance: LocalInstance, _ job: FlinkJob) async throws {
    let pods = try await job.pods()
    #expect(pods.count == 2)
    for pod in pods {
      #expect(pod.metadata.labels["team"] == "streaming")
      let isJobManager = pod.metadata.labels["component"] == "jobmanager"
      #expect(pod.metadata.labels["role"] == (isJobManager ? "coordinator" : nil))
      let containers = pod.json["spec", "containers"]?.arrayValue ?? []
      #expect(containers.count == (isJobManager ? 2 : 1))
      let main = containers.first { $0["name"] == "flink-main-container" }
      #expect(main?["env"]?.arrayValue?.contains(["name": "GREETING", "value": "hello"]) == true)
    }
    let log = try await instance.kubectl("logs", "deployment/\(job.name)", "-c", "log-shipper")
    #expect(log == "prepared\n")
  }

  // covers: spec.ingress, spec.ingress.template
  private func hasItsIngress(_ instance: LocalInstance, _ job: FlinkJob) async throws {
    let ingress = try JSONValue(parsing: try await instance.kubectl("get", "ingress", job.name, "-o", "json"))
    let rule = ingress["spec", "rules"]?.arrayValue?.first
    #expect(rule?["host"] == "ingress-example.default.flink.example.com")
    let backend = rule?["http", "paths"]?.arrayValue?.first?["backend", "service", "name"]
    #expect(backend == "ingress-example-rest")
  }

  private func countsDigits(_ instance: LocalInstance, _ job: FlinkJob) async throws {
    try await eventually("a count of each digit", within: .seconds(300)) {
      let log = try await instance.kubectl("logs", "-l", "app=\(job.name),component=taskmanager", "--tail=-1")
      return (0...9).allSatisfy { log.contains("(\($0),10000)") }
    }
  }

  private func printsTotals(_ instance: LocalInstance, _ job: FlinkJob) async throws {
    try await eventually("a total of a colour and a window", within: .seconds(60)) {
      let log = try await instance.kubectl("logs", "-l", "app=\(job.name),component=taskmanager", "--tail=-1")
      return ["+I[1, ", "+I[2, ", "+I[3, "].allSatisfy { log.contains($0) }
    }
  }

  // covers: spec.logConfiguration
  private func logsItsWay(_ instance: LocalInstance, _ job: FlinkJob) async throws {
    let log = try await instance.kubectl("logs", "deployment/\(job.name)")
    let lines = log.split(separator: "\n").filter { $0.contains(" INFO ") }
    #expect(lines.count > 20 && lines.allSatisfy { $0.hasPrefix("EXAMPLE ") }, "\(log.prefix(1000))")
  }
}
