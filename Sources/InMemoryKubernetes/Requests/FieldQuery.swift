import KubernetesAPI

/// A field selector as it comes in a query.
struct FieldQuery: Sendable {
  struct Requirement: Sendable {
    var field: String
    var isEqual: Bool
    var value: String
  }

  var requirements: [Requirement] = []

  init() {}

  /// - Throws: a 400.
  init(parsing text: String) throws(APIFailure) {
    for term in Self.terms(text) where !term.isEmpty {
      if let (field, value) = Self.split(term, at: "!=") {
        requirements.append(Requirement(field: field, isEqual: false, value: value))
      } else if let (field, value) = Self.split(term, at: "==") ?? Self.split(term, at: "=") {
        requirements.append(Requirement(field: field, isEqual: true, value: value))
      } else {
        throw .badRequest("invalid selector: '\(text)'; can't understand '\(term)'")
      }
    }
  }

  func matches(_ value: (String) -> String) -> Bool {
    requirements.allSatisfy { (value($0.field) == $0.value) == $0.isEqual }
  }

  /// Parts between commas; a backslash takes the next character as it is.
  private static func terms(_ text: String) -> [String] {
    var result: [String] = []
    var term = ""
    var isEscaped = false
    for character in text {
      if isEscaped {
        term.append("\\")
        term.append(character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "," {
        result.append(term)
        term = ""
      } else {
        term.append(character)
      }
    }
    result.append(term)
    return result
  }

  private static func split(_ term: String, at symbol: String) -> (String, String)? {
    let characters = Array(term)
    let symbol = Array(symbol)
    var index = 0
    while index + symbol.count <= characters.count {
      if characters[index] == "\\" {
        index += 2
        continue
      }
      if Array(characters[index..<index + symbol.count]) == symbol {
        return (String(characters[..<index]), unescaped(characters[(index + symbol.count)...]))
      }
      index += 1
    }
    return nil
  }

  private static func unescaped(_ characters: ArraySlice<Character>) -> String {
    var result = ""
    var isEscaped = false
    for character in characters {
      if character == "\\" && !isEscaped {
        isEscaped = true
      } else {
        result.append(character)
        isEscaped = false
      }
    }
    return result
  }
}
