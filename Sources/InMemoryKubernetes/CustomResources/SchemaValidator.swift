import KubernetesAPI

/// Checks a value against a structural schema, with the errors that kube-apiserver gives.
struct SchemaValidator {
  private(set) var errors: [FieldError] = []

  static func validate(_ object: JSONValue, _ schema: StructuralSchema, path: String = "") -> [FieldError] {
    var validator = SchemaValidator()
    validator.check(object, schema, path: path)
    validator.checkLists(object, schema, path: path)
    return validator.errors
  }

  private static func typeName(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool: "boolean"
    case .number(.integer): "integer"
    case .number(.text): value.intValue == nil ? "number" : "integer"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }

  private mutating func check(_ value: JSONValue, _ schema: StructuralSchema, path: String) {
    if value == .null {
      if schema.isNullable || (schema.type.isEmpty && !schema.isIntOrString) { return }
      errors.append(.typeInvalid(path, "null", "\(path) in body must be of type \(schema.type): \"null\""))
      return
    }
    let name = Self.typeName(value)
    if schema.isIntOrString {
      if name != "integer" && name != "string" {
        errors.append(
          .typeInvalid(path, .string(name), "\(path) in body must be of type integer,string: \"\(name)\""))
        return
      }
    } else if !schema.type.isEmpty && name != schema.type && !(schema.type == "number" && name == "integer") {
      checkMistyped(value, schema, name, path)
      return
    }
    switch value {
    case .number: checkNumber(value, schema, path)
    case .string(let text): checkText(text, schema, path)
    case .array(let items): checkItems(items, schema, path)
    case .object(let object): checkMembers(object, schema, path)
    case .null, .bool: break
    }
    checkEnumeration(value, schema, path)
    for part in schema.allOf { check(value, part, path: path) }
    if !schema.anyOf.isEmpty, !schema.anyOf.contains(where: { Self.accepts($0, value) }) {
      errors.append(
        .invalid(path, .string(""), "\(goQuoted(path)) must validate at least one schema (anyOf)"))
    }
    if !schema.oneOf.isEmpty {
      let count = schema.oneOf.count { Self.accepts($0, value) }
      if count != 1 {
        errors.append(
          .invalid(
            path, .string(""),
            "\(goQuoted(path)) must validate one and only one schema (oneOf). Found \(count == 0 ? "none" : String(count)) valid"
          ))
      }
    }
    if let not = schema.not, Self.accepts(not, value) {
      errors.append(.invalid(path, .string(""), "\(goQuoted(path)) must not validate the schema (not)"))
    }
  }

  private static func accepts(_ schema: StructuralSchema, _ value: JSONValue) -> Bool {
    var validator = SchemaValidator()
    validator.check(value, schema, path: "")
    return validator.errors.isEmpty
  }

  private mutating func checkMistyped(
    _ value: JSONValue, _ schema: StructuralSchema, _ name: String, _ path: String
  ) {
    let isFormattedInteger = schema.type == "integer" && name == "number" && schema.format != nil
    if isFormattedInteger, let format = schema.format {
      errors.append(
        .typeInvalid(path, "float64", "\(path) in body must be of type \(format): \"float64\""))
      errors.append(
        .invalid("<nil>", "", "Checked value must be of type integer with format \(format) in \(path)"))
      return
    }
    errors.append(
      .typeInvalid(path, .string(name), "\(path) in body must be of type \(schema.type): \"\(name)\""))
    checkEnumeration(value, schema, path)
  }

  private mutating func checkEnumeration(_ value: JSONValue, _ schema: StructuralSchema, _ path: String) {
    guard let allowed = schema.enumeration, !allowed.contains(value) else { return }
    errors.append(
      .notSupported(
        path, value, allowed.map { $0.stringValue ?? String(decoding: $0.canonicalBytes(), as: UTF8.self) }))
  }

  private mutating func checkNumber(_ value: JSONValue, _ schema: StructuralSchema, _ path: String) {
    guard let number = value.doubleValue else { return }
    if schema.format == "int32", value.intValue.flatMap({ Int32(exactly: $0) }) == nil, schema.type == "integer" {
      errors.append(
        .invalid("<nil>", "", "Checked value must be of type integer with format int32 in \(path)"))
    }
    func shown(_ limit: JSONValue) -> String { limit.text }
    if let minimum = schema.minimum, let limit = minimum.doubleValue {
      if schema.isMinimumExclusive ? number <= limit : number < limit {
        let words = schema.isMinimumExclusive ? "greater than" : "greater than or equal to"
        errors.append(.invalid(path, value, "\(path) in body should be \(words) \(shown(minimum))"))
      }
    }
    if let maximum = schema.maximum, let limit = maximum.doubleValue {
      if schema.isMaximumExclusive ? number >= limit : number > limit {
        let words = schema.isMaximumExclusive ? "less than" : "less than or equal to"
        errors.append(.invalid(path, value, "\(path) in body should be \(words) \(shown(maximum))"))
      }
    }
    if let multiple = schema.multipleOf, let factor = multiple.doubleValue, factor != 0 {
      let quotient = number / factor
      if quotient != quotient.rounded() {
        errors.append(.invalid(path, value, "\(path) in body should be a multiple of \(shown(multiple))"))
      }
    }
  }

