internal import Synchronization

/// What one check says.
public enum HealthVerdict: Sendable, Hashable {
  case ok
  /// `reason` is one line for a person.
  case failing(reason: String)
}

/// Which question a check answers.
public enum HealthProbe: Sendable, Hashable {
  /// `/healthz`: can this process still do its work? If not, it is restarted.
  case liveness
  /// `/readyz`: does it do its work now? If not, the reason is shown.
  case readiness
}

/// The answers of all checks of a probe, by name.
public struct HealthReport: Sendable, Hashable {
  public struct Check: Sendable, Hashable {
    public let name: String
    public let verdict: HealthVerdict
  }

  /// In the order of their names.
  public let checks: [Check]

  public var isHealthy: Bool { checks.allSatisfy { $0.verdict == .ok } }
}

/// The named checks of this process.
public final class HealthRegistry: Sendable {
  private struct Key: Hashable {
    let probe: HealthProbe
    let name: String
  }

  private let checks = Mutex<[Key: @Sendable () -> HealthVerdict]>([:])

  public init() {}

  /// Adds or replaces the check `name` of `probe`. It is called for each request and must not wait.
  public func register(_ name: String, for probe: HealthProbe, check: @escaping @Sendable () -> HealthVerdict) {
    checks.withLock { $0[Key(probe: probe, name: name)] = check }
  }

  /// Sets a check to a fixed answer until it is set again.
  public func set(_ name: String, for probe: HealthProbe, to verdict: HealthVerdict) {
    register(name, for: probe) { verdict }
  }

  public func remove(_ name: String, for probe: HealthProbe) {
    checks.withLock { $0[Key(probe: probe, name: name)] = nil }
  }

  public func report(_ probe: HealthProbe) -> HealthReport {
    // Checks run outside the lock: they may take others.
    let selected = checks.withLock { $0.filter { $0.key.probe == probe } }
    return HealthReport(
      checks: selected.map { HealthReport.Check(name: $0.key.name, verdict: $0.value()) }.sorted { $0.name < $1.name })
  }
}
