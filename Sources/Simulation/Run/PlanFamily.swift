/// Plans by what they meet, not by number: they stay the same when the operator makes a call more or less.
public struct PlanFamily: Sendable, Hashable, CustomStringConvertible {
  public let scenario: String
  /// The first at the call, the others at the calls after it; none for the scenario as it is.
  public let faults: [FaultKind]
  /// The sort of call, as in the matrix; nil for each of them.
  public let effect: String?
  /// The acts of users at other moments, without faults.
  public let shifts: Bool

  init(_ scenario: String, _ faults: FaultKind..., at effect: String? = nil, shifts: Bool = false) {
    self.scenario = scenario
    self.faults = faults
    self.effect = effect
    self.shifts = shifts
  }

  public var description: String {
    let what =
      shifts
      ? "at other moments"
      : faults.isEmpty ? "without faults" : faults.map(\.rawValue).joined(separator: " and ")
    return "\(scenario), \(what)\(effect.map { " at '\($0)'" } ?? "")"
  }

  public func plans(of sweep: Sweep) -> [FaultPlan] {
    if shifts { return sweep.shifts() }
    guard !faults.isEmpty else { return [.none] }
    return sweep.reference.calls.indices.filter { call in
      effect == nil || sweep.reference.contexts[call].effect == effect
    }.map { call in
      FaultPlan(faults.enumerated().map { FaultPlan.Fault($1, at: call + $0) })
    }
  }
}
