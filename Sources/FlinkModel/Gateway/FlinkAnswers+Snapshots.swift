/// The state of a checkpoint that was asked for.
public enum CheckpointTriggerResult: Sendable, Hashable {
  case inProgress
  case completed(checkpointID: Int64)
  /// `cause` is the exception's class and the first line of its text.
  case failed(cause: String)
}

/// Between which parallelisms the adaptive scheduler may choose for one job vertex.
public struct ParallelismBounds: Sendable, Hashable {
  public var lower: Int
  public var upper: Int

  public init(lower: Int, upper: Int) {
    self.lower = lower
    self.upper = upper
  }
}
