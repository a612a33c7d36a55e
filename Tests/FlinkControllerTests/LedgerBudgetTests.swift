import FlinkModel
import KubernetesAPI
import Testing

@testable import FlinkController

/// `kubernetes.operator.checkpoint-ledger.write-budget`.
@Suite struct LedgerBudgetTests {
  @Test func aFleetThatFallsDueAtOnceIsSpreadOut() {
    var budget = LedgerBudget()
    let start: Int64 = 1_800_000_000_000
    var due = [Int64](repeating: start, count: 300)
    var written: [Int64] = []
    for now in stride(from: start, to: start + 120_000, by: 10) {
      for job in due.indices where due[job] <= now {
        if let delay = budget.delay(writesPerSecond: 5, now: now) {
          #expect(delay > 0 && delay <= LedgerBudget.longestDelay)
          due[job] = now + delay
        } else {
          due[job] = .max
          written.append(now)
        }
      }
    }
    #expect(written.count == 300, "each is written in the end")
    // Besides the second that was not used before, no second has more than its share.
    let busiest = Dictionary(grouping: written) { ($0 - start) / 1_000 }.values.map(\.count).max() ?? 0
    #expect(busiest <= 11)
    #expect(written.filter { $0 < start + 10_000 }.count <= 56)
  }

  @Test func aJobByItselfIsNotHeldUp() {
    var budget = LedgerBudget()
    for time in 0..<10 { #expect(budget.delay(writesPerSecond: 1, now: 1_000_000 + Int64(time) * 1_000) == nil) }
  }

  @Test func onlyWhatNobodyWaitsForIsPutOff() {
    #expect(LedgerBudget.concerns(["restorePoint": ["chosen": [:]]]))
    #expect(!LedgerBudget.concerns(["restorePoint": [:], "jobStatus": ["state": "FAILED"]]))
    #expect(!LedgerBudget.concerns(["error": "x"]))
  }

  @Test func aBudgetOfNothingIsRefused() {
    #expect(throws: InvalidField.self) {
      try OperatorSettings(OperatorDefaults(["kubernetes.operator.checkpoint-ledger.write-budget": "0"]))
    }
  }
}
