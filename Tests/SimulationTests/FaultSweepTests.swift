import Simulation
import Testing

/// Every changing call of every scenario × every kind of fault, and every reading call that fails.
@Suite struct FaultSweepTests {
  @Test(arguments: Scenario.all.map(\.name))
  func survivesEverySingleFault(_ name: String) async throws {
    let sweep = await Sweep(try #require(Scenario.named(name)))
    let plans = sweep.plans()
    #expect(plans.count > 10)
    let failures = await sweep.failures(plans)
    #expect(failures.isEmpty, "\(failures.map(\.description).joined(separator: "\n"))")
  }

  @Test func plansAreReadFromTheirDescriptions() throws {
    let plan = FaultPlan([.init(.crashAfter, at: 12), .init(.lostReply, at: 15)], failedReads: [3])
    #expect(plan.description == "crash-after@12,lost-reply@15,failed-read@3")
    #expect(FaultPlan(parsing: plan.description) == plan)
    #expect(FaultPlan(parsing: "none") == FaultPlan.none)
    #expect(FaultPlan(parsing: "no-such@1") == nil)
    #expect(FaultPlan(parsing: "crash-after@x") == nil)
  }
}
