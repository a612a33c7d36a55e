public import Lifecycle

/// A bug that an operator has had, as it would be here.
public struct NamedBug: Sendable, CustomStringConvertible {
  public let number: Int
  public let name: String
  public let family: PlanFamily
  /// The guards without which it would be here: all of them, for they stand in for each other.
  public let rules: Set<Guard>
  /// The invariants that show it.
  public let oracles: [String]

  public var description: String { "\(number). \(name): \(family)" }
}

extension NamedBug {
  private init(
    _ number: Int, _ name: String, _ family: PlanFamily, without rules: Set<Guard> = [], shows oracles: String...
  ) {
    self.init(number: number, name: name, family: family, rules: rules, oracles: oracles)
  }

  public static let all: [NamedBug] = [
    NamedBug(
      1, "an old view shows the deletion of the previous object of that name, and the new one's Deployment is deleted",
      PlanFamily("delete-and-recreate", .frozen, at: "delete deployments"), without: [.deletePrecondition],
      shows: "S6", "L1"),
    NamedBug(
      2, "a view that goes back to an older spec brings that spec back",
      PlanFamily("change-of-mind", .viewRolledBack), without: [.statusPrecondition],
      shows: "S7", "S6", "L1"),
    NamedBug(
      3, "an old view lacks a Deployment that runs, and the job is started again",
      PlanFamily("deploy", .staleDeployments, .staleRestart), without: [.quorumBeforeLoss], shows: "S8", "S6", "L1"),
    NamedBug(
      4, "Deployments of a deleted owner are adopted by their labels",
      PlanFamily("name-taken-by-a-deployment"), without: [.ownerUID], shows: "S6", "S1", "L1"),
    NamedBug(
      5, "a crash between the end of the old and the record of its state loses the state",
      PlanFamily("image-savepoint", .serverError, .crashAfter), without: [.storedFirst],
      shows: "S2", "S3", "S4", "S6", "L1"),
    NamedBug(
      6, "a crash between an accepted stop and the record asks for a second savepoint, or waits for ever",
      PlanFamily("image-savepoint", .crashAfter, at: "stop job"), shows: "S6", "L1"),
    NamedBug(
      7, "a state that was there between two looks is missed: events come only as the last of each object",
      PlanFamily("delete-and-recreate", .coalesced), shows: "L1"),
    NamedBug(
      8, "what is being deleted is deleted again at every turn",
      PlanFamily("delete", .podsLinger), shows: "L1"),
    NamedBug(
      9, "an old view of the own status asks for a second savepoint",
      PlanFamily("image-savepoint", .staleResources, at: "store status"), without: [.statusPrecondition],
      shows: "S6", "L1"),
    NamedBug(
      10, "a late echo of an own write leaves a needed write out for ever",
      PlanFamily("scale-stateless", .silence, at: "store status"), shows: "L1"),
    NamedBug(
      11, "a quick delete and create is taken for one object, and carries state over",
      PlanFamily("delete-and-recreate", .silence), shows: "S6", "L1"),
    NamedBug(
      12, "a resource is ready while its job restarts, or goes back and forth",
      PlanFamily("deploy", .workersLost), shows: "L1"),
    NamedBug(
      13, "a status that was stored without an answer is taken for one that was not",
      PlanFamily("image-savepoint", .lostReply, at: "store status"), shows: "S6", "L1"),
    NamedBug(
      14, "two leaders both start the job",
      PlanFamily("change-of-mind", .frozen, at: "store status"), without: [.statusPrecondition],
      shows: "S1", "S6", "S7", "L1"),
    NamedBug(
      15, "a bad value is taken back, and the resource does not recover",
      PlanFamily("bad-image-savepoint-then-revert"), shows: "L1"),
    NamedBug(
      16, "a create whose answer was lost is repeated for ever",
      PlanFamily("deploy", .lostReply, at: "create deployments"), shows: "L1"),
  ]
}

extension NamedBug {
  public struct Result: Sendable {
    /// No plan fails as the operator is, and one fails without the guard.
    public var isProven: Bool
    public var text: String
  }

  /// Runs its plans as the operator is, and without the guard.
  ///
  /// - Parameters:
  ///   - limit: of the plans that are run as the operator is: about so many, evenly.
  ///   - provesRules: also runs them without the guards.
  public func check(workers: Int, limit: Int = .max, provesRules: Bool = true) async -> Result {
    guard let scenario = Scenario.named(family.scenario) else {
      return Result(isProven: false, text: "no scenario \(family.scenario)")
    }
    let sweep = await Sweep(scenario)
    let jobs = family.plans(of: sweep).map { (sweep: sweep, plan: $0) }
    if jobs.isEmpty { return Result(isProven: false, text: "no plans") }
    let some = stride(from: jobs.count - 1, through: 0, by: -max(jobs.count / limit, 1)).map { jobs[$0] }
    if let failure = await Matrix.check(some, workers: workers, limit: 1).first {
      return Result(isProven: false, text: "\(failure)")
    }
    guard !rules.isEmpty, provesRules else { return Result(isProven: true, text: "\(some.count) plans pass") }
    let failures = await Matrix.check(jobs, workers: workers, guards: .without(rules), limit: 1)
    let names = rules.map(\.rawValue).sorted().joined(separator: " and ")
    guard let failure = failures.first(where: { oracles.contains($0.oracle) }) else {
      return Result(isProven: false, text: "\(some.count) plans pass, also without \(names)")
    }
    return Result(
      isProven: true,
      text: "\(some.count) plans pass; without \(names): \(failure.plan): \(failure.problems.first ?? "")")
  }
}
