/// Why a request to a Kubernetes API did not give its result, and what is known about its effect.
public struct KubernetesError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Cause: Sendable, Hashable {
    /// The server answered and refused. `retryAfter` comes from the header or the Status.
    case rejected(APIStatus, retryAfter: Duration?)
    /// The request was never sent: no connection, bad TLS, no credentials.
    case unreachable(String)
    /// The request may have been carried out: the answer was lost or the deadline passed.
    case interrupted(String)
    /// The server answered with something that is not what was asked for.
    case undecodable(String)
    case cancelled
  }

  /// What was being done, for instance "patch status of flinkdeployments.flink.apache.org ns/name".
  public let attempt: String
  public let cause: Cause

  public init(attempt: String, cause: Cause) {
    self.attempt = attempt
    self.cause = cause
  }

  public var status: APIStatus? { if case .rejected(let status, _) = cause { status } else { nil } }
  public var isNotFound: Bool { status?.code == 404 }
  public var isAlreadyExists: Bool { status?.code == 409 && status?.reason == "AlreadyExists" }
  public var isConflict: Bool { status?.code == 409 && status?.reason == "Conflict" }
  /// The resourceVersion or continue token is too old: list again.
  public var isExpired: Bool { status?.code == 410 || status?.reason == "Expired" || status?.reason == "Gone" }
  public var isForbidden: Bool { status?.code == 403 }
  public var isInvalid: Bool { status?.code == 422 }
  public var retryAfter: Duration? {
    guard case .rejected(let status, let header) = cause else { return nil }
    return header ?? status.retryAfterSeconds.map { .seconds($0) }
  }
  /// Whether a write may have been stored although it failed here. True too for a 5xx answer of a proxy on the way
  /// and for an answer that could not be read.
  public var isAmbiguous: Bool {
    switch cause {
    case .interrupted, .undecodable, .cancelled: true
    case .rejected(let status, _): status.code >= 500
    case .unreachable: false
    }
  }

  public var description: String {
    switch cause {
    case .rejected(let status, _): "\(attempt): \(status.message) (\(status.code) \(status.reason))"
    case .unreachable(let why): "\(attempt): cannot reach the API server: \(why)"
    case .interrupted(let why): "\(attempt): no answer: \(why)"
    case .undecodable(let why): "\(attempt): unreadable answer: \(why)"
    case .cancelled: "\(attempt): cancelled"
    }
  }
}
