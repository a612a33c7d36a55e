import Simulation
import Testing

@Suite struct OperatorChangeTests {
  /// A new version of the operator, or other defaults, is no reason to touch what runs.
  @Test func anOperatorWithOtherDefaultsWritesNothing() async throws {
    let outcome = await Simulation.run(try #require(Scenario.named("operator-with-other-defaults")))
    #expect(outcome.violations == [])
    #expect(outcome.callsSinceLastAction == 0, "\(outcome.calls.suffix(outcome.callsSinceLastAction))")
    #expect(outcome.end.description.contains("lifecycle STABLE"))
  }
}
