import Testing

@testable import FlinkController

/// Two operators that contradict each other do not write as fast as they can.
@Suite struct ForeignWritesTests {
  /// The pause before a write that answers one of somebody else; what is stored is the number of the write.
  private func answer(_ writes: inout ForeignWrites, _ number: Int, generation: Int64 = 1, at now: Int64) -> Int64? {
    let pause = writes.pause(before: number, generation: generation, now: now)
    return pause
  }

  @Test func theFirstWritesOfOthersAreAnsweredAtOnce() {
    var writes = ForeignWrites()
    #expect(answer(&writes, 1, at: 0) == nil, "nothing was written yet")
    for number in 1...ForeignWrites.patience {
      writes.noteOwn(-1, generation: 1)
      #expect(answer(&writes, -1, at: Int64(number)) == nil, "nobody else has written")
      #expect(answer(&writes, number, at: Int64(number)) == nil)
    }
  }

  @Test func laterOnesEverLater() {
    var writes = ForeignWrites()
    var now: Int64 = 0
    var pauses: [Int64] = []
    for number in 1...14 {
      writes.noteOwn(-1, generation: 1)
      now += 5
      let pause = answer(&writes, number, at: now) ?? 0
      pauses.append(pause)
      if pause > 0 {
        #expect(answer(&writes, number, at: now + pause - 1) == 1, "the same write is not counted again")
        now += pause
        #expect(answer(&writes, number, at: now) == nil)
      }
    }
    #expect(pauses.prefix(5) == [0, 0, 0, 250, 500])
    #expect(pauses.last == ForeignWrites.longestPause)
    // Peace for a while, and all is forgotten.
    writes.noteOwn(-1, generation: 1)
    #expect(answer(&writes, 99, at: now + ForeignWrites.memory + 1) == nil)
  }

  @Test func anEditIsNotPutOff() {
    var writes = ForeignWrites()
    for number in 1...8 {
      writes.noteOwn(-1, generation: 1)
      _ = answer(&writes, number, at: 0)
    }
    #expect(answer(&writes, 9, at: 0) != nil)
    #expect(answer(&writes, 9, generation: 2, at: 0) == nil)
  }
}
