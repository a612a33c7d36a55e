/// Why a text is no selector.
public struct SelectorError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The selector as given.
  public let selector: String
  public let problem: String

  public init(selector: String, problem: String) {
    self.selector = selector
    self.problem = problem
  }

  public var description: String { "selector \"\(selector)\": \(problem)" }
}
