/// A place in a document (RFC 6901), for instance `/spec/containers/0`.
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
  /// Unescaped.
  public let tokens: [String]

  public init(tokens: [String]) { self.tokens = tokens }

  /// Nil for a text that is neither empty nor begins with a slash, or that has a `~` not followed by 0 or 1.
  public init?(parsing text: String) {
    guard text.isEmpty || text.utf8.first == UInt8(ascii: "/") else { return nil }
    var tokens: [String] = []
    for part in text.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
      var token = ""
      var isEscape = false
      for scalar in part.unicodeScalars {
        switch (isEscape, scalar) {
        case (false, "~"): isEscape = true
        case (false, _): token.unicodeScalars.append(scalar)
        case (true, "0"):
          token.append("~")
          isEscape = false
        case (true, "1"):
          token.append("/")
          isEscape = false
        case (true, _): return nil
        }
      }
      if isEscape { return nil }
      tokens.append(token)
    }
    self.tokens = tokens
  }

  public var description: String {
    tokens.map { token in
      var text = "/"
      for scalar in token.unicodeScalars {
        switch scalar {
        case "~": text += "~0"
        case "/": text += "~1"
        default: text.unicodeScalars.append(scalar)
        }
      }
      return text
    }.joined()
  }

  /// Whether `other` lies below this place.
  func contains(_ other: JSONPointer) -> Bool {
    other.tokens.count > tokens.count && other.tokens.starts(with: tokens)
  }
}

extension JSONValue {
  /// The value at a place; nil where there is none.
  public subscript(pointer: JSONPointer) -> JSONValue? {
    var value = self
    for token in pointer.tokens {
      switch value {
      case .object(let object):
        guard let member = object[token] else { return nil }
        value = member
      case .array(let elements):
        guard let index = Self.arrayIndex(token), index < elements.count else { return nil }
        value = elements[index]
      default: return nil
      }
    }
    return value
  }

  /// An array index as RFC 6901 writes it: digits without leading zeros.
  static func arrayIndex(_ token: String) -> Int? {
    guard !token.isEmpty, token.utf8.count <= 9, token.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      token == "0" || !token.hasPrefix("0")
    else { return nil }
    return Int(token)
  }
}
