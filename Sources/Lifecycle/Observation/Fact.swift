/// What is known about one thing outside of the operator.
///
/// A failure to look is `unknown`, never `gone`. Only `gone` may justify that something is taken away for good.
public enum Fact<Value: Sendable & Hashable>: Sendable, Hashable {
  /// Seen at `at` (epoch milliseconds).
  case seen(Value, at: Int64)
  /// Looked for at `at` and not there.
  case gone(at: Int64)
  case unknown(why: String, since: Int64)

  public var value: Value? { if case .seen(let value, _) = self { value } else { nil } }
  public var isGone: Bool { if case .gone = self { true } else { false } }
  /// When the thing was looked at; nil for unknown.
  public var at: Int64? {
    switch self {
    case .seen(_, let at), .gone(let at): at
    case .unknown: nil
    }
  }

  /// The same fact with `difference` milliseconds added to its time.
  public func dated(from difference: Int64) -> Fact {
    switch self {
    case .seen(let value, let at): .seen(value, at: at + difference)
    case .gone(let at): .gone(at: at + difference)
    case .unknown(let why, let since): .unknown(why: why, since: since + difference)
    }
  }

  /// The same fact, or unknown where it was established before `time`.
  public func since(_ time: Int64, why: String) -> Fact {
    if let at, at < time { .unknown(why: why, since: time) } else { self }
  }
}
