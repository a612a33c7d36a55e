/// A Flink version as resources name it: `v1_20`, `v2_2`.
public struct FlinkVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let major: Int
  public let minor: Int

  public init(major: Int, minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// nil unless the text is `v<major>_<minor>`. Versions newer than this operator knows are accepted.
  public init?(_ text: String) {
    guard text.first == "v" else { return nil }
    let parts = text.dropFirst().split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]), major >= 0, minor >= 0 else {
      return nil
    }
    self.init(major: major, minor: minor)
  }

  public static let v1_15 = FlinkVersion(major: 1, minor: 15)
  public static let v1_17 = FlinkVersion(major: 1, minor: 17)
  public static let v1_18 = FlinkVersion(major: 1, minor: 18)
  public static let v1_19 = FlinkVersion(major: 1, minor: 19)
  public static let v1_20 = FlinkVersion(major: 1, minor: 20)
  public static let v2_0 = FlinkVersion(major: 2, minor: 0)
  public static let v2_1 = FlinkVersion(major: 2, minor: 1)
  public static let v2_2 = FlinkVersion(major: 2, minor: 2)

  /// The word of `spec.flinkVersion`.
  public var description: String { "v\(major)_\(minor)" }

  /// Older versions are refused, as by the Apache operator.
  public var isSupported: Bool { self >= .v1_15 }

  public static func < (left: FlinkVersion, right: FlinkVersion) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}

/// Who asks Kubernetes for TaskManagers: Flink itself (`native`) or the operator (`standalone`).
public enum DeploymentMode: String, Sendable, Hashable, CaseIterable {
  case native, standalone
}

/// How state is carried over an upgrade.
public enum UpgradeMode: String, Sendable, Hashable, CaseIterable {
  case savepoint
  case lastState = "last-state"
  case stateless
}

/// What the user wants of the job: `spec.job.state`.
public enum DesiredJobState: String, Sendable, Hashable, CaseIterable {
  case running, suspended
}
