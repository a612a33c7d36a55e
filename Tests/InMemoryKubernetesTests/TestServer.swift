import InMemoryKubernetes
import KubernetesAPI

/// A server with a clock that the test moves.
struct TestServer {
  var server: InMemoryAPIServer
  var now = Timestamp(epochMilliseconds: 1_790_000_000_000)

  init(historyLength: Int = 4096, serviceCIDR: String = "10.96.0.0/16") {
    server = InMemoryAPIServer(
      options: InMemoryAPIServer.Options(serviceCIDR: serviceCIDR, historyLength: historyLength), at: now)
  }

  @discardableResult
  mutating func send(
    _ method: String, _ target: String, _ body: JSONValue? = nil, type: String = "application/json",
    accept: String = "application/json"
  ) -> APIResponse {
    server.handle(
      APIRequest(
        method: method, target: target, headers: [("content-type", type), ("accept", accept)],
        body: body.map { .json($0) } ?? .empty), at: now)
  }

  mutating func merge(_ target: String, _ patch: JSONValue) -> APIResponse {
    send("PATCH", target, patch, type: "application/merge-patch+json")
  }

  mutating func watch(_ target: String) -> WatchID? {
    if case .watch(let id) = send("GET", target).content { id } else { nil }
  }

  mutating func events(_ id: WatchID?, limit: Int = 100) -> [String] {
    guard let id else { return ["no watch"] }
    return server.nextEvents(id, limit: limit, at: now).frames.map {
      "\($0.type) \($0.object["metadata", "name"]?.stringValue ?? "")"
    }
  }
}

func configMap(_ name: String, _ data: JSONValue = ["k": "v"]) -> JSONValue {
  ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name)], "data": data]
}

let configMaps = "/api/v1/namespaces/default/configmaps"
