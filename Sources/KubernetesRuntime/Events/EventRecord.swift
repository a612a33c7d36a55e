public import KubernetesAPI

/// Something to be told about an object, as an Event of Kubernetes.
public struct EventRecord: Sendable, Hashable {
  public enum Severity: String, Sendable, Hashable {
    case normal = "Normal"
    case warning = "Warning"
  }

  /// The object an event is about.
  public struct Subject: Sendable, Hashable {
    public var apiVersion: String
    public var kind: String
    public var namespace: String
    public var name: String
    public var uid: String

    public init(apiVersion: String, kind: String, namespace: String, name: String, uid: String) {
      self.apiVersion = apiVersion
      self.kind = kind
      self.namespace = namespace
      self.name = name
      self.uid = uid
    }

    public init(type: ResourceType, metadata: ObjectMetadata) {
      self.init(
        apiVersion: type.apiVersion, kind: type.kind, namespace: metadata.namespace, name: metadata.name,
        uid: metadata.uid)
    }
  }

  public var subject: Subject
  public var severity: Severity
  /// CamelCase.
  public var reason: String
  public var message: String
  /// What tells this event from others of its reason where the message changes from time to time; the message if nil.
  public var messageKey: String?
  /// Which part speaks: `Operator`, `JobManagerDeployment`, `Job` or `Snapshot`.
  public var component: String
  /// An event that exists already is left as it is, rather than counted up.
  public var isOnce: Bool
  /// Of the Event object, when it is created.
  public var annotations: [String: String]

  public init(
    subject: Subject, severity: Severity, reason: String, message: String, messageKey: String? = nil,
    component: String, isOnce: Bool = false, annotations: [String: String] = [:]
  ) {
    self.subject = subject
    self.severity = severity
    self.reason = reason
    self.message = message
    self.messageKey = messageKey
    self.component = component
    self.isOnce = isOnce
    self.annotations = annotations
  }

  /// The Event object's name, the same that the Apache operator gives it: repetitions meet in one object, whoever
  /// records them.
  public var name: String {
    let identity = reason + (messageKey ?? message) + severity.rawValue + subject.kind + subject.name + subject.uid
    return "\(component).\(JavaHash.of(identity) & Int32.max)"
  }
}

/// `String.hashCode()` of Java.
enum JavaHash {
  static func of(_ string: String) -> Int32 {
    var hash: Int32 = 0
    for unit in string.utf16 { hash = hash &* 31 &+ Int32(unit) }
    return hash
  }
}
