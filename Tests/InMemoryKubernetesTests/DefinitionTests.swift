import InMemoryKubernetes
import KubernetesAPI
import Testing

/// What CustomResourceDefinitions are checked for, and what becomes of objects when they change.
@Suite struct DefinitionTests {
  private let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
  private let things = "/apis/x.io/v1/namespaces/default/things"

  private func definition(
    _ spec: JSONValue = ["size": ["type": "integer"]], names: JSONValue = ["plural": "things", "kind": "Thing"],
    version: JSONValue = [:]
  ) -> JSONValue {
    let plain: JSONValue = [
      "name": "v1", "served": true, "storage": true,
      "schema": [
        "openAPIV3Schema": [
          "type": "object",
          "properties": ["spec": ["type": "object", "properties": spec]],
        ]
      ],
    ]
    return [
      "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
      "metadata": ["name": .string("\(names["plural"]?.stringValue ?? "").x.io")],
      "spec": [
        "group": "x.io", "scope": "Namespaced", "names": names, "versions": [plain.merging(patch: version)],
      ],
    ]
  }

  private func thing(_ spec: JSONValue) -> JSONValue {
    ["apiVersion": "x.io/v1", "kind": "Thing", "metadata": ["name": "a"], "spec": spec]
  }

  @Test(
    arguments: [
      (
        ["bad": ["type": "string", "default": 5]],
        "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[bad].default: Invalid value: \"integer\""
      ),
      (["bad": ["type": "text"]], "properties[bad].type: Unsupported value: \"text\": supported values: \"array\""),
      (
        ["bad": ["type": "array", "uniqueItems": true, "items": ["type": "string"]]],
        "properties[bad].uniqueItems: Forbidden: uniqueItems cannot be set to true"
      ),
    ] as [(JSONValue, String)])
  func schemasAreChecked(_ spec: JSONValue, _ complaint: String) {
    var test = TestServer()
    let answer = test.send("POST", definitions, definition(spec))
    #expect(answer.status == 422)
    #expect(answer.json?["message"]?.stringValue?.contains(complaint) == true, "\(answer.json?.text ?? "")")
  }

  @Test func whatTheSchemaDoesNotHaveIsDropped() {
    var test = TestServer()
    #expect(test.send("POST", definitions, definition()).status == 201)
    let answer = test.send("POST", things, thing(["size": 1, "colour": "red"]))
    #expect(answer.json?["spec"] == ["size": 1])
    #expect(answer.header("warning") == "299 - \"unknown field \\\"spec.colour\\\"\"")
    #expect(test.send("GET", things + "/a").json?["spec"] == ["size": 1])
  }

  @Test func aDeprecatedVersionIsWarnedAbout() {
    var test = TestServer()
    #expect(test.send("POST", definitions, definition(version: ["deprecated": true])).status == 201)
    for answer in [test.send("GET", things), test.send("POST", things, thing(["size": 1]))] {
      #expect(answer.header("warning") == "299 - \"x.io/v1 Thing is deprecated\"")
    }
  }

  @Test func namesAreTakenOnce() {
    var test = TestServer()
    #expect(test.send("POST", definitions, definition()).status == 201)
    let second = definition(names: ["plural": "others", "kind": "Other", "shortNames": ["things"]])
    #expect(test.send("POST", definitions, second).status == 201)
    let conditions = test.send("GET", definitions + "/others.x.io").json?["status", "conditions"]?.arrayValue ?? []
    #expect(conditions.map { $0["status"] } == ["False", "False"])
    #expect(conditions.first?["reason"] == "ShortNamesConflict")
    #expect(conditions.first?["message"] == "\"things\" is already in use")
    #expect(test.send("GET", "/apis/x.io/v1/namespaces/default/others").status == 404)
  }

  @Test func whatWasValidOnceMayStay() throws {
    var test = TestServer()
    #expect(
      test.send("POST", definitions, definition(["size": ["type": "integer"], "n": ["type": "integer"]])).status == 201)
    #expect(test.send("POST", things, thing(["size": 9, "n": 1])).status == 201)
    let stricter: JSONValue = ["size": ["type": "integer", "maximum": 5], "n": ["type": "integer"]]
    let patch: JSONValue = ["spec": ["versions": definition(stricter)["spec", "versions"] ?? []]]
    #expect(test.merge(definitions + "/things.x.io", patch).status == 200)
    #expect(test.merge(things + "/a", ["spec": ["n": 2]]).status == 200)
    #expect(test.merge(things + "/a", ["spec": ["size": 8]]).status == 422)
    #expect(test.merge(things + "/a", ["spec": ["size": 4]]).status == 200)
    #expect(test.merge(things + "/a", ["spec": ["size": 9]]).status == 422)
  }

  @Test func anUpdateOfADefinitionOrALeaseNamesAVersion() {
    var test = TestServer()
    #expect(test.send("POST", definitions, definition()).status == 201)
    let answer = test.send("PUT", definitions + "/things.x.io", definition())
    #expect(answer.status == 422)
    #expect(
      answer.json?["message"]
        == "customresourcedefinitions.apiextensions.k8s.io \"things.x.io\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    )
  }

  @Test func scaleHasAnEntryOfItsOwn() {
    var test = TestServer()
    let deployments = "/apis/apps/v1/namespaces/default/deployments"
    let deployment: JSONValue = [
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "d"],
      "spec": [
        "selector": ["matchLabels": ["a": "b"]],
        "template": ["metadata": ["labels": ["a": "b"]], "spec": ["containers": [["name": "c", "image": "i"]]]],
      ],
    ]
    #expect(test.send("POST", deployments, deployment).status == 201)
    #expect(test.merge(deployments + "/d/scale?fieldManager=scaler", ["spec": ["replicas": 3]]).status == 200)
    let managers = test.send("GET", deployments + "/d").json?["metadata", "managedFields"]?.arrayValue ?? []
    let scaler = managers.first { $0["manager"] == "scaler" }
    #expect(scaler?["subresource"] == "scale")
    #expect(scaler?["fieldsV1"] == ["f:spec": ["f:replicas": [:]]])
  }
}
