import KubernetesAPI
import KubernetesRuntime
import Testing

@Suite struct WorkQueueMachineTests {
  var queue = WorkQueueMachine()

  @Test mutating func handsOutEachKeyOnce() {
    queue.add(key("a"), priority: .steady, at: .zero)
    queue.add(key("a"), priority: .steady, at: .zero)
    #expect(queue.queuedCount == 1)
    #expect(queue.take(now: .zero) == key("a"))
    #expect(queue.take(now: .zero) == nil)
    queue.finish(key("a"), wake: .onChange, jitter: 0, now: .zero)
    #expect(queue.take(now: .seconds(9999)) == nil)
    #expect(queue.queuedCount == 0)
    #expect(queue.processingCount == 0)
  }

  @Test mutating func aKeyInProcessWaitsForItsTurnToEnd() {
    queue.add(key("a"), priority: .steady, at: .zero)
    #expect(queue.take(now: .zero) == key("a"))
    queue.add(key("a"), priority: .userIntent, at: .seconds(1))
    #expect(queue.take(now: .seconds(5)) == nil)
    queue.finish(key("a"), wake: .after(.seconds(60)), jitter: 0, now: .seconds(5))
    #expect(queue.take(now: .seconds(5)) == key("a"))
  }

  @Test mutating func theEarlierTimeHolds() {
    queue.add(key("a"), priority: .steady, at: .seconds(10))
    queue.add(key("a"), priority: .steady, at: .seconds(20))
    #expect(queue.nextDue() == .seconds(10))
    queue.add(key("a"), priority: .steady, at: .seconds(5))
    #expect(queue.nextDue() == .seconds(5))
    #expect(queue.take(now: .seconds(4)) == nil)
    #expect(queue.take(now: .seconds(5)) == key("a"))
    queue.finish(key("a"), wake: .onChange, jitter: 0, now: .seconds(5))
    #expect(queue.take(now: .seconds(30)) == nil)
  }

  @Test mutating func priorityGoesFirstThenTheLongerDue() {
    queue.add(key("steady1"), priority: .steady, at: .seconds(1))
    queue.add(key("steady2"), priority: .steady, at: .seconds(2))
    queue.add(key("initial"), priority: .initialList, at: .zero)
    queue.add(key("user"), priority: .userIntent, at: .seconds(3))
    queue.add(key("failure"), priority: .failureReaction, at: .seconds(3))
    queue.add(key("transition"), priority: .transition, at: .seconds(3))
    var order: [String] = []
    while let key = queue.take(now: .seconds(3)) { order.append(key.name) }
    #expect(order == ["user", "transition", "failure", "steady1", "steady2", "initial"])
  }

  @Test mutating func addingRaisesThePriority() {
    queue.add(key("a"), priority: .initialList, at: .zero)
    queue.add(key("b"), priority: .steady, at: .zero)
    #expect(queue.nextDue() == .zero)
    queue.add(key("a"), priority: .userIntent, at: .zero)
    #expect(queue.take(now: .zero) == key("a"))
    #expect(queue.take(now: .zero) == key("b"))
  }

  @Test mutating func theLowestPriorityIsNotStarved() {
    queue.add(key("low"), priority: .initialList, at: .zero)
    var now = Duration.zero
    var served: Duration?
    // A busy key of the highest priority is always due.
    for _ in 0..<1000 where served == nil {
      queue.add(key("busy"), priority: .userIntent, at: now)
      let taken = queue.take(now: now)
      if taken == key("low") { served = now }
      if let taken { queue.finish(taken, wake: .onChange, jitter: 0, now: now) }
      now += .seconds(1)
    }
    #expect(served.map { $0 > .seconds(100) && $0 < .seconds(130) } == true)
  }

  @Test mutating func failuresBackOffAndSuccessResets() {
    queue.add(key("a"), priority: .transition, at: .zero)
    var now = Duration.zero
    var delays: [Duration] = []
    for _ in 0..<16 {
      #expect(queue.take(now: now) == key("a"))
      queue.finish(key("a"), wake: .failed(), jitter: 1, now: now)
      guard let due = queue.nextDue() else { return }
      delays.append(due - now)
      now = due
    }
    #expect(delays.prefix(4) == [.milliseconds(5), .milliseconds(10), .milliseconds(20), .milliseconds(40)])
    #expect(delays.last == .seconds(60))
    #expect(queue.take(now: now) == key("a"))
    queue.finish(key("a"), wake: .after(.seconds(1)), jitter: 1, now: now)
    now += .seconds(1)
    #expect(queue.take(now: now) == key("a"))
    queue.finish(key("a"), wake: .failed(), jitter: 0, now: now)
    #expect(queue.nextDue().map { $0 - now } == .microseconds(2500))
  }

  @Test mutating func aFailureWaitsAsLongAsTheServerSays() {
    queue.add(key("a"), priority: .steady, at: .zero)
    #expect(queue.take(now: .zero) == key("a"))
    queue.finish(key("a"), wake: .failed(retryAfter: .seconds(7)), jitter: 0, now: .zero)
    #expect(queue.nextDue() == .seconds(7))
  }

  @Test mutating func aFailedTurnKeepsItsPriority() {
    queue.add(key("a"), priority: .userIntent, at: .zero)
    #expect(queue.take(now: .zero) == key("a"))
    queue.finish(key("a"), wake: .failed(), jitter: 0, now: .zero)
    queue.add(key("b"), priority: .transition, at: .zero)
    #expect(queue.take(now: .seconds(1)) == key("a"))
  }

