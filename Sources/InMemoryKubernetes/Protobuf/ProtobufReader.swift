import KubernetesAPI

/// Why a protobuf body cannot be read.
struct ProtobufError: Error, Hashable, CustomStringConvertible {
  let problem: String
  var description: String { problem }
}

/// Reads an object in Kubernetes' protobuf encoding: four magic bytes and an envelope that names the kind.
struct ProtobufReader {
  private static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0x00]

  /// The object as JSON.
  ///
  /// - Throws: `ProtobufError` for what is not such a body, and for kinds and fields that are not known here.
  static func object(_ bytes: [UInt8]) throws(ProtobufError) -> JSONValue {
    guard bytes.starts(with: magic) else { throw ProtobufError(problem: "the body does not begin as protobuf does") }
    var apiVersion = ""
    var kind = ""
    var raw: ArraySlice<UInt8> = []
    var envelope = WireScanner(bytes.dropFirst(4))
    while let field = try envelope.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let typeMeta)):
        var scanner = WireScanner(typeMeta)
        while let field = try scanner.next() {
          guard case .bytes(let text) = field.value else { continue }
          if field.number == 1 { apiVersion = String(decoding: text, as: UTF8.self) }
          if field.number == 2 { kind = String(decoding: text, as: UTF8.self) }
        }
      case (2, .bytes(let body)): raw = body
      default: break
      }
    }
    let isKnown = kind == "DeleteOptions" || ProtobufSchema.kinds[apiVersion]?.contains(kind) == true
    guard isKnown else { throw ProtobufError(problem: "\(kind) of \(apiVersion) is not read as protobuf here") }
    var json: JSONValue = ["kind": .string(kind), "apiVersion": .string(apiVersion)]
    for (name, value) in try message(kind, raw, depth: 0).objectValue ?? [:] { json[name] = value }
    return json
  }

  private static func message(
    _ name: String, _ bytes: ArraySlice<UInt8>, depth: Int
  ) throws(ProtobufError) -> JSONValue {
    guard depth < 32, let fields = ProtobufSchema.kubernetes[name] else {
      throw ProtobufError(problem: "\(name) is not read as protobuf here")
    }
    var json: JSONValue = [:]
    var scanner = WireScanner(bytes)
    while let found = try scanner.next() {
      guard let field = fields.first(where: { $0.number == found.number }) else {
        // Go's encoder writes empty messages for what is not set.
        if found.value.isZero { continue }
        throw ProtobufError(problem: "field \(found.number) of \(name) is not read as protobuf here")
      }
      switch field.type {
      case .list(let element):
        guard let value = try value(element, found.value, isElement: true, depth: depth) else { continue }
        json[field.name] = .array((json[field.name]?.arrayValue ?? []) + [value])
      case .map(let element):
        guard case .bytes(let entry) = found.value else { throw mismatch(name, field) }
        var key = ""
        var value: JSONValue?
        var entries = WireScanner(entry)
        while let part = try entries.next() {
          if part.number == 1, case .bytes(let text) = part.value { key = String(decoding: text, as: UTF8.self) }
          if part.number == 2 { value = try Self.value(element, part.value, isElement: true, depth: depth) }
        }
        json.set(value ?? "", at: [field.name, key])
      case .inline(let inner):
        guard case .bytes(let bytes) = found.value else { throw mismatch(name, field) }
        for (key, value) in try message(inner, bytes, depth: depth + 1).objectValue ?? [:] { json[key] = value }
      default:
        if let value = try value(field.type, found.value, isElement: false, depth: depth) { json[field.name] = value }
      }
    }
    return json
  }

  private static func mismatch(_ message: String, _ field: ProtobufSchema.Field) -> ProtobufError {
    ProtobufError(problem: "\(message).\(field.name) has a wrong wire type")
  }

  /// Nil for a value that stands for one that is not set.
  private static func value(
    _ type: ProtobufSchema.FieldType, _ value: WireScanner.Value, isElement: Bool, depth: Int
  ) throws(ProtobufError) -> JSONValue? {
    switch (type, value) {
    case (.string, .bytes(let text)):
      if text.isEmpty && !isElement { return nil }
      guard let text = String(validating: text, as: UTF8.self) else {
        throw ProtobufError(problem: "a text is not UTF-8")
      }
      return .string(text)
    case (.bytes, .bytes(let bytes)): return .string(Base64.encode(bytes))
    case (.integer(let keepsZero), .number(let number)):
      return number == 0 && !keepsZero && !isElement ? nil : JSONValue(Int64(bitPattern: number))
    case (.boolean(let keepsFalse), .number(let number)):
      return number == 0 && !keepsFalse && !isElement ? nil : .bool(number != 0)
    case (.quantity, .bytes(let bytes)):
      var text = ""
      var scanner = WireScanner(bytes)
      while let field = try scanner.next() {
        if field.number == 1, case .bytes(let found) = field.value { text = String(decoding: found, as: UTF8.self) }
      }
      return .string(text)
    case (.message(let name), .bytes(let bytes)): return try message(name, bytes, depth: depth + 1)
    case (.time, .bytes(let bytes)): return try time(bytes).map { .string($0.rfc3339Seconds) }
    case (.microTime, .bytes(let bytes)): return try time(bytes).map { .string($0.rfc3339Micros) }
    case (.integerOrString, .bytes(let bytes)):
      var kind: UInt64 = 0
      var number: UInt64 = 0
      var text = ""
      var scanner = WireScanner(bytes)
      while let field = try scanner.next() {
        switch (field.number, field.value) {
        case (1, .number(let found)): kind = found
        case (2, .number(let found)): number = found
        case (3, .bytes(let found)): text = String(decoding: found, as: UTF8.self)
        default: break
        }
      }
      return kind == 0 ? JSONValue(Int64(bitPattern: number)) : .string(text)
    default: throw ProtobufError(problem: "a field has a wrong wire type")
    }
  }

  private static func time(_ bytes: ArraySlice<UInt8>) throws(ProtobufError) -> Timestamp? {
    guard !bytes.isEmpty else { return nil }
    var seconds: Int64 = 0
    var nanoseconds: Int64 = 0
    var scanner = WireScanner(bytes)
    while let field = try scanner.next() {
      guard case .number(let number) = field.value else { continue }
      if field.number == 1 { seconds = Int64(bitPattern: number) }
      if field.number == 2 { nanoseconds = Int64(bitPattern: number) }
    }
    let (milliseconds, isTooFar) = seconds.multipliedReportingOverflow(by: 1000)
    guard !isTooFar, (0..<1_000_000_000).contains(nanoseconds), abs(seconds) < 1 << 40 else {
      throw ProtobufError(problem: "a time is out of range")
    }
    return Timestamp(epochMilliseconds: milliseconds + nanoseconds / 1_000_000)
  }
}

