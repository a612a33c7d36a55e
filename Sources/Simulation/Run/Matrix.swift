public import Lifecycle
import Synchronization

/// The plans of many scenarios, run side by side, and what they have shown.
public struct Matrix: Sendable {
  /// A call of one sort × a fault, in one scenario.
  public struct Cell: Sendable, Hashable {
    public var scenario: String
    public var effect: String
    public var fault: FaultKind
  }

  public struct Row: Sendable {
    public var scenario: String
    public var cells = 0
    /// Kinds of faults that the scenario met.
    public var faults = 0
    public var plans = 0
    public var failures = 0
  }

  public private(set) var rows: [Row] = []
  /// How many plans each cell has.
  public private(set) var cells: [Cell: Int] = [:]
  public private(set) var failures: [Sweep.Failure] = []
  public var planCount: Int { rows.reduce(0) { $0 + $1.plans } }

  /// Runs plans on several tasks.
  ///
  /// - Parameters:
  ///   - workers: how many run at once.
  ///   - plans: of each scenario, given its run without faults.
  ///   - guards: all of them, but to see what a missing one does.
  ///   - limit: how many at most; each call × fault keeps one plan, the others are left out evenly.
  ///   - report: told of each failure when it is found.
  public static func run(
    _ scenarios: [Scenario], workers: Int, guards: Guards = .all,
    plans: @escaping @Sendable (Sweep) -> [FaultPlan], limit: Int = .max,
    report: @escaping @Sendable (Sweep.Failure) -> Void = { _ in }
  ) async -> Matrix {
    let sweeps = await prepare(scenarios, workers: workers)
    var matrix = Matrix()
    var jobs: [(sweep: Sweep, plan: FaultPlan)] = []
    let lists = thinned(sweeps.map { ($0, unique(plans($0))) }, to: limit)
    for (sweep, distinct) in lists {
      var row = Row(scenario: sweep.scenario.name, plans: distinct.count)
      row.faults = Set(distinct.filter { $0.faults.count == 1 }.flatMap { $0.faults.map(\.kind) }).count
      for plan in distinct where plan.faults.count == 1 {
        guard let fault = plan.faults.first, sweep.reference.contexts.indices.contains(fault.call) else { continue }
        let cell = Cell(
          scenario: sweep.scenario.name, effect: sweep.reference.contexts[fault.call].effect, fault: fault.kind)
        if matrix.cells[cell] == nil { row.cells += 1 }
        matrix.cells[cell, default: 0] += 1
      }
      matrix.rows.append(row)
      jobs += distinct.map { (sweep, $0) }
    }
    matrix.failures = await check(jobs, workers: workers, guards: guards, limit: .max, report: report)
    for failure in matrix.failures {
      if let index = matrix.rows.firstIndex(where: { $0.scenario == failure.scenario }) {
        matrix.rows[index].failures += 1
      }
    }
    return matrix
  }

  /// At most about `limit` plans, with every scenario × fault and every call × fault among them that there is.
  private static func thinned(
    _ lists: [(sweep: Sweep, plans: [FaultPlan])], to limit: Int
  ) -> [(sweep: Sweep, plans: [FaultPlan])] {
    let total = lists.reduce(0) { $0 + $1.plans.count }
    guard total > limit else { return lists }
    var covered: Set<Cell> = []
    let needed = lists.map { sweep, plans in
      plans.map { plan in
        guard plan.faults.count == 1, let fault = plan.faults.first,
          sweep.reference.contexts.indices.contains(fault.call)
        else { return false }
        let effect = sweep.reference.contexts[fault.call].effect
        let isNewCall = covered.insert(Cell(scenario: "", effect: effect, fault: fault.kind)).inserted
        let isNewScenario = covered.insert(Cell(scenario: sweep.scenario.name, effect: "", fault: fault.kind)).inserted
        return isNewCall || isNewScenario
      }
    }
    let neededCount = needed.reduce(0) { $0 + $1.count { $0 } }
    let (wanted, rest) = (max(limit - neededCount, 0), max(total - neededCount, 1))
    var carry = 0
    return zip(lists, needed).map { list, needed in
      let kept = zip(list.plans, needed).filter { _, isNeeded in
        if isNeeded { return true }
        carry += wanted
        guard carry >= rest else { return false }
        carry -= rest
        return true
      }
      return (list.sweep, kept.map(\.0))
    }
  }

