public import Lifecycle

/// All single faults of a scenario: every changing call that the fault-free run makes, times every kind of fault.
public struct Sweep: Sendable {
  public struct Failure: Sendable, CustomStringConvertible {
    public let scenario: String
    public let plan: FaultPlan
    public let problems: [String]

    /// The invariant that the first problem names.
    public var oracle: String { problems.first.flatMap { $0.split(separator: ":").first.map(String.init) } ?? "" }

    /// The plan first: it replays the failure.
    public var description: String {
      "FAILED make sim PLAN=\"\(scenario) \(plan)\"\n    " + problems.joined(separator: "\n    ")
    }
  }

  public let scenario: Scenario
  public let reference: SimulationOutcome

  /// Runs the scenario without faults.
  public init(_ scenario: Scenario) async {
    self.scenario = scenario
    reference = await Simulation.run(scenario)
  }

  /// Every changing call × every kind, every reading call that fails, and the scenario itself at other moments.
  public func plans(_ kinds: [FaultKind] = FaultKind.allCases) -> [FaultPlan] {
    var plans: [FaultPlan] = []
    for call in reference.calls.indices {
      for kind in kinds where kind.applies(to: reference.contexts[call]) {
        plans.append(FaultPlan([FaultPlan.Fault(kind, at: call)]))
      }
    }
    for read in 0..<reference.reads { plans.append(FaultPlan(failedReads: [read])) }
    return plans
  }

  /// The acts of users at other moments: what happens by itself every few seconds meets them elsewhere.
  public func shifts(_ tenths: [Int] = Array(stride(from: 3, through: 60, by: 3))) -> [FaultPlan] {
    scenario.actions.count > 1 ? tenths.map { FaultPlan(shift: $0) } : []
  }

  /// Pairs of faults: the second one comes `gap` calls after the first.
  public func pairs(_ kinds: [(FaultKind, FaultKind)], gaps: [Int]) -> [FaultPlan] {
    reference.calls.indices.flatMap { call in
      gaps.flatMap { gap in
        kinds.compactMap { first, second in
          first.applies(to: reference.contexts[call])
            ? FaultPlan([FaultPlan.Fault(first, at: call), FaultPlan.Fault(second, at: call + gap)]) : nil
        }
      }
    }
  }

  /// What is wrong with a run under a plan; nil when nothing is.
  public func check(_ plan: FaultPlan, guards: Guards = .all) async -> Failure? {
    let outcome = await Simulation.run(scenario, plan, guards: guards)
    var problems = outcome.violations
    let before = compared(reference.end, plan)
    let after = compared(outcome.end, plan)
    let text = outcome.end.description
    let isOneOfEnds = scenario.ends.contains { $0.allSatisfy { text.contains($0) } }
    if mayEndOtherwise(plan) {
      // What had not been told before is lost; whatever comes of that, it is said.
      let first = reference.end.lines.first.map(Self.standing)
      if outcome.end.lines.first.map(Self.standing) != first, !text.contains("Stalled True"), !isOneOfEnds {
        problems.append("L1: the job is neither as without faults nor stalled")
        problems.append(text)
      }
    } else {
      if before != after {
        problems.append("L1: the end differs from that without faults")
        problems += before.filter { !after.contains($0) }.map { "- \($0)" }
        problems += after.filter { !before.contains($0) }.map { "+ \($0)" }
      }
      if !scenario.ends.isEmpty, !isOneOfEnds {
        problems.append("L1: the end is none of those that are right here")
        problems.append(text)
      }
    }
    // Two operators contradict each other as long as there are two: each by what it was told last.
    let together = plan.faults.contains { $0.kind == .twoOperators } ? 3_000 : 0
    let budget = 3 * reference.turns + 600 + together
    if outcome.turns > budget { problems.append("L1: \(outcome.turns) turns, \(budget) are allowed") }
    if plan == .none, outcome.calls.count > reference.calls.count {
      problems.append("L1: \(outcome.calls.count) changing calls where \(reference.calls.count) are enough")
    }
    return problems.isEmpty ? nil : Failure(scenario: scenario.name, plan: plan, problems: problems)
  }

