/// When a key is to be looked at again after a turn.
public enum Wake: Sendable, Hashable {
  /// Only when something adds it again.
  case onChange
  /// After this time, or earlier when something adds it.
  case after(Duration, priority: WorkPriority = .steady)
  /// The turn failed: after the key's backoff, and not before `retryAfter`. Keeps the priority of the failed turn.
  case failed(retryAfter: Duration? = nil)
}