  @Test mutating func aKeyAddedDuringBackoffComesAtOnce() {
    queue.add(key("a"), priority: .steady, at: .zero)
    #expect(queue.take(now: .zero) == key("a"))
    queue.finish(key("a"), wake: .failed(retryAfter: .seconds(7)), jitter: 0, now: .zero)
    queue.add(key("a"), priority: .steady, at: .seconds(1))
    #expect(queue.take(now: .seconds(1)) == key("a"))
  }

  @Test mutating func finishingWhatIsNotInProcessChangesNothing() {
    queue.finish(key("a"), wake: .after(.zero), jitter: 0, now: .zero)
    queue.add(key("b"), priority: .steady, at: .zero)
    queue.finish(key("b"), wake: .after(.seconds(5)), jitter: 0, now: .zero)
    #expect(queue.processingCount == 0)
    #expect(queue.take(now: .zero) == key("b"))
  }

  /// What the queue promises, written down as plainly as possible.
  private struct Model {
    struct Entry {
      var at: Duration
      var priority: WorkPriority
    }
    var waiting: [ObjectKey: Entry] = [:]
    var again: [ObjectKey: Entry?] = [:]
    var taken: [ObjectKey: WorkPriority] = [:]
    var failures: [ObjectKey: Int] = [:]
    let backoff: BackoffPolicy
    let ageing: Duration

    static func merge(_ old: Entry?, _ new: Entry) -> Entry {
      guard let old else { return new }
      return Entry(at: min(old.at, new.at), priority: max(old.priority, new.priority))
    }

    mutating func add(_ key: ObjectKey, _ entry: Entry) {
      if let pending = again[key] {
        again[key] = .some(Self.merge(pending, entry))
      } else {
        waiting[key] = Self.merge(waiting[key], entry)
      }
    }

    /// The keys that may be handed out now: those of the best rank.
    func best(now: Duration) -> Set<ObjectKey> {
      let due = waiting.filter { $0.value.at <= now }
      func rank(_ entry: Entry) -> Duration { entry.at - ageing * entry.priority.rawValue }
      guard let first = due.values.map(rank).min() else { return [] }
      return Set(due.filter { rank($0.value) == first }.keys)
    }

    mutating func take(_ key: ObjectKey) {
      taken[key] = waiting.removeValue(forKey: key)?.priority
      again[key] = .some(nil)
    }

    mutating func finish(_ key: ObjectKey, _ wake: Wake, now: Duration) {
      let pending = again.removeValue(forKey: key) ?? nil
      let priority = taken.removeValue(forKey: key) ?? .steady
      switch wake {
      case .onChange:
        failures[key] = nil
        waiting[key] = pending
      case .after(let delay, let wished):
        failures[key] = nil
        waiting[key] = Self.merge(pending, Entry(at: now + delay, priority: wished))
      case .failed(let retryAfter):
        failures[key, default: 0] += 1
        let delay = max(backoff.delay(failures: failures[key] ?? 1, jitter: 0), retryAfter ?? .zero)
        waiting[key] = Self.merge(pending, Entry(at: now + delay, priority: priority))
      }
      // A queue remembers failures only of keys it holds.
      if waiting[key] == nil { failures[key] = nil }
    }
  }

  @Test(arguments: 0..<40) func behavesLikeTheModel(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var queue = WorkQueueMachine(
      backoff: BackoffPolicy(base: .milliseconds(8), cap: .seconds(1)), ageing: .milliseconds(500))
    var model = Model(backoff: queue.backoff, ageing: queue.ageing)
    var now = Duration.zero
    let keys = (0..<12).map { key("k\($0)") }
    for _ in 0..<2000 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<4:
        let key = keys[Int.random(in: 0..<keys.count, using: &random)]
        let priority = WorkPriority.allCases[Int.random(in: 0..<5, using: &random)]
        let at = now + .milliseconds(Int.random(in: 0..<300, using: &random))
        queue.add(key, priority: priority, at: at)
        model.add(key, .init(at: at, priority: priority))
      case 4..<7:
        let candidates = model.best(now: now)
        let taken = queue.take(now: now)
        if let taken {
          #expect(candidates.contains(taken))
          model.take(taken)
        } else {
          #expect(candidates.isEmpty)
        }
      case 7..<9:
        let processing = model.again.keys.sorted()
        guard !processing.isEmpty else { continue }
        let key = processing[Int.random(in: 0..<processing.count, using: &random)]
        let wake: Wake =
          switch Int.random(in: 0..<4, using: &random) {
          case 0: .onChange
          case 1: .failed()
          case 2: .failed(retryAfter: .milliseconds(70))
          default: .after(.milliseconds(Int.random(in: 0..<200, using: &random)), priority: .transition)
          }
        queue.finish(key, wake: wake, jitter: 0, now: now)
        model.finish(key, wake, now: now)
      default:
        now += .milliseconds(Int.random(in: 0..<120, using: &random))
      }
      #expect(queue.processingCount == model.again.count)
      #expect(queue.queuedCount == model.waiting.count + model.again.values.count { $0 != nil })
      let next = model.waiting.values.map(\.at).min()
      #expect((queue.nextDue() ?? .seconds(1 << 40)) <= (next ?? .seconds(1 << 40)))
      #expect((queue.nextDue() == nil) == (next == nil))
    }
  }
}
