import KubernetesAPI
import Testing
import YAML

/// The manifests under deploy/.
@Suite struct InstallationTests {
  private func objects(_ path: String, kind: String) throws -> [JSONValue] {
    try YAML.parseAll(try repositoryFile("deploy/\(path)")).filter { $0["kind"]?.stringValue == kind }
  }

  private func rules(_ path: String, kind: String) throws -> [(resources: Set<String>, verbs: Set<String>)] {
    try objects(path, kind: kind).flatMap { $0["rules"]?.arrayValue ?? [] }.map { rule in
      func words(_ key: String) -> Set<String> { Set((rule[key]?.arrayValue ?? []).compactMap(\.stringValue)) }
      return (words("resources"), words("verbs"))
    }
  }

  @Test func rightsAreNoWiderThanNeeded() throws {
    let rules = try rules("operator/role.yaml", kind: "ClusterRole") + rules("jobs/service-account.yaml", kind: "Role")
    #expect(rules.count > 8)
    for (resources, verbs) in rules {
      #expect(!verbs.contains("*") && !resources.contains("*"))
      #expect(resources.isDisjoint(with: ["secrets", "pods/exec", "nodes", "serviceaccounts", "roles"]))
      #expect(verbs.isDisjoint(with: ["escalate", "bind", "impersonate", "deletecollection"]))
    }
  }

  @Test func ofSecretsOnlyTheWebhooksOwnIsSeen() throws {
    for kind in ["ClusterRole", "Role"] {
      for rule in try objects("operator/role.yaml", kind: kind).flatMap({ $0["rules"]?.arrayValue ?? [] }) {
        let resources = (rule["resources"]?.arrayValue ?? []).compactMap(\.stringValue)
        if resources.contains("secrets") {
          #expect(kind == "Role" && rule["resourceNames"] == ["flink-operator-webhook-certificate"])
          #expect(rule["verbs"] == ["get", "patch"])
        }
        if resources.contains(where: { $0.hasSuffix("webhookconfigurations") }) {
          #expect(rule["resourceNames"]?.arrayValue?.count == 1 && rule["verbs"] == ["get", "patch"])
        }
      }
    }
  }

  @Test func whatTheOperatorMakesItMayMake() throws {
    let rules = try rules("operator/role.yaml", kind: "ClusterRole")
    func allows(_ resource: String, _ verbs: Set<String>) -> Bool {
      rules.contains { $0.resources.contains(resource) && verbs.isSubset(of: $0.verbs) }
    }
    for resource in ["configmaps", "services", "deployments", "ingresses"] {
      #expect(allows(resource, ["get", "list", "watch", "create", "patch", "delete"]), "\(resource)")
    }
    #expect(allows("flinkdeployments/status", ["patch"]))
    #expect(allows("flinkdeployments", ["list", "watch", "patch"]))
    #expect(allows("deployments/scale", ["patch"]))
    #expect(allows("pods", ["list", "watch"]))
    #expect(allows("events", ["create", "patch", "list"]))
    for kind in ["flinksessionjobs", "flinkstatesnapshots", "flinkbluegreendeployments"] {
      #expect(allows(kind, ["list", "watch"]) && allows("\(kind)/status", ["patch"]), "\(kind)")
    }
  }

  @Test func theOperatorRunsUnderTheRestrictedProfile() throws {
    let pod = try #require(
      try objects("operator/deployment.yaml", kind: "Deployment").first?["spec", "template", "spec"])
    #expect(pod["securityContext", "runAsNonRoot"] == true)
    #expect(pod["securityContext", "seccompProfile", "type"] == "RuntimeDefault")
    for container in pod["containers"]?.arrayValue ?? [] {
      let security = container["securityContext"]
      #expect(security?["allowPrivilegeEscalation"] == false)
      #expect(security?["readOnlyRootFilesystem"] == true)
      #expect(security?["capabilities", "drop"] == ["ALL"])
      #expect(container["livenessProbe"] != nil && container["readinessProbe"] != nil)
    }
  }
}
