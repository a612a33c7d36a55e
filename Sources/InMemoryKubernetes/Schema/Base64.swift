/// Standard base64 with padding, as Go's decoder sees it.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: some Collection<UInt8>) -> String {
    var result: [UInt8] = []
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let chunk = Array(rest.prefix(3))
      rest = rest.dropFirst(3)
      let word =
        UInt32(chunk[0]) << 16 | UInt32(chunk.count > 1 ? chunk[1] : 0) << 8 | UInt32(chunk.count > 2 ? chunk[2] : 0)
      result.append(alphabet[Int(word >> 18 & 63)])
      result.append(alphabet[Int(word >> 12 & 63)])
      result.append(chunk.count > 1 ? alphabet[Int(word >> 6 & 63)] : UInt8(ascii: "="))
      result.append(chunk.count > 2 ? alphabet[Int(word & 63)] : UInt8(ascii: "="))
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// nil when the text is not base64.
  static func decode(_ text: String) -> [UInt8]? {
    guard firstInvalidByte(text) == nil else { return nil }
    var result: [UInt8] = []
    var word: UInt32 = 0
    var bits = 0
    for byte in text.utf8 {
      guard let value = value(byte) else { continue }
      word = word << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        result.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
        word &= (1 << UInt32(bits)) - 1
      }
    }
    return result
  }

  /// The position Go's `CorruptInputError` names; nil for valid text. Line breaks are skipped.
  static func firstInvalidByte(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    var quantum = 0
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        index += 1
        continue
      }
      if byte == UInt8(ascii: "=") {
        guard quantum >= 2 else { return index }
        var needed = 4 - quantum
        while index < bytes.count {
          let byte = bytes[index]
          if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
            index += 1
            continue
          }
          guard needed > 0, byte == UInt8(ascii: "=") else { return index }
          needed -= 1
          index += 1
        }
        return needed == 0 ? nil : bytes.count
      }
      guard value(byte) != nil else { return index }
      quantum = (quantum + 1) % 4
      index += 1
    }
    return quantum == 0 ? nil : bytes.count - quantum
  }

  private static func value(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
