import KubernetesAPI

/// One open watch: what it selects and how far it has got.
struct Watch: Sendable {
  var request: ResourceRequest
  var format: OutputFormat
  var filter: ObjectFilter
  /// Objects still to be sent as ADDED before the log is followed.
  var initial: [JSONValue] = []
  var initialPosition = 0
  /// A bookmark annotated as the end of the initial events is owed.
  var owesInitialEnd = false
  /// The next entry of the log, by sequence number.
  var cursor: Int
  /// Entries up to this version are not sent.
  var minimumVersion: UInt64
  /// An ERROR frame to send instead of anything else.
  var failure: JSONValue?
  var allowsBookmarks: Bool
  var nextBookmark: GoTime
  var endsAt: GoTime
  /// What is left to say, once the resource is no longer served; the watch ends after it.
  var farewell: [LogEntry]?
  /// Tables name their columns once.
  var hasSentColumns = false

  static let bookmarkInterval: Int64 = 60_000_000
}
