import NIOCore
import Testing

@testable import KubernetesClient

@Suite struct LineFramerTests {
  @Test func splitsWhereverChunksEnd() throws {
    let text = Array("one\n\ntwo\r\nthree\n".utf8)
    for first in 0...text.count {
      for second in first...text.count {
        var framer = LineFramer(limit: 100)
        var lines: [[UInt8]] = []
        for part in [text[..<first], text[first..<second], text[second...]] {
          lines += try framer.feed(ByteBuffer(bytes: part))
        }
        #expect(lines == ["one", "two", "three"].map { Array($0.utf8) })
        #expect(!framer.isWithinLine)
      }
    }
  }

  @Test func boundsALine() throws {
    var framer = LineFramer(limit: 4)
    #expect(try framer.feed(ByteBuffer(string: "abcd\nab")).count == 1)
    #expect(framer.isWithinLine)
    #expect(throws: LineFramer.TooLong(limit: 4)) { try framer.feed(ByteBuffer(string: "cde")) }
  }
}
