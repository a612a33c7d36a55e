import Simulation
import Testing

/// Plans that have failed once, and what was behind it.
@Suite struct MendedTests {
  @Test(arguments: [
    // The age of what a JobManager had said was told by a clock that goes back.
    ["failed-savepoint-then-revert", "clock-back", "stop job"],
    // The request of an operator that had stood still came late.
    ["checkpoint-nonce", "frozen", "take checkpoint"],
    // A savepoint that could not be disposed of at once was looked at again a minute after it was.
    ["savepoints-after-upgrade", "server-error", "dispose of"],
    // A backup of an upgrade was started without the state it knows.
    ["restored-from-backup-of-an-upgrade", "-"],
  ])
  func staysMended(_ words: [String]) async throws {
    let family = try #require(PlanFamily(parsing: words))
    let sweep = await Sweep(try #require(Scenario.named(family.scenario)))
    let plans = family.plans(of: sweep)
    #expect(!plans.isEmpty)
    let failures = await sweep.failures(plans.suffix(2))
    #expect(failures.isEmpty, "\(failures.map(\.description).joined(separator: "\n"))")
  }
}
