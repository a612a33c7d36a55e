internal import NIOCore

/// Cuts a stream of chunks into lines, wherever the chunks begin and end.
struct LineFramer {
  struct TooLong: Error, Equatable {
    var limit: Int
  }

  private let limit: Int
  private var partial: [UInt8] = []

  /// - Parameter limit: bytes that one line may have.
  init(limit: Int) { self.limit = limit }

  /// Whether the stream stands within a line.
  var isWithinLine: Bool { !partial.isEmpty }

  /// The lines that this chunk completes, without their new lines; empty ones are left out.
  mutating func feed(_ chunk: ByteBuffer) throws(TooLong) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var rest = chunk.readableBytesView
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      try append(rest[..<end])
      if partial.last == UInt8(ascii: "\r") { partial.removeLast() }
      if !partial.isEmpty { lines.append(partial) }
      partial = []
      rest = rest[(end + 1)...]
    }
    try append(rest)
    return lines
  }

  private mutating func append(_ bytes: ByteBufferView) throws(TooLong) {
    guard partial.count + bytes.count <= limit else { throw TooLong(limit: limit) }
    partial.append(contentsOf: bytes)
  }
}
