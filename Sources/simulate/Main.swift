import Logging
import Simulation

/// Runs scenarios of the simulation by hand: to look at one, to replay a plan that failed, or to sweep.
///
///     simulate                      the scenarios
///     simulate NAME                 one scenario without faults, turn by turn
///     simulate NAME PLAN            the same under a plan
///     simulate --sweep [NAME…]      every single fault of the scenarios (all of them if none is named)
@main
enum Main {
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard let first = arguments.first else {
      for scenario in Scenario.all { print(scenario.name) }
      return
    }
    if first == "--sweep" {
      await sweep(arguments.count > 1 ? Array(arguments.dropFirst()) : Scenario.all.map(\.name))
    } else {
      await replay(first, arguments.count > 1 ? arguments[1] : "none")
    }
  }

  private static func replay(_ name: String, _ text: String) async {
    guard let scenario = Scenario.named(name) else { return print("no scenario is called \(name)") }
    guard let plan = FaultPlan(parsing: text) else { return print("'\(text)' is not a plan, such as crash-after@3") }
    let outcome = await Simulation.run(scenario, plan, logger: Logger(label: "simulation"))
    for (number, call) in outcome.calls.enumerated() { print("call \(number): \(call)") }
    print(outcome.end)
    print("\(outcome.calls.count) changing calls, \(outcome.reads) reads, \(outcome.turns) turns")
    for violation in outcome.violations { print("VIOLATION \(violation)") }
    if let failure = await Sweep(scenario).check(plan) { print("FAILED \(failure)") } else { print("passed") }
  }

  private static func sweep(_ names: [String]) async {
    var total = 0
    var failed = 0
    for name in names {
      guard let scenario = Scenario.named(name) else {
        print("no scenario is called \(name)")
        continue
      }
      let start = ContinuousClock.now
      let sweep = await Sweep(scenario)
      let plans = sweep.plans()
      let failures = await sweep.failures(plans, limit: 10)
      total += plans.count
      failed += failures.count
      print("\(name): \(plans.count) plans, \(failures.count) failures, \(start.duration(to: .now))")
      for failure in failures { print("  \(failure)") }
    }
    print("\(total) plans, \(failed) failures")
  }
}
