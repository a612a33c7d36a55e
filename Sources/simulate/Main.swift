import Lifecycle
import Logging
import Simulation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Runs scenarios of the simulation by hand: all of them under all faults, or one to look at.
///
///     simulate                      the scenarios
///     simulate NAME [PLAN]          one scenario, turn by turn, without faults or under a plan
///     simulate --matrix [NAME…]     one plan of each write or effect × fault, for the scenarios (for all if none is named)
///     simulate --sample [NAME…]     one plan of each sort of call × fault
///     simulate --sweep [NAME…]      every plan
///     simulate --family SCENARIO FAULT[+FAULT] [EFFECT]   the plans with these faults, at each call of this sort
///     simulate --mutants [GUARD…]   without one guard at a time: by which plan it is missed; --limit N tries N others too
///     simulate --bugs               the bugs that other operators have had, with the guard against each and without it
///     simulate --walks FIRST COUNT  random walks of edits and faults, by seed; walk-SEED replays one
///
/// `--workers N` runs N plans at once (2). `--limit N` leaves out plans evenly, to about N; of each call × fault one stays.
/// `--without GUARD,GUARD` sweeps or samples an operator that lacks these guards.
@main
enum Main {
  static func main() async {
    var missing = Guards.all
    var limit = Int.max
    var arguments = Array(CommandLine.arguments.dropFirst())
    var workers = 2
    if let index = arguments.firstIndex(of: "--workers"), index + 1 < arguments.count {
      workers = Int(arguments[index + 1]) ?? workers
      arguments.removeSubrange(index...(index + 1))
    }
    if let index = arguments.firstIndex(of: "--without"), index + 1 < arguments.count {
      missing = .without(Set(arguments[index + 1].split(separator: ",").compactMap { Guard(rawValue: String($0)) }))
      arguments.removeSubrange(index...(index + 1))
    }
    if let index = arguments.firstIndex(of: "--limit"), index + 1 < arguments.count {
      limit = Int(arguments[index + 1]) ?? limit
      arguments.removeSubrange(index...(index + 1))
    }
    guard let first = arguments.first else {
      for scenario in Scenario.all { print(scenario.name) }
      return
    }
    let rest = Array(arguments.dropFirst())
    switch first {
    case "--sweep": await sweep(rest, workers, limit, missing) { $0.plans() + $0.shifts() + $0.pairs() }
    case "--matrix": await sweep(rest, workers, limit, missing) { $0.matrix() }
    case "--sample": await sweep(rest, workers, limit, missing) { $0.sample() }
    case "--family": await family(rest, workers, missing)
    case "--mutants": await mutants(rest, workers, limit == .max ? 0 : limit)
    case "--walks": await walks(rest, workers)
    case "--bugs": await bugs(workers)
    default: await replay(first, rest.first ?? "none", missing)
    }
  }

  private static func end(_ passed: Int, _ failed: Int) {
    print("\(passed) passed, \(failed) failed")
    if failed > 0 { exit(1) }
  }

  private static func replay(_ name: String, _ text: String, _ guards: Guards) async {
    if name.hasPrefix("walk-"), let seed = UInt64(name.dropFirst(5)) {
      let walk = RandomWalk(seed: seed)
      let outcome = await Simulation.run(walk.scenario, walk.plan, logger: Logger(label: "simulation"))
      for (number, call) in outcome.calls.enumerated() { print("call \(number): \(call)") }
      for action in walk.scenario.actions { print("t+\(action.at)s \(action.action)") }
      print("plan \(walk.plan)")
      let failure = await walk.check()
      if let failure { print(failure) }
      return end(failure == nil ? 1 : 0, failure == nil ? 0 : 1)
    }
    guard let scenario = Scenario.named(name) else {
      print("no scenario is called \(name)")
      exit(2)
    }
    guard let plan = FaultPlan(parsing: text) else {
      print("'\(text)' is not a plan, such as crash-after@3")
      exit(2)
    }
    let outcome = await Simulation.run(scenario, plan, guards: guards, logger: Logger(label: "simulation"))
    for (number, call) in outcome.calls.enumerated() { print("call \(number): \(call)") }
    print(outcome.end)
    print("\(outcome.calls.count) changing calls, \(outcome.reads) reads, \(outcome.turns) turns")
    for violation in outcome.violations { print("VIOLATION \(violation)") }
    let failure = await Sweep(scenario).check(plan, guards: guards)
    if let failure { print(failure) }
    end(failure == nil ? 1 : 0, failure == nil ? 0 : 1)
  }

