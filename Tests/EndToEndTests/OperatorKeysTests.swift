import Foundation
import KubernetesAPI
import Testing

/// Keys of the operator's own configuration that do what options of `run` do.
@Suite struct OperatorKeysTests {
  private static let port = 29085

  // covers: kubernetes.operator.leader-election.enabled, kubernetes.operator.leader-election.lease-name
  // covers: kubernetes.operator.health.probe.enabled, kubernetes.operator.health.probe.port
  // covers: kubernetes.operator.startup.stop-on-informer-error, kubernetes.operator.label.selector
  @Test(.timeLimit(.minutes(3))) func keysStandForOptions() async throws {
    try await LocalInstance.with(extraArguments: ["--no-operator", "--no-agent"]) { instance in
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keys-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let keys = """
        kubernetes.operator.leader-election.enabled: true
        kubernetes.operator.leader-election.lease-name: as-configured
        kubernetes.operator.leader-election.lease-duration: 7 s
        kubernetes.operator.leader-election.renew-deadline: 4 s
        kubernetes.operator.leader-election.retry-period: 1 s
        kubernetes.operator.health.probe.port: \(Self.port)
        kubernetes.operator.label.selector: watched=yes

        """
      try keys.write(to: folder.appendingPathComponent("flink-conf.yaml"), atomically: true, encoding: .utf8)
      let spec: JSONValue = ["job": ["state": "suspended"]]
      let watched = try await FlinkJob.apply("watched", in: "default", of: instance, spec: spec)
      let other = try await FlinkJob.apply("other", in: "default", of: instance, spec: spec)
      try await instance.kubectl("label", "flinkdep", "watched", "watched=yes")
      let first = try start(instance, configuration: folder.path)
      defer { first.terminate() }
      try await eventually("the lease of the configuration", within: .seconds(30)) {
        let lease = try await instance.kubectl(
          "get", "lease", "-A", "-o",
          "jsonpath={range .items[*]}{.metadata.name} {.spec.leaseDurationSeconds}{\"\\n\"}{end}")
        return lease.contains("as-configured 7")
      }
      try await eventually("an answer on the port of the configuration", within: .seconds(30)) {
        await Self.isServing()
      }
      try await watched.wait(for: "what has the label is watched") {
        $0.condition("Ready")?["reason"] == "Suspended"
      }
      #expect(try await other.read()["status"] == nil)
      try await end(first)

      // Without probes, and without FlinkDeployments to list.
      try "kubernetes.operator.health.probe.enabled: false\n"
        .write(to: folder.appendingPathComponent("flink-conf.yaml"), atomically: true, encoding: .utf8)
      let second = try start(instance, configuration: folder.path)
      defer { second.terminate() }
      try await other.wait(for: "everything is watched") { $0.condition("Ready")?["reason"] == "Suspended" }
      #expect(await !Self.isServing())
      try await end(second)
      for name in ["watched", "other"] {
        try await instance.kubectl(
          "patch", "flinkdep", name, "--type=merge", "-p", #"{"metadata":{"finalizers":null}}"#)
      }
      try await instance.kubectl("delete", "crd", "flinkdeployments.flink.apache.org", "--timeout=60s")
      let third = try start(instance, configuration: folder.path)
      defer { third.terminate() }
      try await eventually("the end of an operator that has nothing to do", within: .seconds(30)) { !third.isRunning }
      #expect(third.terminationStatus != 0)
      try
        "kubernetes.operator.startup.stop-on-informer-error: false\nkubernetes.operator.health.probe.port: \(Self.port)\n"
        .write(to: folder.appendingPathComponent("flink-conf.yaml"), atomically: true, encoding: .utf8)
      let fourth = try start(instance, configuration: folder.path)
      defer { fourth.terminate() }
      try await eventually("one that waits for its definition", within: .seconds(30)) { await Self.isServing() }
      #expect(fourth.isRunning)
      try await end(fourth)
    }
  }

  // covers: kubernetes.operator.dynamic.config.enabled, kubernetes.operator.dynamic.namespaces.enabled
  // covers: kubernetes.operator.ingress.manage
  @Test(.timeLimit(.minutes(3))) func whatIsNotToBeFollowedIsNot() async throws {
    try await LocalInstance.with(extraArguments: ["--no-operator", "--no-agent"]) { instance in
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keys-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      func write(_ keys: String) throws {
        try "kubernetes.operator.health.probe.enabled: false\n\(keys)\n"
          .write(to: folder.appendingPathComponent("flink-conf.yaml"), atomically: true, encoding: .utf8)
      }
      let spec: JSONValue = [
        "job": ["state": "suspended"], "ingress": ["template": "{{name}}.example.com"],
        "flinkConfiguration": ["taskmanager.numberOfTaskSlots": .null],
      ]
      try await instance.kubectl("create", "namespace", "second")

      // Namespaces are not followed, the rest is.
      try write(
        "kubernetes.operator.watched.namespaces: default\nkubernetes.operator.dynamic.namespaces.enabled: false\n"
          + "kubernetes.operator.ingress.manage: false\ntaskmanager.numberOfTaskSlots: 1")
      let first = try start(instance, configuration: folder.path)
      defer { first.terminate() }
      let watched = try await FlinkJob.apply("watched", in: "default", of: instance, spec: spec)
      let other = try await FlinkJob.apply("other", in: "second", of: instance, spec: spec)
      try await watched.wait(for: "it is watched") { $0.condition("Ready")?["reason"] == "Suspended" }
      let shown = try await FlinkJob.apply(
        "shown", in: "default", of: instance, spec: spec.merging(patch: ["job": ["state": "running"]]))
      try await eventually("it is said that Ingresses are not managed", within: .seconds(30)) {
        try await instance.kubectl("get", "events").contains("kubernetes.operator.ingress.manage is false")
      }
      let ingresses = try await instance.kubectl("get", "ingresses", "-A", "-o", "name")
      #expect(ingresses.isEmpty, "an Ingress although they are not to be managed: \(ingresses)")
      try write(
        "kubernetes.operator.watched.namespaces: default,second\nkubernetes.operator.dynamic.namespaces.enabled: false\n"
          + "kubernetes.operator.ingress.manage: false\ntaskmanager.numberOfTaskSlots: none")
      try await watched.wait(for: "the changed default is taken over") {
        $0.condition("Stalled")?["reason"] == "InvalidSpec"
      }
      #expect(try await other.read()["status"] == nil)
      try await end(first)

      // Nothing is followed.
      try write("kubernetes.operator.dynamic.config.enabled: false\ntaskmanager.numberOfTaskSlots: 1")
      let second = try start(instance, configuration: folder.path)
      defer { second.terminate() }
      try await other.wait(for: "it is watched now") { $0.condition("Ready")?["reason"] == "Suspended" }
      try await eventually("its Ingress, which is managed now", within: .seconds(30)) {
        try await instance.kubectl("get", "ingresses", "-o", "name").contains("ingress.networking.k8s.io/\(shown.name)")
      }
      try write("kubernetes.operator.dynamic.config.enabled: false\ntaskmanager.numberOfTaskSlots: none")
      // Each takes its time, in which a change that is followed would have been read.
      for name in ["a", "b", "c", "d", "e"] {
        let late = try await FlinkJob.apply(name, in: "default", of: instance, spec: spec)
        let verdict = try await late.wait(for: "a verdict") {
          ["Suspended", "InvalidSpec"].contains($0.condition("Ready")?["reason"])
        }
        #expect(verdict.condition("Ready")?["reason"] == "Suspended")
      }
      try await end(second)
    }
  }

  private static func isServing() async -> Bool {
    let text = try? await runTool("curl", ["-fsS", "-o", "/dev/null", "http://127.0.0.1:\(port)/healthz"])
    return text != nil
  }

  private func end(_ process: Process) async throws {
    process.terminate()
    try await eventually("the operator ends", within: .seconds(30)) { !process.isRunning }
  }

  private func start(_ instance: LocalInstance, configuration: String) throws -> Process {
    let process = Process()
    process.executableURL = LocalInstance.binary
    process.arguments = ["run", "--kubeconfig", instance.kubeconfig, "--config", configuration]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }
}
