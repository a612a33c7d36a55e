public import KubernetesAPI

/// A Kubernetes API server as a value: requests go in, answers come out, watches are pulled.
///
/// Nothing here waits, sleeps or reads a clock. A copy of the value is a snapshot of the whole cluster, with its own
/// future.
public struct InMemoryAPIServer: Sendable {
  /// Larger bodies are answered with 413.
  public static let maximumBodyBytes = 3 * 1024 * 1024
  /// How long a read waits for a version from the future.
  public static let versionPatience = Duration.seconds(3)

  public struct Options: Sendable {
    /// The range that ClusterIPs come from, as a CIDR such as `10.96.0.0/16`.
    public var serviceCIDR: String
    /// Events kept for each resource type; a watch from before them gets 410.
    public var historyLength: Int
    /// Seeds names, uids and addresses: equal seeds and requests give equal answers.
    public var seed: UInt64

    /// Whether `metadata.managedFields` of plain writes is kept; without it apply sees no other managers.
    public var tracksFieldManagers: Bool

    /// Makes the text of a service account's token, which nobody must be able to guess; nil takes it from the seed.
    public var makeToken: (@Sendable () -> String)?
    /// Who a token of the front stands for, for those that review it.
    public var knownUser: (@Sendable (String) -> APIUser?)?

    public init(
      serviceCIDR: String = "10.96.0.0/16", historyLength: Int = 4096, seed: UInt64 = 0,
      tracksFieldManagers: Bool = true, makeToken: (@Sendable () -> String)? = nil,
      knownUser: (@Sendable (String) -> APIUser?)? = nil
    ) {
      self.makeToken = makeToken
      self.knownUser = knownUser
      self.tracksFieldManagers = tracksFieldManagers
      self.serviceCIDR = serviceCIDR
      self.historyLength = historyLength
      self.seed = seed
    }
  }

  let options: Options
  var registry: ResourceRegistry
  var stores: [StorageID: ResourceStore] = [:]
  /// The version of the last write, over all resources.
  var version: UInt64 = 0
  var random: SeededRandom
  var watches: [WatchID: Watch] = [:]
  var watchesByStorage: [StorageID: Set<WatchID>] = [:]
  var wokenWatches: Set<WatchID> = []
  var nextWatchNumber: UInt64 = 1
  var serviceAddresses: ServiceAddresses
  /// Tokens of service accounts, by their text.
  var tokens: [String: IssuedToken] = [:]

  public init(options: Options = Options(), at now: Timestamp) {
    self.options = options
    registry = ResourceRegistry(builtins: BuiltinResources.all)
    random = SeededRandom(seed: options.seed)
    serviceAddresses = ServiceAddresses(cidr: options.serviceCIDR)
    bootstrap(at: GoTime(now))
  }

  /// The version of the last write.
  public var resourceVersion: String { String(version) }

  /// Whether a write of that version or a later one has been made.
  public func hasReached(_ wanted: UInt64) -> Bool { version >= wanted }

  /// Whether the controllers have done what they do at once about a new object.
  public func has(_ followup: Followup) -> Bool { followup.isThere(stores) }

  /// Carries out one request.
  ///
  /// - Parameter progress: of this request, where it waited for webhooks.
  public mutating func handle(
    _ request: APIRequest, at now: Timestamp, after progress: AdmissionProgress? = nil
  ) -> APIResponse {
    var context = RequestContext(
      request: request, target: RequestTarget(request.target), user: .anonymous, now: progress?.now ?? GoTime(now),
      format: OutputFormat())
    context.admission = progress
    if progress == nil, hasWebhooks, request.method != "GET" {
      context.admission = AdmissionProgress(seed: random.next(), now: context.now)
    }
    // What is drawn for a request that may be carried out twice is the same each time.
    let ownRandom = random
    if let seed = context.admission?.seed { random = SeededRandom(seed: seed) }
    var response: APIResponse
    do throws(APIFailure) {
      response = try route(&context)
    } catch {
      response = error.response
      if !error.webhookCalls.isEmpty, let progress = context.admission {
        random = ownRandom
        return APIResponse(status: error.status.code, content: .webhooks(error.webhookCalls, progress))
      }
    }
    if context.admission != nil { random = ownRandom }
    response.headers += context.warningHeaders
    if context.contentType == RequestContext.protobuf { response.translateToProtobuf() }
    return response
  }

  /// The next frames of a watch, at most `limit`. An unknown or ended id gives an ended, empty batch.
  public mutating func nextEvents(_ id: WatchID, limit: Int = 100, at now: Timestamp) -> WatchBatch {
    pullWatch(id, limit: limit, at: GoTime(now))
  }

  /// Whether `nextEvents` would give frames, bookmarks aside.
  public func hasPendingEvents(_ id: WatchID) -> Bool { isWatchBehind(id) }

  /// The client of a watch is gone.
  public mutating func closeWatch(_ id: WatchID) { dropWatch(id) }

  /// The watches that were opened or that writes since the last call may have something for: their fronts are to pull.
  public mutating func takeWokenWatches() -> [WatchID] {
    defer { wokenWatches = [] }
    return wokenWatches.sorted()
  }
}

extension GoTime {
  init(_ timestamp: Timestamp) { self.init(epochMicroseconds: timestamp.epochMilliseconds * 1000) }
}
