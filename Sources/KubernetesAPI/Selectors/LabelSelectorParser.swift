extension LabelSelector {
  /// A selector as in request queries and `kubectl -l`: `a=b,c!=d,e in (x,y),f notin (z),g,!h,i>1`.
  public init(parsing text: String) throws(SelectorError) {
    var parser = LabelSelectorParser(text)
    self.init(requirements: try parser.requirements())
  }
}

private struct LabelSelectorParser {
  private enum Token: Equatable {
    case word(String)
    case symbol(String)
    case end
  }

  private let text: String
  private var rest: Substring
  private var token = Token.end

  init(_ text: String) {
    self.text = text
    rest = text[...]
  }

  mutating func requirements() throws(SelectorError) -> [LabelSelector.Requirement] {
    advance()
    var result: [LabelSelector.Requirement] = []
    if token == .end { return result }
    while true {
      result.append(try requirement())
      if token == .end { return result }
      guard token == .symbol(",") else { throw problem("expected ',' \(found)") }
      advance()
    }
  }

  private mutating func requirement() throws(SelectorError) -> LabelSelector.Requirement {
    if token == .symbol("!") {
      advance()
      return .init(key: try key(), condition: .doesNotExist)
    }
    let key = try key()
    switch token {
    case .end, .symbol(","): return .init(key: key, condition: .exists)
    case .symbol("="), .symbol("=="):
      advance()
      return .init(key: key, condition: .isIn([try value(of: key)]))
    case .symbol("!="):
      advance()
      return .init(key: key, condition: .isNotIn([try value(of: key)]))
    case .symbol(">"):
      advance()
      return .init(key: key, condition: .isAbove(try bound(of: key)))
    case .symbol("<"):
      advance()
      return .init(key: key, condition: .isBelow(try bound(of: key)))
    case .word("in"):
      advance()
      return .init(key: key, condition: .isIn(try values(of: key)))
    case .word("notin"):
      advance()
      return .init(key: key, condition: .isNotIn(try values(of: key)))
    default: throw problem("expected =, !=, in, notin or ',' after \(key), \(found)")
    }
  }

  private mutating func key() throws(SelectorError) -> String {
    guard case .word(let key) = token else { throw problem("expected a label key, \(found)") }
    guard LabelSyntax.isKey(key) else { throw problem("\"\(key)\" is not a label key") }
    advance()
    return key
  }

  /// An absent word is the empty value.
  private mutating func value(of key: String) throws(SelectorError) -> String {
    guard case .word(let value) = token else { return "" }
    guard LabelSyntax.isValue(value) else { throw problem("\"\(value)\" is not a label value (\(key))") }
    advance()
    return value
  }

  private mutating func bound(of key: String) throws(SelectorError) -> Int64 {
    guard case .word(let word) = token, let bound = Int64(word) else {
      throw problem("expected an integer for \(key), \(found)")
    }
    advance()
    return bound
  }

  private mutating func values(of key: String) throws(SelectorError) -> Set<String> {
    guard token == .symbol("(") else { throw problem("expected '(' \(found)") }
    advance()
    var values: Set<String> = []
    while true {
      values.insert(try value(of: key))
      switch token {
      case .symbol(","): advance()
      case .symbol(")"):
        advance()
        return values
      default: throw problem("expected ',' or ')' \(found)")
      }
    }
  }

  private mutating func advance() {
    rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r" }
    guard let first = rest.first else {
      token = .end
      return
    }
    for symbol in ["==", "!=", "=", "!", ",", "(", ")", ">", "<"] where rest.hasPrefix(symbol) {
      rest = rest.dropFirst(symbol.count)
      token = .symbol(symbol)
      return
    }
    let word = rest.prefix { !"=!,()<> \t\n\r".contains($0) }
    rest = rest.dropFirst(max(word.count, 1))
    token = .word(word.isEmpty ? String(first) : String(word))
  }

  private var found: String {
    switch token {
    case .word(let word), .symbol(let word): "found \"\(word)\""
    case .end: "found the end"
    }
  }

  private func problem(_ problem: String) -> SelectorError { SelectorError(selector: text, problem: problem) }
}

/// What Kubernetes takes for label keys and values.
package enum LabelSyntax {
  /// An optional DNS subdomain and a slash, then a name of up to 63 characters.
  package static func isKey(_ key: String) -> Bool {
    let parts = key.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let name = parts.last, !name.isEmpty, isValue(String(name)) else { return false }
    return parts.count == 1 || isSubdomain(parts[0])
  }

  /// Empty, or up to 63 letters, digits, `-`, `_` and `.` with a letter or digit at both ends.
  package static func isValue(_ value: String) -> Bool {
    guard let first = value.utf8.first, let last = value.utf8.last else { return true }
    return value.utf8.count <= 63 && isAlphanumeric(first) && isAlphanumeric(last)
      && value.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
  }

  private static func isSubdomain(_ domain: Substring) -> Bool {
    domain.utf8.count <= 253
      && domain.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
        guard let first = label.utf8.first, let last = label.utf8.last else { return false }
        return first != UInt8(ascii: "-") && last != UInt8(ascii: "-")
          && label.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
      }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }
}
