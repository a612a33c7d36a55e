public import Lifecycle
import Synchronization

/// The plans of many scenarios, run side by side, and what they have shown.
public struct Matrix: Sendable {
  /// A write or effect × a fault, in one scenario.
  public struct Cell: Sendable, Hashable {
    public var scenario: String
    public var effect: String
    public var fault: FaultKind
  }

  public struct Row: Sendable {
    public var scenario: String
    /// Cells in which the fault can make a difference.
    public var cells = 0
    /// Of these, the ones without a plan.
    public var empty = 0
    public var plans = 0
    public var failures = 0
  }

  public private(set) var rows: [Row] = []
  /// How many plans each cell has.
  public private(set) var cells: [Cell: Int] = [:]
  /// The same by sort of call, over all scenarios: `scenario` is empty.
  public private(set) var calls: [Cell: Int] = [:]
  /// Cells and sorts of calls × faults where the fault can make a difference, without a plan.
  public private(set) var empty: [Cell] = []
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
    let lists = withEveryCall(thinned(sweeps.map { ($0, unique(plans($0))) }, to: limit))
    for (sweep, distinct) in lists {
      matrix.add(sweep, distinct)
      jobs += distinct.map { (sweep, $0) }
    }
    matrix.noteEmptyCalls(lists.map(\.sweep))
    matrix.failures = await check(jobs, workers: workers, guards: guards, limit: .max, report: report)
    for failure in matrix.failures {
      if let index = matrix.rows.firstIndex(where: { $0.scenario == failure.scenario }) {
        matrix.rows[index].failures += 1
      }
    }
    return matrix
  }

  private mutating func add(_ sweep: Sweep, _ plans: [FaultPlan]) {
    let scenario = sweep.scenario.name
    var row = Row(scenario: scenario, plans: plans.count)
    for plan in plans where plan.faults.count == 1 {
      guard let fault = plan.faults.first, sweep.reference.contexts.indices.contains(fault.call) else { continue }
      let context = sweep.reference.contexts[fault.call]
      cells[Cell(scenario: scenario, effect: context.intent, fault: fault.kind), default: 0] += 1
      calls[Cell(scenario: "", effect: context.effect, fault: fault.kind), default: 0] += 1
    }
    let all = sweep.cells.keys.map { Cell(scenario: scenario, effect: $0.intent, fault: $0.fault) }
    let missing = all.filter { cells[$0] == nil }
    row.cells = all.count
    row.empty = missing.count
    empty += missing
    rows.append(row)
  }

  private mutating func noteEmptyCalls(_ sweeps: [Sweep]) {
    var seen: Set<Cell> = []
    for context in Set(sweeps.flatMap(\.reference.contexts)) {
      for fault in FaultKind.allCases where fault.applies(to: context) {
        let cell = Cell(scenario: "", effect: context.effect, fault: fault)
        if calls[cell] == nil, seen.insert(cell).inserted { empty.append(cell) }
      }
    }
  }

  /// The plans, and one more for each sort of call × fault that none of them has.
  private static func withEveryCall(
    _ lists: [(sweep: Sweep, plans: [FaultPlan])]
  ) -> [(sweep: Sweep, plans: [FaultPlan])] {
    var covered: Set<Cell> = []
    func isNew(_ fault: FaultPlan.Fault, _ sweep: Sweep) -> Bool {
      guard sweep.reference.contexts.indices.contains(fault.call) else { return false }
      let effect = sweep.reference.contexts[fault.call].effect
      return covered.insert(Cell(scenario: "", effect: effect, fault: fault.kind)).inserted
    }
    for (sweep, plans) in lists { for plan in plans where plan.faults.count == 1 { _ = isNew(plan.faults[0], sweep) } }
    return lists.map { sweep, plans in
      (sweep, plans + sweep.plans().filter { $0.faults.first.map { isNew($0, sweep) } ?? false })
    }
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
    let effects = Set(cells.keys.map(\.effect)).sorted()
    var lines = ["Faults that were tried at each write or effect ('·': the scenario has it not):"]
    for (number, effect) in effects.enumerated() { lines.append("  [\(number + 1)] \(effect)") }
    let head = effects.indices.map { lead("[\($0 + 1)]", 5) }.joined()
    lines.append(
      pad("scenario", 36) + head + lead("cells", 7) + lead("empty", 7) + lead("plans", 7) + lead("failures", 10))
    var faults: [String: [String: Int]] = [:]
    for cell in cells.keys { faults[cell.scenario, default: [:]][cell.effect, default: 0] += 1 }
    for row in rows {
      let counts = effects.map { lead(faults[row.scenario]?[$0].map(String.init) ?? "·", 5) }.joined()
      lines.append(
        pad(row.scenario, 36) + counts + lead("\(row.cells)", 7) + lead("\(row.empty)", 7)
          + lead("\(row.plans)", 7) + lead("\(row.failures)", 10))
    }
    let (all, missing) = (rows.reduce(0) { $0 + $1.cells }, rows.reduce(0) { $0 + $1.empty })
    lines.append(
      pad("all", 36) + String(repeating: " ", count: 5 * effects.count) + lead("\(all)", 7) + lead("\(missing)", 7)
        + lead("\(planCount)", 7) + lead("\(failures.count)", 10))
    return (lines + [""] + callLines).joined(separator: "\n")
  }

  private var callLines: [String] {
    let effects = Set(calls.keys.map(\.effect)).sorted()
    var lines = ["Plans for each sort of call × fault, over all scenarios ('·': it can make no difference there):"]
    for (number, effect) in effects.enumerated() { lines.append("  [\(number + 1)] \(effect)") }
    lines.append(pad("fault", 24) + effects.indices.map { lead("[\($0 + 1)]", 6) }.joined())
    for fault in FaultKind.allCases {
      let counts = effects.map { calls[Cell(scenario: "", effect: $0, fault: fault)] ?? 0 }
      lines.append(
        pad(fault.rawValue, 24) + counts.map { lead($0 == 0 ? "·" : "\($0)", 6) }.joined()
          + (fault.limit.map { "  \($0)" } ?? ""))
    }
    return lines
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
