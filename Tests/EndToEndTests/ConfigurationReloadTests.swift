import Foundation
import KubernetesAPI
import Testing
import YAML

/// The operator's own configuration, in the places where the Apache operator has it, is followed while it runs.
// covers: kubernetes.operator.watched.namespaces
@Suite struct ConfigurationReloadTests {
  @Test(.timeLimit(.minutes(3))) func changedFilesAndNamespacesAreFollowed() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("flink-conf-\(UUID().uuidString)")
    for name in ["base", "override"] {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
    }
    func write(_ text: String, to name: String) throws {
      try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }
    try write(
      "kubernetes.operator.watched.namespaces: first\ntaskmanager.numberOfTaskSlots: 0\n", to: "base/flink-conf.yaml")
    try write("taskmanager:\n  numberOfTaskSlots: 2\n", to: "override/config.yaml")
    let instance = try await LocalInstance.start(
      extraArguments: ["--no-agent"],
      environment: [
        "FLINK_CONF_DIR": folder.appendingPathComponent("base").path,
        "CONF_OVERRIDE_DIR": folder.appendingPathComponent("override").path,
      ])
    do {
      for namespace in ["first", "second"] { try await instance.kubectl("create", "namespace", namespace) }
      let spec: JSONValue = [
        "job": ["state": "suspended"], "flinkConfiguration": ["taskmanager.numberOfTaskSlots": .null],
      ]
      let first = try await FlinkJob.apply("watched", in: "first", of: instance, spec: spec)
      let second = try await FlinkJob.apply("unwatched", in: "second", of: instance, spec: spec)
      try await first.wait(for: "Ready by the override's slots") { $0.condition("Ready")?["reason"] == "Suspended" }
      #expect(try await second.read()["status"] == nil)

      // What cannot be read is not taken over.
      try write("kubernetes.operator.reconcile.interval: soon\n", to: "base/flink-conf.yaml")
      try await eventually("the bad value is named\n\(instance.logTail)", within: .seconds(20)) {
        instance.logTail.contains("reconcile.interval")
      }
      try write("kubernetes.operator.watched.namespaces: second,first\n", to: "base/flink-conf.yaml")
      try await second.wait(for: "a status, once its namespace is watched", within: .seconds(20)) {
        $0.condition("Ready")?["reason"] == "Suspended"
      }
      // Defaults lie under what resources say themselves: they are judged again.
      try write("taskmanager:\n  numberOfTaskSlots: none\n", to: "override/config.yaml")
      for job in [first, second] {
        try await job.wait(for: "InvalidSpec by a default", within: .seconds(20)) {
          $0.condition("Stalled")?["reason"] == "InvalidSpec"
        }
      }
    } catch {
      _ = try? await instance.stop()
      throw error
    }
    #expect(try await instance.stop() == 0)
    try instance.removeScratch()
    try FileManager.default.removeItem(at: folder)
  }
}
