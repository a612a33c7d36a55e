internal import AsyncHTTPClient
internal import Synchronization

/// Whether a request's body was handed to a connection: before that the server cannot have carried it out.
final class SendMark: Sendable {
  private let mark = Atomic(false)

  var isSent: Bool { mark.load(ordering: .acquiring) }
  func set() { mark.store(true, ordering: .releasing) }
}

/// The bytes of a body, which note when they are first read: AsyncHTTPClient does so after it has written the head.
struct MarkedBytes: Collection, Sendable {
  let bytes: [UInt8]
  let mark: SendMark

  var startIndex: Int { 0 }
  var endIndex: Int { bytes.count }
  func index(after index: Int) -> Int { index + 1 }

  subscript(position: Int) -> UInt8 {
    mark.set()
    return bytes[position]
  }

  func withContiguousStorageIfAvailable<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R? {
    mark.set()
    return try bytes.withContiguousStorageIfAvailable(body)
  }
}
