import Lifecycle
import Synchronization
import Testing

@testable import FlinkController

@Suite struct OperatorClockTests {
  private final class Times: Sendable {
    let wall = Mutex<Int64>(1_000_000)
    let elapsed = Mutex<Int64>(10)

    var clock: OperatorClock {
      OperatorClock(now: { self.wall.withLock { $0 } }, elapsed: { self.elapsed.withLock { $0 } })
    }

    func pass(_ milliseconds: Int64, stepping step: Int64 = 0) {
      wall.withLock { $0 += milliseconds + step }
      elapsed.withLock { $0 += milliseconds }
    }
  }

  /// What was read after the last request stays newer than it, wherever the machine's clock is set.
  @Test(arguments: [-30_000, 30_000])
  func aStepOfTheClockChangesNoAge(_ step: Int64) {
    let times = Times()
    let clock = times.clock
    let before = Fact.seen(1, at: clock.elapsed())
    times.pass(100)
    let effectAt = clock.elapsed()
    times.pass(100, stepping: step)
    let after = Fact.seen(2, at: clock.elapsed())
    times.pass(700)
    let epoch = clock.epoch()
    #expect(before.since(effectAt, why: "").value == nil)
    #expect(after.since(effectAt, why: "").value == 2)
    #expect(after.dated(from: epoch).at == clock.now() - 700)
    #expect(clock.now() == 1_000_000 + 900 + step)
  }

  /// Two clocks that are read one after the other never agree to the millisecond.
  @Test func smallCorrectionsMoveNoDates() {
    let times = Times()
    let clock = times.clock
    let epoch = clock.epoch()
    times.pass(1_000, stepping: 40)
    #expect(clock.epoch() == epoch)
    times.pass(1_000, stepping: 600)
    #expect(clock.epoch() == epoch + 640)
  }
}
