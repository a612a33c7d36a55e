import InMemoryKubernetes
import KubernetesAPI
import Testing

/// A definition of `things.example.com` whose spec has this schema; null leaves it open.
func definition(_ spec: JSONValue, columns: JSONValue = []) -> JSONValue {
  let open: JSONValue = ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
  let schema: JSONValue = [
    "type": "object", "properties": ["spec": spec.isNull ? open : spec, "status": open],
  ]
  return [
    "metadata": ["name": "things.example.com"],
    "spec": [
      "group": "example.com", "scope": "Namespaced", "names": ["plural": "things", "kind": "Thing"],
      "versions": [
        [
          "name": "v1", "served": true, "storage": true, "schema": ["openAPIV3Schema": schema],
          "subresources": ["status": [:]], "additionalPrinterColumns": columns,
        ]
      ],
    ],
  ]
}

func thing(_ name: String, _ spec: JSONValue) -> JSONValue {
  ["apiVersion": "example.com/v1", "kind": "Thing", "metadata": ["name": .string(name)], "spec": spec]
}

private let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
private let things = "/apis/example.com/v1/namespaces/default/things"

@Suite struct CustomResourceTests {
  @Test func defaultsAreFilledInDeepAndNullsGiveWayToThem() {
    var test = TestServer()
    let spec: JSONValue = [
      "type": "object",
      "properties": [
        "mode": ["type": "string", "default": "a"],
        "nested": [
          "type": "object", "default": [:], "properties": ["n": ["type": "integer", "default": 5]],
        ],
        "list": [
          "type": "array",
          "items": ["type": "object", "properties": ["x": ["type": "string", "default": "y"]]],
        ],
      ],
    ]
    test.send("POST", definitions, definition(spec))
    let answer = test.send("POST", things, thing("a", ["mode": .null, "list": [[:]]]))
    #expect(answer.status == 201)
    #expect(answer.json?["spec"] == ["mode": "a", "nested": ["n": 5], "list": [["x": "y"]]])
  }

  @Test func aChangedSchemaHoldsForTheNextWrite() {
    var test = TestServer()
    test.send("POST", definitions, definition(.null))
    #expect(test.send("POST", things, thing("a", ["mode": 5])).status == 201)
    let strict: JSONValue = ["type": "object", "properties": ["mode": ["type": "string"]]]
    let patched = test.merge(
      "\(definitions)/things.example.com", ["spec": ["versions": definition(strict)["spec", "versions"] ?? []]])
    #expect(patched.status == 200, "\(patched.json?.text ?? "")")
    let refused = test.send("POST", things, thing("b", ["mode": 5]))
    #expect(refused.status == 422)
    #expect(refused.json?["details", "causes"]?.arrayValue?.first?["field"] == "spec.mode")
  }

  @Test func columnsFollowTheirPathsAndTypes() {
    var test = TestServer()
    let columns: JSONValue = [
      ["name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"],
      ["name": "Second", "type": "integer", "jsonPath": ".spec.numbers[1]"],
      ["name": "Since", "type": "date", "jsonPath": ".status.since"],
    ]
    test.send("POST", definitions, definition(.null, columns: columns))
    test.send("POST", things, thing("a", ["numbers": [1, 2]]))
    _ = test.merge(
      "\(things)/a/status",
      ["status": ["since": "2026-09-21T14:12:20Z", "conditions": [["type": "Ready", "status": "True"]]]])
    let table = test.send("GET", things, accept: "application/json;as=Table;v=v1;g=meta.k8s.io").json
    #expect(table?["rows"]?.arrayValue?.first?["cells"] == ["a", "True", 2, "60s"])
  }

  @Test func aSchemaThatIsNotStructuralIsRefusedWithItsPath() {
    var test = TestServer()
    let answer = test.send("POST", definitions, definition(["properties": ["x": ["type": "string"]]]))
    #expect(answer.status == 422)
    let field = answer.json?["details", "causes"]?.arrayValue?.first?["field"]
    #expect(field == "spec.versions[0].schema.openAPIV3Schema.properties[spec].type")
  }
}
