import KubernetesAPI
import Testing

/// A small generator (SplitMix64), so that a failure can be run again from its seed.
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

@Suite struct JSONFuzzTests {
  static let documents = [
    #"""
    {"apiVersion":"flink.apache.org/v1beta1","kind":"FlinkDeployment","metadata":{"name":"basic","namespace":"default",
    "uid":"0b6f1b42-1b1a-4c39-9d4b-111111111111","generation":3,"labels":{"app.kubernetes.io/name":"x"},
    "managedFields":[{"manager":"kubectl","fieldsV1":{"f:spec":{".":{},"f:image":{}}}}]},
    "spec":{"image":"flink:1.20","flinkConfiguration":{"taskmanager.numberOfTaskSlots":"2","a":"\u00e9\ud83d\ude00"},
    "jobManager":{"resource":{"memory":"2048m","cpu":1.5}},"job":{"parallelism":2,"args":["--x","\\\"\n"],"state":null}}}
    """#,
    #"[0,-0,1.25e-3,1E9,12345678901234567890,true,false,null,"",[],{},[[[["deep"]]]],{"":{"":{"":1}}}]"#,
    "{\"text\":\"Grüße, 世界 \u{1F600} ends\",\"control\":\"\\u0000\\u001f\\t\"}",
  ]

  @Test(arguments: 0..<40 as Range<UInt64>)
  func mutatedDocumentsParseOrFailCleanly(seed: UInt64) throws {
    var random = SeededGenerator(state: seed)
    for _ in 0..<250 {
      let document = Self.documents.randomElement(using: &random) ?? ""
      var bytes = Array(document.utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, &random) }
      let value: JSONValue
      do throws(JSONError) {
        value = try JSONParser.parse(bytes)
      } catch {
        #expect((0...bytes.count).contains(error.offset), "seed \(seed): \(error)")
        continue
      }
      #expect(
        try JSONParser.parse(value.serialized()) == value, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
      #expect(try JSONParser.parse(value.canonicalBytes()) == value)
      #expect(try JSONParser.parse(value.serialized()).serialized() == value.serialized())
    }
  }

  @Test func everyPrefixFailsCleanly() throws {
    for document in Self.documents {
      let bytes = Array(document.utf8)
      for count in 0..<bytes.count {
        #expect(throws: JSONError.self, "\(count) bytes") { try JSONParser.parse(Array(bytes.prefix(count))) }
      }
      #expect(throws: Never.self) { try JSONParser.parse(bytes) }
    }
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    guard !bytes.isEmpty else { return }
    let index = Int.random(in: 0..<bytes.count, using: &random)
    let interesting = Array("{}[]\",:\\u0123eE.+-tfn \u{0}\u{1f}\u{7f}".utf8) + [0x80, 0xc3, 0xed, 0xf0, 0xff]
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes[index] = interesting.randomElement(using: &random) ?? 0
    case 2: bytes.insert(interesting.randomElement(using: &random) ?? 0, at: index)
    case 3: bytes.remove(at: index)
    case 4: bytes.removeLast(bytes.count - index)
    default:
      let end = min(bytes.count, index + Int.random(in: 1...12, using: &random))
      bytes.insert(contentsOf: bytes[index..<end], at: Int.random(in: 0...bytes.count, using: &random))
    }
  }
}
