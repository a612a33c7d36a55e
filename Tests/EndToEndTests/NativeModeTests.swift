import Foundation
import KubernetesAPI
import Testing
import YAML

/// Native mode with real Flink: the JobManager makes its TaskManagers itself, and what it made goes with it.
@Suite(.serialized) struct NativeModeTests {
  @Test(.timeLimit(.minutes(10)), arguments: ["1.20", "2.2"])
  func aJobKeepsItsStateAndItsTaskManagersFollow(version: String) async throws {
    let data = try DataFolder()
    let instance = try await LocalInstance.start()
    do {
      try await deployUpgradeDelete(instance, data, version)
    } catch {
      _ = try? await instance.stop()
      throw error
    }
    #expect(try await instance.stop() == 0)
    try instance.removeScratch()
    try data.remove()
  }

  private func deployUpgradeDelete(_ instance: LocalInstance, _ data: DataFolder, _ version: String) async throws {
    let job = try await data.applyNative("native", version: version, in: "default", of: instance)
    let first = try await job.waitRunning()
    #expect(first["status", "taskManager", "replicas"] == 1)
    try await data.waitForMore(than: 30)

    let deployments = try await instance.client.listAll(.deployments, namespace: "default").items
    #expect(deployments.map(\.metadata.name) == ["native"], "the operator makes no Deployment of TaskManagers")
    let before = try await job.taskManagers()
    #expect(before.map(\.metadata.name) == ["native-taskmanager-1-1"])
    #expect(before.first?.metadata.ownerReferences.map(\.uid) == deployments.map(\.metadata.uid))
    #expect(
      before.first?.metadata.labels["flavour"] == "vanilla", "the pod template of TaskManagers reaches the JobManager")

    // A TaskManager that is lost is the JobManager's to replace; the operator writes nothing.
    try await instance.kubectl("delete", "pod", "native-taskmanager-1-1", "--grace-period=0", "--force")
    try await eventually("another TaskManager\n\(instance.logTail)", within: .seconds(120)) {
      try await job.taskManagers().contains { $0.metadata.name != "native-taskmanager-1-1" }
    }
    try await job.waitRunning()
    try await data.waitForMore(than: try data.partFiles().sequence.count + 30)

    // Two slots a TaskManager: three tasks need another one.
    try await job.patch(spec: ["job": ["parallelism": 3]])
    let second = try await job.waitRunning()
    let path = try #require(second["status", "jobStatus", "upgradeSavepointPath"]?.stringValue)
    #expect(try await job.restoredPath() == path)
    #expect(try await job.parallelism() == 3)
    #expect(second["status", "taskManager", "replicas"] == 2)
    #expect(try await job.taskManagers().count == 2)
    #expect(try await job.pods().allSatisfy { pod in !before.contains { $0.metadata.uid == pod.metadata.uid } })
    try await data.waitForMore(than: try data.partFiles().sequence.count + 30)
    #expect(try data.partFiles().repeated == [])

    try await job.patch(spec: ["job": ["state": "suspended"]])
    try await job.waitSuspended()
    #expect(try await job.pods().isEmpty)
    #expect(try data.partFiles().missing == [])

    try await job.patch(spec: ["job": ["state": "running"]])
    try await job.waitRunning()
    try await instance.kubectl("delete", "flinkdeployment", "native", "--wait=true", "--timeout=120s")
    try await eventually("nothing is left of it", within: .seconds(60)) {
      let pods = try await job.pods()
      let maps = try await instance.client.listAll(.configMaps, namespace: "default", labelSelector: "app=native")
      return pods.isEmpty && maps.items.isEmpty
    }
    #expect(try data.hasSavepoint(path), "deleting the resource leaves its savepoints")
  }

  /// With high availability in Kubernetes the state outlives the JobManager, and the TaskManagers it left behind are
  /// taken up or replaced.
  @Test(.timeLimit(.minutes(10)), arguments: FlinkUnderTest.all)
  func theStateOutlivesTheJobManager(flink: FlinkUnderTest) async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      var spec = HighAvailabilityTests.spec
      spec["mode"] = "native"
      let job = try await data.apply("lasting", in: "default", of: instance, flink: flink, spec: spec)
      try await job.waitRunning()
      try await data.waitForMore(than: 30)
      #expect(try await instance.client.listAll(.deployments, namespace: "default").items.count == 1)

      try await job.afterLosing("the JobManager's pod", data) {
        let pod = try await job.jobManagerPod()
        try await instance.kubectl("delete", "pod", pod.metadata.name, "--wait=false")
      }
      try await job.afterLosing("the JobManager's Deployment", data, isNext: true) {
        try await instance.kubectl("delete", "deployment", "lasting", "--wait=false")
      }

      try await job.patch(spec: ["job": ["parallelism": 2]])
      try await job.waitRunning()
      #expect(try await job.parallelism() == 2)
      #expect(try await job.restoredPath()?.contains("/chk-") == true)
      try await data.waitForMore(than: try data.partFiles().sequence.count + 30)
      #expect(try data.partFiles().repeated == [])

      try await instance.kubectl("delete", "flinkdeployment", "lasting", "--wait=true", "--timeout=120s")
      try await eventually("nothing is left of it", within: .seconds(60)) {
        let maps = try await instance.client.listAll(.configMaps, namespace: "default", labelSelector: "app=lasting")
        return try await job.pods().isEmpty && maps.items.isEmpty
      }
    }
    try data.remove()
  }
}

extension DataFolder {
  /// `examples/03-savepoint-upgrade.yaml` in native mode, with its files in this folder.
  func applyNative(
    _ name: String, version: String, in namespace: String, of instance: LocalInstance,
    configuration: [String: String] = [:]
  ) async throws -> FlinkJob {
    let file = LocalInstance.repository.appendingPathComponent("examples/03-savepoint-upgrade.yaml")
    var manifest = try YAML.parse(try String(contentsOf: file, encoding: .utf8))
    manifest.set(.string(name), at: ["metadata", "name"])
    let volumes: JSONValue = .array([["name": "flink-data", "hostPath": ["path": .string(folder.path)]]])
    manifest["spec"] = (manifest["spec"] ?? [:]).merging(patch: [
      "mode": "native", "image": .string("flink:\(version)"),
      "flinkVersion": .string("v" + version.replacingOccurrences(of: ".", with: "_")),
      "podTemplate": ["spec": ["volumes": volumes]],
      "taskManager": ["podTemplate": ["metadata": ["labels": ["flavour": "vanilla"]]]],
      "flinkConfiguration": JSONValue(["execution.checkpointing.interval": "1s"].merging(configuration) { $1 }),
      "job": ["args": arguments(rate: 60)],
    ])
    try await instance.kubectl("apply", "-n", namespace, "-f", "-", input: YAML.write(manifest))
    return FlinkJob(instance: instance, namespace: namespace, name: name)
  }
}

extension FlinkJob {
  /// Its TaskManagers' pods that have not ended and are not to go.
  func taskManagers() async throws -> [KubernetesObject] {
    try await pods().filter {
      $0.metadata.labels["component"] == "taskmanager" && !$0.metadata.isBeingDeleted
        && !["Failed", "Succeeded"].contains($0.json["status", "phase"]?.stringValue ?? "")
    }.sorted { $0.metadata.name < $1.metadata.name }
  }
}
