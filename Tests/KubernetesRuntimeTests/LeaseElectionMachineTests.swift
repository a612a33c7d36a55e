import KubernetesAPI
import KubernetesRuntime
import Testing

/// Candidates of an election, one API server that checks resourceVersions, and a clock; no tasks, no time passes.
struct Election {
  var candidates: [String: LeaseElectionMachine] = [:]
  /// By how much a candidate's clocks are ahead.
  var skew: [String: Duration] = [:]
  var now = Duration.zero
  var lease: JSONValue?
  private var version: Int64 = 0
  /// Candidates whose calls fail, as if the network were cut.
  var isCut: Set<String> = []

  init(_ names: String...) {
    for name in names { candidates[name] = LeaseElectionMachine(identity: name, namespace: "n", name: "l") }
  }

  var leaders: [String] { candidates.filter { $0.value.isLeader }.keys.sorted() }
  var holder: String? { lease?["spec", "holderIdentity"]?.stringValue }

  private func clock(_ name: String) -> Duration { now + (skew[name] ?? .zero) }

  /// What `name` wants to do now; one that is gone waits.
  mutating func ask(_ name: String) -> LeaseElectionMachine.Action {
    let time = Timestamp(epochMilliseconds: 1_800_000_000_000) + clock(name)
    let own = clock(name)
    return candidates[name]?.next(now: own, time: time) ?? .wait(until: now)
  }

  /// The API server's answer.
  mutating func answer(_ action: LeaseElectionMachine.Action, of name: String) -> LeaseElectionMachine.Outcome {
    if isCut.contains(name) { return .failed("cut off") }
    switch action {
    case .read: return lease.map { .lease(KubernetesObject($0)) } ?? .missing
    case .create(let object) where lease == nil: return store(object)
    case .replace(let object)
    where lease?["metadata", "resourceVersion"] == object["metadata", "resourceVersion"] && lease != nil:
      return store(object)
    default: return .conflict
    }
  }

  mutating func store(_ object: JSONValue) -> LeaseElectionMachine.Outcome {
    version += 1
    var object = object
    object.set(.string(String(version)), at: ["metadata", "resourceVersion"])
    object.set("uid", at: ["metadata", "uid"])
    lease = object
    return .lease(KubernetesObject(object))
  }

  /// Lets `name` act until it waits; its end, if it came to that.
  @discardableResult
  mutating func turn(_ name: String) -> LeaseElectionMachine.Action? {
    for _ in 0..<10 {
      let action = ask(name)
      switch action {
      case .wait, .end: return action
      default:
        let outcome = answer(action, of: name)
        let own = clock(name)
        candidates[name]?.receive(outcome, now: own, jitter: 0.5)
      }
    }
    Issue.record("\(name) never waits")
    return nil
  }

  /// Passes time in steps of 100 ms; at no moment may two lead with margin.
  mutating func pass(_ duration: Duration) {
    let end = now + duration
    while now < end {
      now += .milliseconds(100)
      for name in candidates.keys.sorted() { turn(name) }
      let safe = candidates.filter { $0.value.remainingMargin(now: clock($0.key)) > .zero }
      #expect(safe.count <= 1, "\(safe.keys) at \(now)")
    }
  }
}

@Suite struct LeaseElectionMachineTests {
  @Test func theFirstLeadsAndRenews() throws {
    var election = Election("a", "b")
    election.turn("a")
    election.turn("b")
    #expect(election.leaders == ["a"])
    let spec = try #require(election.lease?["spec"])
    #expect(spec["leaseDurationSeconds"] == 15 && spec["leaseTransitions"] == 0)
    #expect(spec["acquireTime"] == "2027-01-15T08:00:00.000000Z" && spec["renewTime"] == spec["acquireTime"])
    election.pass(.seconds(60))
    #expect(election.leaders == ["a"])
    #expect(election.candidates["b"]?.holder == "a")
    #expect(election.lease?["spec", "leaseTransitions"] == 0)
    #expect(election.lease?["spec", "acquireTime"] == "2027-01-15T08:00:00.000000Z")
    #expect(election.lease?["spec", "renewTime"] != spec["renewTime"])
  }

