/// The addresses of one instance, and what each part is for: 127.N.0.0/16, or another block where an API server takes no
/// loopback addresses.
///
/// | addresses | for |
/// |---|---|
/// | 127.N.0.1 | the node, the API server |
/// | 127.N.1.0 to 127.N.127.255 | pods |
/// | 127.N.128.0/17 | Services (the API server's service range) |
public struct AddressBlock: Sendable, Hashable {
  /// 127, or the first part of another block.
  public let network: UInt8
  /// 1 to 254.
  public let number: UInt8

  /// A block that the caller knows to be free. 127.0.0.0/16 is the machine's own.
  public init?(network: UInt8 = 127, number: UInt8) {
    guard (1...254).contains(number) else { return nil }
    self.network = network
    self.number = number
  }

  public var nodeAddress: String { "\(network).\(number).0.1" }
  public var serviceCIDR: String { "\(network).\(number).128.0/17" }
  public var podCIDR: String { "\(network).\(number).0.0/17" }
  static let podCount = 127 * 254

  /// The address of the nth pod, from 0 to `podCount` - 1. Never ends in 0 or 255.
  func podAddress(_ index: Int) -> String { "\(network).\(number).\(1 + index / 254).\(1 + index % 254)" }
}

/// The pods' addresses: an address that was given back is the last to be used again, so that stale connections and
/// names meet nobody.
struct PodAddressPool {
  private let block: AddressBlock
  private var next = 0
  private var used: Set<Int> = []
  private var indices: [String: Int] = [:]

  init(block: AddressBlock) { self.block = block }

  var usedCount: Int { used.count }

  /// A free address; nil when all are in use.
  mutating func take() -> String? {
    guard used.count < AddressBlock.podCount else { return nil }
    while used.contains(next) { next = (next + 1) % AddressBlock.podCount }
    let index = next
    next = (next + 1) % AddressBlock.podCount
    used.insert(index)
    let address = block.podAddress(index)
    indices[address] = index
    return address
  }

  mutating func giveBack(_ address: String) {
    if let index = indices.removeValue(forKey: address) { used.remove(index) }
  }
}
