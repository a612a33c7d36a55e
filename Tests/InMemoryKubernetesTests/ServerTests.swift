import InMemoryKubernetes
import KubernetesAPI
import Testing

@Suite struct ServerTests {
  @Test func equalSeedsAndRequestsGiveEqualAnswers() {
    func run() -> [JSONValue?] {
      var test = TestServer()
      return (0..<5).map { _ in test.send("POST", configMaps, ["metadata": ["generateName": "c-"]]).json }
    }
    #expect(run() == run())
  }

  @Test func addressesComeFromTheGivenRangeAndAreGivenBack() {
    var test = TestServer(serviceCIDR: "127.9.0.0/29")
    let services = "/api/v1/namespaces/default/services"
    func service(_ name: String) -> JSONValue {
      ["metadata": ["name": .string(name)], "spec": ["ports": [["port": 80]]]]
    }
    var addresses: Set<String> = ["127.9.0.1"]
    for index in 0..<5 {
      let answer = test.send("POST", services, service("s\(index)"))
      addresses.insert(answer.json?["spec", "clusterIP"]?.stringValue ?? "none")
    }
    #expect(addresses == Set((1...6).map { "127.9.0.\($0)" }))
    #expect(test.send("POST", services, service("more")).status == 500)
    test.send("DELETE", "\(services)/s3")
    #expect(test.send("POST", services, service("more")).status == 201)
  }

  @Test func aWriteThatChangesNothingKeepsTheVersion() {
    var test = TestServer()
    test.send("POST", configMaps, configMap("a"))
    let before = test.server.resourceVersion
    #expect(test.merge("\(configMaps)/a", ["data": ["k": "v"]]).status == 200)
    #expect(test.server.resourceVersion == before)
  }

  @Test func pagesAreOneSnapshotUntilItIsForgotten() {
    var test = TestServer(historyLength: 4)
    for index in 0..<5 { test.send("POST", configMaps, configMap("c\(index)")) }
    let first = test.send("GET", "\(configMaps)?limit=2").json
    let token = first?["metadata", "continue"]?.stringValue ?? ""
    test.send("DELETE", "\(configMaps)/c3")
    let second = test.send("GET", "\(configMaps)?limit=10&continue=\(token)").json
    #expect(second?["items"]?.arrayValue?.compactMap { $0["metadata", "name"]?.stringValue } == ["c2", "c3", "c4"])
    for index in 10..<30 { test.send("POST", configMaps, configMap("c\(index)")) }
    let late = test.send("GET", "\(configMaps)?limit=10&continue=\(token)")
    #expect(late.status == 410)
    #expect(late.json?["reason"] == "Expired")
  }

  @Test func theLogOfABoundPodIsTheFrontsToFetch() {
    var test = TestServer()
    let pods = "/api/v1/namespaces/default/pods"
    test.send(
      "POST", pods,
      ["metadata": ["name": "p"], "spec": ["nodeName": "n", "containers": [["name": "c", "image": "i"]]]])
    let answer = test.send("GET", "\(pods)/p/log?follow=true&tailLines=5")
    guard case .podLog(let log) = answer.content else {
      Issue.record("not a log: \(answer)")
      return
    }
    #expect(log.container == "c" && log.nodeName == "n" && log.isFollowing && log.tailLines == 5)
  }

  /// Requests that make no sense get a 4xx and leave the server as it was.
  @Test func nonsenseIsRefused() {
    var test = TestServer()
    test.send("POST", configMaps, configMap("a"))
    let version = test.server.resourceVersion
    let texts = [
      "", "{", "[]", "null", "{\"metadata\":[]}", "{\"metadata\":{\"labels\":[1]}}", "\u{0}", "{\"data\":{\"a\":{}}}",
      String(repeating: "[", count: 2000), "{\"metadata\":{\"name\":\"../x\"}}", "{\"spec\":null,\"kind\":5}",
    ]
    let targets = [
      configMaps, "\(configMaps)/a", "/api/v1/namespaces/%2e%2e/pods", "/apis/apps/v1/namespaces/default/deployments",
      "//", "/api/v1/namespaces/default/pods/x/binding", "/apis/%ff/v1/x", "/api/v1/watch/namespaces/default/x",
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "/api/v1/namespaces/default/pods/x/eviction",
      "\(configMaps)?limit=99999999999999999999", "\(configMaps)?continue=%00", "\(configMaps)/a/scale",
    ]
    for target in targets {
      for method in ["POST", "PUT", "PATCH", "TRACE", ""] {
        for text in texts {
          for type in ["application/json", "application/merge-patch+json", "application/json-patch+json", "x/y"]
          where !(text == "[]" && type == "application/json-patch+json") {
            let answer = test.server.handle(
              APIRequest(
                method: method, target: target, headers: [("content-type", type)], body: .bytes(Array(text.utf8))),
              at: test.now)
            #expect((400..<500).contains(answer.status), "\(method) \(target) \(type) \(text.prefix(40)): \(answer)")
          }
        }
      }
    }
    #expect(test.server.resourceVersion == version)
  }
}