  @Test func aLeaderThatVanishedIsReplacedAfterItsDuration() {
    var election = Election("a", "b")
    election.turn("a")
    election.pass(.seconds(5))
    election.candidates["a"] = nil
    election.pass(.seconds(13))
    #expect(election.leaders == [], "not before the lease's duration has passed")
    election.pass(.seconds(5))
    #expect(election.leaders == ["b"])
    #expect(election.lease?["spec", "leaseTransitions"] == 1)
  }

  /// A holder's promise counts, not the candidate's own settings.
  @Test func theHoldersDurationCounts() {
    var election = Election("b")
    _ = election.store([
      "metadata": ["name": "l"], "spec": ["holderIdentity": "old", "leaseDurationSeconds": 40, "leaseTransitions": 7],
    ])
    election.pass(.seconds(39))
    #expect(election.leaders == [])
    election.pass(.seconds(2))
    #expect(election.leaders == ["b"])
    #expect(election.lease?["spec", "leaseTransitions"] == 8)
  }

  @Test(arguments: [-3600, 3600])
  func clocksThatDifferDoNoHarm(seconds: Int) {
    var election = Election("a", "b")
    election.skew["b"] = .seconds(seconds)
    election.turn("a")
    election.pass(.seconds(60))
    #expect(election.leaders == ["a"])
    election.candidates["a"] = nil
    election.pass(.seconds(20))
    #expect(election.leaders == ["b"])
  }

  @Test func aLeaderThatIsCutOffLosesBeforeAnotherLeads() {
    var election = Election("a", "b")
    election.turn("a")
    election.pass(.seconds(4))
    let renewedAt = election.now
    election.isCut = ["a"]
    while election.leaders == ["a"] { election.pass(.milliseconds(100)) }
    #expect(election.now - renewedAt <= .seconds(10))
    #expect(election.now - renewedAt > .seconds(7))
    guard case .end(let loss?) = election.ask("a") else {
      Issue.record("the loser does not end")
      return
    }
    #expect(loss.description == "lost the lease n/l: not renewed within 10 s, cut off")
    #expect(election.candidates["a"]?.remainingMargin(now: election.now) == .zero)
    election.isCut = []
    election.pass(.seconds(10))
    #expect(election.leaders == ["b"], "who has lost does not come back")
  }

  /// Of two that see a free lease, the server decides.
  @Test func aConflictIsALostRace() {
    var election = Election("a", "b")
    let first = election.ask("a")
    let second = election.ask("b")
    for (name, action) in [("a", first), ("b", second)] {
      #expect(action == .read)
      let outcome = election.answer(action, of: name)
      election.candidates[name]?.receive(outcome, now: .zero, jitter: 0)
    }
    let claims = (election.ask("a"), election.ask("b"))
    for (name, claim) in [("b", claims.1), ("a", claims.0)] {
      let outcome = election.answer(claim, of: name)
      election.candidates[name]?.receive(outcome, now: .zero, jitter: 0)
    }
    #expect(election.leaders == ["b"])
    #expect(election.ask("a") == .wait(until: .seconds(2)))
    election.pass(.seconds(30))
    #expect(election.leaders == ["b"])
  }

  @Test func aLeaderThatFindsAnotherHolderHasLost() throws {
    var election = Election("a")
    election.turn("a")
    var taken = try #require(election.lease)
    taken.set("thief", at: ["spec", "holderIdentity"])
    _ = election.store(taken)
    election.now += .seconds(2)
    guard case .end(let loss?) = election.turn("a") else {
      Issue.record("the loser does not end")
      return
    }
    #expect(loss.reason == .taken(by: "thief"))
    #expect(election.leaders == [])
  }

  @Test func aForeignEditIsNoLoss() throws {
    var election = Election("a", "b")
    election.turn("a")
    var edited = try #require(election.lease)
    edited.set("x", at: ["metadata", "annotations", "note"])
    _ = election.store(edited)
    election.pass(.seconds(30))
    #expect(election.leaders == ["a"])
    #expect(election.lease?["metadata", "annotations", "note"] == "x")
  }