/// The fields of one protobuf message, as they are on the wire.
struct WireScanner {
  enum Value {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)

    var isZero: Bool {
      switch self {
      case .number(let number): number == 0
      case .bytes(let bytes): bytes.isEmpty
      }
    }
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  mutating func next() throws(ProtobufError) -> (number: Int, value: Value)? {
    guard !rest.isEmpty else { return nil }
    let tag = try varint()
    let number = Int(truncatingIfNeeded: tag >> 3)
    switch tag & 7 {
    case 0: return (number, .number(try varint()))
    case 1: return (number, .number(try fixed(8)))
    case 2:
      let length = try varint()
      guard length <= UInt64(rest.count) else { throw ProtobufError(problem: "a field is longer than the body") }
      let bytes = rest.prefix(Int(length))
      rest = rest.dropFirst(Int(length))
      return (number, .bytes(bytes))
    case 5: return (number, .number(try fixed(4)))
    default: throw ProtobufError(problem: "a field has an unknown wire type")
    }
  }

  private mutating func varint() throws(ProtobufError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else { throw ProtobufError(problem: "the body ends within a number") }
      if shift < 64 { value |= UInt64(byte & 0x7F) << shift }
      if byte & 0x80 == 0 { return value }
    }
    throw ProtobufError(problem: "a number is too long")
  }

  private mutating func fixed(_ count: Int) throws(ProtobufError) -> UInt64 {
    guard rest.count >= count else { throw ProtobufError(problem: "the body ends within a number") }
    let value = rest.prefix(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    rest = rest.dropFirst(count)
    return value
  }
}
