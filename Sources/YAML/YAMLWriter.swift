internal import KubernetesAPI

/// Writes values in block style, two spaces a level, sequences at the level of their key as kubectl does.
struct YAMLWriter {
  private(set) var text = ""

  mutating func document(_ value: JSONValue) {
    switch value {
    case .object(let object) where !object.isEmpty: members(object, level: 0)
    case .array(let elements) where !elements.isEmpty: items(elements, level: 0)
    default:
      scalar(value, level: 0)
      text += "\n"
    }
  }

  /// - Parameter isFirstOpen: whether the first line's indent is written already (after `- `).
  private mutating func members(_ object: JSONObject, level: Int, isFirstOpen: Bool = false) {
    var isOpen = isFirstOpen
    for (name, value) in object {
      if !isOpen { indent(level) }
      isOpen = false
      text += YAMLString.inline(name) + ":"
      switch value {
      case .object(let object) where !object.isEmpty:
        text += "\n"
        members(object, level: level + 1)
      case .array(let elements) where !elements.isEmpty:
        text += "\n"
        items(elements, level: level)
      default:
        text += " "
        scalar(value, level: level + 1)
        text += "\n"
      }
    }
  }

  private mutating func items(_ elements: [JSONValue], level: Int, isFirstOpen: Bool = false) {
    var isOpen = isFirstOpen
    for element in elements {
      if !isOpen { indent(level) }
      isOpen = false
      text += "- "
      switch element {
      case .object(let object) where !object.isEmpty: members(object, level: level + 1, isFirstOpen: true)
      case .array(let elements) where !elements.isEmpty: items(elements, level: level + 1, isFirstOpen: true)
      default:
        scalar(element, level: level + 1)
        text += "\n"
      }
    }
  }

  /// Without the new line at the end. `level` is that of a block's lines.
  private mutating func scalar(_ value: JSONValue, level: Int) {
    guard case .string(let string) = value else {
      text += value.text
      return
    }
    guard level > 0, YAMLString.fitsLiteralBlock(string) else {
      text += YAMLString.inline(string)
      return
    }
    text += string.hasSuffix("\n\n") ? "|+" : string.hasSuffix("\n") ? "|" : "|-"
    var lines = string.split(separator: "\n", omittingEmptySubsequences: false)
    if string.hasSuffix("\n") { lines.removeLast() }
    for line in lines {
      text += "\n"
      if !line.isEmpty {
        indent(level)
        text += line
      }
    }
  }

  private mutating func indent(_ level: Int) { text += String(repeating: "  ", count: level) }
}

/// How a string is written.
enum YAMLString {
  /// On one line: plain where every reader takes it for this string, otherwise in double quotes.
  static func inline(_ string: String) -> String { isPlain(string) ? string : quoted(string) }

  private static func isPlain(_ string: String) -> Bool {
    guard let first = string.unicodeScalars.first, let last = string.unicodeScalars.last else { return false }
    guard !"-?:,[]{}#&*!|>'\"%@`=<.~ ".unicodeScalars.contains(first), last != ":", last != " ",
      !string.contains(": "), !string.contains(" #"), string.unicodeScalars.allSatisfy(isPlainScalar)
    else { return false }
    guard case .value(.string) = YAMLScalar.resolve(string) else { return false }
    return !isSpecialToOthers(string)
  }

  /// Words and numbers that YAML 1.1 readers take for booleans, dates or base-60 numbers.
  private static func isSpecialToOthers(_ string: String) -> Bool {
    if ["y", "n", "yes", "no", "on", "off"].contains(string.lowercased()) { return true }
    guard let first = string.utf8.first, (0x30...0x39).contains(first) || first == 0x2b else { return false }
    return string.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-:._eExXtTzZ ".utf8.contains($0) }
  }

  private static func isPlainScalar(_ scalar: Unicode.Scalar) -> Bool { isPrintable(scalar) && scalar != "\t" }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x20...0x7e, 0xa0...0x2027, 0x202a...0xd7ff, 0xe000...0xfefe, 0xff00...0xfffd, 0x10000...0x10ffff: true
    default: false
    }
  }

  /// A JSON string is a YAML one, once what YAML does not print is escaped.
  private static func quoted(_ string: String) -> String {
    var result = ""
    for scalar in JSONValue.string(string).text.unicodeScalars {
      if isPrintable(scalar) {
        result.unicodeScalars.append(scalar)
      } else {
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result
  }

  /// Several printable lines, where neither the first line nor the last leaves doubt about indent and end.
  static func fitsLiteralBlock(_ string: String) -> Bool {
    guard let first = string.unicodeScalars.first, !" \t\n".unicodeScalars.contains(first),
      string.unicodeScalars.contains("\n"), string.unicodeScalars.allSatisfy({ $0 == "\n" || isPrintable($0) })
    else { return false }
    let last = string.unicodeScalars.split(separator: "\n").last ?? Substring.UnicodeScalarView()
    return last.contains { $0 != " " && $0 != "\t" }
  }
}
