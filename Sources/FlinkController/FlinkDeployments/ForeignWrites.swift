/// How often somebody else has written over the status that this process had written.
///
/// Once or twice is a backup restored, or an edit by hand. Again and again it is another operator that sees the job
/// otherwise, and each write of one would call forth the next of the other as fast as both can.
struct ForeignWrites: Sendable {
  /// Writes of others in a row that are answered at once.
  static let patience = 3
  /// Longest pause before a write, in milliseconds.
  static let longestPause: Int64 = 10_000
  /// Without a write of others for so long, in milliseconds, they are forgotten.
  static let memory: Int64 = 120_000

  /// Hash of the status as this process has stored it.
  private var own: Int?
  private var generation: Int64?
  private var foreign: Int?
  private var count = 0
  private var lastAt: Int64 = 0
  private var pausedUntil: Int64 = 0

  /// Notes that this process has stored a status.
  mutating func noteOwn(_ status: Int, generation: Int64) {
    own = status
    foreign = nil
    self.generation = generation
  }

  /// Milliseconds that a status is not to be written over yet; nil where it may be at once.
  ///
  /// - Parameters:
  ///   - status: what is stored, as a hash.
  ///   - generation: another one than at the last own write is a user's wish, which is not put off.
  ///   - now: by a clock that goes on steadily.
  mutating func pause(before status: Int, generation: Int64, now: Int64) -> Int64? {
    guard let own, status != own, generation == self.generation else { return nil }
    if status != foreign {
      foreign = status
      count = now - lastAt > Self.memory ? 1 : count + 1
      lastAt = now
      let excess = count - Self.patience
      pausedUntil = excess > 0 ? now + min(250 << Int64(min(excess - 1, 10)), Self.longestPause) : now
    }
    return pausedUntil > now ? pausedUntil - now : nil
  }

  /// The first pause of a row.
  var isNew: Bool { count == Self.patience + 1 }
}
