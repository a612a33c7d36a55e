import KubernetesAPI
import Testing
import YAML

@Suite struct YAMLReaderTests {
  @Test(
    arguments: [
      ("true", true), ("True", true), ("FALSE", false), ("yes", "yes"), ("on", "on"), ("null", .null), ("~", .null),
      ("", .null),
      ("12", 12), ("-7", -7), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("0644", 420), ("08", 8), ("1_000", 1000),
      ("1.5", 1.5),
      ("1.0", 1), (".5", 0.5), ("1e3", 1000), ("'12'", "12"), ("\"true\"", "true"), ("1.2.3", "1.2.3"), ("-", [.null]),
      ("2026-11-21", "2026-11-21"), ("500m", "500m"), ("0x", "0x"), ("!!str 12", "12"), ("! 12", "12"),
      ("!!int '12'", 12),
      ("9223372036854775807", .number(.integer(.max))),
      ("18446744073709551616", .number(.text("18446744073709551616"))),
      ("|\n  a\n  b\n", "a\nb\n"), (">-\n  a\n  b\n", "a b"), ("\u{feff}a: 1", ["a": 1]),
      ("1: a\ntrue: b", ["1": "a", "true": "b"]),
      ("{a: [1, {b: c}], 'd': \"e\\n\"}", ["a": [1, ["b": "c"]], "d": "e\n"]), ("# only a comment", .null),
      ("--x", "--x"),
      ("a:\n- b: 1\n  c: 2\n- d\n", ["a": [["b": 1, "c": 2], "d"]]),
    ] as [(String, JSONValue)])
  func reads(text: String, expected: JSONValue) throws {
    #expect(try YAML.parse(text) == expected)
  }

  @Test func anchorsAliasesAndMergeKeys() throws {
    let text = """
      base: &base {image: flink, cpu: 1}
      other: &other {cpu: 2, memory: 3}
      one: {<<: *base, cpu: 5}
      two:
        <<: [*base, *other]
      again: *base
      quoted: {"<<": 1}
      """
    let value = try YAML.parse(text)
    #expect(value["one"] == ["image": "flink", "cpu": 5])
    #expect(value["two"] == ["image": "flink", "cpu": 1, "memory": 3])
    #expect(value["again"] == ["image": "flink", "cpu": 1])
    #expect(value["quoted"] == ["<<": 1])
  }

  @Test(arguments: [
    ("a: 1\nb: 2\na: 3", "line 3, column 1: repeated key \"a\""),
    ("a: *x", "line 1, column 4: alias *x has no anchor before it"),
    ("a: .inf", "line 1, column 4: .inf has no JSON form; quote it where a string is meant"),
    ("a: !!binary eA==", "line 1, column 4: tag tag:yaml.org,2002:binary is not supported"),
    ("a: !!int x", "line 1, column 4: \"x\" does not fit its tag tag:yaml.org,2002:int"),
    ("<<: 1", "line 1, column 5: the merge key << needs a mapping or a sequence of mappings"),
    ("[a]: 1", "line 1, column 1: a key must be a scalar"),
    ("~: 1", "line 1, column 1: a key may not be null; quote it where a name is meant"),
    ("a: 1\n---\nb: 2", "line 2, column 1: expected a single document"),
    (
      "a: 1\n\tb: 2", "line 2, column 1: found a tab character that violates indentation, while scanning a plain scalar"
    ),
    ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
    ("a: \"x", "line 1, column 6: found unexpected end of stream, while scanning a quoted scalar"),
    ("é: 1\nx: \u{7}", "line 2, column 4: control characters are not allowed"),
    ("a: [1, 2", "line 2, column 1: did not find expected ',' or ']', while parsing a flow sequence"),
    ("a: &a [*a]", "line 1, column 8: alias *a has no anchor before it"),
  ])
  func saysWhereAndWhat(text: String, message: String) throws {
    let error = try #require(throws: YAMLError.self) { try YAML.parse(text) }
    #expect(error.description == message)
  }

  @Test func boundsWhatAliasesExpandTo() throws {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    let error = try #require(throws: YAMLError.self) { try YAML.parse(text) }
    #expect(error.problem == "aliases expand to more than 8 MiB")
  }

  @Test func boundsTheDepthThatAliasesBuild() throws {
    var text = "- &a0 []\n"
    for level in 1...600 { text += "- &a\(level) [*a\(level - 1)]\n" }
    let error = try #require(throws: YAMLError.self) { try YAML.parse(text) }
    #expect(error.problem == "nested deeper than 512 levels")
    let brackets = String(repeating: "[", count: 5000)
    #expect(throws: YAMLError.self) { try YAML.parse(brackets) }
  }

  @Test func severalDocuments() throws {
    let text = "# head\n---\na: 1\n---\n# nothing\n---\nb: 2\n...\n"
    #expect(try YAML.parseAll(text) == [["a": 1], ["b": 2]])
    #expect(try YAML.parseAll("") == [])
  }
}
