import Simulation
import Testing

/// Bugs that operators have had, by a plan or two of each. That they show without the guards against them is for
/// `make sim-mutants`, which has the optimised build.
@Suite struct NamedBugTests {
  @Test func thereAreSixteen() { #expect(NamedBug.all.map(\.number) == Array(1...16)) }

  @Test(arguments: NamedBug.all.map(\.number))
  func isNotHere(_ number: Int) async throws {
    let bug = try #require(NamedBug.all.first { $0.number == number })
    let result = await bug.check(workers: 1, limit: 2, provesRules: false)
    #expect(result.isProven, "\(bug)\n\(result.text)")
  }
}
