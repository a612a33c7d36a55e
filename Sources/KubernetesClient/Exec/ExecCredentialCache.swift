internal import KubernetesAPI

/// When a plugin is run, and which of its answers counts. Runs never overlap, and one begins at the earliest a second
/// after the one before: a thousand calls that fail do not start a thousand processes.
struct ExecCredentialCache {
  enum Decision: Equatable {
    /// Good now. Where `startsRun`, a new one is fetched meanwhile, for when this one expires.
    case use(serial: UInt64, startsRun: Bool)
    /// Nothing good now; ask again when the run has ended.
    case wait(startsRun: Bool)
    /// The last run failed, a moment ago.
    case fail(ConfigurationError)
    /// The server refuses what the plugin gives.
    case refused
  }

  private struct Entry {
    var answer: ExecAnswer
    var serial: UInt64
    var obtainedAt: Timestamp
    var isRefused = false
    /// It was fetched because the server refused the one before.
    var followsRefusal: Bool
  }

  private static let rest = Duration.seconds(1)
  /// A credential that was fetched after a refusal and refused in this time: another run would not help.
  private static let refusalRest = Duration.seconds(10)
  private static let longestLead = Duration.seconds(60)

  private var entry: Entry?
  private var failure: ConfigurationError?
  private var endedAt: Timestamp?
  private(set) var isRunning = false
  private var lastSerial: UInt64 = 0

  mutating func decide(now: Timestamp) -> Decision {
    if let entry, !entry.isRefused {
      let mayRun = !isRunning && !isResting(now)
      guard let expiresAt = entry.answer.expiresAt else { return .use(serial: entry.serial, startsRun: false) }
      if now < expiresAt {
        let lead = min(max(expiresAt - entry.obtainedAt, .zero) / 5, Self.longestLead)
        let isDue = now >= expiresAt - lead && mayRun
        if isDue { isRunning = true }
        return .use(serial: entry.serial, startsRun: isDue)
      }
      // The plugin gave something that had expired already; the server is the judge of that.
      if failure == nil, isResting(now) { return .use(serial: entry.serial, startsRun: false) }
    }
    return waitOrFail(now)
  }

  /// The server answered 401 to the credential with this number.
  mutating func decide(refused serial: UInt64, now: Timestamp) -> Decision {
    guard let entry else { return waitOrFail(now) }
    if entry.serial != serial { return decide(now: now) }
    if isRunning { return .wait(startsRun: false) }
    let age = now - entry.obtainedAt
    if entry.followsRefusal, age >= .zero, age < Self.refusalRest { return .refused }
    self.entry?.isRefused = true
    isRunning = true
    return .wait(startsRun: true)
  }

  /// The run has ended. An answer like the one before keeps its number.
  mutating func finish(_ result: Result<ExecAnswer, ConfigurationError>, now: Timestamp) {
    isRunning = false
    endedAt = now
    switch result {
    case .success(let answer):
      failure = nil
      if entry?.answer.token != answer.token || entry?.answer.certificate != answer.certificate { lastSerial += 1 }
      entry = Entry(
        answer: answer, serial: lastSerial, obtainedAt: now, followsRefusal: entry?.isRefused ?? false)
    case .failure(let error): failure = error
    }
  }

  /// The answer that counts.
  var answer: (value: ExecAnswer, serial: UInt64)? { entry.map { ($0.answer, $0.serial) } }

  private mutating func waitOrFail(_ now: Timestamp) -> Decision {
    if isRunning { return .wait(startsRun: false) }
    if let failure, isResting(now) { return .fail(failure) }
    isRunning = true
    return .wait(startsRun: true)
  }

  /// A clock that was set back ends the rest.
  private func isResting(_ now: Timestamp) -> Bool {
    guard let endedAt else { return false }
    return now >= endedAt && now - endedAt < Self.rest
  }
}
