import Glibc

/// What ends a command: one line that says what failed, and what to do about it.
struct CommandFailure: Error, CustomStringConvertible {
  let problem: String
  let hint: String?

  init(_ problem: String, hint: String?) {
    self.problem = problem
    self.hint = hint
  }

  var description: String { hint.map { "\(problem); \($0)" } ?? problem }
}
