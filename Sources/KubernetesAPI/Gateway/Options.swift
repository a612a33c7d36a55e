public struct ListOptions: Sendable, Hashable {
  public var labelSelector: String?
  public var fieldSelector: String?
  public var limit: Int?
  public var continueToken: String?
  public var resourceVersion: String?
  public var resourceVersionMatch: String?

  public init(
    labelSelector: String? = nil, fieldSelector: String? = nil, limit: Int? = nil, continueToken: String? = nil,
    resourceVersion: String? = nil, resourceVersionMatch: String? = nil
  ) {
    self.labelSelector = labelSelector
    self.fieldSelector = fieldSelector
    self.limit = limit
    self.continueToken = continueToken
    self.resourceVersion = resourceVersion
    self.resourceVersionMatch = resourceVersionMatch
  }
}

public struct ObjectList: Sendable, Hashable {
  public var items: [KubernetesObject]
  /// The version to watch from.
  public var resourceVersion: String
  public var continueToken: String?

  public init(items: [KubernetesObject], resourceVersion: String, continueToken: String? = nil) {
    self.items = items
    self.resourceVersion = resourceVersion
    self.continueToken = continueToken
  }
}

public struct WatchOptions: Sendable, Hashable {
  public var labelSelector: String?
  public var fieldSelector: String?
  /// Where to go on; sent in the query.
  public var resourceVersion: String?
  /// The server ends the stream after this time.
  public var timeout: Duration
  /// The client gives a stream up that brings nothing, bookmarks included, for this long.
  public var idleTimeout: Duration

  public init(
    labelSelector: String? = nil, fieldSelector: String? = nil, resourceVersion: String? = nil,
    timeout: Duration = .seconds(290), idleTimeout: Duration = .seconds(150)
  ) {
    self.labelSelector = labelSelector
    self.fieldSelector = fieldSelector
    self.resourceVersion = resourceVersion
    self.timeout = timeout
    self.idleTimeout = idleTimeout
  }
}

public enum WatchEvent: Sendable, Hashable {
  case added(KubernetesObject)
  case modified(KubernetesObject)
  case deleted(KubernetesObject)
  case bookmark(resourceVersion: String, isInitialEventsEnd: Bool)
  /// An ERROR frame, 410 among them: nothing more comes, list again.
  case error(APIStatus)
}

public struct WriteOptions: Sendable, Hashable {
  public var fieldManager: String?
  public var isDryRun: Bool
  /// `Strict`, `Warn` or `Ignore`; nil leaves the choice to the server.
  public var fieldValidation: String?

  public init(fieldManager: String? = nil, isDryRun: Bool = false, fieldValidation: String? = nil) {
    self.fieldManager = fieldManager
    self.isDryRun = isDryRun
    self.fieldValidation = fieldValidation
  }
}

public enum PropagationPolicy: String, Sendable, Hashable {
  case background = "Background"
  case foreground = "Foreground"
  case orphan = "Orphan"
}

public struct DeleteOptions: Sendable, Hashable {
  /// Preconditions: the delete is refused with 409 when they do not hold.
  public var uid: String?
  public var resourceVersion: String?
  public var propagation: PropagationPolicy?
  public var gracePeriodSeconds: Int?

  public init(
    uid: String? = nil, resourceVersion: String? = nil, propagation: PropagationPolicy? = nil,
    gracePeriodSeconds: Int? = nil
  ) {
    self.uid = uid
    self.resourceVersion = resourceVersion
    self.propagation = propagation
    self.gracePeriodSeconds = gracePeriodSeconds
  }
}

public struct PodLogOptions: Sendable, Hashable {
  public var container: String?
  public var isPrevious: Bool
  public var tailLines: Int?
  public var limitBytes: Int?

  public init(container: String? = nil, isPrevious: Bool = false, tailLines: Int? = nil, limitBytes: Int? = nil) {
    self.container = container
    self.isPrevious = isPrevious
    self.tailLines = tailLines
    self.limitBytes = limitBytes
  }
}

/// The body of a PATCH, by its media type.
public enum PatchBody: Sendable, Hashable {
  /// `application/merge-patch+json` (RFC 7386).
  case merge(JSONValue)
  /// `application/json-patch+json` (RFC 6902): an array of operations.
  case json(JSONValue)
  /// `application/strategic-merge-patch+json`.
  case strategicMerge(JSONValue)
  /// `application/apply-patch+yaml`: server-side apply; WriteOptions.fieldManager is mandatory.
  case apply(JSONValue, force: Bool)

  public var contentType: String {
    switch self {
    case .merge: "application/merge-patch+json"
    case .json: "application/json-patch+json"
    case .strategicMerge: "application/strategic-merge-patch+json"
    case .apply: "application/apply-patch+yaml"
    }
  }

  public var body: JSONValue {
    switch self {
    case .merge(let body), .json(let body), .strategicMerge(let body), .apply(let body, _): body
    }
  }
}