  /// A JobManager that goes away by itself without high availability begins its job again by its old arguments.
  private func mayEndOtherwise(_ plan: FaultPlan) -> Bool {
    plan.faults.contains {
      [.managerRestarts, .managerLost].contains($0.kind)
        && (!reference.contexts.indices.contains($0.call) || reference.contexts[$0.call].hasState)
    }
  }

  /// The line of a resource without generations.
  private static func standing(_ line: String) -> [Substring] {
    Array(line.split(separator: " ").drop { $0 != "lifecycle" })
  }

  private func compared(_ end: EndState, _ plan: FaultPlan) -> [String] {
    // A stop that fails leaves a savepoint behind, and another one is taken. A snapshot that is being taken while the
    // job restarts is given up, with an event, as by the Apache operator.
    let takesOthers = plan.faults.contains { $0.kind == .stopFails || $0.kind == .workersLost }
    let open = scenario.openEnds + (takesOthers ? ["  savepoints", "  checkpoint of nonce"] : [])
    return end.lines.filter { line in !open.contains { line.hasPrefix($0) } }
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

extension Sweep {
  /// A sample of pairs: a crash, a lost answer or an old view, and then what else may go wrong.
  public func pairs() -> [FaultPlan] {
    let pairs: [(FaultKind, FaultKind)] = [
      (.crashAfter, .lostReply), (.lostReply, .crashBefore), (.silence, .crashAfter), (.crashAfter, .staleResources),
      (.serverError, .crashAfter), (.staleDeployments, .conflict), (.frozen, .crashAfter), (.twoOperators, .lostReply),
    ]
    let all = self.pairs(pairs, gaps: [1, 3])
    return stride(from: all.count % 3, to: all.count, by: 3).map { all[$0] }
  }
}

extension Sweep {
  /// A write or effect × a fault.
  struct Cell: Hashable {
    var intent: String
    var fault: FaultKind
  }

  /// Where in the run without faults each fault can make a difference.
  var cells: [Cell: [Int]] {
    var cells: [Cell: [Int]] = [:]
    for (call, context) in reference.contexts.enumerated() {
      for fault in FaultKind.allCases where fault.applies(to: context) {
        cells[Cell(intent: context.intent, fault: fault), default: []].append(call)
      }
    }
    return cells
  }

  /// One plan of every write or effect × fault, some reading calls that fail, and some other moments.
  public func matrix() -> [FaultPlan] {
    let order = cells.sorted { ($0.value[0], $0.key.fault.rawValue) < ($1.value[0], $1.key.fault.rawValue) }
    // Not the first call in each of them.
    let seed = scenario.name.utf8.reduce(0) { $0 + Int($1) }
    let chosen = order.enumerated().map { number, cell in
      FaultPlan([FaultPlan.Fault(cell.key.fault, at: cell.value[(number + seed) % cell.value.count])])
    }
    let reads = stride(from: seed % 5, to: reference.reads, by: 5).map { FaultPlan(failedReads: [$0]) }
    return chosen + reads + shifts(Array(stride(from: 7, through: 60, by: 26)))
  }

  /// One plan of every call × fault, every reading call that fails, and some pairs and other moments: what a few minutes allow.
  public func sample() -> [FaultPlan] {
    var cells: [[String]: [FaultPlan]] = [:]
    var order: [[String]] = []
    var rest: [FaultPlan] = []
    for plan in plans() {
      guard let fault = plan.faults.first else {
        rest.append(plan)
        continue
      }
      let cell = [reference.contexts[fault.call].effect, fault.kind.rawValue]
      if cells[cell] == nil { order.append(cell) }
      cells[cell, default: []].append(plan)
    }
    // Not the first call of its sort in each of them.
    let chosen = order.enumerated().compactMap { number, cell in
      cells[cell].map { $0[(number + scenario.name.utf8.count) % $0.count] }
    }
    let pairs = pairs()
    let somePairs = stride(from: scenario.name.utf8.count % 7, to: pairs.count, by: 7).map { pairs[$0] }
    return chosen + rest + shifts(Array(stride(from: 7, through: 60, by: 13))) + somePairs
  }
}
