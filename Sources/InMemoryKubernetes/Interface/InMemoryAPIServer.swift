public import KubernetesAPI

/// A Kubernetes API server as a value: requests go in, answers come out, watches are pulled.
///
/// Nothing here waits, sleeps or reads a clock. A copy of the value is a snapshot of the whole cluster, with its own
/// future.
public struct InMemoryAPIServer: Sendable {
  /// Larger bodies are answered with 413.
  public static let maximumBodyBytes = 3 * 1024 * 1024

  public struct Options: Sendable {
    /// First addresses and size of the range that ClusterIPs come from, as a CIDR such as `10.96.0.0/16`.
    public var serviceCIDR: String
    /// Events kept for each resource type; a watch from before them gets 410.
    public var historyLength: Int
    /// Seeds names, uids and pod-template hashes: equal seeds and requests give equal answers.
    public var seed: UInt64

    public init(serviceCIDR: String = "10.96.0.0/16", historyLength: Int = 4096, seed: UInt64 = 0) {
      self.serviceCIDR = serviceCIDR
      self.historyLength = historyLength
      self.seed = seed
    }
  }

  public init(options: Options = Options(), at now: Timestamp) {}

  /// Carries out one request.
  public mutating func handle(_ request: APIRequest, at now: Timestamp) -> APIResponse {
    APIResponse(status: 404, content: .bytes([]))
  }

  /// The next frames of a watch, at most `limit`. An unknown or ended id gives an ended, empty batch.
  public mutating func nextEvents(_ id: WatchID, limit: Int = 100, at now: Timestamp) -> WatchBatch {
    WatchBatch(frames: [], isEnded: true, wakeAt: now)
  }

  /// Whether `nextEvents` would give frames (bookmarks aside).
  public func hasPendingEvents(_ id: WatchID) -> Bool { false }

  /// The client of a watch is gone.
  public mutating func closeWatch(_ id: WatchID) {}

  /// The watches that writes since the last call have something for: their fronts are to pull now.
  public mutating func takeWokenWatches() -> [WatchID] { [] }
}
