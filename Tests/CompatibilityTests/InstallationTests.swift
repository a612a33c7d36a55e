import Foundation
import InMemoryKubernetes
import KubernetesAPI
import LocalCluster
import Logging
import Operations
import Testing
import YAML

/// `kubectl apply -k deploy/` as a whole.
@Suite struct InstallationTests {
  private let objects: [JSONValue]

  init() throws { objects = try kustomized("deploy") }

  private func object(_ kind: String, _ name: String) throws -> JSONValue {
    try #require(objects.first { $0["kind"]?.stringValue == kind && $0["metadata", "name"]?.stringValue == name })
  }

  @Test func anAPIServerTakesEveryObject() throws {
    var server = Server()
    // kubectl sends namespaces and definitions first, as kustomize orders them.
    for object in objects { #expect(try server.apply(object) == nil) }
    for plural in ["flinkdeployments", "flinksessionjobs", "flinkstatesnapshots", "flinkbluegreendeployments"] {
      #expect(server.send("GET", "/apis/flink.apache.org/v1beta1/\(plural)").status == 200)
    }
    // Once more: an upgrade by the same command.
    for object in objects { #expect(try server.apply(object) == nil) }
  }

  @Test func accountsAndRolesHaveTheApacheOperatorsNames() throws {
    let accounts = [("ServiceAccount", "flink-operator"), ("ServiceAccount", "flink")]
    let roles = [
      ("ClusterRole", "flink-operator"), ("ClusterRoleBinding", "flink-operator-role-binding"), ("Role", "flink"),
      ("RoleBinding", "flink-role-binding"), ("ConfigMap", "flink-operator-config"),
    ]
    for (kind, name) in accounts + roles { _ = try object(kind, name) }
  }

  @Test func theWebhooksPartsFitTogether() throws {
    let namespace = "flink-operator"
    let place = WebhookPlace(namespace: namespace)
    let service = try object("Service", place.service)
    let secret = try object("Secret", place.secret)
    #expect(service["metadata", "namespace"]?.stringValue == namespace)
    #expect(secret["metadata", "namespace"]?.stringValue == namespace && secret["data"] == nil)
    let deployment = try object("Deployment", "flink-operator")
    let template = deployment["spec", "template"]
    #expect(service["spec", "selector"] == template?["metadata", "labels"])
    let container = try #require(template?["spec", "containers"]?.arrayValue?.first)
    let ports = container["ports"]?.arrayValue ?? []
    let port = ports.first { $0["name"] == service["spec", "ports"]?.arrayValue?.first?["targetPort"] }
    #expect(container["args"]?.arrayValue?.contains("--webhook-address=0.0.0.0:9443") == true)
    #expect(port?["containerPort"] == 9443)
    for (kind, path) in [("ValidatingWebhookConfiguration", "/validate"), ("MutatingWebhookConfiguration", "/mutate")] {
      for webhook in try object(kind, place.configuration)["webhooks"]?.arrayValue ?? [] {
        #expect(webhook["clientConfig", "service", "name"]?.stringValue == place.service)
        #expect(webhook["clientConfig", "service", "namespace"]?.stringValue == namespace)
        #expect(webhook["clientConfig", "service", "path"]?.stringValue == path)
        // An operator that is down must not lock changes out, and none must stand in the way of deletions.
        #expect(webhook["failurePolicy"] == "Ignore")
        for rule in webhook["rules"]?.arrayValue ?? [] { #expect(rule["operations"] == ["CREATE", "UPDATE"]) }
        // Left out, so that GitOps tools see no difference once the operator has filled it in.
        #expect(webhook["clientConfig", "caBundle"] == nil)
      }
    }
    let rules = try objects.filter { ["Role", "ClusterRole"].contains($0["kind"]?.stringValue) }
      .flatMap { try #require($0["rules"]?.arrayValue) }
    func names(_ resource: JSONValue) -> [JSONValue?] {
      rules.filter { $0["resources"]?.arrayValue?.contains(resource) == true }.map { $0["resourceNames"] }
    }
    #expect(names("secrets") == [[.string(place.secret)]])
    #expect(names("validatingwebhookconfigurations") == [[.string(place.configuration)]])
  }

  @Test func theRightsSufficeForTheWebhookAndForNoOtherSecret() async throws {
    var server = Server()
    for object in objects { #expect(try server.apply(object) == nil) }
    let account = "system:serviceaccount:flink-operator:flink-operator"
    let user = APIUser(
      name: account,
      groups: ["system:serviceaccounts", "system:serviceaccounts:flink-operator", "system:authenticated"])
    let shared = SharedAPIServer(server.server, clock: { Server.now })
    let (administrator, gateway) = (SharedAPIGateway(shared), SharedAPIGateway(shared, user: user))
    let place = WebhookPlace(namespace: "flink-operator")
    let keeper = WebhookCertificateKeeper(
      kubernetes: gateway, place: place, now: { Server.now }, logger: Logger(label: "test"))
    try await keeper.refresh()
    let bundle = try #require(keeper.certificate?.bundle)
    for plural in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] {
      let type = ResourceType(
        group: "admissionregistration.k8s.io", version: "v1", plural: plural, kind: "", isNamespaced: false)
      let configuration = try await administrator.get(type, namespace: nil, name: place.configuration).json
      #expect(configuration["webhooks"]?.arrayValue?.first?["clientConfig", "caBundle"]?.stringValue == bundle)
    }
    _ = try await administrator.create(
      .secrets, namespace: "flink-operator", ["metadata": ["name": "other"], "type": "Opaque"])
    for (namespace, name) in [("flink-operator", "other"), ("default", place.secret)] {
      let error = await #expect(throws: KubernetesError.self) {
        try await gateway.get(.secrets, namespace: namespace, name: name)
      }
      #expect(error?.isForbidden == true)
    }
  }

  @Test func whatTheImageIsMadeOfIsInAClone() throws {
    let ignored = try repositoryFile(".gitignore").split(separator: "\n").map(String.init)
    var copied = 0
    for line in try repositoryFile("deploy/Dockerfile").split(separator: "\n") {
      guard line.hasPrefix("COPY "), !line.contains("--from=") else { continue }
      for source in line.split(separator: " ").dropFirst().dropLast() {
        copied += 1
        // A pattern needs one file that is there.
        let path = source.hasSuffix(".*") ? source.dropLast(1) + "swift" : source
        #expect(FileManager.default.fileExists(atPath: repository.appendingPathComponent(String(path)).path), "\(line)")
        #expect(!ignored.contains(String(path)) && !ignored.contains("\(path)/"), "\(line): not in a clone")
      }
    }
    #expect(copied == 5)
  }

  @Test func whatIsNamedInCommandsIsInTheImage() throws {
    // The image's entry point and the Deployment's arguments are one command line.
    let dockerfile = try repositoryFile("deploy/Dockerfile")
    #expect(dockerfile.contains(#"ENTRYPOINT ["/usr/local/bin/flink-operator"]"#))
    #expect(
      dockerfile.contains("/out/usr/local/bin/flink-operator") && dockerfile.contains("COPY --from=build /out/ /"))
    let deployment = try object("Deployment", "flink-operator")
    let container = try #require(deployment["spec", "template", "spec", "containers"]?.arrayValue?.first)
    #expect(container["command"] == nil && container["args"]?.arrayValue?.first == "run")
    let mounted = container["volumeMounts"]?.arrayValue?.first?["mountPath"]?.stringValue ?? ""
    let arguments = (container["args"]?.arrayValue ?? []).compactMap(\.stringValue)
    let map = try object("ConfigMap", "flink-operator-config")
    let config = try #require(arguments.first { $0.hasPrefix("--config=") }?.dropFirst("--config=".count))
    #expect(config.hasPrefix("\(mounted)/"))
    #expect(map["data"]?[String(config.dropFirst(mounted.count + 1))] != nil, "\(config) is no file of the ConfigMap")
    // One image, named once.
    let kustomization = try YAML.parse(try repositoryFile("deploy/operator/kustomization.yaml"))
    let image = try #require(kustomization["images"]?.arrayValue?.first)
    let tag = image["newTag"]?.stringValue ?? ""
    #expect(container["image"]?.stringValue == "\(image["newName"]?.stringValue ?? ""):\(tag)")
  }

  @Test func theOperatorRunsAsTheImageSays() throws {
    let deployment = try object("Deployment", "flink-operator")
    let dockerfile = try repositoryFile("deploy/Dockerfile")
    let user = deployment["spec", "template", "spec", "securityContext", "runAsUser"]?.intValue
    #expect(user == 9999 && dockerfile.contains("USER 9999:9999"))
    #expect(dockerfile.contains("FROM swift:") && dockerfile.contains("--static-swift-stdlib"))
  }
}
