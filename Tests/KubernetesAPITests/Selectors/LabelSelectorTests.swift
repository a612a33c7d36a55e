import KubernetesAPI
import Testing

@Suite struct LabelSelectorTests {
  static let labels = ["app": "web", "tier": "front", "example.com/x": "", "size": "7"]

  @Test(
    arguments: [
      ("", true), ("app=web", true), ("app==web", true), ("app=db", false), ("app!=web", false), ("none!=web", true),
      ("app in (db, web)", true), ("app in (db)", false), ("none in (a)", false), ("app notin (db,x)", true),
      ("none notin (a)", true), ("app", true), ("none", false), ("!none", true), ("!app", false),
      ("app=web,tier=front", true), ("app=web,tier=back", false), (" app = web , ! none ", true), ("size>6", true),
      ("size<7", false), ("app>1", false), ("example.com/x=", true), ("example.com/x in (,a)", true),
      ("in in (a)", false),
    ] as [(String, Bool)])
  func matches(text: String, expected: Bool) throws {
    let selector = try LabelSelector(parsing: text)
    #expect(selector.matches(Self.labels) == expected)
    #expect(try LabelSelector(parsing: selector.description) == selector)
  }

  @Test(arguments: [
    ("a=b,", "expected a label key, found the end"), ("=b", #"expected a label key, found "=""#),
    ("a in b", #"expected '(' found "b""#), ("a in (b", "expected ',' or ')' found the end"),
    ("a b", #"expected =, !=, in, notin or ',' after a, found "b""#), ("a=-b", #""-b" is not a label value (a)"#),
    ("/a=b", #""/a" is not a label key"#), ("a>x", #"expected an integer for a, found "x""#),
  ])
  func refuses(text: String, problem: String) {
    #expect(throws: SelectorError(selector: text, problem: problem)) { try LabelSelector(parsing: text) }
  }

  @Test func readsMatchLabelsAndExpressions() throws {
    let selector = try LabelSelector(json: [
      "matchLabels": ["app": "web"],
      "matchExpressions": [
        ["key": "tier", "operator": "In", "values": ["front", "back"]], ["key": "gone", "operator": "DoesNotExist"],
      ],
    ])
    #expect(selector.matches(Self.labels))
    #expect(selector.description == "app=web,tier in (back,front),!gone")
    #expect(throws: SelectorError.self) {
      try LabelSelector(json: ["matchExpressions": [["key": "a", "operator": "Is"]]])
    }
    #expect(throws: SelectorError.self) {
      try LabelSelector(json: ["matchExpressions": [["key": "a", "operator": "In"]]])
    }
    #expect(throws: SelectorError.self) { try LabelSelector(json: ["matchLabels": ["a": 1]]) }
  }
}

@Suite struct FieldSelectorTests {
  @Test func readsTermsAndEscapes() throws {
    let selector = try FieldSelector(parsing: #"metadata.name=a\,b,status.phase!=Running,spec.nodeName==n1"#)
    #expect(
      selector.requirements == [
        .init(path: "metadata.name", value: "a,b"), .init(path: "status.phase", isEqual: false, value: "Running"),
        .init(path: "spec.nodeName", value: "n1"),
      ])
    #expect(try FieldSelector(parsing: selector.description) == selector)
    #expect(try FieldSelector(parsing: "").requirements.isEmpty)
  }

  @Test func comparesFieldsAsText() throws {
    let pod: JSONValue = ["metadata": ["name": "p"], "spec": ["replicas": 2], "status": ["phase": .null]]
    #expect(try FieldSelector(parsing: "metadata.name=p,spec.replicas=2,status.phase=,spec.nodeName!=n").matches(pod))
    #expect(try !FieldSelector(parsing: "metadata.name!=p").matches(pod))
  }

  @Test(arguments: ["metadata.name", "=a", "!=a", #"a=b\x"#, "a=b=c"])
  func refuses(text: String) {
    #expect(throws: SelectorError.self) { try FieldSelector(parsing: text) }
  }
}
