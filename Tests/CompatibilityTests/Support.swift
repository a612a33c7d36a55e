import Foundation
import InMemoryKubernetes
import KubernetesAPI
import LocalCluster
import YAML

/// The repository's root.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

func repositoryFile(_ path: String) throws -> String {
  try String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
}

struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The output of `kubectl kustomize`, which `make setup` sees to.
func kustomized(_ folder: String) throws -> [JSONValue] {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["kubectl", "kustomize", repository.appendingPathComponent(folder).path]
  let (output, errors) = (Pipe(), Pipe())
  process.standardOutput = output
  process.standardError = errors
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    throw Failure(String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self))
  }
  return try YAML.parseAll(text)
}

/// An API server in process, to which manifests are applied as `kubectl apply --server-side --validate=strict` does.
struct Server {
  var server = InMemoryAPIServer(options: .init(seed: 1), at: Server.now)
  static let now = Timestamp(epochMilliseconds: 1_790_000_000_000)

  @discardableResult
  mutating func send(_ method: String, _ target: String, _ body: JSONValue? = nil, type: String = "application/json")
    -> APIResponse
  {
    server.handle(
      APIRequest(
        method: method, target: target, headers: [("content-type", type), ("accept", "application/json")],
        body: body.map { .json($0) } ?? .empty), at: Self.now)
  }

  /// - Returns: the answer's message where it is no success.
  mutating func apply(_ object: JSONValue) throws -> String? {
    guard let version = object["apiVersion"]?.stringValue, let kind = object["kind"]?.stringValue,
      let name = object["metadata", "name"]?.stringValue
    else { throw Failure("not an object: \(object.text.prefix(200))") }
    let plurals = [
      "Ingress": "ingresses", "NetworkPolicy": "networkpolicies",
    ]
    let plural = plurals[kind] ?? kind.lowercased() + "s"
    let clusterScoped: Set<String> = [
      "Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "ValidatingWebhookConfiguration",
      "MutatingWebhookConfiguration",
    ]
    let root = version.contains("/") ? "/apis/\(version)" : "/api/\(version)"
    let namespace =
      clusterScoped.contains(kind) ? "" : "/namespaces/\(object["metadata", "namespace"]?.stringValue ?? "default")"
    let answer = send(
      "PATCH", "\(root)\(namespace)/\(plural)/\(name)?fieldManager=kubectl&fieldValidation=Strict", object,
      type: "application/apply-patch+yaml")
    return (200..<300).contains(answer.status)
      ? nil : "\(kind) \(name): \(answer.json?["message"]?.stringValue ?? "\(answer.status)")"
  }

  /// With the definitions of crds/.
  static func withDefinitions() throws -> Server {
    var server = Server()
    for definition in try kustomized("crds") {
      if let problem = try server.apply(definition) { throw Failure(problem) }
    }
    return server
  }
}
