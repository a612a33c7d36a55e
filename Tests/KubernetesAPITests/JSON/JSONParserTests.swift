import KubernetesAPI
import Testing

@Suite struct JSONParserTests {
  @Test(
    arguments: [
      ("null", JSONValue.null), (" true ", true), ("false", false), ("0", 0), ("-1", -1), ("\"\"", ""), ("[]", []),
      ("{}", [:]),
      ("9223372036854775807", .number(.integer(.max))), ("-9223372036854775808", .number(.integer(.min))),
      ("[1, 2,\t3\n]", [1, 2, 3]), (#"{"a": {"b": [null]}}"#, ["a": ["b": [.null]]]),
      (#""\u0041\n\t\r\b\f\/\\\"""#, "A\n\t\r\u{8}\u{c}/\\\""), (#""\ud83d\ude00é""#, "😀é"), (#""\u0000""#, "\0"),
      (#""0123456789abcdef\n0123456789""#, "0123456789abcdef\n0123456789"),
    ] as [(String, JSONValue)])
  func readsValues(text: String, expected: JSONValue) throws {
    #expect(try JSONValue(parsing: text) == expected)
  }

  @Test(arguments: [
    "1.50", "1e400", "9223372036854775808", "-9223372036854775809", "0.1E-7", "123456789012345678901234567890", "-0",
  ])
  func keepsOtherNumbersAsTheirText(text: String) throws {
    guard case .number(.text(let kept)) = try JSONValue(parsing: text) else {
      Issue.record("not kept as text")
      return
    }
    #expect(kept == text)
    #expect(try JSONValue(parsing: text).text == text)
  }

  @Test(
    arguments: [
      ("", "unexpected end of text", 0), ("  ", "unexpected end of text", 2), ("nul", "unexpected character 'n'", 0),
      ("01", "number with a leading zero", 0), ("-", "expected a digit", 1), ("1.", "expected a digit", 2),
      ("1e", "expected a digit", 2), ("+1", "unexpected character '+'", 0), (".5", "unexpected character '.'", 0),
      ("[1,]", "unexpected character ']'", 3), ("[1 2]", "expected ',' or ']'", 3),
      ("{,}", "expected a member name", 1),
      (#"{"a":1,}"#, "expected a member name", 7), (#"{"a" 1}"#, "expected ':'", 5),
      (#"{"a":1"#, "unexpected end of text", 6),
      (#"{"a":1,"a":2}"#, #"repeated member name "a""#, 7), ("1 2", "text after the end of the value", 2),
      ("\"abc", "string without an end", 0), ("\"abc\\", "unexpected end of text", 4), (#""\x""#, "invalid escape", 1),
      (#""\u12"#, "unexpected end of text", 3), (#""\u12g4""#, "expected four hexadecimal digits", 5),
      (#""\ud800""#, "unpaired surrogate", 1), (#""\ud800\u0041""#, "unpaired surrogate", 1),
      (#""\udc00""#, "unpaired surrogate", 1), ("\"a\nb\"", "control character in a string", 2),
      ("'a'", "unexpected character '''", 0), ("NaN", "unexpected character 'N'", 0),
    ] as [(String, String, Int)])
  func refusesWithTheOffset(text: String, problem: String, offset: Int) {
    #expect(throws: JSONError(problem: problem, offset: offset)) { try JSONValue(parsing: text) }
  }

  @Test(
    arguments: [
      [0x22, 0xff, 0x22], [0x22, 0xc3, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x5b, 0x80],
    ] as [[UInt8]])
  func refusesInvalidUTF8(bytes: [UInt8]) {
    #expect(throws: JSONError(problem: "invalid UTF-8", offset: 1)) { try JSONValue(parsing: bytes) }
  }

  @Test func boundsTheDepth() throws {
    let limit = JSONParser.maximumDepth
    let fits = String(repeating: "[", count: limit) + String(repeating: "]", count: limit)
    _ = try JSONValue(parsing: fits)
    let deep = String(repeating: "{\"a\":", count: limit + 1) + "1" + String(repeating: "}", count: limit + 1)
    #expect(throws: JSONError(problem: "nested deeper than 512 levels", offset: limit * 5)) {
      try JSONValue(parsing: deep)
    }
  }

  @Test(
    arguments: [
      ("1", "1.0", true), ("1", "1e0", true), ("100", "1E2", true), ("0", "-0", true), ("0.5", "5e-1", true),
      ("9223372036854775807", "9223372036854775807.5", false), ("18446744073709551616", "18446744073709551617", false),
      ("1", "2", false), ("1.5", "1.50", true),
    ] as [(String, String, Bool)])
  func comparesNumbersByValue(left: String, right: String, areEqual: Bool) throws {
    let a = try JSONValue(parsing: left)
    let b = try JSONValue(parsing: right)
    #expect((a == b) == areEqual)
    if areEqual { #expect(a.hashValue == b.hashValue) }
  }

  @Test func findsARepeatedNameAmongMany() {
    let members = (0..<40).map { "\"member-with-a-long-name-\($0)\":\($0)" }.joined(separator: ",")
    #expect(throws: Never.self) { try JSONValue(parsing: "{\(members)}") }
    #expect(throws: JSONError.self) { try JSONValue(parsing: "{\(members),\"member-with-a-long-name-33\":0}") }
  }

  @Test func reportsDuplicatesWhenAsked() throws {
    let text = #"{"spec":{"a":1,"list":[{"x":1},{"x":1,"x":2}],"a":3},"spec2":1}"#
    let (value, duplicates) = try JSONParser.parseReportingDuplicates(Array(text.utf8))
    #expect(duplicates.map(\.path) == ["spec.list[1].x", "spec.a"])
    #expect(value["spec", "a"] == 3)
    #expect(value["spec", "list"]?.arrayValue?.last?["x"] == 2)
  }

  @Test func writesSortedAndEscaped() throws {
    let value: JSONValue = ["b": "\u{1}\"\\é\n", "a": [true, .null, -5, 12], "é": [:]]
    #expect(value.text == #"{"b":"\u0001\"\\é\n","a":[true,null,-5,12],"é":{}}"#)
    #expect(
      String(decoding: value.canonicalBytes(), as: UTF8.self) == #"{"a":[true,null,-5,12],"b":"\u0001\"\\é\n","é":{}}"#)
  }
}
