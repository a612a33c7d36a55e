import Simulation
import Testing

/// Bugs that operators have had: none of their plans fails, and one does where the guards against the bug are off.
@Suite struct NamedBugTests {
  @Test func thereAreSixteen() { #expect(NamedBug.all.map(\.number) == Array(1...16)) }

  @Test(arguments: NamedBug.all.map(\.number))
  func isNotHere(_ number: Int) async throws {
    let bug = try #require(NamedBug.all.first { $0.number == number })
    let result = await bug.check(workers: 1, limit: 8)
    #expect(result.isProven, "\(bug)\n\(result.text)")
  }
}
