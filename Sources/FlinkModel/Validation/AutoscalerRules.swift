import KubernetesAPI

/// What the autoscaler's options may be. They are judged only where the autoscaler is on, as by the Apache operator.
struct AutoscalerRules {
  private let configuration: FlinkConfiguration

  static func check(_ configuration: FlinkConfiguration, reconcileInterval: Duration) throws(InvalidField) {
    let rules = AutoscalerRules(configuration: configuration)
    guard try rules.bool("enabled") else { return }
    try rules.check(reconcileInterval)
  }

  private func names(_ key: String) -> (new: String, old: String) {
    ("job.autoscaler.\(key)", "kubernetes.operator.job.autoscaler.\(key)")
  }

  private func bool(_ key: String) throws(InvalidField) -> Bool {
    let (new, old) = names(key)
    return try configuration.bool(new, old, default: false)
  }

  private func number(_ key: String, alias: String? = nil) throws(InvalidField) -> Double? {
    let (new, old) = names(key)
    let (newAlias, oldAlias) = names(alias ?? key)
    return try configuration.double(new, newAlias, old, oldAlias)
  }

  private func invalid(_ key: String, alias: String? = nil, _ fix: String) -> InvalidField {
    let all = [names(key).new, names(alias ?? key).new, names(key).old, names(alias ?? key).old]
    let name = all.first { configuration[$0] != nil } ?? names(key).new
    return InvalidField(field: FlinkConfiguration.field(name), value: configuration[name], fix: fix)
  }

  private func check(_ key: String, alias: String? = nil, from low: Double, to high: Double? = nil) throws(InvalidField)
  {
    guard let value = try number(key, alias: alias) else { return }
    if value >= low, value <= high ?? .infinity { return }
    throw invalid(
      key, alias: alias, high.map { "must be between \(low) and \($0)" } ?? "must be at least \(low)")
  }

  private func check(_ reconcileInterval: Duration) throws(InvalidField) {
    try check("scale-down.max-factor", from: 0)
    try check("scale-up.max-factor", from: 0)
    try check("utilization.target", alias: "target.utilization", from: 0, to: 1)
    try check("target.utilization.boundary", alias: "utilization.target.boundary", from: 0)
    let target = try number("utilization.target", alias: "target.utilization") ?? 0.7
    try check("utilization.max", from: target, to: 1)
    try check("utilization.min", from: 0, to: target)
    try check("memory.gc-pressure.threshold", from: 0, to: 1)
    try check("memory.heap-usage.threshold", from: 0, to: 1)
    if try bool("observed-scalability.enabled") {
      try check("observed-scalability.coefficient-min", from: 0.01, to: 1)
    }
    if try bool("scaling.effectiveness.detection.enabled") {
      try check("scaling.effectiveness.threshold", from: 0, to: 1)
    }
    if try bool("memory.tuning.enabled") { try check("memory.tuning.overhead", from: 0, to: 1) }
    let (new, old) = names("excluded.periods")
    for period in configuration.list(new, old) where !ExcludedPeriod.isValid(period) {
      throw invalid(
        "excluded.periods",
        "'\(period)' is not a daily period such as 09:00-17:00, a cron expression, or both joined by &&")
    }
    let (newWindow, oldWindow) = names("metrics.window")
    if let window = try configuration.duration(newWindow, oldWindow), window < reconcileInterval {
      throw invalid("metrics.window", "must not be shorter than kubernetes.operator.reconcile.interval")
    }
  }
}

/// A time in which the autoscaler leaves jobs alone: `HH:mm-HH:mm`, a Quartz cron expression, or one of each with `&&`.
enum ExcludedPeriod {
  static func isValid(_ text: String) -> Bool {
    let parts = text.replacing("&&", with: "\u{0}").split(separator: "\u{0}", omittingEmptySubsequences: false)
      .map { MemoryText.trim(String($0)) }
    switch parts.count {
    case 1: return isDaily(parts[0]) || isCron(parts[0])
    case 2: return (isDaily(parts[0]) && isCron(parts[1])) || (isCron(parts[0]) && isDaily(parts[1]))
    default: return false
    }
  }

  private static func isDaily(_ text: String) -> Bool {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false)
    return ends.count == 2 && ends.allSatisfy { isTime(MemoryText.trim(String($0))) }
  }

  private static func isTime(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...4).contains(parts.count) else { return false }
    return zip(parts, [23, 59, 59, 999]).allSatisfy { part, most in
      part.allSatisfy { $0.isASCII && $0.isNumber } && Int(part).map { $0 <= most } ?? false
    }
  }

  private static func isCron(_ text: String) -> Bool {
    let fields = text.split(whereSeparator: \.isWhitespace)
    return (6...7).contains(fields.count)
      && fields.allSatisfy { field in
        field.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "*?/,-#".contains($0)) }
      }
  }
}
