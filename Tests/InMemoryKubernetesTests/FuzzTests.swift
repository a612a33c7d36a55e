import InMemoryKubernetes
import KubernetesAPI
import Testing

/// Malformed requests by the thousand, the same ones each time.
@Suite struct FuzzTests {
  private struct Template {
    var method: String
    var target: String
    var type = "application/json"
    var body = ""
  }

  private static let templates: [Template] = [
    Template(method: "GET", target: configMaps + "?labelSelector=a%3Db,c&limit=5&continue=eyJ2IjoxfQ"),
    Template(method: "GET", target: configMaps + "?watch=true&resourceVersion=0&timeoutSeconds=1&fieldSelector=a%3Db"),
    Template(method: "GET", target: "/apis/apps/v1/namespaces/default/deployments/d/scale"),
    Template(method: "GET", target: "/openapi/v3/apis/apps/v1?hash=1"),
    Template(method: "DELETE", target: configMaps + "?labelSelector=x%20in%20(a,b)&propagationPolicy=Orphan"),
    Template(
      method: "DELETE", target: configMaps + "/a",
      body: #"{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"x"},"gracePeriodSeconds":5}"#),
    Template(
      method: "POST", target: configMaps + "?dryRun=All&fieldValidation=Strict",
      body: #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"l":"1"}},"data":{"k":"v"}}"#),
    Template(
      method: "PUT", target: "/apis/apps/v1/namespaces/default/deployments/d",
      body:
        #"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":80}],"resources":{"limits":{"cpu":"1"}}}]}}}}"#
    ),
    Template(
      method: "PATCH", target: configMaps + "/kept", type: "application/json-patch+json",
      body: #"[{"op":"test","path":"/data/k","value":"v"},{"op":"move","from":"/data/k","path":"/data/l"}]"#),
    Template(
      method: "PATCH", target: configMaps + "/kept", type: "application/merge-patch+json",
      body: #"{"metadata":{"annotations":{"a":null}},"data":{"k":"2"}}"#),
    Template(
      method: "PATCH", target: "/apis/apps/v1/namespaces/default/deployments/d",
      type: "application/strategic-merge-patch+json",
      body:
        #"{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"c"}],"containers":[{"name":"c","$patch":"delete"}]}}}}"#
    ),
    Template(
      method: "PATCH", target: configMaps + "/applied?fieldManager=m&force=true", type: "application/apply-patch+yaml",
      body: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata:\n  k: &a v\n  l: *a\n"),
    Template(
      method: "POST", target: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      body:
        #"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"as.x.io"},"spec":{"group":"x.io","scope":"Namespaced","names":{"plural":"as","kind":"A"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"n":{"type":"integer","minimum":1,"default":2}}}}}}}]}}"#
    ),
    Template(
      method: "POST", target: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      body:
        #"{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}"#
    ),
    Template(
      method: "POST", target: "/api/v1/namespaces/default/serviceaccounts/default/token",
      body: #"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":600}}"#),
    Template(
      method: "POST", target: "/api/v1/namespaces/default/services",
      body:
        #"{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":80,"targetPort":"web"}],"clusterIP":"10.96.0.9"}}"#
    ),
  ]

  /// JSON that has no business where it is put.
  private static let strangers = [
    "null", "true", "-1", "1e400", "18446744073709551616", "\"\"", "[]", "{}", "[[[]]]", #"{"a":{"b":[null]}}"#,
    "\"\\u0000\"", "\"\\ud800\"", "0.1", "\"$(X)\"",
  ]

  private static func mutated(_ template: Template, _ random: inout Seeded) -> APIRequest {
    var target = Array(template.target.utf8)
    var body = Array(template.body.utf8)
    var type = template.type
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      switch Int.random(in: 0..<7, using: &random) {
      case 0: target[Int.random(in: 1..<target.count, using: &random)] = UInt8.random(in: 33...126, using: &random)
      case 1:
        target.insert(contentsOf: Array("%zz&=%00?/..;".utf8).shuffled(using: &random).prefix(3), at: target.count)
      case 2 where !body.isEmpty:
        body[Int.random(in: 0..<body.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      case 3 where !body.isEmpty: body.removeLast(Int.random(in: 1...body.count, using: &random))
      case 4 where !body.isEmpty:
        // Another value in place of what follows a colon.
        let colons = body.indices.filter { body[$0] == UInt8(ascii: ":") }
        guard let colon = colons.randomElement(using: &random) else { continue }
        let end = body[(colon + 1)...].firstIndex { [UInt8(ascii: ","), UInt8(ascii: "}")].contains($0) } ?? body.count
        body.replaceSubrange((colon + 1)..<end, with: Array((strangers.randomElement(using: &random) ?? "null").utf8))
      case 5 where !body.isEmpty:
        let start = Int.random(in: 0..<body.count, using: &random)
        body.insert(contentsOf: body[start..<min(body.count, start + 40)], at: start)
      default:
        type =
          [
            "application/json", "application/yaml", "text/plain", "", "application/apply-patch+yaml",
            "application/merge-patch+json", "application/vnd.kubernetes.protobuf", "application/json-patch+json",
          ].randomElement(using: &random) ?? ""
      }
    }
    let accept = ["application/json", "*/*", "application/yaml", "x", "application/json;as=Table;g=meta.k8s.io;v=v1"]
    let method = Int.random(in: 0..<20, using: &random) == 0 ? "PATCH" : template.method
    return APIRequest(
      method: method, target: String(decoding: target, as: UTF8.self),
      headers: [("content-type", type), ("accept", accept.randomElement(using: &random) ?? "")],
      body: body.isEmpty ? .empty : .bytes(body))
  }

  /// What the real server, too, answers with 500: errors of Go that nobody gave a code.
  private static let plainErrors = [
    "strconv.", "resourceVersion should not be set", "failed to create typed patch object",
  ]

  @Test func malformedRequestsNeverStopTheServer() throws {
    var random = Seeded(state: 4)
    var test = TestServer()
    let isThere = test.send("POST", configMaps, configMap("kept")).status == 201
    #expect(isThere)
    var refused = 0
    for round in 0..<8000 {
      let template = try #require(Self.templates.randomElement(using: &random))
      let request = Self.mutated(template, &random)
      let response = test.server.handle(request, at: test.now)
      test.now = test.now + .milliseconds(1)
      if case .watch(let id) = response.content { test.server.closeWatch(id) }
      let message = response.json?["message"]?.stringValue ?? ""
      let isPlainError = response.status == 500 && Self.plainErrors.contains { message.contains($0) }
      #expect(
        (200..<500).contains(response.status) || isPlainError || response.awaitedVersion != nil,
        "round \(round): \(request.method) \(request.target) got \(response.status) \(message)")
      if response.status >= 400 { refused += 1 }
    }
    #expect(refused > 4000)
    // Everything that was let in can be read.
    for path in [configMaps, "/apis/apps/v1/deployments", "/api/v1/services", "/openapi/v2", "/api", "/apis"] {
      let response = test.send("GET", path)
      #expect(response.status == 200)
      #expect(!response.bodyBytes.isEmpty)
    }
    let isAlive = test.send("POST", configMaps, configMap("after")).status == 201
    #expect(isAlive)
  }

  private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }
}
