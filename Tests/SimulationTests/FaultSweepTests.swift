import Simulation
import Testing

/// A sample of every changing call × the kinds of fault that stay within the operator and its requests, in scenarios
/// that were swept as a whole. `make sim` has the other kinds and scenarios, where failures are still open.
@Suite struct FaultSweepTests {
  private static let sampleSize = 6
  private static let kinds: [FaultPlan.Kind] = [
    .crashBefore, .crashAfter, .lostReply, .unreachable, .serverError, .tooManyRequests, .conflict, .silence,
    .stalePods, .silenceThenCrash,
  ]

  @Test(arguments: Scenario.swept.map(\.name))
  func survivesSingleFaults(_ name: String) async throws {
    let sweep = await Sweep(try #require(Scenario.named(name)))
    let plans = sweep.plans(Self.kinds)
    #expect(plans.count > Self.sampleSize)
    // Another part of the plans for each scenario, so that all kinds meet all sorts of calls.
    let stride = max(plans.count / Self.sampleSize, 1)
    let offset = (Scenario.swept.firstIndex { $0.name == name } ?? 0) % stride
    let sample = Swift.stride(from: offset, to: plans.count, by: stride).map { plans[$0] }
    let failures = await sweep.failures(sample)
    #expect(failures.isEmpty, "\(failures.map(\.description).joined(separator: "\n"))")
  }

  /// The upgrade on which state depends, with a crash and a lost answer at every call.
  @Test(arguments: ["image-savepoint", "scale-last-state"])
  func losesNoStateInAnUpgrade(_ name: String) async throws {
    let sweep = await Sweep(try #require(Scenario.named(name)))
    let failures = await sweep.failures(sweep.plans([.crashAfter, .lostReply]))
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
