public import InMemoryKubernetes
public import KubernetesAPI

/// Where the front gets the logs of containers from: the node agent.
public protocol PodLogSource: Sendable {
  /// Opens a container's log as the request asks for it (`tailLines`, `sinceSeconds`, timestamps and `limitBytes` are
  /// applied here).
  ///
  /// - Throws: `PodLogError` with the Status the client is to get, for instance when the container has not started.
  func openLog(_ request: PodLogRequest) async throws(PodLogError) -> any PodLogReader
}

/// A log being read.
public protocol PodLogReader: Sendable {
  /// The next bytes, never none; nil at the end. A reader that follows waits for more until the container has ended, and
  /// returns nil when the task is cancelled.
  func next() async -> [UInt8]?
}

/// Why a log cannot be read, as the API server is to answer it.
public struct PodLogError: Error, Sendable, Hashable {
  public let status: APIStatus

  public init(_ status: APIStatus) { self.status = status }

  /// The container exists but has no log yet, or none of a previous run.
  public static func notAvailable(_ message: String) -> PodLogError {
    PodLogError(APIStatus(code: 400, reason: "BadRequest", message: message))
  }
}
