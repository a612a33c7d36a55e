import KubernetesAPI

/// Sizes as Flink and Kubernetes write them.
public enum MemoryText {
  /// An exbibyte: no pod is larger, and sums of a few sizes up to it fit 64 bits.
  public static let most: Int64 = 1 << 60

  /// Bytes of a memory text, as the Apache operator reads it: first Flink's notation, in which `2g`, `2 gb` and
  /// `1024m` are powers of 1024; then Kubernetes' quantities (`2Gi`, `1.5G`, `1e6`), in any case and with or without
  /// `b` at the end. nil when it is neither, or does not fit 64 bits.
  public static func bytes(_ text: String) -> Int64? { flinkBytes(text) ?? quantityBytes(text) }

  /// Bytes in Flink's notation only.
  public static func flinkBytes(_ text: String) -> Int64? {
    guard let (number, unit) = leadingInteger(text) else { return nil }
    let factor: Int64
    switch unit {
    case "", "b", "bytes": factor = 1
    case "k", "kb", "kibibytes": factor = 1 << 10
    case "m", "mb", "mebibytes": factor = 1 << 20
    case "g", "gb", "gibibytes": factor = 1 << 30
    case "t", "tb", "tebibytes": factor = 1 << 40
    default: return nil
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    return overflow ? nil : bytes
  }

  private static func quantityBytes(_ text: String) -> Int64? {
    // White space may stand before the unit.
    var upper = ""
    for part in trim(text).uppercased().split(whereSeparator: \.isWhitespace) {
      if !upper.isEmpty, part.first?.isLetter != true { return nil }
      upper += part
    }
    if upper.last == "B" { upper.removeLast() }
    let quantity = String(upper.map { $0 == "I" ? "i" : $0 })
    // The upper case has made K of the quantities' k.
    let standard = quantity.hasSuffix("K") ? "\(quantity.dropLast())k" : quantity
    guard let bytes = (try? Quantity(parsing: standard))?.roundedUp, bytes < .max else { return nil }
    return bytes
  }

  /// Digits at the start and the word after them, in lower case.
  static func leadingInteger(_ text: String) -> (Int64, String)? {
    let trimmed = trim(text)
    let digits = trimmed.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty, let number = Int64(digits) else { return nil }
    return (number, trim(String(trimmed.dropFirst(digits.count))).lowercased())
  }

  static func trim(_ text: String) -> String {
    var slice = Substring(text)
    while let first = slice.first, first.isWhitespace { slice.removeFirst() }
    while let last = slice.last, last.isWhitespace { slice.removeLast() }
    return String(slice)
  }
}

/// Durations as Flink writes them.
public enum DurationText {
  /// A whole number and a unit: `10 s`, `5min`, `1 d`; milliseconds without a unit. nil when it is none, or too long
  /// for 64 bits of nanoseconds.
  public static func parse(_ text: String) -> Duration? {
    guard let (number, unit) = MemoryText.leadingInteger(text) else { return nil }
    let nanoseconds: Int64
    switch unit {
    case "d", "day", "days": nanoseconds = 86_400_000_000_000
    case "h", "hour", "hours": nanoseconds = 3_600_000_000_000
    case "min", "m", "minute", "minutes": nanoseconds = 60_000_000_000
    case "s", "sec", "secs", "second", "seconds": nanoseconds = 1_000_000_000
    case "", "ms", "milli", "millis", "millisecond", "milliseconds": nanoseconds = 1_000_000
    case "µs", "micro", "micros", "microsecond", "microseconds": nanoseconds = 1_000
    case "ns", "nano", "nanos", "nanosecond", "nanoseconds": nanoseconds = 1
    default: return nil
    }
    let (total, overflow) = number.multipliedReportingOverflow(by: nanoseconds)
    return overflow ? nil : .nanoseconds(total)
  }
}
