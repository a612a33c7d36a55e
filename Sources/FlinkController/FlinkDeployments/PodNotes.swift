import KubernetesAPI
import Lifecycle

/// What was read about the pods of one resource beside their statuses. Times are milliseconds of the time that has passed.
struct PodNotes: Sendable {
  /// The report of a crash waits for the log so long, and no longer: a node that hangs may never give it.
  static let patience: Int64 = 500

  /// By pod UID: what its Events said, and when they were read.
  private var events: [String: (problem: PodProblem?, at: Int64)] = [:]
  /// What logs say of containers that failed, by pod UID.
  private(set) var reports: [String: CrashReport] = [:]
  /// Logs that are being read, and since when.
  private var awaited: [PodInspection: Int64] = [:]
  private(set) var wanted: [PodInspection] = []

  /// Notes what is worth reading now. Whether there is anything that is not being read already.
  ///
  /// - Parameter present: UIDs of the pods that are there; what was read of others is forgotten.
  mutating func want(_ inspections: [PodInspection], present: Set<String>, now: Int64) -> Bool {
    if !events.isEmpty { events = events.filter { present.contains($0.key) } }
    if !reports.isEmpty { reports = reports.filter { present.contains($0.key) } }
    let before = Set(wanted)
    wanted = inspections.filter { isUnknown($0, now: now) }
    awaited = awaited.filter { wanted.contains($0.key) }
    for inspection in wanted {
      if case .log = inspection, awaited[inspection] == nil { awaited[inspection] = now }
    }
    return wanted.contains { !before.contains($0) }
  }

  private func isUnknown(_ inspection: PodInspection, now: Int64) -> Bool {
    switch inspection {
    case .events(_, let uid): events[uid].map { now - $0.at >= PodWarnings.interval } ?? true
    case .log(_, let uid, let failure): reports[uid]?.restarts != failure.restarts
    }
  }

  /// How long a decision is still to wait for a log; nil where it is not.
  func pause(now: Int64) -> Int64? {
    guard let since = awaited.values.max() else { return nil }
    let left = since + Self.patience - now
    return left > 0 ? left : nil
  }

  /// Takes in the Events of a pod; nil where they could not be read, which leaves what was known before.
  mutating func note(events read: [JSONValue]?, of uid: String, now: Int64) {
    events[uid] = (read.map { PodProblem(preparation: $0) } ?? events[uid]?.problem, now)
    settle(uid) { if case .events = $0 { true } else { false } }
  }

  /// Takes in the end of a log; nil where it could not be read, which is not tried again: the pod's status has the last
  /// words.
  mutating func note(log: String?, of failure: ContainerFailure, in uid: String) {
    reports[uid] = CrashReport(restarts: failure.restarts, log: log ?? "")
    settle(uid) { if case .log = $0 { true } else { false } }
  }

  private mutating func settle(_ uid: String, _ isMeant: (PodInspection) -> Bool) {
    wanted.removeAll { $0.uid == uid && isMeant($0) }
    awaited = awaited.filter { $0.key.uid != uid }
  }

  /// As of `now` by the clock of decisions.
  func warnings(at now: Int64) -> Fact<PodWarnings> {
    if events.isEmpty { return .unknown(why: "not asked for", since: now) }
    return .seen(PodWarnings(problems: events.compactMapValues(\.problem)), at: now)
  }
}
