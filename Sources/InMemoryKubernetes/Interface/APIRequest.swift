public import KubernetesAPI

/// Who sends a request, as the front has authenticated them.
public struct APIUser: Sendable, Hashable {
  public var name: String
  public var uid: String
  public var groups: [String]
  /// What else the credentials say, for instance the pod a token was made for.
  public var extra: [String: [String]]

  public init(name: String, uid: String = "", groups: [String] = [], extra: [String: [String]] = [:]) {
    self.extra = extra
    self.name = name
    self.uid = uid
    self.groups = groups
  }

  /// Who did not say: may read `/version` and the health endpoints, and what roles give to `system:unauthenticated`.
  public static let anonymous = APIUser(name: "system:anonymous", groups: ["system:unauthenticated"])
  public static let administrator = APIUser(
    name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"])
}

/// One HTTP request, its body read to the end.
public struct APIRequest: Sendable {
  /// What came as credentials.
  public enum Identity: Sendable, Hashable {
    case user(APIUser)
    /// No credentials: handled as `system:anonymous`.
    case anonymous
    /// Credentials that are not valid: answered with 401.
    case rejected
    /// A token the front does not know; it may be one of a service account that was asked for here.
    case bearer(String)
  }

  public enum Body: Sendable, Hashable {
    case empty
    case bytes([UInt8])
    /// A body that is a tree already, from callers in process.
    case json(JSONValue)
    /// A body the front stopped reading because it is larger than `InMemoryAPIServer.maximumBodyBytes`.
    case tooLarge
  }

  /// Upper case.
  public var method: String
  /// Path and query, percent-encoded as on the request line.
  public var target: String
  /// Names in lower case, in the order they came.
  public var headers: [(name: String, value: String)]
  public var identity: Identity
  public var body: Body

  public init(
    method: String, target: String, headers: [(name: String, value: String)] = [],
    identity: Identity = .user(.administrator), body: Body = .empty
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.identity = identity
    self.body = body
  }

  /// The first header of that (lower case) name.
  public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}
