/// All single faults of a scenario: every changing call that the fault-free run makes, times every kind of fault.
public struct Sweep: Sendable {
  public struct Failure: Sendable, CustomStringConvertible {
    public let scenario: String
    public let plan: FaultPlan
    public let problems: [String]

    /// The plan first: it replays the failure.
    public var description: String {
      "\(scenario) PLAN=\(plan)\n    " + problems.joined(separator: "\n    ")
    }
  }

  public let scenario: Scenario
  public let reference: SimulationOutcome

  /// Runs the scenario without faults.
  public init(_ scenario: Scenario) async {
    self.scenario = scenario
    reference = await Simulation.run(scenario)
  }

  /// Every changing call × every kind, and every reading call that fails.
  public func plans(_ kinds: [FaultPlan.Kind] = FaultPlan.Kind.allCases) -> [FaultPlan] {
    var plans: [FaultPlan] = []
    for call in reference.calls.indices {
      for kind in kinds where Self.isPossible(kind, reference.calls[call]) {
        plans.append(FaultPlan([FaultPlan.Fault(kind, at: call)]))
      }
    }
    for read in 0..<reference.reads { plans.append(FaultPlan(failedReads: [read])) }
    return plans
  }

  /// Pairs of faults: the second one comes `gap` calls after the first.
  public func pairs(_ kinds: [(FaultPlan.Kind, FaultPlan.Kind)], gaps: [Int]) -> [FaultPlan] {
    reference.calls.indices.flatMap { call in
      gaps.flatMap { gap in
        kinds.map { first, second in
          FaultPlan([FaultPlan.Fault(first, at: call), FaultPlan.Fault(second, at: call + gap)])
        }
      }
    }
  }

  private static func isPossible(_ kind: FaultPlan.Kind, _ call: String) -> Bool {
    // A create is never answered with Conflict, only with AlreadyExists.
    kind != .conflict || call.hasPrefix("patch flinkdeployments")
  }

  /// What is wrong with a run under a plan; nil when nothing is.
  public func check(_ plan: FaultPlan) async -> Failure? {
    let outcome = await Simulation.run(scenario, plan)
    var problems = outcome.violations
    let before = compared(reference.end)
    let after = compared(outcome.end)
    if before != after {
      problems.append("L1: the end differs from that without faults")
      problems += before.filter { !after.contains($0) }.map { "- \($0)" }
      problems += after.filter { !before.contains($0) }.map { "+ \($0)" }
    }
    let budget = 3 * reference.turns + 600
    if outcome.turns > budget { problems.append("L1: \(outcome.turns) turns, \(budget) are allowed") }
    return problems.isEmpty ? nil : Failure(scenario: scenario.name, plan: plan, problems: problems)
  }

  private func compared(_ end: EndState) -> [String] {
    end.lines.filter { line in !scenario.openEnds.contains { line.hasPrefix($0) } }
  }

  /// The failures among the plans, at most `limit` of them.
  public func failures(_ plans: [FaultPlan], limit: Int = 5) async -> [Failure] {
    var failures: [Failure] = []
    for plan in plans {
      if let failure = await check(plan) { failures.append(failure) }
      if failures.count >= limit { break }
    }
    return failures
  }
}