  /// The runs without faults.
  static func prepare(_ scenarios: [Scenario], workers: Int) async -> [Sweep] {
    await withTaskGroup(of: (Int, Sweep).self, returning: [Sweep].self) { group in
      var sweeps: [Int: Sweep] = [:]
      var next = 0
      for _ in 0..<min(workers, scenarios.count) {
        let index = next
        group.addTask { (index, await Sweep(scenarios[index])) }
        next += 1
      }
      while let (index, sweep) = await group.next() {
        sweeps[index] = sweep
        guard next < scenarios.count else { continue }
        let index = next
        group.addTask { (index, await Sweep(scenarios[index])) }
        next += 1
      }
      return scenarios.indices.compactMap { sweeps[$0] }
    }
  }

  /// The failures, in the order of the plans; not all of them where there are more than `limit`.
  static func check(
    _ jobs: [(sweep: Sweep, plan: FaultPlan)], workers: Int, guards: Guards = .all, limit: Int,
    report: @escaping @Sendable (Sweep.Failure) -> Void = { _ in }
  ) async -> [Sweep.Failure] {
    let work = Work()
    await withDiscardingTaskGroup { group in
      for _ in 0..<max(workers, 1) {
        group.addTask {
          while let index = work.take(of: jobs.count, limit: limit) {
            if let failure = await jobs[index].sweep.check(jobs[index].plan, guards: guards) {
              work.note(failure, at: index)
              report(failure)
            }
          }
        }
      }
    }
    return work.failures
  }

  /// What workers share.
  private final class Work: Sendable {
    private let next = Mutex(0)
    private let found = Mutex<[Int: Sweep.Failure]>([:])

    func take(of count: Int, limit: Int) -> Int? {
      if found.withLock({ $0.count }) >= limit { return nil }
      return next.withLock { next in
        guard next < count else { return nil }
        defer { next += 1 }
        return next
      }
    }

    func note(_ failure: Sweep.Failure, at index: Int) { found.withLock { $0[index] = failure } }

    var failures: [Sweep.Failure] { found.withLock { found in found.keys.sorted().compactMap { found[$0] } } }
  }

  private static func unique(_ plans: [FaultPlan]) -> [FaultPlan] {
    var seen: Set<FaultPlan> = []
    return plans.filter { seen.insert($0).inserted }
  }

  // MARK: As text

  /// Scenario by scenario, then call × fault over all scenarios.
  public var table: String {
    var lines = [
      "\(pad("scenario", 36))\(lead("faults", 8))\(lead("cells", 8))\(lead("plans", 8))\(lead("failures", 10))"
    ]
    for row in rows {
      lines.append(
        "\(pad(row.scenario, 36))\(lead("\(row.faults)", 8))\(lead("\(row.cells)", 8))\(lead("\(row.plans)", 8))"
          + lead("\(row.failures)", 10))
    }
    lines.append("")
    let effects = Set(cells.keys.map(\.effect)).sorted()
    lines.append("Plans for each call × fault, over all scenarios ('·': the fault makes no difference to the call):")
    for (number, effect) in effects.enumerated() { lines.append("  [\(number + 1)] \(effect)") }
    lines.append(pad("fault", 24) + effects.indices.map { lead("[\($0 + 1)]", 6) }.joined())
    for fault in FaultKind.allCases {
      let counts = effects.map { effect in
        cells.reduce(0) { $1.key.effect == effect && $1.key.fault == fault ? $0 + $1.value : $0 }
      }
      lines.append(pad(fault.rawValue, 24) + counts.map { lead($0 == 0 ? "·" : "\($0)", 6) }.joined())
    }
    return lines.joined(separator: "\n")
  }

  /// Kinds of faults that no plan has.
  public var missingFaults: [FaultKind] {
    let present = Set(cells.keys.map(\.fault))
    return FaultKind.allCases.filter { !present.contains($0) }
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 1))
  }

  private func lead(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(width - text.count, 0)) + text
  }
}
