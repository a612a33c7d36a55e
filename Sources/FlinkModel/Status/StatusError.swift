public import KubernetesAPI

/// `status.error` in the Apache operator's format: a JSON text with class names that tools look for.
public struct StatusError: Sendable, Hashable {
  /// Class names of the Apache operator.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case validation = "org.apache.flink.kubernetes.operator.exception.ValidationException"
    case reconciliation = "org.apache.flink.kubernetes.operator.exception.ReconciliationException"
    case deploymentFailed = "org.apache.flink.kubernetes.operator.exception.DeploymentFailedException"
    case upgradeFailure = "org.apache.flink.kubernetes.operator.exception.UpgradeFailureException"
    case missingJobManager = "org.apache.flink.kubernetes.operator.exception.MissingJobManagerException"
  }

  /// One cause of the chain.
  public struct Cause: Sendable, Hashable {
    public var type: String
    public var message: String?

    public init(type: String, message: String?) {
      self.type = type
      self.message = message
    }

    /// What a stack trace of Java says after `Caused by:`, outermost first.
    public static func chain(in trace: String) -> [Cause] {
      trace.split(whereSeparator: \.isNewline).compactMap { line in
        guard line.hasPrefix(causedBy) else { return nil }
        let text = String(line.dropFirst(causedBy.count))
        guard let colon = text.range(of: ": ") else { return Cause(type: text, message: nil) }
        return Cause(type: String(text[..<colon.lowerBound]), message: String(text[colon.upperBound...]))
      }
    }

    private static let causedBy = "Caused by: "
  }

  /// The plain text for a job that the JobManager does not know.
  public static let jobNotFound = "Job Not Found"

  public var type: String
  public var message: String?
  public var stackTrace: String?
  public var additionalMetadata: JSONObject
  public var causes: [Cause]

  public init(
    type: String, message: String?, stackTrace: String? = nil, additionalMetadata: JSONObject = [:],
    causes: [Cause] = []
  ) {
    self.type = type
    self.message = message
    self.stackTrace = stackTrace
    self.additionalMetadata = additionalMetadata
    self.causes = causes
  }

  /// - Parameter reason: for deployment failures the container's waiting reason, for instance `ImagePullBackOff`.
  public init(_ kind: Kind, message: String, reason: String? = nil, causes: [Cause] = []) {
    self.init(
      type: kind.rawValue, message: message,
      additionalMetadata: reason.map { ["reason": .string($0)] } ?? [:], causes: causes)
  }

  /// The limits of `kubernetes.operator.exception.*`.
  public struct Limits: Sendable, Hashable {
    public var field = 2048
    public var stackTrace = 2048
    public var isStackTraceShown = false
    public var causes = 2

    public init() {}
  }

  /// The text to store. Fields without a value are left out; long ones are cut.
  public func text(limits: Limits = Limits()) -> String {
    var json: JSONObject = ["type": .string(Self.cut(type, limits.field))]
    json.set("message", message.map { Self.cut($0, limits.field) })
    if limits.isStackTraceShown { json.set("stackTrace", stackTrace.map { Self.cut($0, limits.stackTrace) }) }
    json["additionalMetadata"] = .object(additionalMetadata)
    json["throwableList"] = .array(
      causes.prefix(max(0, limits.causes)).map { cause in
        var json: JSONObject = ["type": .string(Self.cut(cause.type, limits.field))]
        json.set("message", cause.message.map { Self.cut($0, limits.field) })
        json["additionalMetadata"] = [:]
        return .object(json)
      })
    return JSONValue.object(json).text
  }

  private static func cut(_ text: String, _ limit: Int) -> String { String(text.prefix(max(0, limit))) }

  /// The message within a stored text, for people: the text itself where it is not in this format.
  public static func message(of stored: String) -> String {
    guard let json = try? JSONValue(parsing: stored) else { return stored }
    return json["message"]?.stringValue ?? json["type"]?.stringValue ?? stored
  }
}
