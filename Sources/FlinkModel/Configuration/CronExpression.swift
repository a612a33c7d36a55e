import KubernetesAPI

/// Moments given by a cron expression of six or seven fields in Quartz' notation, in UTC: seconds, minutes, hours, day
/// of the month, month, day of the week (1 is Sunday) and year.
public struct CronExpression: Sendable, Hashable {
  private let seconds: Set<Int>
  private let minutes: Set<Int>
  private let hours: Set<Int>
  private let months: Set<Int>
  /// nil for every year.
  private let years: Set<Int>?
  private let monthDay: DayRule
  private let weekDay: DayRule

  private enum DayRule: Sendable, Hashable {
    case any
    /// A day of the month, or of the week from 1 for Sunday.
    case days(Set<Int>)
    /// So many days before the last of the month.
    case last(before: Int)
    /// The working day nearest to a day of the month; to the last one where it is nil.
    case workday(Int?)
    /// The last such weekday of the month.
    case lastWeekday(Int)
    case nthWeekday(Int, nth: Int)
  }

  /// nil for a text that is no such expression.
  public init?(_ text: String) {
    let fields = text.uppercased().split(whereSeparator: \.isWhitespace).map(String.init)
    guard fields.count == 6 || fields.count == 7,
      let seconds = Self.numbers(fields[0], 0...59), let minutes = Self.numbers(fields[1], 0...59),
      let hours = Self.numbers(fields[2], 0...23), let months = Self.numbers(fields[4], 1...12, Self.monthNames),
      let monthDay = Self.monthDay(fields[3]), let weekDay = Self.weekDay(fields[5])
    else { return nil }
    // Quartz refuses a day that is given in both ways.
    if monthDay != .any, weekDay != .any { return nil }
    if fields[3] == "?", fields[5] == "?" { return nil }
    var years: Set<Int>?
    if fields.count == 7, fields[6] != "*" {
      guard let numbers = Self.numbers(fields[6], Self.firstYear...Self.lastYear) else { return nil }
      years = numbers
    }
    self.seconds = seconds
    self.minutes = minutes
    self.hours = hours
    self.months = months
    self.years = years
    self.monthDay = monthDay
    self.weekDay = weekDay
  }

  private static let firstYear = 1970
  private static let lastYear = 2099
  private static let monthNames = [
    "JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6, "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11,
    "DEC": 12,
  ]
  private static let weekdayNames = ["SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7]

  // MARK: Reading

  private static func number(_ text: some StringProtocol, _ names: [String: Int] = [:]) -> Int? {
    names[String(text)] ?? (text.allSatisfy { $0.isASCII && $0.isNumber } ? Int(text) : nil)
  }

  /// A list of numbers, ranges and steps.
  private static func numbers(_ text: String, _ limits: ClosedRange<Int>, _ names: [String: Int] = [:]) -> Set<Int>? {
    var result: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let halves = part.split(separator: "/", omittingEmptySubsequences: false)
      guard let base = halves.first, halves.count <= 2 else { return nil }
      var step = 1
      if halves.count == 2 {
        guard let number = Self.number(halves[1]), (1...9999).contains(number) else { return nil }
        step = number
      }
      let first: Int
      var last: Int
      if base == "*" || (base.isEmpty && halves.count == 2) {
        (first, last) = (limits.lowerBound, limits.upperBound)
      } else {
        let ends = base.split(separator: "-", omittingEmptySubsequences: false)
        guard let start = ends.first.flatMap({ number($0, names) }), ends.count <= 2 else { return nil }
        first = start
        last = halves.count == 2 ? limits.upperBound : start
        if ends.count == 2 {
          guard let end = number(ends[1], names) else { return nil }
          last = end
        }
        guard limits.contains(first), limits.contains(last) else { return nil }
      }
      // A range may go over the end: 22-2 are the hours of the night.
      let size = limits.upperBound - limits.lowerBound + 1
      if last < first { last += size }
      for value in stride(from: first, through: last, by: step) {
        result.insert(value > limits.upperBound ? value - size : value)
      }
    }
    return result.isEmpty ? nil : result
  }

  private static func monthDay(_ text: String) -> DayRule? {
    if text == "*" || text == "?" { return .any }
    if text == "L" { return .last(before: 0) }
    if text == "LW" || text == "WL" { return .workday(nil) }
    if text.hasPrefix("L-") {
      guard let days = number(text.dropFirst(2)), (0...30).contains(days) else { return nil }
      return .last(before: days)
    }
    if text.hasSuffix("W") {
      guard let day = number(text.dropLast()), (1...31).contains(day) else { return nil }
      return .workday(day)
    }
    return numbers(text, 1...31).map { .days($0) }
  }

