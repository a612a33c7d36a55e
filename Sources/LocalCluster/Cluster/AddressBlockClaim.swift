import Glibc

/// The right to a block of loopback addresses 127.N.0.0/16, which no other instance on this machine has meanwhile.
///
/// It is a Unix socket in the abstract namespace: that is as wide as the network namespace, in which loopback addresses
/// would clash, leaves no file, and ends with the process however it ends.
final class AddressBlockClaim: Sendable {
  let number: UInt8
  private let descriptor: Int32

  /// Nil when another instance has the block, or no socket can be had.
  init?(number: UInt8) {
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let name = Array("\0flink-operator-addresses-127.\(number)".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    let result = withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    guard result == 0 else {
      close(descriptor)
      return nil
    }
    self.number = number
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}
