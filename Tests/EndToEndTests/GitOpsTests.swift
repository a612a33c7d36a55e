import Foundation
import KubernetesAPI
import Testing
import YAML

/// What tools that apply manifests again and again see: no difference, neither in the definitions nor in resources that
/// the operator has acted upon.
@Suite struct GitOpsTests {
  private static func path(_ name: String) -> String { LocalInstance.repository.appendingPathComponent(name).path }

  /// The examples of FlinkDeployments, files first.
  private static let examples = [
    "01-basic.yaml", "02-checkpoint-ha.yaml", "03-savepoint-upgrade.yaml", "04-reactive.yaml",
    "05-session-cluster.yaml",
    "06-pod-template.yaml", "07-ingress.yaml", "08-custom-logging.yaml", "09-python.yaml", "10-sql.yaml",
    "11-kustomize-overlay/staging",
  ]

  private func option(_ example: String) -> String { example.hasSuffix(".yaml") ? "-f" : "-k" }

  @Test(.timeLimit(.minutes(5))) func whatTheOperatorDoesIsNoDrift() async throws {
    try await LocalInstance.with(extraArguments: ["--no-agent"]) { instance in
      for example in Self.examples {
        try await instance.kubectl(
          "apply", "--server-side", "--field-manager=gitops", option(example), Self.path("examples/\(example)"))
      }
      let names = try await instance.kubectl("get", "flinkdep", "-o", "name").split(separator: "\n")
      #expect(names.count == Self.examples.count)
      try await eventually("each has its JobManager's Deployment\n\(instance.logTail)", within: .seconds(60)) {
        let deployments = try await instance.kubectl("get", "deployments", "-o", "name")
        return names.allSatisfy { deployments.contains("/\($0.split(separator: "/").last ?? "")\n") }
      }
      for example in Self.examples {
        let path = Self.path("examples/\(example)")
        let difference = try await instance.kubectl(
          "diff", "--server-side", "--field-manager=gitops", option(example), path)
        #expect(difference.isEmpty, "\(example): \(difference)")
        // No conflict either: the operator owns nothing of what is applied.
        try await instance.kubectl(
          "apply", "--server-side", "--field-manager=gitops", option(example), path)
      }
    }
  }

  /// By the documented command, on a cluster that has none of them and on one that has.
  @Test(.timeLimit(.minutes(3))) func definitionsAreInstalledAndUpgradedByOneCommand() async throws {
    let none = FileManager.default.temporaryDirectory.appendingPathComponent("no-crds-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: none, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: none) }
    try await LocalInstance.with(extraArguments: ["--no-agent", "--no-operator", "--crds", none.path]) { instance in
      func apply(_ more: String...) async throws -> [Substring] {
        try await runTool(
          "kubectl", ["--kubeconfig", instance.kubeconfig, "apply", "-k", Self.path("crds")] + more
        ).split(separator: "\n")
      }
      let created = try await apply()
      #expect(created.count == 4 && created.allSatisfy { $0.hasSuffix(" created") }, "\(created)")
      try await instance.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
      let again = try await apply()
      #expect(again.count == 4 && again.allSatisfy { $0.hasSuffix(" unchanged") }, "\(again)")
      // Kubernetes refuses more in all annotations of an object together.
      for name in created.compactMap({ $0.split(separator: " ").first }) {
        let size = try await instance.kubectl(
          "get", String(name), "-o",
          "jsonpath={.metadata.annotations.kubectl\\.kubernetes\\.io/last-applied-configuration}")
        #expect(size.utf8.count > 1_000 && size.utf8.count < 262_144, "\(name): \(size.utf8.count)")
      }
      // An older definition, without what came later.
      try await instance.kubectl(
        "patch", "crd", "flinkdeployments.flink.apache.org", "--type=json", "-p",
        #"[{"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/restorePoint"}]"#
      )
      let upgraded = try await apply()
      #expect(upgraded.filter { $0.hasSuffix(" configured") }.count == 1, "\(upgraded)")
      #expect(try await apply().allSatisfy { $0.hasSuffix(" unchanged") })
      let applied = try await apply("--server-side", "--force-conflicts")
      #expect(applied.count == 4 && applied.allSatisfy { $0.hasSuffix(" serverside-applied") }, "\(applied)")
      #expect(try await instance.kubectl("diff", "-k", Self.path("crds")).isEmpty)
    }
  }
}
