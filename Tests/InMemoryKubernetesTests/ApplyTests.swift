import InMemoryKubernetes
import KubernetesAPI
import Testing

@Suite struct ApplyTests {
  private let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
  private let things = "/apis/example.com/v1/namespaces/default/things"

  private func apply(_ test: inout TestServer, _ spec: JSONValue, by manager: String, force: Bool = false)
    -> APIResponse
  {
    test.send(
      "PATCH", "\(things)/a?fieldManager=\(manager)\(force ? "&force=true" : "")", thing("a", spec),
      type: "application/apply-patch+yaml")
  }

  @Test func fieldsOfACustomResourceAreOwnedAndGivenUp() {
    var test = TestServer()
    let item: JSONValue = [
      "type": "object", "properties": ["name": ["type": "string"], "v": ["type": "string"]],
    ]
    let spec: JSONValue = [
      "type": "object",
      "properties": [
        "mode": ["type": "string"], "map": ["type": "object", "additionalProperties": ["type": "string"]],
        "atomic": ["type": "array", "items": ["type": "string"]],
        "list": [
          "type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        ],
      ],
    ]
    test.send("POST", definitions, definition(spec))
    let first = apply(
      &test, ["mode": "x", "map": ["a": "1"], "atomic": ["1"], "list": [["name": "one", "v": "1"]]], by: "alpha")
    #expect(first.status == 201)
    let second = apply(&test, ["map": ["b": "2"], "list": [["name": "two"]]], by: "beta")
    #expect(second.json?["spec", "map"] == ["a": "1", "b": "2"])
    #expect(second.json?["spec", "list"] == [["name": "one", "v": "1"], ["name": "two"]])
    let conflict = apply(&test, ["list": [["name": "one", "v": "2"]], "atomic": ["2"]], by: "beta")
    #expect(conflict.status == 409)
    let fields = conflict.json?["details", "causes"]?.arrayValue?.compactMap { $0["field"]?.stringValue } ?? []
    #expect(Set(fields) == [".spec.list[name=\"one\"].v", ".spec.atomic"])
    // What alpha no longer sends goes; what beta has stays.
    let last = apply(&test, ["mode": "x"], by: "alpha")
    #expect(last.json?["spec"] == ["mode": "x", "map": ["b": "2"], "list": [["name": "two"]]])
  }

  @Test func anApplyThatChangesNothingKeepsTheVersion() {
    var test = TestServer()
    test.send("POST", definitions, definition(.null))
    _ = apply(&test, ["x": ["y": 1]], by: "alpha")
    let version = test.server.resourceVersion
    #expect(apply(&test, ["x": ["y": 1]], by: "alpha").status == 200)
    #expect(test.server.resourceVersion == version)
  }
}
