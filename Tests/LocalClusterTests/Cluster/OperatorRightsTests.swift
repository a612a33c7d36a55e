import Foundation
import InMemoryKubernetes
import KubernetesAPI
import KubernetesClient
import Logging
import Testing
import YAML

@testable import LocalCluster

/// The operator of a local cluster has the rights of `deploy/operator/role.yaml` and no others.
@Suite struct OperatorRightsTests {
  private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
  }

  private static func manifests() throws -> [String] {
    try ["namespace.yaml", "service-account.yaml", "role.yaml"].map { try text("deploy/operator/\($0)") }
  }

  private func withOperator(
    _ manifests: [String], _ body: (KubernetesClient, ClusterBed) async throws -> Void
  ) async throws {
    let crds = try Self.text("crds/flinkdeployments.yaml")
    try await ClusterBed.with({
      $0.manifests = [crds]
      $0.operatorManifests = manifests
    }) { bed in
      let configuration = try ClusterConfiguration.load(
        kubeconfigPath: bed.ready.operatorKubeconfigPath, context: nil)
      #expect(configuration.namespace == "flink-operator")
      let client = KubernetesClient(configuration: configuration, logger: Logger(label: "test"))
      do { try await body(client, bed) } catch {
        await client.shutdown()
        throw error
      }
      await client.shutdown()
    }
  }

  private func isForbidden(_ attempt: () async throws(KubernetesError) -> Void) async -> Bool {
    do throws(KubernetesError) {
      try await attempt()
      return false
    } catch {
      return error.isForbidden
    }
  }

  @Test func itHasTheRightsOfItsRoles() async throws {
    try await withOperator(try Self.manifests()) { client, _ in
      let review = try await client.create(
        ResourceType(
          group: "authorization.k8s.io", version: "v1", plural: "selfsubjectrulesreviews",
          kind: "SelfSubjectRulesReview",
          isNamespaced: false), namespace: nil, ["spec": ["namespace": "flink-operator"]])
      func key(_ rule: JSONValue) -> String {
        ["apiGroups", "resources", "verbs", "resourceNames"].map { field in
          (rule[field]?.arrayValue ?? []).compactMap(\.stringValue).joined(separator: ",")
        }.joined(separator: "|")
      }
      let has = Set((review.json["status", "resourceRules"]?.arrayValue ?? []).map(key))
      let documents = try YAML.parseAll(try Self.text("deploy/operator/role.yaml"))
      let wanted = Set(documents.flatMap { $0["rules"]?.arrayValue ?? [] }.map(key))
      // Whoever is known may also ask what they may do.
      let common = has.subtracting(wanted).filter { !$0.hasPrefix("authorization.k8s.io|selfsubject") }
      #expect(wanted.subtracting(has) == [])
      #expect(common.allSatisfy { $0.hasPrefix("authentication.k8s.io|selfsubjectreviews") }, "\(common)")
    }
  }

  @Test func whatNoRuleAllowsIsForbidden() async throws {
    try await withOperator(try Self.manifests()) { client, _ in
      _ = try await client.list(.flinkDeployments, namespace: nil, options: ListOptions())
      #expect(
        await isForbidden { () throws(KubernetesError) in
          _ = try await client.list(.secrets, namespace: nil, options: ListOptions())
        })
      #expect(
        await isForbidden { () throws(KubernetesError) in
          _ = try await client.create(
            .pods, namespace: "default",
            ["metadata": ["name": "p"], "spec": ["containers": [["name": "c", "image": "busybox"]]]])
        })
      #expect(
        await isForbidden { () throws(KubernetesError) in
          _ = try await client.delete(.namespaces, namespace: nil, name: "default", options: DeleteOptions())
        })
      #expect(
        await isForbidden { () throws(KubernetesError) in
          _ = try await client.create(.serviceAccounts, namespace: "default", ["metadata": ["name": "mine"]])
        })
      #expect(
        await isForbidden { () throws(KubernetesError) in
          _ = try await client.list(.leases, namespace: "default", options: ListOptions())
        })
      _ = try await client.list(.leases, namespace: "flink-operator", options: ListOptions())
    }
  }

  /// A rule that is taken out of the manifests is a right that is missed: there is no other way to it.
  @Test(arguments: ["flinkdeployments]", "deployments]", "configmaps, services]", "pods]", "events]", "leases]"])
  func aMissingRuleIsMissed(_ resources: String) async throws {
    let whole = try Self.manifests()
    let less = whole.map { $0.replacing("resources: [\(resources)", with: "resources: [nothing]") }
    try #require(less != whole)
    let plural = String(resources.prefix { $0 != "]" && $0 != "," })
    let type = [ResourceType.flinkDeployments, .deployments, .configMaps, .pods, .events, .leases].first {
      $0.plural == plural
    }
    let asked = try #require(type)
    try await withOperator(less) { client, _ in
      #expect(
        await isForbidden { () throws(KubernetesError) in
          _ = try await client.list(asked, namespace: "flink-operator", options: ListOptions())
        })
    }
  }
}
