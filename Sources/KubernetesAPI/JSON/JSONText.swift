/// Why a text is not JSON.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What was wrong, in words, for instance "unexpected character '}'".
  public let problem: String
  /// Byte offset from the start of the text.
  public let offset: Int

  public init(problem: String, offset: Int) {
    self.problem = problem
    self.offset = offset
  }

  public var description: String { "\(problem) at byte \(offset)" }
}

extension JSONValue {
  /// Parses one JSON text; nothing but white space may follow it.
  public init(parsing bytes: [UInt8]) throws(JSONError) { self = try JSONParser.parse(bytes) }
  public init(parsing text: String) throws(JSONError) { self = try JSONParser.parse(Array(text.utf8)) }

  /// Compact JSON text, members in their stored order.
  public func serialized() -> [UInt8] {
    var writer = JSONWriter(sortingKeys: false)
    writer.write(self)
    return writer.bytes
  }

  /// Compact JSON text with members sorted by name: equal values give equal bytes.
  public func canonicalBytes() -> [UInt8] {
    var writer = JSONWriter(sortingKeys: true)
    writer.write(self)
    return writer.bytes
  }

  /// `serialized()` as a string.
  public var text: String { String(decoding: serialized(), as: UTF8.self) }
}
