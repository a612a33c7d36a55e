/// Plans by what they meet, not by number: they stay the same when the operator makes a call more or less.
public struct PlanFamily: Sendable, Hashable, CustomStringConvertible {
  public let scenario: String
  /// The first at the call, the others at the calls after it; none for the scenario as it is.
  public let faults: [FaultKind]
  /// The sort of call, as in the matrix; nil for each of them.
  public let effect: String?
  /// The acts of users at other moments, without faults.
  public let shifts: Bool
  /// Each reading call fails, one at a time.
  public let failedReads: Bool

  init(
    _ scenario: String, _ faults: FaultKind..., at effect: String? = nil, shifts: Bool = false,
    failedReads: Bool = false
  ) {
    self.scenario = scenario
    self.faults = faults
    self.effect = effect
    self.shifts = shifts
    self.failedReads = failedReads
  }

  /// `SCENARIO FAULT+FAULT EFFECT`: `shift` and `failed-read` are faults too, `-` is none; the effect may be left out.
  public init?(parsing words: [String]) {
    guard let scenario = words.first else { return nil }
    let names = words.dropFirst().first?.split(separator: "+").map(String.init) ?? []
    self.scenario = scenario
    faults = names.compactMap { FaultKind(rawValue: $0) }
    shifts = names == ["shift"]
    failedReads = names == ["failed-read"]
    effect = words.count > 2 ? words.dropFirst(2).joined(separator: " ") : nil
    if faults.count != names.count, !shifts, !failedReads, names != ["-"] { return nil }
  }

  public var description: String {
    let names = faults.map(\.rawValue).joined(separator: " and ")
    let what =
      shifts ? "at other moments" : failedReads ? "with failed reads" : faults.isEmpty ? "without faults" : names
    return "\(scenario), \(what)\(effect.map { " at '\($0)'" } ?? "")"
  }

  public func plans(of sweep: Sweep) -> [FaultPlan] {
    if shifts { return sweep.shifts() }
    if failedReads { return (0..<sweep.reference.reads).map { FaultPlan(failedReads: [$0]) } }
    guard !faults.isEmpty else { return [.none] }
    return sweep.reference.calls.indices.filter { call in
      effect == nil || sweep.reference.contexts[call].effect == effect
    }.map { call in
      FaultPlan(faults.enumerated().map { FaultPlan.Fault($1, at: call + $0) })
    }
  }
}
