import InMemoryKubernetes
import KubernetesAPI
import Testing

/// Admission webhooks, answered by the tests in place of a front.
@Suite struct WebhookTests {
  private static func hook(_ name: String, _ more: JSONValue = [:]) -> JSONValue {
    let plain: JSONValue = [
      "name": .string("\(name).example.com"), "clientConfig": ["url": .string("https://hook.test/\(name)")],
      "rules": [["operations": ["*"], "apiGroups": ["*"], "apiVersions": ["v1"], "resources": ["configmaps"]]],
      "sideEffects": "None", "admissionReviewVersions": ["v1"],
    ]
    return plain.merging(patch: more)
  }

  private func server(_ kind: String = "Validating", _ hooks: JSONValue...) -> TestServer {
    var test = TestServer()
    let configuration: JSONValue = [
      "apiVersion": "admissionregistration.k8s.io/v1", "kind": .string("\(kind)WebhookConfiguration"),
      "metadata": ["name": "hooks"], "webhooks": .array(hooks),
    ]
    let path = "/apis/admissionregistration.k8s.io/v1/\(kind.lowercased())webhookconfigurations"
    #expect(test.send("POST", path, configuration).status == 201)
    return test
  }

  private static func response(_ fields: JSONValue, to call: WebhookCall) -> WebhookAnswer {
    var response = fields
    response["uid"] = call.review["request", "uid"]
    let body: JSONValue = ["apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response]
    return .answered(status: 200, body: body.serialized())
  }

  /// Base64 of a JSON patch.
  private static func patch(_ operations: String) -> JSONValue {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    let bytes = Array(operations.utf8)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let chunk = Array(bytes[start..<min(start + 3, bytes.count)])
      let word = chunk.enumerated().reduce(0) { $0 | Int($1.element) << (16 - 8 * $1.offset) }
      for index in 0..<4 {
        text.append(index <= chunk.count ? alphabet[word >> (18 - 6 * index) & 63] : "=")
      }
    }
    return ["allowed": true, "patchType": "JSONPatch", "patch": .string(text)]
  }

  /// Carries out a request, with the answers of `answer`, and says which webhooks were asked in which order.
  private func send(
    _ test: inout TestServer, _ method: String, _ target: String, _ body: JSONValue? = nil,
    answer: (WebhookCall) -> WebhookAnswer = { Self.response(["allowed": true], to: $0) }
  ) -> (APIResponse, asked: [String]) {
    let request = APIRequest(
      method: method, target: target, headers: [("content-type", "application/json")],
      body: body.map { .json($0) } ?? .empty)
    var asked: [String] = []
    var response = test.server.handle(request, at: test.now)
    while case .webhooks(let calls, var progress) = response.content {
      for call in calls {
        asked.append(call.webhook)
        progress.add(answer(call), to: call)
      }
      response = test.server.handle(request, at: test.now, after: progress)
    }
    return (response, asked)
  }

  @Test func nothingChangesWhileARequestWaits() {
    var test = server("Validating", Self.hook("a"))
    let before = test.server.resourceVersion
    let response = test.send("POST", configMaps, configMap("one"))
    guard case .webhooks(let calls, _) = response.content else { return #expect(Bool(false), "no webhook is asked") }
    #expect(calls.map(\.url) == ["https://hook.test/a?timeout=10s"])
    #expect(test.server.resourceVersion == before)
    #expect(test.send("GET", configMaps + "/one").status == 404)
  }

  @Test func theObjectIsTheOneThatTheWebhookSaw() {
    var test = server("Validating", Self.hook("a"))
    var seen: JSONValue?
    let body: JSONValue = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["generateName": "g-"]]
    let (response, _) = send(&test, "POST", configMaps, body) { call in
      seen = call.review["request", "object", "metadata"]
      return Self.response(["allowed": true], to: call)
    }
    #expect(response.json?["metadata", "uid"] == seen?["uid"])
    #expect(response.json?["metadata", "name"] == seen?["name"])
    let (second, _) = send(&test, "POST", configMaps, body)
    #expect(second.json?["metadata", "uid"] != seen?["uid"])
  }

