/// A Kubernetes resource quantity: `500m`, `2`, `1.5Gi`, `1e3`. Equality and order go by the value, not by the notation.
///
/// Values are kept to the nano; what is finer is rounded away from zero, as in Kubernetes.
public struct Quantity: Sendable {
  /// How the value is written in canonical form.
  public enum Format: Sendable, Hashable { case binarySI, decimalSI, decimalExponent }

  let nanos: Int128
  public let format: Format

  private init(nanos: Int128, format: Format) {
    self.nanos = nanos
    self.format = format
  }

  /// A whole number.
  public init(_ value: Int64, format: Format = .decimalSI) {
    self.init(nanos: Int128(value) * 1_000_000_000, format: format)
  }

  /// Thousandths: 1500 is 1.5.
  public init(milli value: Int64) { self.init(nanos: Int128(value) * 1_000_000, format: .decimalSI) }

  /// The value rounded away from zero to a whole number; as in Kubernetes, at most Int64.max.
  public var roundedUp: Int64 { Int64(clamping: nanos.quotientRoundedUp(by: 1_000_000_000)) }
  /// The value in thousandths, rounded away from zero.
  public var milliRoundedUp: Int64 { Int64(clamping: nanos.quotientRoundedUp(by: 1_000_000)) }
  public var double: Double { Double(nanos) / 1e9 }
}

extension Quantity: Hashable, Comparable {
  public static func == (left: Quantity, right: Quantity) -> Bool { left.nanos == right.nanos }
  public static func < (left: Quantity, right: Quantity) -> Bool { left.nanos < right.nanos }
  public func hash(into hasher: inout Hasher) { hasher.combine(nanos) }
}

/// Why a text is no quantity.
public struct QuantityError: Error, Sendable, Hashable, CustomStringConvertible {
  public let text: String
  public let problem: String
  public var description: String { "quantity \"\(text)\": \(problem)" }
}

extension Quantity {
  private static let binarySuffixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
  /// Powers of ten.
  private static let decimalSuffixes: [(suffix: String, exponent: Int)] = [
    ("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18),
  ]
  private static let limit = Int128(Int64.max) * 1_000_000_000

  /// A sign, digits with an optional point, then one of `Ki…Ei`, `n u m k M G T P E`, or `e` and an exponent.
  public init(parsing text: String) throws(QuantityError) {
    func problem(_ problem: String) -> QuantityError { QuantityError(text: text, problem: problem) }
    var rest = text[...]
    let isNegative = rest.first == "-"
    if isNegative || rest.first == "+" { rest.removeFirst() }
    let whole = rest.prefix(while: Self.isDigit)
    rest = rest.dropFirst(whole.count)
    var fraction: Substring = ""
    if rest.first == "." {
      rest.removeFirst()
      fraction = rest.prefix(while: Self.isDigit)
      rest = rest.dropFirst(fraction.count)
    }
    guard !whole.isEmpty || !fraction.isEmpty else {
      throw problem("expected a number with an optional suffix, for instance 500m, 2 or 1.5Gi")
    }
    // The value is `digits` × 10^exponent × 1024^binaryPower.
    var exponent = 0
    var binaryPower = 0
    if let power = Self.binarySuffixes.firstIndex(of: String(rest)) {
      format = .binarySI
      binaryPower = power + 1
    } else if let suffix = Self.decimalSuffixes.first(where: { $0.suffix == rest }) {
      format = .decimalSI
      exponent = suffix.exponent
    } else if rest.first == "e" || rest.first == "E", let written = Self.exponent(rest.dropFirst()) {
      format = .decimalExponent
      exponent = written
    } else {
      throw problem("unknown suffix \"\(rest)\"; use n, u, m, k, M, G, T, P, E, or Ki, Mi, Gi, Ti, Pi, Ei")
    }
    let magnitude = Self.nanos(
      digits: (whole + fraction).utf8.map { Int128($0 - 0x30) }, exponent: exponent - fraction.utf8.count + 9,
      factor: 1 << (10 * binaryPower))
    nanos = isNegative ? -magnitude : magnitude
  }

  private static func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }

  private static func exponent(_ text: Substring) -> Int? {
    let digits = text.first == "+" || text.first == "-" ? text.dropFirst() : text
    guard !digits.isEmpty, digits.utf8.count <= 4, digits.allSatisfy(isDigit), let value = Int(digits) else {
      return nil
    }
    return text.first == "-" ? -value : value
  }

  /// `digits` × `factor` × 10^`exponent`, at most `limit`.
  private static func nanos(digits: [Int128], exponent: Int, factor: Int128) -> Int128 {
    // Digits beyond what an exact product can hold are below the nano, or the value is beyond the limit.
    var value: Int128 = 0
    var exponent = exponent
    var hasRest = false
    var isFull = false
    for digit in digits {
      if isFull || value > 1_000_000_000_000_000_000 {
        isFull = true
        exponent += 1
        if digit != 0 { hasRest = true }
      } else {
        value = value * 10 + digit
      }
    }
    if value == 0 { return 0 }
    value *= factor  // at most 1.1 × 10^19 × 2^60: fits 127 bits
    while exponent < 0 {
      if value % 10 != 0 { hasRest = true }
      value /= 10
      exponent += 1
      if value == 0 { break }
    }
    while exponent > 0, value <= limit {
      value *= 10
      exponent -= 1
    }
    if hasRest { value += 1 }
    return min(value, limit)
  }
}

extension Quantity: CustomStringConvertible {
  public var description: String { text }

  /// Canonical text: the largest suffix that leaves a whole number. Binary quantities below 1024 or with a fraction
  /// are written in decimal form, so that nothing is lost.
  public var text: String {
    if nanos == 0 { return "0" }
    if format == .binarySI, nanos.magnitude >= 1024 * 1_000_000_000, nanos % 1_000_000_000 == 0 {
      var value = nanos / 1_000_000_000
      var power = 0
      while power < Self.binarySuffixes.count, value % 1024 == 0 {
        value /= 1024
        power += 1
      }
      return power == 0 ? "\(value)" : "\(value)\(Self.binarySuffixes[power - 1])"
    }
    var value = nanos
    var step = 0
    while step < Self.decimalSuffixes.count - 1, value % 1000 == 0 {
      value /= 1000
      step += 1
    }
    let (suffix, exponent) = Self.decimalSuffixes[step]
    if format == .decimalExponent { return exponent == 0 ? "\(value)" : "\(value)e\(exponent)" }
    return "\(value)\(suffix)"
  }
}

extension Int128 {
  /// Away from zero, as Kubernetes does.
  fileprivate func quotientRoundedUp(by divisor: Int128) -> Int128 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder == 0 ? quotient : quotient + signum()
  }
}
