/// Why a key is in the queue; the higher goes first.
public enum WorkPriority: Int, Sendable, Hashable, Comparable, CaseIterable {
  case initialList
  case steady
  case failureReaction
  case transition
  case userIntent

  public static func < (left: WorkPriority, right: WorkPriority) -> Bool { left.rawValue < right.rawValue }
}
