/// Why there is no way to a cluster: one line that names the place and what to do.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong and where.
  public let problem: String
  /// What helps.
  public let hint: String

  public init(problem: String, hint: String) {
    self.problem = problem
    self.hint = hint
  }

  public var description: String { "\(problem); \(hint)" }
}
