/// Reads JSON texts (RFC 8259), strictly: valid UTF-8 only, no leading zeros, no unpaired surrogates, no repeated member
/// names, no text after the value, and at most `maximumDepth` nested arrays and objects.
public enum JSONParser {
  /// Levels of arrays and objects; deeper texts are an error, never an exhausted stack.
  public static let maximumDepth = 512

  /// The value of one JSON text. Integers that fit 64 bits are kept exactly, other numbers as their own text.
  public static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
    var reader = JSONReader(duplicates: .refuse)
    return try reader.document(bytes.span)
  }

  /// As `parse`, but a repeated member name is reported and the last value wins, as in Go. An API server needs this for
  /// `fieldValidation=Warn` and `Ignore`.
  package static func parseReportingDuplicates(
    _ bytes: [UInt8]
  ) throws(JSONError) -> (value: JSONValue, duplicates: [JSONDuplicate]) {
    var reader = JSONReader(duplicates: .report)
    let value = try reader.document(bytes.span)
    return (value, reader.reported)
  }

  /// As `parse`, but of a repeated member name the last value wins silently: for bytes that a server sent.
  static func parseKeepingLast(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
    var reader = JSONReader(duplicates: .keepLast)
    return try reader.document(bytes.span)
  }
}

/// A member name that occurs twice in one object.
package struct JSONDuplicate: Sendable, Hashable {
  /// As Kubernetes writes field paths: `spec.containers[0].name`.
  package let path: String
  /// Of the second occurrence's name, in bytes from the start of the text.
  package let offset: Int
}

enum JSONDuplicatePolicy { case refuse, report, keepLast }

/// The recursive part of the parser: builds values while the scanner moves.
struct JSONReader {
  private var scanner = JSONScanner()
  private var names = JSONNameTable()
  private let duplicates: JSONDuplicatePolicy
  private(set) var reported: [JSONDuplicate] = []
  /// Where the reader is, kept only when duplicates are reported.
  private var path: [String] = []

  init(duplicates: JSONDuplicatePolicy) { self.duplicates = duplicates }

  /// A whole text: one value with white space around it.
  mutating func document(_ text: Span<UInt8>) throws(JSONError) -> JSONValue {
    try JSONScanner.validateUTF8(text)
    let raw = text.bytes
    let value = try value(raw, depth: 0)
    try scanner.end(raw)
    return value
  }

  /// The value of a part of a text that is valid UTF-8 as a whole.
  mutating func fragment(_ text: RawSpan, at offset: Int, depth: Int) throws(JSONError) -> (JSONValue, end: Int) {
    scanner.offset = offset
    let value = try value(text, depth: depth)
    return (value, scanner.offset)
  }

  private mutating func value(_ text: RawSpan, depth: Int) throws(JSONError) -> JSONValue {
    let byte = try scanner.next(text)
    switch byte {
    case UInt8(ascii: "\""): return .string(try scanner.string(text))
    case UInt8(ascii: "{"): return try object(text, depth: depth)
    case UInt8(ascii: "["): return try array(text, depth: depth)
    case UInt8(ascii: "t"):
      try scanner.literal(text, "true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try scanner.literal(text, "false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try scanner.literal(text, "null")
      return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try scanner.number(text))
    default: throw scanner.unexpected(byte)
    }
  }

  private mutating func array(_ text: RawSpan, depth: Int) throws(JSONError) -> JSONValue {
    try scanner.enter(depth: depth)
    var elements: [JSONValue] = []
    if try scanner.next(text) == UInt8(ascii: "]") {
      scanner.offset += 1
      return .array(elements)
    }
    while true {
      if duplicates == .report { path.append("[\(elements.count)]") }
      elements.append(try value(text, depth: depth + 1))
      if duplicates == .report { path.removeLast() }
      guard try scanner.goesOn(text, close: UInt8(ascii: "]")) else { return .array(elements) }
    }
  }

  private mutating func object(_ text: RawSpan, depth: Int) throws(JSONError) -> JSONValue {
    try scanner.enter(depth: depth)
    if try scanner.next(text) == UInt8(ascii: "}") {
      scanner.offset += 1
      return .object(JSONObject())
    }
    var members: [(key: String, value: JSONValue)] = []
    var index = JSONMemberIndex()
    while true {
      guard try scanner.next(text) == UInt8(ascii: "\"") else { throw scanner.problem("expected a member name") }
      let nameOffset = scanner.offset
      let name = try scanner.memberName(text, &names)
      try scanner.colon(text)
      let earlier = index.add(name, to: members)
      if duplicates == .refuse, earlier != nil {
        throw JSONError(problem: "repeated member name \(quoted(name))", offset: nameOffset)
      }
      if duplicates == .report {
        path.append(path.isEmpty ? name : ".\(name)")
        if earlier != nil { reported.append(JSONDuplicate(path: path.joined(), offset: nameOffset)) }
      }
      let value = try value(text, depth: depth + 1)
      if duplicates == .report { path.removeLast() }
      if let earlier { members[earlier].value = value } else { members.append((name, value)) }
      guard try scanner.goesOn(text, close: UInt8(ascii: "}")) else {
        return .object(JSONObject(uniqueMembers: members))
      }
    }
  }

  /// Names go into messages as JSON strings, cut where they are long.
  private func quoted(_ name: String) -> String {
    JSONValue.string(name.count > 80 ? "\(name.prefix(80))…" : name).text
  }
}

/// Finds a member's name among the members read before: by looking through a few, by hashing many.
struct JSONMemberIndex {
  private static let linearLimit = 16
  private var positions: [String: Int] = [:]

  /// The position of an earlier member of this name; otherwise notes that the next member has it.
  mutating func add(_ name: String, to members: [(key: String, value: JSONValue)]) -> Int? {
    if members.count < Self.linearLimit { return members.firstIndex { $0.key == name } }
    if positions.isEmpty {
      for (position, member) in members.enumerated() { positions[member.key] = position }
    }
    if let earlier = positions[name] { return earlier }
    positions[name] = members.count
    return nil
  }
}
