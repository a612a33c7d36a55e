import KubernetesAPI
import Testing

@Suite struct MergePatchTests {
  /// The examples of RFC 7386's appendix.
  @Test(arguments: [
    (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
    (#"{"a":"b"}"#, #"{"a":null}"#, #"{}"#), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
    (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
    (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
    (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
    (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"), (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
    (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#), ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
    ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
  ])
  func merges(document: String, patch: String, expected: String) throws {
    let merged = try JSONValue(parsing: document).merging(patch: JSONValue(parsing: patch))
    #expect(merged == (try JSONValue(parsing: expected)))
  }
}

@Suite struct JSONPatchTests {
  @Test(arguments: [
    (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#, #"{"foo":"bar","baz":"qux"}"#),
    (#"{"a":[1,3]}"#, #"[{"op":"add","path":"/a/1","value":2}]"#, #"{"a":[1,2,3]}"#),
    (#"{"a":[1]}"#, #"[{"op":"add","path":"/a/-","value":[2]}]"#, #"{"a":[1,[2]]}"#),
    (#"{"a":[1,2,3]}"#, #"[{"op":"remove","path":"/a/1"}]"#, #"{"a":[1,3]}"#),
    (#"{"a":{"b":1}}"#, #"[{"op":"remove","path":"/a/b"}]"#, #"{"a":{}}"#),
    (#"{"a":[{"b":1}]}"#, #"[{"op":"replace","path":"/a/0/b","value":null}]"#, #"{"a":[{"b":null}]}"#),
    (#"{"a":1,"b":{}}"#, #"[{"op":"move","from":"/a","path":"/b/c"}]"#, #"{"b":{"c":1}}"#),
    (#"{"a":[1,2,3]}"#, #"[{"op":"move","from":"/a/0","path":"/a/2"}]"#, #"{"a":[2,3,1]}"#),
    (#"{"a":{"x":1}}"#, #"[{"op":"copy","from":"/a","path":"/b"}]"#, #"{"a":{"x":1},"b":{"x":1}}"#),
    (
      #"{"a/b":1,"m~n":2}"#, #"[{"op":"test","path":"/a~1b","value":1.0},{"op":"remove","path":"/m~0n"}]"#,
      #"{"a/b":1}"#
    ),
    (#"{"":1}"#, #"[{"op":"replace","path":"/","value":2}]"#, #"{"":2}"#),
    (#"{"a":1}"#, #"[{"op":"replace","path":"","value":[]},{"op":"add","path":"/0","value":1}]"#, "[1]"),
  ])
  func applies(document: String, patch: String, expected: String) throws {
    let patched = try JSONPatch.apply(JSONValue(parsing: patch), to: JSONValue(parsing: document))
    #expect(patched == (try JSONValue(parsing: expected)))
  }

  @Test(
    arguments: [
      (
        #"[{"op":"add","path":"/a","value":1},{"op":"remove","path":"/b"}]"#,
        "JSON patch operation 1 (remove /b): nothing is at /b", false
      ),
      (
        #"[{"op":"replace","path":"/x/y","value":1}]"#,
        "JSON patch operation 0 (replace /x/y): nothing is there to replace", false
      ),
      (
        #"[{"op":"add","path":"/x/y","value":1}]"#,
        "JSON patch operation 0 (add /x/y): its parent /x does not exist", false
      ),
      (
        #"[{"op":"add","path":"/list/4","value":1}]"#,
        "JSON patch operation 0 (add /list/4): index 4 is out of bounds: the array has 2 elements", false
      ),
      (
        #"[{"op":"add","path":"/list/01","value":1}]"#,
        "JSON patch operation 0 (add /list/01): '01' is no array index", false
      ),
      (
        #"[{"op":"test","path":"/list/0","value":9}]"#,
        "JSON patch operation 0 (test /list/0): the value there is another", false
      ),
      (
        #"[{"op":"move","from":"/list","path":"/list/0"}]"#,
        "JSON patch operation 0 (move /list/0): cannot move /list into itself", false
      ),
      (
        #"[{"op":"append","path":"/a"}]"#,
        "JSON patch operation 0 (append /a): unknown operation; expected add, remove, replace, move, copy or test", true
      ),
      (#"[{"op":"add","path":"/a"}]"#, "JSON patch operation 0 (add /a): no 'value'", true),
      (#"[{"op":"remove","path":"a"}]"#, "JSON patch operation 0 (remove a): 'path' is no JSON pointer", true),
      (#"{"op":"remove"}"#, "JSON patch: expected an array of operations", true),
    ] as [(String, String, Bool)])
  func saysWhichOperationAndWhy(patch: String, message: String, isMalformed: Bool) throws {
    let document: JSONValue = ["list": [1, 2]]
    let error = try #require(throws: JSONPatchError.self) {
      try JSONPatch.apply(JSONValue(parsing: patch), to: document)
    }
    #expect(error.description == message)
    #expect(error.isMalformed == isMalformed)
  }

  @Test func boundsCopiesOfCopies() throws {
    let document: JSONValue = ["a": .string(String(repeating: "x", count: 1000)), "b": []]
    var operations: [JSONValue] = []
    for _ in 0..<20 {
      operations.append(["op": "copy", "from": "", "path": "/b/-"])
    }
    #expect(throws: JSONPatchError.self) { try JSONPatch.apply(.array(operations), to: document) }
  }
}
