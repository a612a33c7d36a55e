public import Lifecycle

/// The operator without one of its guards, and the plan by which that shows.
public struct Mutant: Sendable {
  public let rule: Guard
  /// nil where no plan misses the guard.
  public let catching: Sweep.Failure?
  /// Plans that were run.
  public let tried: Int

  /// Runs plans without a guard until one fails that passes with it.
  ///
  /// - Parameters:
  ///   - sweeps: what to try.
  ///   - limit: of plans to try when those that are known to catch it do not; 0 tries no others.
  public static func run(_ rule: Guard, _ sweeps: [Sweep], workers: Int, limit: Int = 3_000) async -> Mutant {
    let guards = Guards.without(rule)
    var tried = 0
    for family in known[rule] ?? [] {
      guard let sweep = sweeps.first(where: { $0.scenario.name == family.scenario }) else { continue }
      let plans = family.plans(of: sweep)
      tried += plans.count
      for failure in await Matrix.check(plans.map { (sweep, $0) }, workers: workers, guards: guards, limit: 3) {
        if await sweep.check(failure.plan) == nil { return Mutant(rule: rule, catching: failure, tried: tried) }
      }
    }
    let jobs = limit > 0 ? interleaved(sweeps) : []
    var rest = jobs.prefix(limit)
    while !rest.isEmpty {
      let batch = Array(rest.prefix(200))
      rest = rest.dropFirst(200)
      tried += batch.count
      for failure in await Matrix.check(batch, workers: workers, guards: guards, limit: 3) {
        guard let sweep = sweeps.first(where: { $0.scenario.name == failure.scenario }),
          await sweep.check(failure.plan) == nil
        else { continue }
        return Mutant(rule: rule, catching: failure, tried: tried)
      }
    }
    return Mutant(rule: rule, catching: nil, tried: tried)
  }

  /// The runs without faults that plans are compared with.
  public static func prepare(_ scenarios: [Scenario], workers: Int) async -> [Sweep] {
    await Matrix.prepare(scenarios, workers: workers)
  }

  /// Plans of all scenarios by turns, so that a few of each come first.
  private static func interleaved(_ sweeps: [Sweep]) -> [(sweep: Sweep, plan: FaultPlan)] {
    let lists = sweeps.map { sweep in
      let plans = sweep.sample()
      // Far from each other first: neighbours are the same fault at the next call.
      let step = 37
      let mixed = (0..<step).flatMap { offset in stride(from: offset, to: plans.count, by: step).map { plans[$0] } }
      return (sweep, [FaultPlan.none] + mixed + sweep.shifts())
    }
    let longest = lists.map { $0.1.count }.max() ?? 0
    return (0..<longest).flatMap { index in
      lists.compactMap { sweep, plans in index < plans.count ? (sweep, plans[index]) : nil }
    }
  }
}
