import KubernetesAPI

/// What the placeholders of a scenario stand for, by kind and name.
struct Bindings {
  struct Key: Hashable {
    var kind: String
    var name: String
  }
  var values: [Key: String] = [:]

  /// An outgoing text with its placeholders replaced.
  func resolve(_ text: String, percentEncoded: Bool = false) throws(ReplayProblem) -> String {
    var result = ""
    for part in Template(text).parts {
      switch part {
      case .literal(let literal): result += literal
      case .placeholder(let placeholder):
        guard let value = values[placeholder.key] else {
          throw ReplayProblem("unbound placeholder \(placeholder.text)")
        }
        result += percentEncoded ? Self.encoded(value) : value
      }
    }
    return result
  }

  func resolve(_ json: JSONValue) throws(ReplayProblem) -> JSONValue {
    switch json {
    case .string(let text):
      let parts = Template(text).parts
      if parts.count == 1, case .placeholder(let placeholder) = parts[0], placeholder.key.kind == "int",
        let number = values[placeholder.key].flatMap({ Int64($0) })
      {
        return JSONValue(number)
      }
      return .string(try resolve(text))
    case .array(let items):
      var result: [JSONValue] = []
      for item in items { result.append(try resolve(item)) }
      return .array(result)
    case .object(let object):
      var result: [(String, JSONValue)] = []
      for (key, value) in object.members { result.append((try resolve(key), try resolve(value))) }
      return .object(JSONObject(result))
    default: return json
    }
  }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      let character = Character(UnicodeScalar(byte))
      let isPlain = character.isASCII && (character.isLetter || character.isNumber || "-._~".contains(character))
      return isPlain ? String(character) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
  }
}

struct ReplayProblem: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// A text with placeholders such as `${rv:b>a}`.
struct Template {
  struct Placeholder {
    var text: String
    var key: Bindings.Key
    /// `>` or `>=`, and the name it is compared with.
    var comparison: (symbol: String, name: String)?
  }
  enum Part {
    case literal(String)
    case placeholder(Placeholder)
  }
  var parts: [Part] = []

  init(_ text: String) {
    var rest = text[...]
    while let start = rest.firstRange(of: "${") {
      guard let end = rest[start.upperBound...].firstIndex(of: "}"),
        let placeholder = Self.placeholder(rest[start.upperBound..<end])
      else { break }
      if start.lowerBound > rest.startIndex { parts.append(.literal(String(rest[..<start.lowerBound]))) }
      parts.append(.placeholder(placeholder))
      rest = rest[rest.index(after: end)...]
    }
    if !rest.isEmpty { parts.append(.literal(String(rest))) }
  }

  private static func placeholder(_ inside: Substring) -> Placeholder? {
    let kind = inside.prefix { $0.isLowercase && $0.isASCII }
    guard !kind.isEmpty else { return nil }
    var rest = inside.dropFirst(kind.count)
    var name: Substring = ""
    func isNameCharacter(_ character: Character) -> Bool {
      character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
    }
    if rest.hasPrefix(":") {
      name = rest.dropFirst().prefix(while: isNameCharacter)
      rest = rest.dropFirst(1 + name.count)
    }
    var comparison: (String, String)?
    for symbol in [">=", ">"] where comparison == nil && rest.hasPrefix(symbol) {
      comparison = (symbol, String(rest.dropFirst(symbol.count)))
      rest = ""
    }
    guard rest.isEmpty else { return nil }
    return Placeholder(
      text: "${\(inside)}", key: Bindings.Key(kind: String(kind), name: String(name)), comparison: comparison)
  }

  var isPlain: Bool {
    parts.allSatisfy { if case .literal = $0 { true } else { false } }
  }

  /// nil when the text matches; binds what is not bound.
  func mismatch(_ text: String, _ bindings: inout Bindings) -> String? {
    let characters = Array(text)
    var found: [(Placeholder, String)] = []
    guard match(parts[...], characters[...], bindings, &found) else {
      return "does not match, got \(text.prefix(600))"
    }
    for (placeholder, value) in found {
      if bindings.values[placeholder.key] == nil, let (symbol, name) = placeholder.comparison {
        let other = bindings.values[Bindings.Key(kind: placeholder.key.kind, name: name)].flatMap { Int64($0) }
        guard let other, let number = Int64(value) else { return "\(placeholder.text) refers to nothing" }
        guard symbol == ">" ? number > other : number >= other else {
          return "expected a value \(symbol) \(other), got \(value)"
        }
      }
      if !placeholder.key.name.isEmpty { bindings.values[placeholder.key] = value }
    }
    return nil
  }

  private func match(
    _ parts: ArraySlice<Part>, _ text: ArraySlice<Character>, _ bindings: Bindings,
    _ found: inout [(Placeholder, String)]
  ) -> Bool {
    guard let part = parts.first else { return text.isEmpty }
    switch part {
    case .literal(let literal):
      guard text.starts(with: literal) else { return false }
      return match(parts.dropFirst(), text.dropFirst(literal.count), bindings, &found)
    case .placeholder(let placeholder):
      let key = placeholder.key
      let bound =
        key.name.isEmpty
        ? nil : bindings.values[key] ?? found.first { $0.0.key == key }?.1
      if let bound {
        guard text.starts(with: bound) else { return false }
        return match(parts.dropFirst(), text.dropFirst(bound.count), bindings, &found)
      }
      // The longest run first, but the whole rest at once where it is the last part.
      let longest = text.prefix { Self.isAllowed($0, key.kind) }
      let lengths =
        parts.count == 1 ? [text.count].filter { $0 <= longest.count } : Array((0...longest.count).reversed())
      for length in lengths {
        let value = String(text.prefix(length))
        guard Self.isWhole(value, key.kind) else { continue }
        let mark = found.count
        found.append((placeholder, value))
        if match(parts.dropFirst(), text.dropFirst(length), bindings, &found) { return true }
        found.removeLast(found.count - mark)
      }
      return false
    }
  }

  private static func isAllowed(_ character: Character, _ kind: String) -> Bool {
    switch kind {
    case "any", "str": return true
    case "rv", "port": return character.isASCII && character.isNumber
    case "int": return character.isASCII && (character.isNumber || character == "-")
    case "uid": return character.isASCII && (character.isHexDigit && !character.isUppercase || character == "-")
    case "time": return character.isASCII && (character.isNumber || "-:.TZ+".contains(character))
    case "ip": return character.isASCII && (character.isHexDigit || ".:".contains(character))
    case "gen", "hash": return character.isASCII && (character.isLowercase || character.isNumber)
    case "hex": return character.isASCII && character.isHexDigit
    case "token":
      return character.isASCII && (character.isLetter || character.isNumber || "_.=-".contains(character))
    default: return true
    }
  }

  private static func isWhole(_ value: String, _ kind: String) -> Bool {
    switch kind {
    case "any": true
    case "gen": value.count == 5
    case "hash": (5...12).contains(value.count)
    case "uid": value.count == 36
    case "time": value.count >= 20 && value.contains("T")
    default: !value.isEmpty
    }
  }
}
