/// Moves over a JSON text byte by byte and checks its grammar. Every read is bounds-checked.
///
/// The text is handed to each call rather than stored, so the scanner is an ordinary value. It must be valid UTF-8:
/// `validateUTF8` comes first.
struct JSONScanner {
  /// Of the next byte to read.
  var offset = 0

  static func validateUTF8(_ text: Span<UInt8>) throws(JSONError) {
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: text)
    } catch {
      throw JSONError(problem: "invalid UTF-8", offset: error.byteOffsets.lowerBound)
    }
  }

  @inline(__always)
  func byte(_ text: RawSpan, _ offset: Int) -> UInt8 { text.unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

  func problem(_ problem: String) -> JSONError { JSONError(problem: problem, offset: offset) }

  func unexpected(_ byte: UInt8) -> JSONError {
    switch byte {
    case 0x21...0x7e: problem("unexpected character '\(Character(UnicodeScalar(byte)))'")
    default: problem("unexpected byte 0x\(String(byte, radix: 16))")
    }
  }

  /// Skips white space; the byte after it, which is not consumed.
  mutating func next(_ text: RawSpan) throws(JSONError) -> UInt8 {
    while offset < text.byteCount {
      let byte = byte(text, offset)
      switch byte {
      case 0x20, 0x09, 0x0a, 0x0d: offset += 1
      default: return byte
      }
    }
    throw problem("unexpected end of text")
  }

  /// Only white space may be left.
  mutating func end(_ text: RawSpan) throws(JSONError) {
    while offset < text.byteCount {
      switch byte(text, offset) {
      case 0x20, 0x09, 0x0a, 0x0d: offset += 1
      default: throw problem("text after the end of the value")
      }
    }
  }

  /// Consumes the bracket that opens an array or object inside `depth` others.
  mutating func enter(depth: Int) throws(JSONError) {
    guard depth < JSONParser.maximumDepth else {
      throw problem("nested deeper than \(JSONParser.maximumDepth) levels")
    }
    offset += 1
  }

  /// After an element: consumes a comma (true) or the closing bracket (false).
  mutating func goesOn(_ text: RawSpan, close: UInt8) throws(JSONError) -> Bool {
    let byte = try next(text)
    if byte == UInt8(ascii: ",") {
      offset += 1
      return true
    }
    guard byte == close else { throw problem("expected ',' or '\(Character(UnicodeScalar(close)))'") }
    offset += 1
    return false
  }

  mutating func literal(_ text: RawSpan, _ word: StaticString) throws(JSONError) {
    let start = offset
    let count = word.utf8CodeUnitCount
    let matches = word.withUTF8Buffer { expected in
      count <= text.byteCount - start && expected.indices.allSatisfy { expected[$0] == byte(text, start + $0) }
    }
    guard matches else { throw problem("unexpected character '\(Character(UnicodeScalar(byte(text, start))))'") }
    offset += count
  }

  // MARK: Skipping

  /// Consumes a value inside `depth` arrays and objects and checks its grammar, but not whether names repeat.
  mutating func skipValue(_ text: RawSpan, depth: Int) throws(JSONError) {
    let first = try next(text)
    switch first {
    case UInt8(ascii: "\""): try skipString(text)
    case UInt8(ascii: "{"):
      try enter(depth: depth)
      guard try next(text) != UInt8(ascii: "}") else {
        offset += 1
        return
      }
      repeat {
        guard try next(text) == UInt8(ascii: "\"") else { throw problem("expected a member name") }
        try skipString(text)
        try colon(text)
        try skipValue(text, depth: depth + 1)
      } while try goesOn(text, close: UInt8(ascii: "}"))
    case UInt8(ascii: "["):
      try enter(depth: depth)
      guard try next(text) != UInt8(ascii: "]") else {
        offset += 1
        return
      }
      repeat { try skipValue(text, depth: depth + 1) } while try goesOn(text, close: UInt8(ascii: "]"))
    case UInt8(ascii: "t"): try literal(text, "true")
    case UInt8(ascii: "f"): try literal(text, "false")
    case UInt8(ascii: "n"): try literal(text, "null")
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): _ = try skipNumber(text)
    default: throw unexpected(first)
    }
  }

  mutating func colon(_ text: RawSpan) throws(JSONError) {
    guard try next(text) == UInt8(ascii: ":") else { throw problem("expected ':'") }
    offset += 1
  }

  // MARK: Numbers

  mutating func number(_ text: RawSpan) throws(JSONError) -> JSONNumber {
    let start = offset
    let integer = try skipNumber(text)
    if let integer { return .integer(integer) }
    return .text(Self.string(text, start..<offset))
  }

  /// Consumes a number; its value where it is an integer of 64 bits. `-0` is not: as an integer it would lose its sign.
  mutating func skipNumber(_ text: RawSpan) throws(JSONError) -> Int64? {
    let isNegative = byte(text, offset) == UInt8(ascii: "-")
    if isNegative { offset += 1 }
    var integer: Int64? = 0
    let first = offset
    while let digit = digit(text) {
      if let value = integer {
        // Counting downwards reaches Int64.min.
        let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = tens.subtractingReportingOverflow(Int64(digit))
        integer = overflow || carry ? nil : sum
      }
      offset += 1
    }
    guard offset > first else { throw problem("expected a digit") }
    if offset - first > 1, byte(text, first) == UInt8(ascii: "0") {
      throw JSONError(problem: "number with a leading zero", offset: first)
    }
    var isWhole = true
    if offset < text.byteCount, byte(text, offset) == UInt8(ascii: ".") {
      isWhole = false
      offset += 1
      try digits(text)
    }
    if offset < text.byteCount, byte(text, offset) | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      offset += 1
      if offset < text.byteCount {
        let sign = byte(text, offset)
        if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
      }
      try digits(text)
    }
    guard isWhole, let integer else { return nil }
    if isNegative { return integer == 0 ? nil : integer }
    return integer == .min ? nil : -integer
  }

  private func digit(_ text: RawSpan) -> UInt8? {
    guard offset < text.byteCount else { return nil }
    let value = byte(text, offset) &- UInt8(ascii: "0")
    return value < 10 ? value : nil
  }

  private mutating func digits(_ text: RawSpan) throws(JSONError) {
    guard digit(text) != nil else { throw problem("expected a digit") }
    while digit(text) != nil { offset += 1 }
  }

  // MARK: Strings

  mutating func string(_ text: RawSpan) throws(JSONError) -> String {
    let start = offset + 1
    let end = try plainRun(text, from: start)
    guard byte(text, end) == UInt8(ascii: "\"") else { return try unescaped(text, start, firstEscape: end) }
    offset = end + 1
    return Self.string(text, start..<end)
  }

  /// Consumes a member name; `names` holds those met before, so that long ones are stored once.
  mutating func memberName(_ text: RawSpan, _ names: inout JSONNameTable) throws(JSONError) -> String {
    let start = offset + 1
    let end = try plainRun(text, from: start)
    guard byte(text, end) == UInt8(ascii: "\"") else { return try unescaped(text, start, firstEscape: end) }
    offset = end + 1
    return names.name(text, start..<end)
  }

  private mutating func unescaped(_ text: RawSpan, _ start: Int, firstEscape: Int) throws(JSONError) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(firstEscape - start + 32)
    var run = start..<firstEscape
    while true {
      for index in run { bytes.append(byte(text, index)) }
      offset = run.upperBound
      if byte(text, offset) == UInt8(ascii: "\"") {
        offset += 1
        return String(decoding: bytes, as: UTF8.self)
      }
      try escape(text, into: &bytes)
      run = offset..<(try plainRun(text, from: offset))
    }
  }

  /// Consumes a string without making it.
  mutating func skipString(_ text: RawSpan) throws(JSONError) {
    var end = try plainRun(text, from: offset + 1)
    while byte(text, end) != UInt8(ascii: "\"") {
      offset = end
      var ignored: [UInt8] = []
      try escape(text, into: &ignored)
      end = try plainRun(text, from: offset)
    }
    offset = end + 1
  }

  /// The end of a run without quote, backslash or control character: at a quote or a backslash.
  private func plainRun(_ text: RawSpan, from start: Int) throws(JSONError) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    var index = start
    // Eight bytes at a time: `x - ones & ~x & highs` marks zero bytes, and may mark a byte after a true mark, which
    // only means that the bytewise loop looks.
    while index + 8 <= text.byteCount {
      let word = text.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
      let quote = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
      let backslash = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
      let marks =
        ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- (ones &* 0x20)) & ~word)
      if marks & highs != 0 { break }
      index += 8
    }
    while index < text.byteCount {
      let byte = byte(text, index)
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): return index
      case 0..<0x20: throw JSONError(problem: "control character in a string", offset: index)
      default: index += 1
      }
    }
    throw JSONError(problem: "string without an end", offset: start - 1)
  }

  /// Consumes an escape sequence; `offset` is at its backslash.
  private mutating func escape(_ text: RawSpan, into bytes: inout [UInt8]) throws(JSONError) {
    let start = offset
    guard start + 1 < text.byteCount else { throw problem("unexpected end of text") }
    offset += 2
    switch byte(text, start + 1) {
    case UInt8(ascii: "\""): bytes.append(UInt8(ascii: "\""))
    case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
    case UInt8(ascii: "/"): bytes.append(UInt8(ascii: "/"))
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0c)
    case UInt8(ascii: "n"): bytes.append(0x0a)
    case UInt8(ascii: "r"): bytes.append(0x0d)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      var scalar = try hexadecimal(text)
      switch scalar {
      case 0xd800..<0xdc00:
        guard offset + 1 < text.byteCount, byte(text, offset) == UInt8(ascii: "\\"),
          byte(text, offset + 1) == UInt8(ascii: "u")
        else { throw JSONError(problem: "unpaired surrogate", offset: start) }
        offset += 2
        let low = try hexadecimal(text)
        guard (0xdc00..<0xe000).contains(low) else { throw JSONError(problem: "unpaired surrogate", offset: start) }
        scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
      case 0xdc00..<0xe000: throw JSONError(problem: "unpaired surrogate", offset: start)
      default: break
      }
      guard let scalar = UnicodeScalar(scalar) else { throw JSONError(problem: "invalid escape", offset: start) }
      bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    default: throw JSONError(problem: "invalid escape", offset: start)
    }
  }

  private mutating func hexadecimal(_ text: RawSpan) throws(JSONError) -> UInt32 {
    guard offset + 4 <= text.byteCount else { throw problem("unexpected end of text") }
    var value: UInt32 = 0
    for index in offset..<offset + 4 {
      guard let digit = Character(UnicodeScalar(byte(text, index))).hexDigitValue else {
        throw JSONError(problem: "expected four hexadecimal digits", offset: index)
      }
      value = value << 4 | UInt32(digit)
    }
    offset += 4
    return value
  }

  static func string(_ text: RawSpan, _ range: Range<Int>) -> String {
    text.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}

/// Member names met before. The same few long names come again thousands of times; names of up to 15 bytes need no
/// storage of their own in Swift and pass by.
struct JSONNameTable {
  private var slots: [String] = []

  mutating func name(_ text: RawSpan, _ range: Range<Int>) -> String {
    guard range.count > 15, range.count < 128 else { return JSONScanner.string(text, range) }
    if slots.isEmpty { slots = Array(repeating: "", count: 256) }
    var hash: UInt32 = 2_166_136_261
    for offset in range {
      hash = (hash ^ UInt32(text.unsafeLoad(fromByteOffset: offset, as: UInt8.self))) &* 16_777_619
    }
    let slot = Int((hash ^ hash >> 16) & 255)
    if Self.equal(slots[slot], text, range) { return slots[slot] }
    let name = JSONScanner.string(text, range)
    slots[slot] = name
    return name
  }

  private static func equal(_ name: String, _ text: RawSpan, _ range: Range<Int>) -> Bool {
    guard name.utf8.count == range.count else { return false }
    var offset = range.lowerBound
    for byte in name.utf8 {
      guard byte == text.unsafeLoad(fromByteOffset: offset, as: UInt8.self) else { return false }
      offset += 1
    }
    return true
  }
}