  @Test func mutatingWebhooksChangeOneAfterTheOther() {
    var test = server(
      "Mutating", Self.hook("a", ["reinvocationPolicy": "IfNeeded"]), Self.hook("b"))
    let (response, asked) = send(&test, "POST", configMaps, configMap("one")) { call in
      let data = call.review["request", "object", "data"]
      if call.webhook == "b.example.com" {
        return Self.response(Self.patch(#"[{"op":"add","path":"/data/b","value":"from b"}]"#), to: call)
      }
      guard let fromB = data?["b"] else { return Self.response(["allowed": true], to: call) }
      return Self.response(Self.patch(#"[{"op":"add","path":"/data/a","value":\#(fromB.text)}]"#), to: call)
    }
    #expect(asked == ["a.example.com", "b.example.com", "a.example.com"])
    #expect(response.json?["data"] == ["k": "v", "a": "from b", "b": "from b"])
    #expect(test.send("GET", configMaps + "/one").json?["data", "a"] == "from b")
  }

  @Test func aPatchThatDoesNotFitIsAnError() {
    var test = server("Mutating", Self.hook("a"))
    let (response, _) = send(&test, "POST", configMaps, configMap("one")) {
      Self.response(Self.patch(#"[{"op":"remove","path":"/none"}]"#), to: $0)
    }
    #expect(response.status == 500)
    #expect(test.send("GET", configMaps + "/one").status == 404)
  }

  @Test func onlyWhatRulesAndSelectorsChooseIsAsked() {
    var test = server(
      "Validating",
      Self.hook(
        "updates", ["rules": [["operations": ["UPDATE"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["*"]]]]),
      Self.hook(
        "status",
        ["rules": [["operations": ["*"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["configmaps/status"]]]]),
      Self.hook(
        "cluster",
        [
          "rules": [
            ["operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "scope": "Cluster"]
          ]
        ]),
      Self.hook("labelled", ["objectSelector": ["matchLabels": ["watched": "yes"]]]),
      Self.hook("elsewhere", ["namespaceSelector": ["matchLabels": ["kubernetes.io/metadata.name": "other"]]]),
      Self.hook("here", ["namespaceSelector": ["matchLabels": ["kubernetes.io/metadata.name": "default"]]]))
    #expect(send(&test, "POST", configMaps, configMap("one")).asked == ["here.example.com"])
    var labelled = configMap("one")
    labelled.set(["watched": "yes"], at: ["metadata", "labels"])
    // The old or the new state is enough.
    let all = ["updates.example.com", "labelled.example.com", "here.example.com"]
    #expect(send(&test, "PUT", configMaps + "/one", labelled).asked == all)
    #expect(send(&test, "PUT", configMaps + "/one", configMap("one")).asked == all)
    let namespace: JSONValue = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "other"]]
    #expect(send(&test, "POST", "/api/v1/namespaces", namespace).asked == ["cluster.example.com"])
  }

  @Test func ofScaleAScaleIsShown() throws {
    let rules: JSONValue = [
      [
        "operations": ["UPDATE"], "apiGroups": ["apps"], "apiVersions": ["v1"],
        "resources": ["deployments", "deployments/scale"],
      ]
    ]
    let deployments = "/apis/apps/v1/namespaces/default/deployments"
    let body: JSONValue = [
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "d"],
      "spec": [
        "selector": ["matchLabels": ["a": "b"]],
        "template": ["metadata": ["labels": ["a": "b"]], "spec": ["containers": [["name": "c", "image": "i"]]]],
      ],
    ]
    let scale: JSONValue = ["spec": ["replicas": 5]]
    func patching(_ test: inout TestServer, _ answer: (WebhookCall) -> WebhookAnswer) -> (JSONValue?, APIResponse) {
      var seen: JSONValue?
      let request = APIRequest(
        method: "PATCH", target: deployments + "/d/scale", headers: [("content-type", "application/merge-patch+json")],
        body: .json(scale))
      var response = test.server.handle(request, at: test.now)
      var asked = 0
      while case .webhooks(let calls, var progress) = response.content {
        for call in calls {
          seen = call.review["request"]
          asked += 1
          progress.add(answer(call), to: call)
        }
        response = test.server.handle(request, at: test.now, after: progress)
      }
      #expect(asked == 1)
      return (seen, response)
    }

    var denying = server("Validating", Self.hook("a", ["rules": rules]))
    #expect(denying.send("POST", deployments, body).status == 201)
    let (review, denied) = patching(&denying) { Self.response(["allowed": false], to: $0) }
    #expect(denied.status == 400)
    #expect(review?["subResource"] == "scale")
    #expect(review?["kind"] == ["group": "autoscaling", "version": "v1", "kind": "Scale"])
    #expect(review?["resource"] == ["group": "apps", "version": "v1", "resource": "deployments"])
    #expect(review?["object", "spec", "replicas"] == 5)
    #expect(review?["oldObject", "spec", "replicas"] == 1)
    #expect(denying.send("GET", deployments + "/d").json?["spec", "replicas"] == 1)

    var changing = server("Mutating", Self.hook("a", ["rules": rules]))
    #expect(changing.send("POST", deployments, body).status == 201)
    let (_, changed) = patching(&changing) {
      Self.response(Self.patch(#"[{"op":"replace","path":"/spec/replicas","value":3}]"#), to: $0)
    }
    #expect(changed.json?["spec", "replicas"] == 3)
    #expect(changing.send("GET", deployments + "/d").json?["spec", "replicas"] == 3)
  }

  @Test func whatIsNotEvaluatedIsSaid() {
    var test = TestServer()
    let configuration: JSONValue = [
      "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
      "metadata": ["name": "hooks"],
      "webhooks": [Self.hook("a", ["matchConditions": [["name": "never", "expression": "false"]]])],
    ]
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    let response = test.send("POST", path, configuration)
    #expect(response.status == 201)
    #expect(response.header("warning")?.contains("webhooks[0].matchConditions") == true)
    // Asked too often rather than not at all.
    #expect(send(&test, "POST", configMaps, configMap("one")).asked == ["a.example.com"])
  }

  @Test func anotherVersionOfTheResourceIsTheSameResource() throws {
    let rules: JSONValue = [
      ["operations": ["*"], "apiGroups": ["autoscaling"], "apiVersions": ["v2"], "resources": ["*"]]
    ]
    var test = server(
      "Validating", Self.hook("a", ["rules": rules]), Self.hook("exact", ["rules": rules, "matchPolicy": "Exact"]))
    let body: JSONValue = [
      "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": ["name": "h"],
      "spec": [
        "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "Deployment", "name": "d"], "maxReplicas": 2,
        "targetCPUUtilizationPercentage": 50,
      ],
    ]
    var review: JSONValue?
    let (_, asked) = send(
      &test, "POST", "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers", body
    ) { call in
      review = call.review["request"]
      return Self.response(["allowed": true], to: call)
    }
    #expect(asked == ["a.example.com"])
    #expect(review?["kind", "version"] == "v2")
    #expect(review?["requestKind", "version"] == "v1")
    #expect(review?["object", "apiVersion"] == "autoscaling/v2")
    #expect(review?["object", "spec", "metrics"]?.arrayValue?.count == 1)
  }

  @Test func failuresAreFatalOrIgnoredAsConfigured() {
    for (policy, status) in [("Fail", 500), ("Ignore", 201)] {
      for answer: WebhookAnswer in [
        .failed("connection refused"), .answered(status: 503, body: []), .answered(status: 200, body: Array("no".utf8)),
        .answered(status: 200, body: Array(#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}"#.utf8)),
        .answered(
          status: 200,
          body: Array(
            #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"x","allowed":true}}"#.utf8
          )),
      ] {
        var test = server("Validating", Self.hook("a", ["failurePolicy": .string(policy)]))
        let (response, _) = send(&test, "POST", configMaps, configMap("one")) { _ in answer }
        #expect(response.status == status, "\(policy) \(answer): \(response.json?.text ?? "")")
      }
    }
  }

  @Test func aDeniedDeleteLeavesTheObjects() {
    var test = server("Validating", Self.hook("a"))
    for name in ["one", "two"] { _ = send(&test, "POST", configMaps, configMap(name)) }
    let denied = send(&test, "DELETE", configMaps) { call in
      let isOne = call.review["request", "name"] == "one"
      return Self.response(["allowed": .bool(isOne), "status": ["message": "it stays"]], to: call)
    }
    #expect(denied.0.status == 400)
    #expect(denied.0.json?["message"] == "admission webhook \"a.example.com\" denied the request: it stays")
    #expect(test.send("GET", configMaps).json?["items"]?.arrayValue?.count == 2)
  }

  @Test func aWebhookCannotStopTheRepairOfItself() {
    var test = server(
      "Validating",
      Self.hook("a", ["rules": [["operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]]]]))
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/hooks"
    let (response, asked) = send(&test, "DELETE", path)
    #expect(response.status == 200 && asked.isEmpty)
  }

  /// What was asked before another write came in between is asked again.
  @Test func anAnswerIsForTheStateThatWasSeen() {
    var test = server(
      "Validating",
      Self.hook(
        "a",
        ["rules": [["operations": ["UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]]]]))
    #expect(test.send("POST", configMaps, configMap("one")).status == 201)
    let path = configMaps + "/one"
    let request = APIRequest(
      method: "PATCH", target: path, headers: [("content-type", "application/merge-patch+json")],
      body: .json(["data": ["mine": "1"]]))
    guard case .webhooks(let calls, var progress) = test.server.handle(request, at: test.now).content else {
      return #expect(Bool(false), "not asked")
    }
    for call in calls { progress.add(Self.response(["allowed": true], to: call), to: call) }
    // In between.
    _ = send(&test, "PUT", path, configMap("one", ["k": "other"]))
    guard case .webhooks(let again, _) = test.server.handle(request, at: test.now, after: progress).content else {
      return #expect(Bool(false), "not asked again")
    }
    #expect(again[0].review["request", "oldObject", "data", "k"] == "other")
  }

  @Test(
    arguments: [
      (["sideEffects": "Unknown"], "webhooks[0].sideEffects: Unsupported value"),
      (["name": "short"], "at least three segments"), (["timeoutSeconds": 31], "between 1 and 30 seconds"),
      (["admissionReviewVersions": ["v9"]], "at least one of v1, v1beta1"),
      (["clientConfig": ["url": "http://plain.test"]], "'https' is the only allowed URL scheme"),
      (["clientConfig": ["service": ["name": "s", "namespace": "n"]]], "exactly one of url or service"),
      (["rules": [["operations": ["READ"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]]]], "READ"),
    ] as [(JSONValue, String)])
  func whatCannotWorkIsRefused(_ change: JSONValue, _ complaint: String) {
    var test = TestServer()
    let configuration: JSONValue = [
      "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
      "metadata": ["name": "hooks"], "webhooks": [Self.hook("a", change)],
    ]
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    let response = test.send("POST", path, configuration)
    #expect(response.status == 422)
    #expect(response.json?["message"]?.stringValue?.contains(complaint) == true, "\(response.json?.text ?? "")")
  }
}
