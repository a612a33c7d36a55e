/// Order of resourceVersions of one resource type. Kubernetes promises since 1.35 what etcd always did: they are decimal
/// numbers that grow. Anything else can only be compared for equality.
public enum ResourceVersion {
  /// Whether `version` is at or after `other`; nil where that cannot be told.
  public static func hasReached(_ version: String, _ other: String) -> Bool? {
    if version == other { return true }
    guard let left = UInt64(version), let right = UInt64(other) else { return nil }
    return left >= right
  }

  /// Whether `version` is certainly after `other`.
  static func isNewer(_ version: String, than other: String) -> Bool {
    version != other && hasReached(version, other) == true
  }

  /// Whether `version` is certainly before `other`.
  static func isOlder(_ version: String, than other: String) -> Bool {
    version != other && hasReached(version, other) == false
  }
}
