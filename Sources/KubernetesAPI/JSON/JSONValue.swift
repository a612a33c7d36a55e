/// A JSON document as a value. Objects keep their members' order; equality ignores it.
///
/// Parsing is strict (RFC 8259: no trailing text, no leading zeros, valid UTF-8) and lives in `JSONParser`.
public enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// A JSON number: an integer where it fits 64 bits, otherwise the text as it was written, so nothing is rounded.
public enum JSONNumber: Sendable {
  case integer(Int64)
  /// The number's own text, valid by the JSON grammar.
  case text(String)
}

extension JSONNumber: Hashable {
  /// By value: 1.0 equals 1. Integers beyond 64 bits are compared digit by digit, fractions as doubles.
  public static func == (left: JSONNumber, right: JSONNumber) -> Bool {
    switch (left, right) {
    case (.integer(let a), .integer(let b)): a == b
    case (.text(let a), .text(let b)): a == b || (!isWhole(a) && !isWhole(b) && Double(a) == Double(b))
    case (.integer(let a), .text(let b)), (.text(let b), .integer(let a)):
      Double(b).flatMap { Int64(exactly: $0) } == a
    }
  }

  /// Digits only, beyond 64 bits.
  private static func isWhole(_ text: String) -> Bool { !text.utf8.contains { ".eE".utf8.contains($0) } }

  public func hash(into hasher: inout Hasher) { hasher.combine(double) }

  public var double: Double {
    switch self {
    case .integer(let value): Double(value)
    case .text(let text): Double(text) ?? .nan
    }
  }
}

extension JSONValue {
  public var isNull: Bool { self == .null }
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }

  /// The number as an integer; nil for other kinds and for numbers with a fraction.
  public var intValue: Int64? {
    guard case .number(let number) = self else { return nil }
    switch number {
    case .integer(let value): return value
    case .text(let text): return Double(text).flatMap { Int64(exactly: $0) }
    }
  }

  public var doubleValue: Double? { if case .number(let number) = self { number.double } else { nil } }

  /// A member of an object; nil for other kinds. Setting nil removes the member; setting on a value that is not an
  /// object replaces it by an object.
  public subscript(key: String) -> JSONValue? {
    get { if case .object(let object) = self { object[key] } else { nil } }
    set {
      var object = objectValue ?? JSONObject()
      self = .null  // lets the object be changed in place
      object[key] = newValue
      self = .object(object)
    }
  }

  /// The value at a path of member names: `pod["spec", "nodeName"]`.
  public subscript(first: String, second: String, rest: String...) -> JSONValue? {
    var value = self[first]?[second]
    for key in rest { value = value?[key] }
    return value
  }

  /// Sets the value at a path of member names, making the objects on the way.
  public mutating func set(_ value: JSONValue?, at path: [String]) {
    guard let key = path.first else { return }
    if path.count == 1 {
      self[key] = value
    } else {
      var child = self[key] ?? .object([:])
      if child.objectValue == nil { child = .object([:]) }
      child.set(value, at: Array(path.dropFirst()))
      self[key] = child
    }
  }

  public func value(at path: [String]) -> JSONValue? {
    var value: JSONValue? = self
    for key in path { value = value?[key] }
    return value
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  // Not ExpressibleByNilLiteral: `condition ? nil : value` as an optional would then quietly be a JSON null.
  public init(stringLiteral value: String) { self = .string(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int64) { self = .number(.integer(value)) }
  public init(floatLiteral value: Double) { self = JSONValue(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }

  public init(_ value: Int) { self = .number(.integer(Int64(value))) }
  public init(_ value: Int64) { self = .number(.integer(value)) }
  /// Integral doubles become integers; JSON has no NaN or infinity, these become null.
  public init(_ value: Double) {
    if let integer = Int64(exactly: value) {
      self = .number(.integer(integer))
    } else if value.isFinite {
      self = .number(.text("\(value)"))
    } else {
      self = .null
    }
  }
  public init(_ strings: [String]) { self = .array(strings.map(JSONValue.string)) }
  /// Members in the order of their names, so the text is the same each time.
  public init(_ strings: [String: String]) {
    self = .object(JSONObject(strings.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
  }
}
