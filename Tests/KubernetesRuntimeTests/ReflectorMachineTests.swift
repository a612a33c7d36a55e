import KubernetesAPI
import KubernetesRuntime
import Testing

@Suite struct ReflectorMachineTests {
  var machine = ReflectorMachine()
  var now = Duration.zero

  typealias Action = ReflectorMachine.Action

  mutating func advance(_ event: ReflectorMachine.Event, after: Duration = .zero) -> [Action] {
    now += after
    return machine.advance(event, now: now, jitter: 1)
  }

  /// Brings the machine to a watch from `version`.
  mutating func startWatch(version: Int = 10) {
    _ = advance(.start)
    _ = advance(.page(list([object("a", version: 1)], version: version)))
  }

  @Test mutating func listsInPagesAndPublishesThemAtOnce() {
    #expect(advance(.start) == [.listPage(continueToken: nil)])
    let a = object("a", version: 1)
    let b = object("b", version: 2)
    #expect(advance(.page(list([a], version: 10, next: "t1"))) == [.listPage(continueToken: "t1")])
    #expect(machine.phase.name == "listing")
    #expect(
      advance(.page(list([b], version: 10)))
        == [.replaceAll(list([a, b], version: 10)), .openWatch(resourceVersion: "10")])
    #expect(machine.phase.name == "watching")
  }

  @Test(arguments: ["", "0"]) mutating func aListWithoutAVersionIsNotBelieved(version: String) {
    _ = advance(.start)
    #expect(advance(.page(ObjectList(items: [], resourceVersion: version))) == [.wait(.milliseconds(800))])
    #expect(machine.lastError != nil)
    #expect(advance(.waited) == [.listPage(continueToken: nil)])
  }

  @Test mutating func failedListsBackOffWithTheServersPatience() {
    _ = advance(.start)
    #expect(advance(.listFailed(rejected(503))) == [.wait(.milliseconds(800))])
    #expect(advance(.waited) == [.listPage(continueToken: nil)])
    #expect(advance(.listFailed(rejected(503))) == [.wait(.milliseconds(1600))])
    #expect(advance(.waited) == [.listPage(continueToken: nil)])
    #expect(advance(.listFailed(rejected(429, retryAfter: .seconds(17)))) == [.wait(.seconds(17))])
    for _ in 0..<10 {
      _ = advance(.waited)
      _ = advance(.listFailed(rejected(500)))
    }
    #expect(machine.failures == 13)
    _ = advance(.waited)
    #expect(advance(.listFailed(rejected(500))) == [.wait(.seconds(30))])
  }

  @Test mutating func keepsPagesThroughADisturbance() {
    _ = advance(.start)
    let a = object("a", version: 1)
    let b = object("b", version: 2)
    _ = advance(.page(list([a], version: 10, next: "t1")))
    _ = advance(.listFailed(rejected(503)))
    #expect(advance(.waited) == [.listPage(continueToken: "t1")])
    #expect(advance(.page(list([b], version: 10))).first == .replaceAll(list([a, b], version: 10)))
    #expect(machine.lastError == nil)
  }

  @Test mutating func anExpiredContinueTokenBeginsTheListAgain() {
    _ = advance(.start)
    for _ in 0..<3 {
      _ = advance(.page(list([object("a", version: 1)], version: 10, next: "t1")))
      #expect(advance(.listFailed(rejected(410, "Expired"))) == [.listPage(continueToken: nil)])
    }
    _ = advance(.page(list([object("a", version: 1)], version: 10, next: "t1")))
    #expect(advance(.listFailed(rejected(410, "Expired"))) == [.wait(.milliseconds(800))])
    #expect(advance(.waited) == [.listPage(continueToken: nil)])
    let b = object("b", version: 2)
    #expect(advance(.page(list([b], version: 11))).first == .replaceAll(list([b], version: 11)))
  }

  @Test mutating func followsVersionsOfEventsAndBookmarks() {
    startWatch()
    let event = WatchEvent.modified(object("a", version: 12))
    #expect(advance(.frame(event)) == [.apply(event)])
    let bookmark = WatchEvent.bookmark(resourceVersion: "80", isInitialEventsEnd: false)
    #expect(advance(.frame(bookmark)) == [.apply(bookmark)])
    #expect(advance(.watchEnded, after: .seconds(290)) == [.openWatch(resourceVersion: "80")])
  }

  @Test mutating func knowsWhenTheServerSpokeLast() {
    #expect(machine.lastContact == nil)
    startWatch()
    #expect(machine.lastContact == .zero)
    _ = advance(.frame(.bookmark(resourceVersion: "10", isInitialEventsEnd: false)), after: .seconds(60))
    #expect(machine.lastContact == .seconds(60))
    _ = advance(.watchFailed(rejected(403)), after: .seconds(5))
    _ = advance(.waited)
    #expect(machine.lastContact == .seconds(60))
  }

  @Test mutating func ignoresFramesItHasPassed() {
    startWatch()
    #expect(advance(.frame(.added(object("a", version: 10)))) == [])
    #expect(advance(.frame(.modified(object("a", version: 3)))) == [])
    #expect(advance(.frame(.bookmark(resourceVersion: "9", isInitialEventsEnd: false))) == [])
    #expect(advance(.watchEnded, after: .seconds(290)) == [.openWatch(resourceVersion: "10")])
  }

  @Test mutating func anExpiredVersionLeadsToAList() {
    startWatch()
    let gone = WatchEvent.error(APIStatus(code: 410, reason: "Expired", message: "too old"))
    #expect(advance(.frame(gone), after: .seconds(60)) == [.closeWatch, .listPage(continueToken: nil)])
    // It is the normal course of things.
    #expect(machine.lastError == nil)
    #expect(machine.failures == 0)
  }

  @Test mutating func versionsThatExpireAtOnceDoNotMakeALoop() {
    startWatch()
    #expect(advance(.watchFailed(rejected(410, "Gone")), after: .seconds(60)) == [.listPage(continueToken: nil)])
    _ = advance(.page(list([], version: 20)))
    #expect(advance(.watchFailed(rejected(410, "Gone"))) == [.wait(.milliseconds(800))])
    #expect(advance(.waited) == [.listPage(continueToken: nil)])
    _ = advance(.page(list([], version: 21)))
    #expect(advance(.watchFailed(rejected(410, "Gone"))) == [.wait(.milliseconds(1600))])
  }

  @Test mutating func otherErrorFramesLeadToAListToo() {
    startWatch()
    let frame = WatchEvent.error(APIStatus(code: 500, reason: "InternalError", message: "etcd"))
    #expect(advance(.frame(frame), after: .seconds(60)) == [.closeWatch, .wait(.milliseconds(800))])
    #expect(advance(.frame(.added(object("z", version: 99)))) == [])
    #expect(advance(.watchEnded) == [])
    #expect(advance(.waited) == [.listPage(continueToken: nil)])
  }

  @Test mutating func anUndecodableFrameLeadsToAList() {
    startWatch()
    let error = KubernetesError(attempt: "watch", cause: .undecodable("no JSON"))
    #expect(advance(.watchFailed(error)) == [.wait(.milliseconds(800))])
    #expect(advance(.waited) == [.listPage(continueToken: nil)])
    #expect(machine.lastError == error)
  }

  @Test(arguments: [
    KubernetesObject(["metadata": ["name": "a"]]), KubernetesObject(["metadata": ["resourceVersion": "99"]]),
    KubernetesObject(.null),
  ])
  mutating func anEventWithoutNameOrVersionLeadsToAList(broken: KubernetesObject) {
    startWatch()
    #expect(advance(.frame(.deleted(broken))) == [.closeWatch, .wait(.milliseconds(800))])
    #expect(advance(.waited) == [.listPage(continueToken: nil)])
  }

  @Test mutating func aBrokenConnectionGoesOnFromTheLastVersion() {
    startWatch()
    let error = KubernetesError(attempt: "watch", cause: .interrupted("reset"))
    #expect(advance(.watchFailed(error)) == [.wait(.milliseconds(800))])
    #expect(advance(.waited) == [.openWatch(resourceVersion: "10")])
    #expect(advance(.watchFailed(error)) == [.wait(.milliseconds(1600))])
    #expect(advance(.waited) == [.openWatch(resourceVersion: "10")])
    // A watch that lived ends the row.
    #expect(advance(.watchFailed(error), after: .seconds(20)) == [.wait(.milliseconds(800))])
  }

  @Test(arguments: [401, 403, 429, 500, 503])
  mutating func refusalsOfAWatchAreShownAndTriedAgain(code: Int) {
    startWatch()
    #expect(advance(.watchFailed(rejected(code))) == [.wait(.milliseconds(800))])
    #expect(machine.lastError?.status?.code == code)
    #expect(advance(.waited) == [.openWatch(resourceVersion: "10")])
    _ = advance(.frame(.bookmark(resourceVersion: "11", isInitialEventsEnd: false)))
    #expect(machine.lastError == nil)
  }

  @Test mutating func aVersionAheadOfTheServerLeadsToAList() {
    startWatch()
    var status = APIStatus(code: 504, reason: "Timeout", message: "Too large resource version: 10, current: 3")
    status.causes = [.init(reason: "ResourceVersionTooLarge", message: "", field: "")]
    let error = KubernetesError(attempt: "watch", cause: .rejected(status, retryAfter: nil))
    _ = advance(.watchFailed(error))
    #expect(advance(.waited) == [.listPage(continueToken: nil)])
  }

  @Test mutating func aRefusedVersionLeadsToAList() {
    startWatch()
    _ = advance(.watchFailed(rejected(400, "BadRequest")))
    #expect(advance(.waited) == [.listPage(continueToken: nil)])
  }

  @Test mutating func twelveClosedStreamsInARowAreFollowedFurther() {
    startWatch()
    var waited = Duration.zero
    for round in 0..<12 {
      switch advance(.watchEnded, after: .milliseconds(10)).first {
      case .openWatch(let version):
        #expect(version == "10")
        #expect(round == 0)
      case .wait(let delay):
        waited += delay
        #expect(delay >= .milliseconds(100))
        #expect(advance(.waited, after: delay) == [.openWatch(resourceVersion: "10")])
      default:
        Issue.record("the reflector stopped in round \(round)")
      }
    }
    #expect(waited > .seconds(30))
    // Streams of ordinary length are followed without delay.
    #expect(advance(.watchEnded, after: .seconds(60)) == [.openWatch(resourceVersion: "10")])
    #expect(advance(.watchEnded, after: .seconds(60)) == [.openWatch(resourceVersion: "10")])
  }

  @Test mutating func outOfPlaceEventsChangeNothing() {
    #expect(advance(.waited) == [])
    #expect(advance(.watchEnded) == [])
    #expect(advance(.page(list([], version: 1))) == [])
    startWatch()
    #expect(advance(.start) == [])
    #expect(advance(.waited) == [])
    #expect(machine.phase.name == "watching")
  }
}
