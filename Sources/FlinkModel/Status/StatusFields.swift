import KubernetesAPI

// Status is read tolerantly: what has another type than ours counts as absent.

extension JSONValue {
  func word<Word: RawRepresentable>(_ key: String) -> Word? where Word.RawValue == String {
    self[key]?.stringValue.flatMap(Word.init(rawValue:))
  }

  /// A member that is an object.
  func nested(_ key: String) -> JSONValue? { self[key].flatMap { $0.objectValue.map(JSONValue.object) } }

  /// An RFC 3339 text.
  func timestamp(_ key: String) -> Timestamp? { self[key]?.stringValue.flatMap(Timestamp.init(rfc3339:)) }

  /// Epoch milliseconds, written as a string or as a number.
  func milliseconds(_ key: String) -> Int64? { self[key]?.intValue ?? self[key]?.stringValue.flatMap { Int64($0) } }
}

extension JSONObject {
  /// Sets a member, or leaves it out.
  mutating func set(_ key: String, _ value: String?) { if let value { self[key] = .string(value) } }
  mutating func set(_ key: String, _ value: Int64?) { if let value { self[key] = JSONValue(value) } }
  mutating func set(_ key: String, _ value: Int?) { if let value { self[key] = JSONValue(value) } }
  mutating func set(_ key: String, _ value: Bool?) { if let value { self[key] = .bool(value) } }
}
