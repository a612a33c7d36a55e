internal import KubernetesAPI

/// What the text of a scalar means.
enum YAMLScalar {
  private static let tagPrefix = "tag:yaml.org,2002:"

  static func value(_ text: String, isPlain: Bool, at event: YAMLEvent) throws(YAMLError) -> JSONValue {
    guard let tag = event.tag else { return isPlain ? try plain(text, at: event) : .string(text) }
    switch tag {
    case "!", tagPrefix + "str": return .string(text)
    case tagPrefix + "null", tagPrefix + "bool", tagPrefix + "int", tagPrefix + "float":
      let value = try plain(text, at: event)
      let fits =
        switch (value, tag.dropFirst(tagPrefix.count)) {
        case (.null, "null"), (.bool, "bool"), (.number(.integer), "int"), (.number, "float"): true
        default: false
        }
      guard fits else { throw event.error("\(JSONValue.string(text).text) does not fit its tag \(tag)") }
      return value
    default: throw event.error("tag \(tag) is not supported")
    }
  }

  private static func plain(_ text: String, at event: YAMLEvent) throws(YAMLError) -> JSONValue {
    switch resolve(text) {
    case .value(let value): return value
    case .notInJSON: throw event.error("\(text) has no JSON form; quote it where a string is meant")
    }
  }

  /// What a plain scalar is to YAML 1.1 only.
  static func word(_ text: String) -> JSONValue? {
    switch text {
    case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON": true
    case "n", "N", "no", "No", "NO", "off", "Off", "OFF": false
    default: nil
    }
  }

  enum Resolution {
    case value(JSONValue)
    /// Infinity or NaN.
    case notInJSON
  }

  /// The meaning of a plain scalar without a tag.
  static func resolve(_ text: String) -> Resolution {
    switch text {
    case "", "~", "null", "Null", "NULL": return .value(.null)
    case "true", "True", "TRUE": return .value(true)
    case "false", "False", "FALSE": return .value(false)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN":
      return .notInJSON
    default:
      guard let first = text.utf8.first, (0x30...0x39).contains(first) || "+-.".utf8.contains(first) else {
        return .value(.string(text))
      }
      return .value(number(text) ?? .string(text))
    }
  }

  private static func number(_ text: String) -> JSONValue? {
    // Go's reader lets underscores group digits.
    let plain = text.replacing("_", with: "")
    var digits = plain[...]
    let isNegative = digits.first == "-"
    if isNegative || digits.first == "+" { digits.removeFirst() }
    if let integer = integer(digits, isNegative: isNegative) { return integer }
    guard isFloat(digits), let value = Double(plain) else { return nil }
    guard value.isFinite else { return JSONValue(jsonNumber: plain) }
    return JSONValue(value)
  }

  private static func integer(_ digits: Substring, isNegative: Bool) -> JSONValue? {
    let radix: Int
    let body: Substring
    switch digits.prefix(2) {
    case "0x", "0X": (radix, body) = (16, digits.dropFirst(2))
    case "0o", "0O": (radix, body) = (8, digits.dropFirst(2))
    case "0b", "0B": (radix, body) = (2, digits.dropFirst(2))
    default: (radix, body) = digits.utf8.first == 0x30 && digits.utf8.count > 1 ? (8, digits.dropFirst()) : (10, digits)
    }
    guard let first = body.first, first != "+", first != "-" else { return nil }
    if let value = Int64((isNegative ? "-" : "") + body, radix: radix) { return JSONValue(value) }
    if radix == 10, body.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      return JSONValue(jsonNumber: (isNegative ? "-" : "") + body)
    }
    return nil
  }

  /// Digits with an optional point and exponent; at least one digit before the exponent.
  private static func isFloat(_ text: Substring) -> Bool {
    var rest = text.utf8[...]
    func digits() -> Int {
      let run = rest.prefix { (0x30...0x39).contains($0) }.count
      rest = rest.dropFirst(run)
      return run
    }
    var count = digits()
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      count += digits()
    }
    guard count > 0 else { return false }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }
}

extension JSONValue {
  /// A number beyond 64 bits, kept as its text; nil where the text is not a number by JSON's grammar.
  fileprivate init?(jsonNumber text: String) {
    guard let value = try? JSONValue(parsing: text), case .number = value else { return nil }
    self = value
  }
}