  /// Edits of metadata do not keep a dead leader's lease alive.
  @Test func editsDoNotRenew() throws {
    var election = Election("a", "b")
    election.turn("a")
    election.turn("b")
    election.candidates["a"] = nil
    for number in 0..<8 {
      election.pass(.seconds(2))
      var edited = try #require(election.lease)
      edited.set(.string("\(number)"), at: ["metadata", "annotations", "note"])
      _ = election.store(edited)
    }
    election.pass(.seconds(2))
    #expect(election.leaders == ["b"])
  }

  @Test func aDeletedLeaseIsMadeAgain() {
    var election = Election("a")
    election.turn("a")
    election.lease = nil
    election.pass(.seconds(3))
    #expect(election.leaders == ["a"] && election.holder == "a")
  }

  /// The answer to a write was lost: it is looked up, and what was stored counts.
  @Test func anAmbiguousClaimIsSettledByReading() {
    var election = Election("a")
    #expect(election.ask("a") == .read)
    election.candidates["a"]?.receive(.missing, now: .zero, jitter: 0)
    let claim = election.ask("a")
    _ = election.answer(claim, of: "a")
    election.candidates["a"]?.receive(.failed("no answer"), now: .seconds(4), jitter: 0)
    #expect(election.leaders == [])
    election.now = .seconds(6)
    election.turn("a")
    #expect(election.leaders == ["a"])
    #expect(election.lease?["spec", "leaseTransitions"] == 0)
  }

  @Test func theMarginCountsFromWhenTheRenewalWasSent() {
    var machine = LeaseElectionMachine(identity: "a", namespace: "n", name: "l")
    let time = Timestamp(epochMilliseconds: 0)
    #expect(machine.remainingMargin(now: .zero) == .zero)
    _ = machine.next(now: .zero, time: time)
    machine.receive(.missing, now: .seconds(1), jitter: 0)
    guard case .create(let lease) = machine.next(now: .seconds(1), time: time) else {
      Issue.record("no claim")
      return
    }
    machine.receive(.lease(KubernetesObject(lease)), now: .seconds(4), jitter: 0)
    #expect(machine.remainingMargin(now: .seconds(4)) == .seconds(12))
    #expect(machine.deadline == .seconds(11))
    #expect(machine.loss(now: .seconds(10.9)) == nil)
    #expect(machine.loss(now: .seconds(11)) != nil)
    #expect(machine.remainingMargin(now: .seconds(11)) == .zero)
  }

  /// A renewal that succeeds after its leader was declared lost changes nothing.
  @Test func aLateRenewalDoesNotUndoALoss() {
    var election = Election("a")
    election.turn("a")
    election.now = .seconds(2)
    let renewal = election.ask("a")
    election.now = .seconds(11)
    #expect(election.candidates["a"]?.loss(now: .seconds(11)) != nil)
    let outcome = election.answer(renewal, of: "a")
    election.candidates["a"]?.receive(outcome, now: .seconds(11), jitter: 0)
    #expect(election.leaders == [])
    guard case .end(_?) = election.ask("a") else {
      Issue.record("the loser does not end")
      return
    }
  }

  @Test func anOrderlyEndGivesTheLeaseBack() {
    var election = Election("a", "b")
    election.turn("a")
    election.pass(.seconds(7))
    election.candidates["a"]?.end()
    #expect(election.turn("a") == .end(nil))
    #expect(election.holder == "" && election.lease?["spec", "leaseDurationSeconds"] == 1)
    election.pass(.seconds(2.5))
    #expect(election.leaders == ["b"])
    #expect(election.lease?["spec", "leaseDurationSeconds"] == 15)
  }

  @Test func whoDoesNotLeadGivesNothingBack() {
    var election = Election("a", "b")
    election.turn("a")
    election.turn("b")
    election.candidates["b"]?.end()
    #expect(election.turn("b") == .end(nil))
    #expect(election.holder == "a")
  }

  @Test func whatAnotherHoldsIsNotGivenBack() throws {
    var election = Election("a")
    election.turn("a")
    var taken = try #require(election.lease)
    taken.set("other", at: ["spec", "holderIdentity"])
    _ = election.store(taken)
    election.candidates["a"]?.end()
    #expect(election.turn("a") == .end(nil))
    #expect(election.holder == "other")
  }
}