  private static func weekDay(_ text: String) -> DayRule? {
    if text == "*" || text == "?" { return .any }
    if text == "L" { return .days([7]) }
    if text.hasSuffix("L"), let day = number(text.dropLast(), weekdayNames) {
      return (1...7).contains(day) ? .lastWeekday(day) : nil
    }
    let halves = text.split(separator: "#", omittingEmptySubsequences: false)
    if halves.count == 2 {
      guard let day = number(halves[0], weekdayNames), let nth = number(halves[1]), (1...7).contains(day),
        (1...5).contains(nth)
      else { return nil }
      return .nthWeekday(day, nth: nth)
    }
    return numbers(text, 1...7, weekdayNames).map { .days($0) }
  }

  // MARK: Moments

  /// The first moment after another one, in epoch milliseconds; nil where there is none until the year 2099.
  public func next(after milliseconds: Int64) -> Int64? {
    let second = max(milliseconds, 0) / 1000 + 1
    var day = second / 86_400
    var from = Int(second % 86_400)
    // The days of the week and the dates repeat after 28 years.
    for _ in 0..<(29 * 366) {
      let date = CalendarDay(sinceEpoch: day)
      if date.year > Int64(Self.lastYear) { return nil }
      if matches(date, weekday: Int((day + 4) % 7) + 1), let time = time(from: from) {
        return (day * 86_400 + Int64(time)) * 1000
      }
      day += 1
      from = 0
    }
    return nil
  }

  private func time(from: Int) -> Int? {
    for hour in hours.sorted() where hour >= from / 3600 {
      for minute in minutes.sorted() where hour * 60 + minute >= from / 60 {
        if let second = seconds.sorted().first(where: { hour * 3600 + minute * 60 + $0 >= from }) {
          return hour * 3600 + minute * 60 + second
        }
      }
    }
    return nil
  }

  private func matches(_ date: CalendarDay, weekday: Int) -> Bool {
    guard months.contains(Int(date.month)), years.map({ $0.contains(Int(date.year)) }) ?? true else { return false }
    let day = Int(date.day)
    let length = Int(date.lengthOfMonth)
    return Self.holds(monthDay, day, length, weekday, number: day)
      && Self.holds(weekDay, day, length, weekday, number: weekday)
  }

  private static func holds(_ rule: DayRule, _ day: Int, _ length: Int, _ weekday: Int, number: Int) -> Bool {
    switch rule {
    case .any: return true
    case .days(let days): return days.contains(number)
    case .last(let before): return day == length - before
    case .lastWeekday(let wanted): return weekday == wanted && day + 7 > length
    case .nthWeekday(let wanted, let nth): return weekday == wanted && (day - 1) / 7 + 1 == nth
    case .workday(let wanted):
      let target = wanted ?? length
      guard target <= length else { return false }
      // Weekday of the target: 1 is Sunday, 7 is Saturday; the nearest working day stays within the month.
      let offset = ((weekday - 1 + target - day) % 7 + 7) % 7 + 1
      let nearest =
        switch offset {
        case 7: target == 1 ? 3 : target - 1
        case 1: target == length ? target - 2 : target + 1
        default: target
        }
      return day == nearest
    }
  }
}

/// When something is to be done again and again: `kubernetes.operator.periodic.*.interval`.
public enum PeriodicTrigger: Sendable, Hashable {
  /// Milliseconds.
  case interval(Int64)
  case cron(CronExpression)

  /// A duration, of which 0 means never, or a cron expression.
  ///
  /// - Returns: nil where there is nothing to do.
  /// - Throws: `InvalidField` for a text that is neither.
  public static func read(_ text: String?, key: String) throws(InvalidField) -> PeriodicTrigger? {
    guard let text, !MemoryText.trim(text).isEmpty else { return nil }
    if let duration = DurationText.parse(text) {
      let (seconds, attoseconds) = duration.components
      let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
      return milliseconds > 0 ? .interval(milliseconds) : nil
    }
    if let cron = CronExpression(text) { return .cron(cron) }
    throw InvalidField(
      field: FlinkConfiguration.field(key), value: text,
      fix: "must be a duration such as 6 h, or a cron expression of six or seven fields such as 0 0 2 * * ?")
  }

  /// When it is next, after it was last done at `last`. Epoch milliseconds.
  public func next(after last: Int64) -> Int64? {
    switch self {
    case .interval(let interval): last + interval
    case .cron(let cron): cron.next(after: last)
    }
  }
}
