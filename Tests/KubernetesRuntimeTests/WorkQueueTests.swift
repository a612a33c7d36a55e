import KubernetesAPI
import Synchronization
import Testing

@testable import KubernetesRuntime

@Suite(.timeLimit(.minutes(2))) struct WorkQueueTests {
  @Test func wakesAWaitingTask() async {
    let queue = WorkQueue()
    async let taken = queue.take()
    queue.add(key("a"))
    #expect(await taken == key("a"))
  }

  @Test func deliversDelayedKeysInTheirTime() async {
    let queue = WorkQueue()
    let start = ContinuousClock.now
    queue.add(key("late"), after: .milliseconds(60))
    queue.add(key("early"), after: .milliseconds(20))
    #expect(await queue.take() == key("early"))
    #expect(start.duration(to: .now) >= .milliseconds(20))
    #expect(await queue.take() == key("late"))
    #expect(start.duration(to: .now) >= .milliseconds(60))
  }

  @Test func anEarlierTimeOvertakesTheTimer() async {
    let queue = WorkQueue()
    queue.add(key("a"), after: .seconds(3600))
    async let taken = queue.take()
    #expect(await eventually { queue.waiterCount == 1 })
    queue.add(key("a"), after: .milliseconds(5))
    #expect(await taken == key("a"))
  }

  @Test func shutDownEndsWaiting() async {
    let queue = WorkQueue()
    async let first = queue.take()
    async let second = queue.take()
    queue.shutDown()
    #expect(await first == nil)
    #expect(await second == nil)
    queue.add(key("a"))
    #expect(await queue.take() == nil)
  }

  @Test func cancellationEndsWaiting() async {
    let queue = WorkQueue()
    let task = Task { await queue.take() }
    task.cancel()
    #expect(await task.value == nil)
    // A key is not lost to a waiter that has gone.
    queue.add(key("a"))
    #expect(await queue.take() == key("a"))
  }

  @Test func aTimerMovedOftenKeepsFewSleepers() async {
    let fired = Atomic(0)
    let timer = DeadlineTimer { fired.add(1, ordering: .relaxed) }
    let now = ContinuousClock.now
    for step in 0..<100_000 { timer.arm(at: now + .seconds(100) - .microseconds(step * 500)) }
    #expect(timer.sleeperCount <= 17)
    timer.arm(at: .now + .milliseconds(30))
    #expect(await eventually { fired.load(ordering: .relaxed) == 1 })
    timer.stop()
  }

  @Test(arguments: [0, 1, 2, 3, 5, 100, 8191, 8192, 70_000, 1_000_000])
  func sleepsNeverTooLong(milliseconds: Int) {
    let remaining = Duration.milliseconds(milliseconds)
    let length = DeadlineTimer.length(of: remaining)
    #expect(length <= remaining)
    #expect(length * 2 > min(remaining, .milliseconds(1 << 16)) || remaining == .zero)
  }
}

@Suite(.timeLimit(.minutes(2))) struct ControllerDriverTests {
  private let logger = silent

  @Test func runsKeysAtOnceButNeverOneTwice() async {
    struct Seen {
      var running: Set<ObjectKey> = []
      var most = 0
      var turns = 0
      var overlaps = 0
    }
    let seen = Mutex(Seen())
    let queue = WorkQueue()
    let driver = ControllerDriver(queue: queue, concurrency: 4, logger: logger) { key in
      seen.withLock { seen in
        if !seen.running.insert(key).inserted { seen.overlaps += 1 }
        seen.most = max(seen.most, seen.running.count)
      }
      try? await Task.sleep(for: .milliseconds(3))
      seen.withLock { seen in
        seen.running.remove(key)
        seen.turns += 1
      }
      return .after(.zero)
    }
    let run = Task { await driver.run() }
    for index in 0..<6 { queue.add(key("k\(index)")) }
    #expect(await eventually { seen.withLock { $0.turns } >= 60 })
    driver.stop()
    await run.value
    #expect(seen.withLock { $0.overlaps } == 0)
    #expect(seen.withLock { $0.most } == 4)
    #expect(driver.statistics.running == 0)
    #expect(driver.statistics.turns == UInt64(seen.withLock { $0.turns }))
  }

  @Test func stopLetsTurnsEnd() async {
    let started = Atomic(false)
    let wasCancelled = Atomic(false)
    let queue = WorkQueue()
    let driver = ControllerDriver(queue: queue, logger: logger) { _ in
      started.store(true, ordering: .relaxed)
      try? await Task.sleep(for: .milliseconds(50))
      wasCancelled.store(Task.isCancelled, ordering: .relaxed)
      return .failed()
    }
    let run = Task { await driver.run() }
    queue.add(key("a"))
    #expect(await eventually { started.load(ordering: .relaxed) })
    driver.stop()
    await run.value
    let cancelled = wasCancelled.load(ordering: .relaxed)
    #expect(!cancelled)
    #expect(driver.statistics.failures == 1)
  }

  @Test func goesOnAfterFailures() async {
    let turns = Atomic(0)
    let queue = WorkQueue()
    let driver = ControllerDriver(queue: queue, logger: logger) { _ in
      turns.add(1, ordering: .relaxed).newValue < 5 ? .failed() : .onChange
    }
    let run = Task { await driver.run() }
    queue.add(key("a"))
    #expect(await eventually { turns.load(ordering: .relaxed) == 5 })
    run.cancel()
    await run.value
  }
}