  private mutating func checkText(_ text: String, _ schema: StructuralSchema, _ path: String) {
    let length = Int64(text.unicodeScalars.count)
    if let limit = schema.maxLength, length > limit { errors.append(.tooLong(path, Int(limit))) }
    if let limit = schema.minLength, length < limit {
      errors.append(.invalid(path, .string(text), "\(path) in body should be at least \(limit) chars long"))
    }
    if let pattern = schema.pattern, !PatternMatcher.matches(text, pattern) {
      errors.append(.invalid(path, .string(text), "\(path) in body should match '\(pattern)'"))
    }
    if let format = schema.format, !FormatRules.accepts(text, format: format) {
      errors.append(.typeInvalid(path, .string(text), "\(path) in body must be of type \(format): \(goQuoted(text))"))
    }
  }

  private mutating func checkItems(_ items: [JSONValue], _ schema: StructuralSchema, _ path: String) {
    if let limit = schema.maxItems, items.count > limit { errors.append(.tooMany(path, items.count, Int(limit))) }
    if let limit = schema.minItems, items.count < limit {
      errors.append(
        .invalid(path, JSONValue(items.count), "\(path) in body should have at least \(limit) items"))
    }
    if schema.hasUniqueItems, Set(items).count != items.count {
      errors.append(.invalid(path, .array(items), "\(path) in body shouldn't contain duplicates"))
    }
    guard let itemSchema = schema.items else { return }
    for (index, item) in items.enumerated() { check(item, itemSchema, path: "\(path)[\(index)]") }
  }

  private mutating func checkMembers(_ object: JSONObject, _ schema: StructuralSchema, _ path: String) {
    func member(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    if let limit = schema.maxProperties, object.count > limit {
      errors.append(.tooMany(path, object.count, Int(limit)))
    }
    if let limit = schema.minProperties, object.count < limit {
      errors.append(
        .invalid(path, JSONValue(object.count), "\(path) in body should have at least \(limit) properties"))
    }
    for name in schema.required where object[name] == nil { errors.append(.required(member(name))) }
    if schema.isEmbeddedResource {
      for name in ["apiVersion", "kind"] where object[name] == nil { errors.append(.required(member(name))) }
    }
    for (name, property) in schema.properties {
      if path.isEmpty && ["metadata", "apiVersion", "kind"].contains(name) { continue }
      if let value = object[name] { check(value, property, path: member(name)) }
    }
    if let additional = schema.additionalProperties {
      for (name, value) in object.members where schema.property(name) == nil {
        if path.isEmpty && ["metadata", "apiVersion", "kind"].contains(name) { continue }
        check(value, additional, path: member(name))
      }
    }
  }

  /// Duplicates in lists that are sets or maps; checked after everything else.
  private mutating func checkLists(_ value: JSONValue, _ schema: StructuralSchema, path: String) {
    switch value {
    case .object(let object):
      for (name, member) in object.members {
        guard let memberSchema = schema.property(name) ?? schema.additionalProperties else { continue }
        checkLists(member, memberSchema, path: path.isEmpty ? name : "\(path).\(name)")
      }
    case .array(let items):
      if schema.listType == "set" {
        var seen: Set<JSONValue> = []
        for (index, item) in items.enumerated() where !seen.insert(item).inserted {
          errors.append(.duplicate("\(path)[\(index)]", item))
        }
      } else if schema.listType == "map" {
        var seen: Set<JSONValue> = []
        for (index, item) in items.enumerated() {
          var key = JSONValue.object(JSONObject())
          for name in schema.listMapKeys { key[name] = item[name] ?? schema.items?.property(name)?.defaultValue }
          if key.objectValue?.count != schema.listMapKeys.count { continue }
          if !seen.insert(key).inserted { errors.append(.duplicate("\(path)[\(index)]", key)) }
        }
      }
      if let itemSchema = schema.items {
        for (index, item) in items.enumerated() { checkLists(item, itemSchema, path: "\(path)[\(index)]") }
      }
    default: break
    }
  }
}

/// `pattern` of a schema, unanchored as in JSON Schema.
enum PatternMatcher {
  /// A pattern that cannot be read matches everything: the definition was refused before.
  static func matches(_ text: String, _ pattern: String) -> Bool {
    guard let regex = try? Regex(pattern) else { return true }
    return text.firstMatch(of: regex) != nil
  }
}

/// The `format`s that are checked; others are not.
enum FormatRules {
  static func accepts(_ text: String, format: String) -> Bool {
    switch format {
    case "date-time": GoTime(text) != nil
    case "date": GoTime(text + "T00:00:00Z") != nil
    case "byte": Base64.firstInvalidByte(text) == nil
    case "ipv4": ServiceAddresses.number(text) != nil
    case "uuid":
      text.utf8.count == 36
        && text.enumerated().allSatisfy { index, character in
          [8, 13, 18, 23].contains(index) ? character == "-" : character.isHexDigit
        }
    case "duration": isDuration(text)
    case "uri": text.hasPrefix("/") || hasScheme(text)
    default: true
    }
  }

  private static func hasScheme(_ text: String) -> Bool {
    guard let colon = text.firstIndex(of: ":"), colon != text.startIndex, text.first?.isLetter == true else {
      return false
    }
    return text[..<colon].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
  }

  /// Go's durations: `1h30m`, `10ms`.
  private static func isDuration(_ text: String) -> Bool {
    var rest = text[...]
    if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
    if rest == "0" { return true }
    if rest.isEmpty { return false }
    while !rest.isEmpty {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(number.count)
      guard !number.isEmpty, let unit = ["ns", "us", "µs", "ms", "s", "m", "h"].first(where: { rest.hasPrefix($0) })
      else { return false }
      rest = rest.dropFirst(unit.count)
    }
    return true
  }
}
