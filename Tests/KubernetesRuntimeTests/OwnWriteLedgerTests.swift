import KubernetesRuntime
import Testing

@Suite struct OwnWriteLedgerTests {
  var ledger = OwnWriteLedgerMachine()

  @Test func knowsNothingOfOthers() {
    #expect(ledger.state(uid: "u", storeVersion: nil) == .caughtUp)
  }

  @Test mutating func isBehindUntilTheStorePasses() {
    ledger.recordWrite(uid: "u", resourceVersion: "9")
    #expect(ledger.state(uid: "u", storeVersion: nil) == .behind)
    #expect(ledger.state(uid: "u", storeVersion: "8") == .behind)
    #expect(ledger.state(uid: "u", storeVersion: "9") == .caughtUp)
    #expect(ledger.state(uid: "u", storeVersion: "10") == .caughtUp)
    #expect(ledger.state(uid: "v", storeVersion: "1") == .caughtUp)
  }

  @Test mutating func keepsTheNewestWrite() {
    ledger.recordWrite(uid: "u", resourceVersion: "100")
    ledger.recordWrite(uid: "u", resourceVersion: "99")
    #expect(ledger.state(uid: "u", storeVersion: "99") == .behind)
  }

  @Test mutating func ambiguityLastsUntilSettled() {
    ledger.recordAmbiguous(uid: "u")
    ledger.recordWrite(uid: "u", resourceVersion: "5")
    #expect(ledger.state(uid: "u", storeVersion: "100") == .ambiguous)
    ledger.settle(uid: "u", resourceVersion: "7")
    #expect(ledger.state(uid: "u", storeVersion: "6") == .behind)
    #expect(ledger.state(uid: "u", storeVersion: "7") == .caughtUp)
  }

  @Test mutating func aDeletedObjectStaysDeletedUntilForgotten() {
    ledger.recordDeletion(uid: "u")
    ledger.recordWrite(uid: "u", resourceVersion: "5")
    ledger.recordAmbiguous(uid: "u")
    ledger.settle(uid: "u", resourceVersion: "6")
    #expect(ledger.state(uid: "u", storeVersion: "100") == .deleted)
    ledger.forget(uid: "u")
    #expect(ledger.state(uid: "u", storeVersion: "100") == .caughtUp)
    #expect(ledger.count == 0)
  }

  @Test mutating func incomparableVersionsCountAsBehind() {
    ledger.recordWrite(uid: "u", resourceVersion: "abc")
    #expect(ledger.state(uid: "u", storeVersion: "5") == .behind)
    #expect(ledger.state(uid: "u", storeVersion: "abc") == .caughtUp)
  }
}
