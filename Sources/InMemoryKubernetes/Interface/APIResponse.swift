public import KubernetesAPI

/// A watch that is open on the server. Valid until it ends or is closed.
public struct WatchID: Sendable, Hashable, Comparable, CustomStringConvertible {
  let number: UInt64

  public var description: String { "watch-\(number)" }
  public static func < (left: WatchID, right: WatchID) -> Bool { left.number < right.number }
}

/// Which log of which container is asked for. The machine has checked that the pod and the container exist and that
/// the pod has a node; the front fetches the text from the node's agent.
public struct PodLogRequest: Sendable, Hashable {
  public var namespace: String
  public var pod: String
  public var podUID: String
  public var nodeName: String
  public var container: String
  public var isFollowing: Bool
  public var isPrevious: Bool
  public var hasTimestamps: Bool
  public var tailLines: Int?
  public var limitBytes: Int?
  public var sinceSeconds: Int?
  /// RFC 3339, as sent.
  public var sinceTime: String?
}

/// The answer to one request.
public struct APIResponse: Sendable {
  public enum Content: Sendable, Hashable {
    /// A body in full; `content-type` is among the headers.
    case json(JSONValue)
    case bytes([UInt8])
    /// A stream of watch frames: the front sends the headers, then pulls with `nextEvents` until the batch says it ended,
    /// and closes the watch when the client goes away.
    case watch(WatchID)
    /// A pod's log: the front asks the node agent; the answer is `text/plain`.
    case podLog(PodLogRequest)
    /// Nothing is decided yet, and nothing has changed: the front makes the calls, adds their answers to the progress and
    /// hands the request in again with it.
    case webhooks([WebhookCall], AdmissionProgress)
  }

  public var status: Int
  /// Names in lower case.
  public var headers: [(name: String, value: String)]
  public var content: Content
  /// The request asks for this version or a later one, which is not reached: the front hands the request in again when it
  /// is, and gives this answer when that takes longer than `InMemoryAPIServer.versionPatience`.
  public var awaitedVersion: UInt64?

  public init(
    status: Int, headers: [(name: String, value: String)] = [], content: Content, awaitedVersion: UInt64? = nil
  ) {
    self.awaitedVersion = awaitedVersion
    self.status = status
    self.headers = headers
    self.content = content
  }

  /// The body as it goes over the wire; empty for streams.
  public var bodyBytes: [UInt8] {
    switch content {
    case .json(let json): json.serialized()
    case .bytes(let bytes): bytes
    case .watch, .podLog, .webhooks: []
    }
  }

  /// The body of a JSON answer.
  public var json: JSONValue? { if case .json(let json) = content { json } else { nil } }

  public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// One frame of a watch.
public struct WatchFrame: Sendable, Hashable {
  /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.
  public var type: String
  public var object: JSONValue

  public init(type: String, object: JSONValue) {
    self.type = type
    self.object = object
  }

  public var json: JSONValue { ["type": .string(type), "object": object] }

  /// The frame as it goes over the wire, with the line feed after it.
  public var bytes: [UInt8] { json.serialized() + [UInt8(ascii: "\n")] }
}

/// What a watch has to say now.
public struct WatchBatch: Sendable {
  public var frames: [WatchFrame]
  /// Nothing comes after these frames; the watch is closed.
  public var isEnded: Bool
  /// When the watch wants to be pulled again even if nothing is written: for its next bookmark or its end.
  public var wakeAt: Timestamp
}
