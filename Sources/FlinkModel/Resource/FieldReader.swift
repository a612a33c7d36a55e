import KubernetesAPI

/// Reads the members of one JSON object as Flink's resources are read: unknown members are ignored, an explicit null
/// is an absent member, and a member of the wrong type is an `InvalidField` with its path.
struct FieldReader {
  let object: JSONObject
  let path: String

  init(_ object: JSONObject, path: String) {
    self.object = object
    self.path = path
  }

  /// - Throws: `InvalidField` when the value is neither an object nor null.
  init(_ value: JSONValue?, path: String) throws(InvalidField) {
    switch value {
    case .object(let object): self.init(object, path: path)
    case nil, .null: self.init(JSONObject(), path: path)
    case .some(let other):
      throw InvalidField(field: path, value: Self.shown(other), fix: "must be an object of named fields")
    }
  }

  static func shown(_ value: JSONValue) -> String { value.stringValue ?? value.text }

  func path(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  func value(_ key: String) -> JSONValue? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  private func wrongType(_ key: String, _ value: JSONValue, _ expected: String) -> InvalidField {
    InvalidField(field: path(key), value: Self.shown(value), fix: "must be \(expected)")
  }

  func string(_ key: String) throws(InvalidField) -> String? {
    guard let value = value(key) else { return nil }
    guard let string = value.stringValue else { throw wrongType(key, value, "a string (put it in quotes)") }
    return string
  }

  func integer(_ key: String) throws(InvalidField) -> Int64? {
    guard let value = value(key) else { return nil }
    guard let integer = value.intValue else { throw wrongType(key, value, "a whole number") }
    return integer
  }

  /// Flink's own integers have 32 bits.
  func int(_ key: String) throws(InvalidField) -> Int? {
    guard let integer = try integer(key) else { return nil }
    guard let value = Int32(exactly: integer) else {
      throw InvalidField(field: path(key), value: "\(integer)", fix: "must be between -2147483648 and 2147483647")
    }
    return Int(value)
  }

  func number(_ key: String) throws(InvalidField) -> Double? {
    guard let value = value(key) else { return nil }
    guard let number = value.doubleValue else { throw wrongType(key, value, "a number such as 0.5") }
    return number
  }

  func bool(_ key: String) throws(InvalidField) -> Bool? {
    guard let value = value(key) else { return nil }
    guard let bool = value.boolValue else { throw wrongType(key, value, "true or false") }
    return bool
  }

  func object(_ key: String) throws(InvalidField) -> FieldReader? {
    guard let value = value(key) else { return nil }
    return try FieldReader(value, path: path(key))
  }

  func array(_ key: String) throws(InvalidField) -> [JSONValue]? {
    guard let value = value(key) else { return nil }
    guard let array = value.arrayValue else { throw wrongType(key, value, "a list") }
    return array
  }

  func strings(_ key: String) throws(InvalidField) -> [String]? {
    guard let array = try array(key) else { return nil }
    var strings: [String] = []
    for (index, element) in array.enumerated() {
      guard let string = element.stringValue else {
        throw InvalidField(
          field: "\(path(key))[\(index)]", value: Self.shown(element), fix: "must be a string (put it in quotes)")
      }
      strings.append(string)
    }
    return strings
  }

  func stringMap(_ key: String) throws(InvalidField) -> [String: String]? {
    guard let reader = try object(key) else { return nil }
    var map: [String: String] = [:]
    for (name, value) in reader.object where !value.isNull { map[name] = try reader.string(name) ?? value.text }
    return map
  }

  /// One of a fixed set of words.
  func word<Word: RawRepresentable & CaseIterable>(
    _ key: String, as type: Word.Type
  ) throws(InvalidField) -> Word? where Word.RawValue == String {
    guard let string = try string(key) else { return nil }
    guard let word = Word(rawValue: string) else {
      let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw InvalidField(field: path(key), value: string, fix: "must be one of \(words)")
    }
    return word
  }
}
