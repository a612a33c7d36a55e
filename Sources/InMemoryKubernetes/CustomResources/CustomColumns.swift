import KubernetesAPI

/// `additionalPrinterColumns`, or name and age without any.
struct CustomColumns: Sendable {
  let columns: [TableColumn]
  private let paths: [JSONPath?]

  init(_ definitions: [JSONValue]) {
    if definitions.isEmpty {
      var age = TableColumn.age
      age.type = "date"
      columns = [.name, age]
      paths = [nil, JSONPath(".metadata.creationTimestamp")]
      return
    }
    columns =
      [.name]
      + definitions.map { definition in
        let path = definition["jsonPath"]?.stringValue ?? ""
        let description = definition["description"]?.stringValue ?? ""
        return TableColumn(
          name: definition["name"]?.stringValue ?? "", type: definition["type"]?.stringValue ?? "string",
          format: definition["format"]?.stringValue ?? "",
          description: description.isEmpty
            ? "Custom resource definition column (in JSONPath format): \(path)" : description,
          priority: Int(definition["priority"]?.intValue ?? 0))
      }
    paths = [nil] + definitions.map { JSONPath($0["jsonPath"]?.stringValue ?? "") }
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    zip(columns, paths).enumerated().map { index, pair in
      if index == 0 { return object["metadata", "name"] ?? "" }
      let (column, path) = pair
      guard let path, let value = path.values(in: object).first, !value.isNull else { return .null }
      switch column.type {
      case "integer":
        return value.doubleValue.map { JSONValue(Int64($0)) } ?? .null
      case "number": return value.doubleValue == nil ? .null : value
      case "boolean": return value.boolValue.map { .bool($0) } ?? .null
      case "date":
        guard let text = value.stringValue else { return .null }
        return .string(humanDuration(from: GoTime(text), to: now))
      default:
        switch value {
        case .string: return value
        case .object, .array: return .string(String(decoding: value.canonicalBytes(), as: UTF8.self))
        default: return .string(value.text)
        }
      }
    }
  }
}

/// The JSONPaths of printer columns: members, indexes, `[*]` and filters on one member (`[?(@.type=="Ready")]`).
struct JSONPath: Sendable, Hashable {
  private enum Step: Sendable, Hashable {
    case member(String)
    case index(Int)
    case all
    case filter(path: [String], isEqual: Bool, value: JSONValue)
    case exists(path: [String])
  }

  private var steps: [Step] = []

  /// nil when the path cannot be read.
  init?(_ text: String) {
    var rest = text[...]
    if rest.hasPrefix("{") && rest.hasSuffix("}") { rest = rest.dropFirst().dropLast() }
    if rest.hasPrefix("$") { rest.removeFirst() }
    while let character = rest.first {
      if character == "." {
        rest.removeFirst()
        var name = ""
        while let next = rest.first, next != ".", next != "[" {
          rest.removeFirst()
          if next == "\\", let escaped = rest.first {
            name.append(escaped)
            rest.removeFirst()
          } else {
            name.append(next)
          }
        }
        if name == "*" { steps.append(.all) } else if !name.isEmpty { steps.append(.member(name)) }
      } else if character == "[" {
        guard let close = Self.closingBracket(rest) else { return nil }
        let inside = rest[rest.index(after: rest.startIndex)..<close]
        rest = rest[rest.index(after: close)...]
        guard let step = Self.bracket(inside) else { return nil }
        steps.append(step)
      } else {
        return nil
      }
    }
  }

  private static func closingBracket(_ text: Substring) -> Substring.Index? {
    var quote: Character?
    for index in text.indices {
      let character = text[index]
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "\"" || character == "'" {
        quote = character
      } else if character == "]" {
        return index
      }
    }
    return nil
  }

  private static func bracket(_ text: Substring) -> Step? {
    if text == "*" { return .all }
    if let index = Int(text) { return .index(index) }
    if let quote = text.first, quote == "'" || quote == "\"", text.last == quote, text.count >= 2 {
      return .member(String(text.dropFirst().dropLast()))
    }
    guard text.hasPrefix("?("), text.hasSuffix(")") else { return nil }
    let condition = OutputFormat.trimmed(text.dropFirst(2).dropLast())
    for (symbol, isEqual) in [("==", true), ("!=", false)] {
      guard let range = condition.firstRange(of: symbol) else { continue }
      let left = OutputFormat.trimmed(condition[..<range.lowerBound])
      let right = OutputFormat.trimmed(condition[range.upperBound...])
      guard let path = memberPath(left) else { return nil }
      let value: JSONValue
      if let quote = right.first, quote == "'" || quote == "\"" {
        value = .string(String(right.dropFirst().dropLast()))
      } else if let number = Int64(right) {
        value = JSONValue(number)
      } else if right == "true" || right == "false" {
        value = .bool(right == "true")
      } else {
        return nil
      }
      return .filter(path: path, isEqual: isEqual, value: value)
    }
    return memberPath(condition).map { .exists(path: $0) }
  }

  private static func memberPath(_ text: String) -> [String]? {
    guard text.hasPrefix("@.") else { return nil }
    return text.dropFirst(2).split(separator: ".").map(String.init)
  }

  func values(in root: JSONValue) -> [JSONValue] {
    var current = [root]
    for step in steps { current = current.flatMap { Self.apply(step, $0) } }
    return current
  }

  private static func apply(_ step: Step, _ value: JSONValue) -> [JSONValue] {
    switch step {
    case .member(let name): return value[name].map { [$0] } ?? []
    case .index(let index):
      guard let items = value.arrayValue else { return [] }
      let position = index < 0 ? items.count + index : index
      return items.indices.contains(position) ? [items[position]] : []
    case .all: return value.arrayValue ?? value.objectValue?.values ?? []
    case .filter(let path, let isEqual, let wanted):
      return (value.arrayValue ?? []).filter { ($0.value(at: path) == wanted) == isEqual }
    case .exists(let path): return (value.arrayValue ?? []).filter { $0.value(at: path) != nil }
    }
  }
}
