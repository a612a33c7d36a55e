import KubernetesAPI
import Testing

@Suite struct KubernetesObjectTests {
  static let managed = #"{"manager":"kubectl","fieldsV1":{"f:x":{".":{}}}}"#

  /// managedFields at each place among its neighbours.
  @Test(arguments: [
    #"{"metadata":{"managedFields":[M],"name":"a","uid":"u"},"spec":{"x":1}}"#,
    #"{"metadata": {"name":"a" , "managedFields":[M,M] , "uid":"u"} , "spec":{"x":1}}"#,
    #"{"spec":{"x":1},"metadata":{"name":"a","uid":"u","managedFields":[M]}}"#,
    #"{"metadata":{"name":"a","uid":"u"},"spec":{"x":1}}"#,
  ])
  func decodesMetadataAndCutsManagedFields(template: String) throws {
    let text = template.replacing("M", with: Self.managed)
    let object = try KubernetesObject(parsing: Array(text.utf8))
    #expect(object.metadata == ObjectMetadata(name: "a", uid: "u"))
    #expect(object.json == ["metadata": ["name": "a", "uid": "u"], "spec": ["x": 1]])
    #expect(object == KubernetesObject(object.json))
  }

  @Test func onlyManagedFields() throws {
    let object = try KubernetesObject(parsing: Array(#"{"metadata":{"managedFields":[]}}"#.utf8))
    #expect(object.json == ["metadata": [:]])
  }

  @Test(arguments: ["[]", "1", "{\"metadata\":{}", "{} x", "{\"spec\":tru}", "{\"spec\":01}", "{\"a\":\"\\q\"}"])
  func refuses(text: String) {
    #expect(throws: JSONError.self) { try KubernetesObject(parsing: Array(text.utf8)) }
  }

  /// The one-pass scan accepts what the parser accepts (repeated names aside) and gives the same object.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func scanAgreesWithTheParser(seed: UInt64) throws {
    var random = SeededGenerator(state: seed)
    let text =
      #"{"kind":"Pod","metadata":{"name":"é\n","labels":{"a":"b"},"managedFields":[1,{"b":[]}],"generation":2},"#
      + #""spec":{"n":[1.5e3,-2,true,null,"\u00e9"]},"status":{}}"#
    for _ in 0..<300 {
      var bytes = Array(text.utf8)
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        bytes[index] = Bool.random(using: &random) ? UInt8.random(in: 0...255, using: &random) : 0x22
      }
      guard let scanned = try? KubernetesObject(parsing: bytes) else {
        #expect((try? JSONParser.parse(bytes))?.objectValue == nil)
        continue
      }
      let (parsed, duplicates) = try JSONParser.parseReportingDuplicates(bytes)
      guard duplicates.isEmpty else { continue }
      var expected = parsed
      if expected["metadata", "managedFields"] != nil { expected.set(nil, at: ["metadata", "managedFields"]) }
      #expect(scanned.json == expected)
      #expect(scanned.metadata == ObjectMetadata(json: expected["metadata"]))
    }
  }
}

@Suite struct WireFormatTests {
  @Test func listFillsInTheKind() throws {
    let text = """
      {"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"12","continue":"tok","remainingItemCount":3},
      "items":[{"metadata":{"name":"a","managedFields":[{}]},"spec":{}}, {}, {"kind":"X","metadata":{"name":"b"}}]}
      """
    let list = try ObjectList(parsing: Array(text.utf8), of: .pods)
    #expect(list.resourceVersion == "12")
    #expect(list.continueToken == "tok")
    #expect(
      list.items.map(\.json) == [
        ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": "a"], "spec": [:]],
        ["apiVersion": "v1", "kind": "Pod"], ["kind": "X", "metadata": ["name": "b"]],
      ])
    #expect(list.items.map(\.metadata.name) == ["a", "", "b"])
  }

  @Test(arguments: [
    #"{"metadata":{"resourceVersion":"1"},"items":null}"#, #"{"items":[],"metadata":{"resourceVersion":"1"}}"#,
  ])
  func emptyLists(text: String) throws {
    #expect(try ObjectList(parsing: Array(text.utf8), of: .pods) == ObjectList(items: [], resourceVersion: "1"))
  }

  @Test(arguments: [#"{"kind":"Status"}"#, #"{"items":[1]}"#, #"{"items":{}}"#, "[]", #"{"items":[{}]} x"#])
  func notLists(text: String) {
    #expect(throws: JSONError.self) { try ObjectList(parsing: Array(text.utf8), of: .pods) }
  }

  @Test func watchFrames() throws {
    func event(_ text: String) throws -> WatchEvent { try WatchEvent(parsing: Array(text.utf8)) }
    let object: JSONValue = ["metadata": ["name": "a"]]
    #expect(try event(#"{"type":"ADDED","object":{"metadata":{"name":"a"}}}"#) == .added(KubernetesObject(object)))
    #expect(
      try event(#"{"object":{"metadata":{"name":"a"}},"type":"MODIFIED"}"#) == .modified(KubernetesObject(object)))
    #expect(try event(#"{"type":"DELETED","object":{"metadata":{"name":"a"}}}"#) == .deleted(KubernetesObject(object)))
    let bookmark =
      #"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"7","annotations":{"k8s.io/initial-events-end":"true"}}}}"#
    #expect(try event(bookmark) == .bookmark(resourceVersion: "7", isInitialEventsEnd: true))
    let gone = APIStatus(code: 410, reason: "Expired", message: "too old resource version: 1 (2)")
    #expect(try event("{\"type\":\"ERROR\",\"object\":\(gone.json.text)}") == .error(gone))
    for bad in [#"{"type":"NEW","object":{}}"#, #"{"type":"ADDED"}"#, #"{"type":"ADDED","object":1}"#, "{}"] {
      #expect(throws: JSONError.self) { try event(bad) }
    }
  }
}
