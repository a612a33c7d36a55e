import InMemoryKubernetes
import KubernetesAPI
import Testing

/// What a node's token may do: only for itself and for the pods that run on it.
@Suite struct NodeRestrictionTests {
  private static let node = APIUser(name: "system:node:one", groups: ["system:nodes", "system:authenticated"])
  private static let pods = "/api/v1/namespaces/default/pods"

  private func prepared() -> TestServer {
    var test = TestServer()
    for name in ["one", "two"] {
      #expect(test.send("POST", "/api/v1/nodes", ["metadata": ["name": .string(name)]]).status == 201)
      #expect(
        test.send("POST", "/api/v1/namespaces/default/secrets", ["metadata": ["name": .string("of-\(name)")]]).status
          == 201)
      let pod: JSONValue = [
        "metadata": ["name": .string("on-\(name)")],
        "spec": [
          "nodeName": .string(name), "containers": [["name": "c", "image": "busybox"]],
          "volumes": [["name": "s", "secret": ["secretName": .string("of-\(name)")]]],
        ],
      ]
      #expect(
        test.send("POST", "/api/v1/namespaces/default/serviceaccounts", ["metadata": ["name": "default"]]).status < 500)
      #expect(test.send("POST", Self.pods, pod).status == 201)
    }
    return test
  }

  private func status(
    _ test: inout TestServer, _ method: String, _ target: String, _ body: JSONValue? = nil,
    type: String = "application/json"
  ) -> Int {
    test.server.handle(
      APIRequest(
        method: method, target: target, headers: [("content-type", type)], identity: .user(Self.node),
        body: body.map { .json($0) } ?? .empty), at: test.now
    ).status
  }

  @Test func aNodeWritesItselfAndItsPodsOnly() {
    var test = prepared()
    let merge = "application/merge-patch+json"
    let phase: JSONValue = ["status": ["phase": "Running"]]
    #expect(status(&test, "PATCH", "/api/v1/nodes/one/status", ["status": [:]], type: merge) == 200)
    #expect(status(&test, "PATCH", "/api/v1/nodes/two/status", ["status": [:]], type: merge) == 403)
    #expect(status(&test, "PATCH", "\(Self.pods)/on-one/status", phase, type: merge) == 200)
    #expect(status(&test, "PATCH", "\(Self.pods)/on-two/status", phase, type: merge) == 403)
    #expect(status(&test, "PATCH", "\(Self.pods)/on-one", ["metadata": ["labels": ["a": "b"]]], type: merge) == 403)
    #expect(status(&test, "DELETE", "\(Self.pods)/on-two?gracePeriodSeconds=0") == 403)
    #expect(status(&test, "DELETE", "\(Self.pods)/on-one?gracePeriodSeconds=0") == 200)
    #expect(status(&test, "DELETE", "/api/v1/nodes/two") == 403)
    let lease: JSONValue = ["metadata": ["name": "one"], "spec": ["holderIdentity": "one"]]
    let leases = "/apis/coordination.k8s.io/v1/namespaces"
    #expect(status(&test, "POST", "\(leases)/kube-node-lease/leases", lease) == 201)
    #expect(status(&test, "POST", "\(leases)/default/leases", lease) == 403)
  }

  @Test func aNodeReadsTheSecretsOfItsPodsOnly() {
    var test = prepared()
    let secrets = "/api/v1/namespaces/default/secrets"
    #expect(status(&test, "GET", "\(secrets)/of-one") == 200)
    #expect(status(&test, "GET", "\(secrets)/of-two") == 403)
    #expect(status(&test, "GET", secrets) == 403)
    #expect(status(&test, "GET", "/apis/apps/v1/deployments") == 403)
  }

  @Test func aNodeGetsTokensForItsPodsOnly() {
    var test = prepared()
    func request(_ pod: String?) -> JSONValue {
      let reference: JSONValue = pod.map { ["kind": "Pod", "apiVersion": "v1", "name": .string($0)] } ?? .null
      return ["spec": ["boundObjectRef": reference]]
    }
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    #expect(status(&test, "POST", path, request("on-one")) == 201)
    #expect(status(&test, "POST", path, request("on-two")) == 403)
    #expect(status(&test, "POST", path, request(nil)) == 403)
  }
}
