/// Hands out the ClusterIPs of a range and node ports.
struct ServiceAddresses: Sendable {
  private let base: UInt32
  private let size: UInt32
  private var taken: Set<UInt32> = []
  private var takenNodePorts: Set<Int> = []

  /// A text that is not an IPv4 CIDR falls back to `10.96.0.0/16`.
  init(cidr: String) {
    let parts = cidr.split(separator: "/")
    if parts.count == 2, let address = Self.number(String(parts[0])), let bits = UInt32(parts[1]),
      (8...30).contains(bits)
    {
      size = 1 << (32 - bits)
      base = address & ~(size - 1)
    } else {
      base = 10 << 24 | 96 << 16
      size = 1 << 16
    }
  }

  mutating func allocateFirst() -> String {
    taken.insert(base + 1)
    return Self.text(base + 1)
  }

  /// nil when the range is used up.
  mutating func allocate(using random: inout SeededRandom) -> String? {
    let usable = size - 2
    guard taken.count < Int(usable) else { return nil }
    var candidate = base + 1 + UInt32(truncatingIfNeeded: random.next() % UInt64(usable))
    while taken.contains(candidate) {
      candidate += 1
      if candidate >= base + 1 + usable { candidate = base + 1 }
    }
    taken.insert(candidate)
    return Self.text(candidate)
  }

  enum Refusal: Error {
    case taken, outOfRange
  }

  mutating func take(_ address: String) throws(Refusal) {
    guard let number = Self.number(address), number > base, number < base + size - 1 else { throw .outOfRange }
    guard taken.insert(number).inserted else { throw .taken }
  }

  mutating func release(_ address: String) {
    if let number = Self.number(address) { taken.remove(number) }
  }

  mutating func allocateNodePort(using random: inout SeededRandom) -> Int {
    var port = 30_000 + Int(random.next() % 2768)
    while takenNodePorts.contains(port), takenNodePorts.count < 2768 { port = port == 32_767 ? 30_000 : port + 1 }
    takenNodePorts.insert(port)
    return port
  }

  mutating func takeNodePort(_ port: Int) -> Bool { takenNodePorts.insert(port).inserted }
  mutating func releaseNodePort(_ port: Int) { takenNodePorts.remove(port) }

  static func number(_ text: String) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var result: UInt32 = 0
    for part in parts {
      guard let byte = UInt8(part) else { return nil }
      result = result << 8 | UInt32(byte)
    }
    return result
  }

  private static func text(_ number: UInt32) -> String {
    [24, 16, 8, 0].map { String(number >> UInt32($0) & 255) }.joined(separator: ".")
  }
}
