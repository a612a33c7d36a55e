import Foundation
import KubernetesAPI
import KubernetesClient
import Testing
import YAML

/// One FlinkDeployment of a test: applies changes, reads its status, asks its JobManager.
struct FlinkJob: Sendable {
  let instance: LocalInstance
  let namespace: String
  let name: String

  /// `examples/01-basic.yaml` under another name, changed by a merge patch on its spec.
  static func manifest(name: String, spec patch: JSONValue = [:]) throws -> JSONValue {
    let file = LocalInstance.repository.appendingPathComponent("examples/01-basic.yaml")
    let documents = try YAML.parseAll(try String(contentsOf: file, encoding: .utf8))
    var manifest = try #require(documents.first { $0["kind"]?.stringValue == "FlinkDeployment" })
    manifest.set(.string(name), at: ["metadata", "name"])
    manifest["spec"] = (manifest["spec"] ?? [:]).merging(patch: patch)
    return manifest
  }

  static func apply(
    _ name: String, in namespace: String, of instance: LocalInstance, spec: JSONValue = [:]
  ) async throws -> FlinkJob {
    try await instance.kubectl(
      "apply", "-n", namespace, "-f", "-", input: YAML.write(try manifest(name: name, spec: spec)))
    return FlinkJob(instance: instance, namespace: namespace, name: name)
  }

  func patch(spec: JSONValue) async throws {
    _ = try await instance.client.patch(
      .flinkDeployments, namespace: namespace, name: name, .merge(["spec": spec]))
  }

  func read() async throws -> JSONValue {
    try await instance.client.get(.flinkDeployments, namespace: namespace, name: name).json
  }

  /// Awaits a state of the resource; a failure shows the last status seen and the operator's last lines.
  @discardableResult
  func wait(
    for what: String, within limit: Duration = .seconds(180), _ condition: (JSONValue) -> Bool
  ) async throws -> JSONValue {
    var last: JSONValue = .null
    try await eventually(
      "\(namespace)/\(name): \(what); status \(last["status"]?.text ?? "none")\n\(instance.logTail)", within: limit
    ) {
      last = try await read()
      return condition(last)
    }
    return last
  }

  /// RUNNING and STABLE as of the newest generation.
  @discardableResult
  func waitRunning() async throws -> JSONValue {
    try await wait(for: "RUNNING and STABLE") { object in
      object["status", "jobStatus", "state"]?.stringValue == "RUNNING"
        && object["status", "lifecycleState"]?.stringValue == "STABLE"
        && object["status", "observedGeneration"]?.intValue == object["metadata", "generation"]?.intValue
        && object.condition("Ready")?["status"]?.stringValue == "True"
    }
  }

  func waitGone() async throws {
    try await eventually("\(namespace)/\(name) is gone\n\(instance.logTail)", within: .seconds(120)) {
      do {
        _ = try await read()
        return false
      } catch let error as KubernetesError where error.isNotFound {
        return true
      }
    }
  }

  /// A GET on the JobManager's REST interface through its service.
  func flink(_ path: String) async throws -> JSONValue {
    let service = try await instance.client.get(.services, namespace: namespace, name: "\(name)-rest").json
    let address = try #require(service["spec", "clusterIP"]?.stringValue)
    let text = try await runTool("curl", ["-sS", "--max-time", "10", "http://\(address):8081\(path)"])
    return try JSONValue(parsing: text)
  }

  func jobID() async throws -> String {
    try #require(try await read()["status", "jobStatus", "jobId"]?.stringValue)
  }

  /// Awaits a completed checkpoint of the job that runs now and gives its number.
  @discardableResult
  func waitCheckpoint() async throws -> Int64 {
    let job = try await jobID()
    var found: Int64?
    try await eventually("\(name) completes a checkpoint", within: .seconds(90)) {
      found = try? await flink("/jobs/\(job)/checkpoints")["latest", "completed", "id"]?.intValue
      return found != nil
    }
    return try #require(found)
  }

  func parallelism() async throws -> Int64 {
    let job = try await jobID()
    let vertices = try await flink("/jobs/\(job)")["vertices"]?.arrayValue ?? []
    return vertices.compactMap { $0["parallelism"]?.intValue }.max() ?? 0
  }

  func pods() async throws -> [KubernetesObject] {
    try await instance.client.listAll(.pods, namespace: namespace, labelSelector: "app=\(name)").items
  }

  func events() async throws -> [JSONValue] {
    try await instance.client.listAll(.events, namespace: namespace).items.map(\.json)
      .filter { $0["involvedObject", "name"]?.stringValue == name }
  }
}

extension JSONValue {
  /// A condition of a FlinkDeployment's status by its type.
  func condition(_ type: String) -> JSONValue? {
    self["status", "conditions"]?.arrayValue?.first { $0["type"]?.stringValue == type }
  }
}
