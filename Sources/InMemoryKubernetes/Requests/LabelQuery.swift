import KubernetesAPI

/// A label selector as it comes in a query, refused in the words of the real server.
struct LabelQuery: Sendable {
  struct Requirement: Sendable {
    enum Operator: Sendable {
      case `in`, notIn, exists, doesNotExist, greaterThan, lessThan
    }
    var key: String
    var operation: Operator
    var values: Set<String>
  }

  private(set) var requirements: [Requirement] = []

  init() {}

  /// - Throws: a 400.
  init(parsing text: String) throws(APIFailure) {
    var parser = Parser(text)
    requirements = try parser.parse()
  }

  var isEmpty: Bool { requirements.isEmpty }

  func matches(_ labels: [String: String]) -> Bool {
    requirements.allSatisfy { requirement in
      let value = labels[requirement.key]
      return switch requirement.operation {
      case .in: value.map(requirement.values.contains) ?? false
      case .notIn: value.map { !requirement.values.contains($0) } ?? true
      case .exists: value != nil
      case .doesNotExist: value == nil
      case .greaterThan: Self.compare(value, requirement.values) { $0 > $1 }
      case .lessThan: Self.compare(value, requirement.values) { $0 < $1 }
      }
    }
  }

  private static func compare(_ value: String?, _ limit: Set<String>, _ holds: (Int64, Int64) -> Bool) -> Bool {
    guard let value = value.flatMap({ Int64($0) }), let limit = limit.first.flatMap({ Int64($0) }) else { return false }
    return holds(value, limit)
  }

  private struct Parser {
    enum Token: Equatable {
      case end, comma, equals, doubleEquals, notEquals, exclamation, open, close, greater, less
      case word(String)

      var literal: String {
        switch self {
        case .end: ""
        case .comma: ","
        case .equals: "="
        case .doubleEquals: "=="
        case .notEquals: "!="
        case .exclamation: "!"
        case .open: "("
        case .close: ")"
        case .greater: ">"
        case .less: "<"
        case .word(let text): text
        }
      }
    }

    private var tokens: [Token] = []
    private var position = 0

    init(_ text: String) {
      let special: Set<Character> = ["=", "!", "(", ")", ",", ">", "<"]
      var rest = text[...]
      while let character = rest.first {
        if character == " " || character == "\t" || character == "\n" || character == "\r" {
          rest.removeFirst()
        } else if special.contains(character) {
          var symbol = String(rest.removeFirst())
          // As the real lexer: symbols are read greedily while they form an operator.
          while let next = rest.first, special.contains(next), Self.token(symbol + String(next)) != nil {
            symbol.append(rest.removeFirst())
          }
          tokens.append(Self.token(symbol) ?? .word(symbol))
        } else {
          let word = rest.prefix { !special.contains($0) && !" \t\n\r".contains($0) }
          rest = rest.dropFirst(word.count)
          tokens.append(.word(String(word)))
        }
      }
    }

    private static func token(_ symbol: String) -> Token? {
      switch symbol {
      case ",": .comma
      case "=": .equals
      case "==": .doubleEquals
      case "!=": .notEquals
      case "!": .exclamation
      case "(": .open
      case ")": .close
      case ">": .greater
      case "<": .less
      default: nil
      }
    }

    private var current: Token { position < tokens.count ? tokens[position] : .end }

    private mutating func next() -> Token {
      defer { position += 1 }
      return current
    }

    mutating func parse() throws(APIFailure) -> [Requirement] {
      var requirements: [Requirement] = []
      while true {
        switch current {
        case .word, .exclamation:
          requirements.append(try requirement())
          switch next() {
          case .end: return requirements
          case .comma:
            switch current {
            case .word, .exclamation: break
            default: throw .badRequest("found '\(current.literal)', expected: identifier after ','")
            }
          case let other: throw .badRequest("found '\(other.literal)', expected: ',' or 'end of string'")
          }
        case .end: return requirements
        case let other:
          throw .badRequest("found '\(other.literal)', expected: !, identifier, or 'end of string'")
        }
      }
    }

    private mutating func requirement() throws(APIFailure) -> Requirement {
      var isNegated = false
      if current == .exclamation {
        isNegated = true
        position += 1
      }
      guard case .word(let key) = next() else {
        position -= 1
        throw failure("found '\(current.literal)', expected: identifier")
      }
      if let problem = Names.qualifiedNameProblem(key) {
        throw failure("key: Invalid value: \(goQuoted(key)): \(problem)")
      }
      if isNegated { return Requirement(key: key, operation: .doesNotExist, values: []) }
      if current == .end || current == .comma { return Requirement(key: key, operation: .exists, values: []) }
      let symbol = next()
      switch symbol {
      case .equals, .doubleEquals: return Requirement(key: key, operation: .in, values: [try exactValue(key)])
      case .notEquals: return Requirement(key: key, operation: .notIn, values: [try exactValue(key)])
      case .greater: return Requirement(key: key, operation: .greaterThan, values: [try exactValue(key)])
      case .less: return Requirement(key: key, operation: .lessThan, values: [try exactValue(key)])
      case .word("in"): return Requirement(key: key, operation: .in, values: try values(key))
      case .word("notin"): return Requirement(key: key, operation: .notIn, values: try values(key))
      default: throw failure("found '\(symbol.literal)', expected: in, notin, =, ==, !=, gt, lt")
      }
    }

    private mutating func exactValue(_ key: String) throws(APIFailure) -> String {
      guard case .word(let value) = current else {
        if current == .end || current == .comma { return "" }
        throw failure("found '\(current.literal)', expected: identifier")
      }
      position += 1
      try check(value, key)
      return value
    }

    private mutating func values(_ key: String) throws(APIFailure) -> Set<String> {
      guard next() == .open else {
        position -= 1
        throw failure("found '\(current.literal)' expected: '('")
      }
      var result: Set<String> = []
      while true {
        switch next() {
        case .word(let value):
          try check(value, key)
          result.insert(value)
          if current == .comma {
            position += 1
            if current == .close { result.insert("") }
          } else if current != .close {
            throw failure("found '\(current.literal)', expected: ',' or ')'")
          }
        case .comma: result.insert("")
        case .close: return result.isEmpty ? [""] : result
        case let other: throw failure("found '\(other.literal)', expected: ',', ')' or identifier")
        }
      }
    }

    private func check(_ value: String, _ key: String) throws(APIFailure) {
      if let problem = Names.labelValueProblem(value) {
        throw failure("values[0][\(key)]: Invalid value: \(goQuoted(value)): \(problem)")
      }
    }

    private func failure(_ why: String) -> APIFailure {
      .badRequest("unable to parse requirement: " + why)
    }
  }
}
