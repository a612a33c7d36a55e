/// An instant as the API's times are read and written: RFC 3339, in UTC.
struct GoTime: Sendable, Hashable {
  /// Since 1970, negative before.
  var epochMicroseconds: Int64

  init(epochMicroseconds: Int64) { self.epochMicroseconds = epochMicroseconds }

  /// nil when the text is not RFC 3339.
  init?(_ text: String) {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int? {
      guard range.upperBound <= bytes.count else { return nil }
      var value = 0
      for byte in bytes[range] {
        guard Names.isDigit(byte) else { return nil }
        value = value * 10 + Int(byte - UInt8(ascii: "0"))
      }
      return value
    }
    guard bytes.count >= 20, let year = number(0..<4), bytes[4] == UInt8(ascii: "-"), let month = number(5..<7),
      bytes[7] == UInt8(ascii: "-"), let day = number(8..<10),
      bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t"), let hour = number(11..<13),
      bytes[13] == UInt8(ascii: ":"), let minute = number(14..<16), bytes[16] == UInt8(ascii: ":"),
      let second = number(17..<19), (1...12).contains(month), day >= 1, day <= Self.days(in: month, year: year),
      hour < 24, minute < 60, second < 60
    else { return nil }
    var position = 19
    var micros: Int64 = 0
    if bytes[position] == UInt8(ascii: ".") {
      position += 1
      var scale: Int64 = 100_000
      let start = position
      while position < bytes.count, Names.isDigit(bytes[position]) {
        micros += Int64(bytes[position] - UInt8(ascii: "0")) * scale
        scale /= 10
        position += 1
      }
      guard position > start else { return nil }
    }
    guard position < bytes.count else { return nil }
    var offset = 0
    switch bytes[position] {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"):
      guard position + 1 == bytes.count else { return nil }
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard position + 6 == bytes.count, bytes[position + 3] == UInt8(ascii: ":"),
        let hours = number(position + 1..<position + 3), let minutes = number(position + 4..<position + 6),
        hours < 24, minutes < 60
      else { return nil }
      offset = (hours * 60 + minutes) * (bytes[position] == UInt8(ascii: "-") ? -60 : 60)
    default: return nil
    }
    let seconds = Self.daysSinceEpoch(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second
    epochMicroseconds = Int64(seconds - offset) * 1_000_000 + micros
  }

  /// `2006-01-02T15:04:05Z`.
  var seconds: String { text(fraction: false) }
  /// `2006-01-02T15:04:05.000000Z`.
  var micros: String { text(fraction: true) }

  /// The words of Go's parser.
  static func failure(_ text: String, hasMicroseconds: Bool) -> String {
    let layout = hasMicroseconds ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00"
    return "parsing time \(goQuoted(text)) as \(goQuoted(layout)): cannot parse \(goQuoted(text)) as \"2006\""
  }

  private func text(fraction: Bool) -> String {
    var seconds = epochMicroseconds / 1_000_000
    var micros = epochMicroseconds % 1_000_000
    if micros < 0 {
      micros += 1_000_000
      seconds -= 1
    }
    var days = seconds / 86_400
    var rest = seconds % 86_400
    if rest < 0 {
      rest += 86_400
      days -= 1
    }
    let (year, month, day) = Self.date(daysSinceEpoch: Int(days))
    let date = "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
    let time =
      "\(Self.padded(Int(rest) / 3600, 2)):\(Self.padded(Int(rest) / 60 % 60, 2)):\(Self.padded(Int(rest) % 60, 2))"
    return "\(date)T\(time)" + (fraction ? ".\(Self.padded(Int(micros), 6))Z" : "Z")
  }

  private static func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func days(in month: Int, year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days from 1970-01-01 in the proleptic Gregorian calendar, counting years from March.
  private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
    let year = month <= 2 ? year - 1 : year
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func date(daysSinceEpoch: Int) -> (Int, Int, Int) {
    let shifted = daysSinceEpoch + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
  }
}
