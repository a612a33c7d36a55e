/// Chooses objects by the values of fields, as far as a server supports them: `metadata.name=a,status.phase!=Running`.
public struct FieldSelector: Sendable, Hashable, CustomStringConvertible {
  public struct Requirement: Sendable, Hashable {
    /// With dots, for instance `metadata.name`.
    public var path: String
    /// Whether the field must have the value, or must not.
    public var isEqual: Bool
    public var value: String

    public init(path: String, isEqual: Bool = true, value: String) {
      self.path = path
      self.isEqual = isEqual
      self.value = value
    }
  }

  public var requirements: [Requirement]

  public init(requirements: [Requirement] = []) { self.requirements = requirements }

  /// Terms `path=value`, `path==value` and `path!=value` between commas; `\,`, `\=` and `\\` stand for themselves in
  /// values.
  public init(parsing text: String) throws(SelectorError) {
    self.init()
    for term in Self.split(text) where !term.isEmpty {
      guard let sign = term.firstIndex(of: "=") else {
        throw SelectorError(selector: text, problem: "expected path=value, found \"\(term)\"")
      }
      var path = term[..<sign]
      var value = term[term.index(after: sign)...]
      let isEqual = path.last != "!"
      if !isEqual { path.removeLast() } else if value.first == "=" { value.removeFirst() }
      guard !path.isEmpty else { throw SelectorError(selector: text, problem: "no path in \"\(term)\"") }
      guard let unescaped = Self.unescape(value) else {
        throw SelectorError(selector: text, problem: "write \\, \\= or \\\\ in \"\(value)\"")
      }
      requirements.append(Requirement(path: String(path), isEqual: isEqual, value: unescaped))
    }
  }

  /// Compares the fields as text; an absent field is the empty text.
  public func matches(_ object: JSONValue) -> Bool {
    requirements.allSatisfy { requirement in
      let path = requirement.path.split(separator: ".").map(String.init)
      let text =
        switch object.value(at: path) {
        case .string(let string): string
        case nil, .null: ""
        case .some(let value): value.text
        }
      return (text == requirement.value) == requirement.isEqual
    }
  }

  public var description: String {
    requirements.map { requirement in
      let value = requirement.value.map { ",=\\".contains($0) ? "\\\($0)" : String($0) }.joined()
      return "\(requirement.path)\(requirement.isEqual ? "=" : "!=")\(value)"
    }.joined(separator: ",")
  }

  private static func split(_ text: String) -> [Substring] {
    var terms: [Substring] = []
    var start = text.startIndex
    var isEscaped = false
    for index in text.indices {
      if isEscaped {
        isEscaped = false
      } else if text[index] == "\\" {
        isEscaped = true
      } else if text[index] == "," {
        terms.append(text[start..<index])
        start = text.index(after: index)
      }
    }
    return terms + [text[start...]]
  }

  private static func unescape(_ text: Substring) -> String? {
    var result = ""
    var isEscaped = false
    for character in text {
      switch (isEscaped, character) {
      case (false, "\\"): isEscaped = true
      case (false, "="), (false, ","): return nil
      case (true, "\\"), (true, ","), (true, "="):
        result.append(character)
        isEscaped = false
      case (true, _): return nil
      case (false, _): result.append(character)
      }
    }
    return isEscaped ? nil : result
  }
}
