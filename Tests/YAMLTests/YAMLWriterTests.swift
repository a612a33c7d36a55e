import KubernetesAPI
import Testing
import YAML

@Suite struct YAMLWriterTests {
  @Test func writesBlockStyle() {
    let value: JSONValue = [
      "apiVersion": "v1", "empty": [:], "none": [], "nothing": .null,
      "spec": [
        "replicas": 2, "args": ["-c", "yes", "12", ["x": 1, "y": [true]], [1, [2]]], "script": "a\n  b\n\nc\n",
      ],
    ]
    #expect(
      YAML.write(value) == """
        apiVersion: v1
        empty: {}
        none: []
        nothing: null
        spec:
          replicas: 2
          args:
          - "-c"
          - "yes"
          - "12"
          - x: 1
            "y":
            - true
          - - 1
            - - 2
          script: |
            a
              b

            c

        """)
  }

  @Test(arguments: [
    "", " ", "a: b", "a #b", "#a", "true", "null", "~", "0644", "1e3", "1_0", "0x1f", "yes", "Off",
    "2026-11-21T04:10:00Z",
    "1:20", "-", "- a", "?", "[a", "{a", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "'a'", "\"a\"", "a\tb", "a\rb",
    "a\u{85}b", "a\u{2028}b", "\u{feff}", "\u{0}", "\u{7f}", "é😀", "---", "...", "<<", "=", ".inf", "a:", "a\n", "a\nb",
    "a\n\n", "a\n\n\n", "\na", " a\nb", "a\n b", "a\n  ", "a\n \n", "a\nb\u{7}", "a\r\nb", "\n", "a\n\tb\n",
    "a\n\nb\n\n",
    "key: |\n  x\n", "# a\n# b\n", "1.", "+1", "a\n---\nb", "a\n...\n", "\t", "1.2.3", "https://x.y/z?a=b", "\u{fffe}",
    "a\u{fffe}\nb",
  ])
  func stringsReturn(string: String) throws {
    for value: JSONValue in [
      .string(string), ["a": .string(string)], [.string(string), 1], [["k": [.string(string)]]],
    ] {
      #expect(try YAML.parse(YAML.write(value)) == value, "\(YAML.write(value))")
    }
    let asKey = JSONValue.object([string: 1])
    #expect(try YAML.parse(YAML.write(asKey)) == asKey, "\(YAML.write(asKey))")
  }

  @Test(arguments: 0..<30 as Range<UInt64>)
  func generatedValuesReturn(seed: UInt64) throws {
    var random = SeededGenerator(state: seed)
    for _ in 0..<60 {
      let value = generate(&random, depth: 0)
      let text = YAML.write(value)
      #expect(try YAML.parse(text) == value, "seed \(seed): \(text)")
    }
  }

  private func generate(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
    switch Int.random(in: 0..<(depth < 4 ? 9 : 6), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2: return JSONValue(Int64.random(in: -1000...1000, using: &random))
    case 3: return JSONValue(Double.random(in: -10...10, using: &random))
    case 4, 5: return .string(string(&random))
    case 6: return .array((0..<Int.random(in: 0...3, using: &random)).map { _ in generate(&random, depth: depth + 1) })
    default:
      let members = (0..<Int.random(in: 0...3, using: &random)).map { _ in
        (string(&random), generate(&random, depth: depth + 1))
      }
      return .object(JSONObject(members))
    }
  }

  private func string(_ random: inout SeededGenerator) -> String {
    let pieces = [
      "a", "b", "1", "0", " ", "  ", "\n", "\n\n", ":", "#", "-", "\t", "'", "\"", "\\", "é", ".", "e", "x", "~",
    ]
    return (0..<Int.random(in: 0...7, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
  }
}

/// SplitMix64, so that a failure can be run again from its seed.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