  private static func sweep(
    _ names: [String], _ workers: Int, _ limit: Int, _ guards: Guards,
    _ plans: @escaping @Sendable (Sweep) -> [FaultPlan]
  ) async {
    let start = ContinuousClock.now
    let scenarios = names.isEmpty ? Scenario.all : names.compactMap { Scenario.named($0) }
    let matrix = await Matrix.run(scenarios, workers: workers, guards: guards, plans: plans, limit: limit) { failure in
      print(failure)
      fflush(nil)
    }
    print(matrix.table)
    if names.isEmpty, !matrix.missingFaults.isEmpty {
      print("no plan has: \(matrix.missingFaults.map(\.rawValue).joined(separator: ", "))")
      exit(1)
    }
    let seconds = start.duration(to: .now).components.seconds
    print(
      "\(matrix.cells.count) distinct cells, \(matrix.empty.count) empty, \(matrix.planCount) distinct plans, "
        + "\(seconds) s, \(workers) workers")
    if names.isEmpty, !matrix.empty.isEmpty {
      for cell in matrix.empty.prefix(20) { print("empty: \(cell.scenario) \(cell.effect) × \(cell.fault.rawValue)") }
      exit(1)
    }
    end(matrix.planCount - matrix.failures.count, matrix.failures.count)
  }

  private static func family(_ words: [String], _ workers: Int, _ guards: Guards) async {
    guard let family = PlanFamily(parsing: words), let scenario = Scenario.named(family.scenario) else {
      print("not a family of plans: \(words.joined(separator: " "))")
      exit(2)
    }
    let matrix = await Matrix.run([scenario], workers: workers, guards: guards, plans: family.plans) { print($0) }
    print(family)
    end(matrix.planCount - matrix.failures.count, matrix.failures.count)
  }

  private static func mutants(_ names: [String], _ workers: Int, _ limit: Int) async {
    let start = ContinuousClock.now
    let rules = names.isEmpty ? Guard.allCases : names.compactMap { Guard(rawValue: $0) }
    let families = Set(rules.flatMap { Mutant.known[$0] ?? [] }.map(\.scenario))
    let scenarios = limit > 0 ? Scenario.all : Scenario.all.filter { families.contains($0.name) }
    let sweeps = await Mutant.prepare(scenarios, workers: workers)
    var survivors = 0
    for rule in rules {
      let mutant = await Mutant.run(rule, sweeps, workers: workers, limit: limit)
      if let failure = mutant.catching {
        print("\(rule.rawValue) → \(failure.scenario) \(failure.plan) → \(failure.problems.first ?? "")")
      } else {
        survivors += 1
        print("\(rule.rawValue) → SURVIVES \(mutant.tried) plans")
      }
      fflush(nil)
    }
    print("\(rules.count) mutants, \(start.duration(to: .now).components.seconds) s")
    end(rules.count - survivors, survivors)
  }

  private static func walks(_ bounds: [String], _ workers: Int) async {
    let first = bounds.first.flatMap { UInt64($0) } ?? 1
    let count = bounds.dropFirst().first.flatMap { UInt64($0) } ?? 100
    let failures = await RandomWalk.failures(seeds: first..<(first + count), workers: workers)
    for failure in failures { print(failure) }
    print("seeds \(first) to \(first + count - 1)")
    end(Int(count) - failures.count, failures.count)
  }

  private static func bugs(_ workers: Int) async {
    var failed = 0
    for bug in NamedBug.all {
      let result = await bug.check(workers: workers)
      if !result.isProven { failed += 1 }
      print("\(bug)\n    \(result.text)")
      fflush(nil)
    }
    end(NamedBug.all.count - failed, failed)
  }
}
