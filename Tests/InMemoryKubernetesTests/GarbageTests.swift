import InMemoryKubernetes
import KubernetesAPI
import Testing

@Suite struct GarbageTests {
  private func owned(_ name: String, by owner: JSONValue?, blocking: Bool = false) -> JSONValue {
    var object = configMap(name)
    object.set(
      [
        [
          "apiVersion": "v1", "kind": "ConfigMap", "name": owner?["metadata", "name"] ?? "",
          "uid": owner?["metadata", "uid"] ?? "", "blockOwnerDeletion": .bool(blocking),
        ]
      ], at: ["metadata", "ownerReferences"])
    return object
  }

  @Test func aChainOfDependentsGoesInTheBackground() {
    var test = TestServer()
    let owner = test.send("POST", configMaps, configMap("owner")).json
    let child = test.send("POST", configMaps, owned("child", by: owner)).json
    test.send("POST", configMaps, owned("grandchild", by: child))
    test.send("DELETE", "\(configMaps)/owner")
    #expect(test.send("GET", "\(configMaps)/child").status == 200)
    test.server.settle(at: test.now)
    #expect(test.send("GET", "\(configMaps)/child").status == 404)
    #expect(test.send("GET", "\(configMaps)/grandchild").status == 404)
    #expect(test.server.collectGarbage(at: test.now) == false)
  }

  @Test func oneLivingOwnerKeepsADependentAndTheDeadReferenceGoes() {
    var test = TestServer()
    let first = test.send("POST", configMaps, configMap("first")).json
    let second = test.send("POST", configMaps, configMap("second")).json
    var child = owned("child", by: first)
    let references =
      (child["metadata", "ownerReferences"]?.arrayValue ?? [])
      + (owned("x", by: second)["metadata", "ownerReferences"]?.arrayValue ?? [])
    child.set(.array(references), at: ["metadata", "ownerReferences"])
    test.send("POST", configMaps, child)
    test.send("DELETE", "\(configMaps)/first")
    test.server.settle(at: test.now)
    let left = test.send("GET", "\(configMaps)/child").json?["metadata", "ownerReferences"]?.arrayValue
    #expect(left?.map { $0["name"] } == ["second"])
  }

  @Test func aPodWithANodeHoldsItsForegroundDeletedOwner() {
    var test = TestServer()
    let owner = test.send("POST", configMaps, configMap("owner")).json
    var pod = owned("pod", by: owner, blocking: true)
    pod["apiVersion"] = "v1"
    pod["kind"] = "Pod"
    pod["data"] = nil
    pod["spec"] = ["nodeName": "n", "containers": [["name": "c", "image": "i"]]]
    let pods = "/api/v1/namespaces/default/pods"
    #expect(test.send("POST", pods, pod).status == 201)
    test.send("DELETE", "\(configMaps)/owner?propagationPolicy=Foreground")
    test.server.settle(at: test.now)
    #expect(test.send("GET", "\(configMaps)/owner").status == 200)
    #expect(test.send("GET", "\(pods)/pod").json?["metadata", "deletionGracePeriodSeconds"] == 30)
    test.send("DELETE", "\(pods)/pod?gracePeriodSeconds=0")
    test.server.settle(at: test.now)
    #expect(test.send("GET", "\(configMaps)/owner").status == 404)
  }

  @Test func aDeletedNamespaceIsEmptiedAndGoes() {
    var test = TestServer()
    test.send("POST", "/api/v1/namespaces", ["metadata": ["name": "n"]])
    test.send("POST", "/api/v1/namespaces/n/configmaps", configMap("a"))
    test.send("DELETE", "/api/v1/namespaces/n")
    test.server.settle(at: test.now)
    #expect(test.send("GET", "/api/v1/namespaces/n").status == 404)
    #expect(test.send("GET", "/api/v1/namespaces/n/configmaps").json?["items"] == [])
  }
}
