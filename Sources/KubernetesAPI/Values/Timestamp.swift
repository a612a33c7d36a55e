/// A moment, in milliseconds since 1970-01-01T00:00:00Z, as Kubernetes and Flink write it in texts.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let epochMilliseconds: Int64

  public init(epochMilliseconds: Int64) { self.epochMilliseconds = epochMilliseconds }

  /// Reads `2026-11-21T04:10:00Z`, with any fraction of a second (cut to milliseconds) and any offset from UTC. Nil
  /// for other texts and for days and times that do not exist.
  public init?(rfc3339 text: String) {
    var reader = TimestampReader(text)
    guard let milliseconds = reader.read() else { return nil }
    epochMilliseconds = milliseconds
  }

  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.epochMilliseconds < right.epochMilliseconds
  }

  public static func + (left: Timestamp, right: Duration) -> Timestamp {
    Timestamp(epochMilliseconds: left.epochMilliseconds + right.wholeMilliseconds)
  }

  public static func - (left: Timestamp, right: Duration) -> Timestamp {
    Timestamp(epochMilliseconds: left.epochMilliseconds - right.wholeMilliseconds)
  }

  public static func - (left: Timestamp, right: Timestamp) -> Duration {
    .milliseconds(left.epochMilliseconds - right.epochMilliseconds)
  }

  /// As metav1.Time: `2026-11-21T04:10:00Z`.
  public var rfc3339Seconds: String { text(fraction: "") }
  /// As metav1.MicroTime: `2026-11-21T04:10:00.123000Z`.
  public var rfc3339Micros: String { text(fraction: ".\(Self.padded(millisecondOfSecond, 3))000") }
  /// `2026-11-21T04:10:00.123Z`.
  public var rfc3339Milliseconds: String { text(fraction: ".\(Self.padded(millisecondOfSecond, 3))") }

  public var description: String { rfc3339Milliseconds }

  private var millisecondOfSecond: Int64 { epochMilliseconds.flooredRemainder(by: 1000) }

  private func text(fraction: String) -> String {
    let seconds = epochMilliseconds.flooredQuotient(by: 1000)
    let day = CalendarDay(sinceEpoch: seconds.flooredQuotient(by: 86_400))
    let second = seconds.flooredRemainder(by: 86_400)
    let date = "\(Self.padded(day.year, 4))-\(Self.padded(day.month, 2))-\(Self.padded(day.day, 2))"
    let time =
      "\(Self.padded(second / 3600, 2)):\(Self.padded(second / 60 % 60, 2)):\(Self.padded(second % 60, 2))"
    return "\(date)T\(time)\(fraction)Z"
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension Duration {
  /// Rounded towards zero.
  fileprivate var wholeMilliseconds: Int64 {
    components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
  }
}

extension Int64 {
  fileprivate func flooredRemainder(by divisor: Int64) -> Int64 {
    let remainder = self % divisor
    return remainder < 0 ? remainder + divisor : remainder
  }

  fileprivate func flooredQuotient(by divisor: Int64) -> Int64 { (self - flooredRemainder(by: divisor)) / divisor }
}

/// A day of the Gregorian calendar, reckoned in 400-year eras of years that begin in March: the leap day comes last.
package struct CalendarDay: Sendable {
  package var year: Int64
  package var month: Int64
  package var day: Int64

  package init(year: Int64, month: Int64, day: Int64) {
    self.year = year
    self.month = month
    self.day = day
  }

  package init(sinceEpoch days: Int64) {
    let shifted = days + 719_468
    let era = shifted.flooredQuotient(by: 146_097)
    let dayOfEra = shifted.flooredRemainder(by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  package var sinceEpoch: Int64 {
    let marchYear = month <= 2 ? year - 1 : year
    let era = marchYear.flooredQuotient(by: 400)
    let yearOfEra = marchYear.flooredRemainder(by: 400)
    let marchMonth = month > 2 ? month - 3 : month + 9
    let dayOfYear = (153 * marchMonth + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  var exists: Bool { (1...12).contains(month) && (1...lengthOfMonth).contains(day) }

  /// The month must be one of a year.
  package var lengthOfMonth: Int64 {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return lengths[Int(month) - 1]
  }
}

private struct TimestampReader {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  mutating func read() -> Int64? {
    guard let year = number(4), skip("-"), let month = number(2), skip("-"), let dayNumber = number(2),
      skip("T") || skip("t"), let hour = number(2), skip(":"), let minute = number(2), skip(":"),
      let second = number(2), hour < 24, minute < 60, second < 60
    else { return nil }
    let day = CalendarDay(year: year, month: month, day: dayNumber)
    guard day.exists else { return nil }
    var milliseconds: Int64 = 0
    if skip(".") {
      var scale: Int64 = 100
      guard var digit = number(1) else { return nil }
      while true {
        milliseconds += digit * scale
        scale /= 10
        guard let next = number(1) else { break }
        digit = next
      }
    }
    guard let offsetMinutes = zone(), offset == bytes.count else { return nil }
    let seconds = day.sinceEpoch * 86_400 + hour * 3600 + minute * 60 + second - offsetMinutes * 60
    return seconds * 1000 + milliseconds
  }

  private mutating func zone() -> Int64? {
    if skip("Z") || skip("z") { return 0 }
    let sign: Int64
    if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
    guard let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
    return sign * (hours * 60 + minutes)
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func number(_ width: Int) -> Int64? {
    guard offset + width <= bytes.count else { return nil }
    var value: Int64 = 0
    for byte in bytes[offset..<offset + width] {
      guard (0x30...0x39).contains(byte) else { return nil }
      value = value * 10 + Int64(byte - 0x30)
    }
    offset += width
    return value
  }
}
