/// One field of a resource that cannot be used as it is, with what to write instead.
public struct InvalidField: Error, Sendable, Hashable, CustomStringConvertible {
  /// Path from the root of the object, for instance `spec.jobManager.resource.memory`; for configuration
  /// `spec.flinkConfiguration[high-availability.type]`.
  public let field: String
  /// The value as the user wrote it (strings without quotes, other kinds as JSON); nil where nothing was given.
  public let value: String?
  /// What is wrong and what to write instead, as one sentence.
  public let fix: String

  public init(field: String, value: String?, fix: String) {
    self.field = field
    self.value = value
    self.fix = fix
  }

  public var description: String {
    guard let value else { return "\(field) is not set: \(fix)" }
    let shown = value.count > 200 ? "\(value.prefix(200))…" : value
    return "\(field) is '\(shown)': \(fix)"
  }

  /// The same problem with `prefix` before its path.
  func under(_ prefix: String) -> InvalidField {
    InvalidField(field: "\(prefix).\(field)", value: value, fix: fix)
  }
}
