public import KubernetesAPI

/// Follows one resource type: list, watch from there, list again when the thread is lost.
///
/// The machine does nothing itself: `advance` takes what happened and returns what to do, in order. The last action is
/// always the one whose outcome comes back as the next event (`listPage`, `openWatch` or `wait`), except that a frame of an
/// open watch needs none. Lists are quorum reads: a version of 0 might show a past that was already acted upon.
///
/// Time is a duration since any fixed origin; `jitter` is in 0..<1.
public struct ReflectorMachine: Sendable {
  public struct Settings: Sendable, Hashable {
    /// Objects a page.
    public var pageSize = 500
    /// After errors.
    public var backoff = BackoffPolicy(base: .milliseconds(800), cap: .seconds(30))
    /// After streams that the server ended at once, though without an error.
    public var shortStreamBackoff = BackoffPolicy(base: .milliseconds(200), cap: .seconds(30))
    /// A watch that ended sooner counts as ended at once.
    public var shortStream = Duration.seconds(1)
    /// A watch that lived this long ends a row of failures.
    public var healthyPeriod = Duration.seconds(5)
    /// Lists begun again at once because their continue token expired, before the backoff applies.
    public var promptListRestarts = 3

    public init() {}
  }

  public enum Event: Sendable {
    case start
    /// The answer to `listPage`.
    case page(ObjectList)
    case listFailed(KubernetesError)
    /// One frame of the open watch.
    case frame(WatchEvent)
    /// The server ended the stream in good order.
    case watchEnded
    case watchFailed(KubernetesError)
    /// The time of `wait` is over.
    case waited
  }

  public enum Action: Sendable, Hashable {
    /// Ask for a page of `pageSize`, the first one for nil.
    case listPage(continueToken: String?)
    /// Put the list in the store's place at once.
    case replaceAll(ObjectList)
    case openWatch(resourceVersion: String)
    /// Hand the event to the store.
    case apply(WatchEvent)
    /// Give the open watch up; its outcome is of no interest.
    case closeWatch
    case wait(Duration)
  }

  /// What the machine does now.
  public enum Phase: Sendable, Hashable {
    case unlisted
    case listing(collected: [KubernetesObject], continueToken: String?)
    case watching(resourceVersion: String, since: Duration)
    indirect case backingOff(then: Phase)

    /// One word, for logs and readiness.
    public var name: String {
      switch self {
      case .unlisted: "unlisted"
      case .listing: "listing"
      case .watching: "watching"
      case .backingOff: "backing off"
      }
    }
  }

  public let settings: Settings
  public private(set) var phase = Phase.unlisted
  /// The last failure, until something succeeds. An expired version is not one: it is answered by a list.
  public private(set) var lastError: KubernetesError?
  /// Failures since the last healthy period.
  public private(set) var failures = 0
  /// When the server last said something about the objects: a complete list, an event or a bookmark.
  public private(set) var lastContact: Duration?
  private var shortStreams = 0
  private var listRestarts = 0
  private var lastListed: Duration?

  public init(settings: Settings = Settings()) { self.settings = settings }

  public mutating func advance(_ event: Event, now: Duration, jitter: Double) -> [Action] {
    switch (phase, event) {
    case (.unlisted, .start):
      return list()
    case (.listing(let collected, _), .page(let page)):
      return take(page, after: collected, now: now, jitter: jitter)
    case (.listing(_, let token), .listFailed(let error)):
      return listFailed(error, token: token, jitter: jitter)
    case (.watching(let version, let since), .frame(let frame)):
      return take(frame, at: version, since: since, now: now, jitter: jitter)
    case (.watching(let version, let since), .watchEnded):
      return watchEnded(at: version, lived: now - since, now: now, jitter: jitter)
    case (.watching(let version, let since), .watchFailed(let error)):
      if now - since >= settings.healthyPeriod { failures = 0 }
      return watchFailed(error, at: version, now: now, jitter: jitter)
    case (.backingOff(let next), .waited):
      return resume(next, now: now)
    default:
      // For instance what is left of a watch that was given up.
      return []
    }
  }

  // MARK: Listing

  private mutating func list() -> [Action] {
    phase = .listing(collected: [], continueToken: nil)
    return [.listPage(continueToken: nil)]
  }

  private mutating func take(
    _ page: ObjectList, after collected: [KubernetesObject], now: Duration, jitter: Double
  ) -> [Action] {
    guard !page.resourceVersion.isEmpty, page.resourceVersion != "0" else {
      let error = KubernetesError(attempt: "list", cause: .undecodable("the list has no resourceVersion"))
      return backOff(error, then: .listing(collected: [], continueToken: nil), jitter: jitter)
    }
    phase = .unlisted  // lets the collected objects be changed in place
    var items = collected
    items += page.items
    if let token = page.continueToken, !token.isEmpty {
      phase = .listing(collected: items, continueToken: token)
      return [.listPage(continueToken: token)]
    }
    lastError = nil
    listRestarts = 0
    lastListed = now
    lastContact = now
    phase = .watching(resourceVersion: page.resourceVersion, since: now)
    return [
      .replaceAll(ObjectList(items: items, resourceVersion: page.resourceVersion)),
      .openWatch(resourceVersion: page.resourceVersion),
    ]
  }

  private mutating func listFailed(_ error: KubernetesError, token: String?, jitter: Double) -> [Action] {
    // Pages that are there already are worth keeping through a short disturbance.
    guard error.isExpired, token != nil else { return backOff(error, then: phase, jitter: jitter) }
    listRestarts += 1
    if listRestarts <= settings.promptListRestarts { return list() }
    return backOff(error, then: .listing(collected: [], continueToken: nil), jitter: jitter)
  }

  // MARK: Watching

  private mutating func take(
    _ frame: WatchEvent, at version: String, since: Duration, now: Duration, jitter: Double
  ) -> [Action] {
    let reached: String
    switch frame {
    case .error(let status):
      if now - since >= settings.healthyPeriod { failures = 0 }
      let error = KubernetesError(attempt: "watch", cause: .rejected(status, retryAfter: nil))
      return [.closeWatch] + listAgain(because: error, now: now, jitter: jitter)
    case .bookmark(let resourceVersion, _):
      reached = resourceVersion
    case .added(let object), .modified(let object), .deleted(let object):
      guard !object.metadata.name.isEmpty else { return broken("an event's object has no name", now, jitter) }
      reached = object.metadata.resourceVersion
    }
    guard !reached.isEmpty else { return broken("an event has no resourceVersion", now, jitter) }
    lastError = nil
    lastContact = now
    // Frames at or before the position were in the list or came before.
    if ResourceVersion.hasReached(version, reached) == true { return [] }
    phase = .watching(resourceVersion: reached, since: since)
    return [.apply(frame)]
  }

  private mutating func broken(_ why: String, _ now: Duration, _ jitter: Double) -> [Action] {
    let error = KubernetesError(attempt: "watch", cause: .undecodable(why))
    return [.closeWatch] + listAgain(because: error, now: now, jitter: jitter)
  }

  private mutating func watchEnded(at version: String, lived: Duration, now: Duration, jitter: Double) -> [Action] {
    if lived >= settings.healthyPeriod { failures = 0 }
    lastError = nil
    guard lived < settings.shortStream else {
      shortStreams = 0
      return openWatch(version, now: now)
    }
    shortStreams += 1
    guard shortStreams > 1 else { return openWatch(version, now: now) }
    phase = .backingOff(then: .watching(resourceVersion: version, since: now))
    return [.wait(settings.shortStreamBackoff.delay(failures: shortStreams - 1, jitter: jitter))]
  }

  private mutating func watchFailed(
    _ error: KubernetesError, at version: String, now: Duration, jitter: Double
  ) -> [Action] {
    switch error.cause {
    case .undecodable:
      // What the frame said is lost, so going on from here could miss it for ever.
      return listAgain(because: error, now: now, jitter: jitter)
    case .rejected(let status, _):
      let goesOnLater = [401, 403, 429].contains(status.code) || status.code >= 500
      if error.isExpired || !goesOnLater || status.isVersionTooLarge {
        return listAgain(because: error, now: now, jitter: jitter)
      }
    case .unreachable, .interrupted, .cancelled:
      break
    }
    return backOff(error, then: .watching(resourceVersion: version, since: now), jitter: jitter)
  }

  /// Begins a new list: at once when a version expired in the normal course of things, with the backoff otherwise.
  private mutating func listAgain(because error: KubernetesError, now: Duration, jitter: Double) -> [Action] {
    let isNormal = error.isExpired && (lastListed.map { now - $0 >= settings.healthyPeriod } ?? true)
    if isNormal { return list() }
    return backOff(error, then: .listing(collected: [], continueToken: nil), jitter: jitter)
  }

  private mutating func openWatch(_ version: String, now: Duration) -> [Action] {
    phase = .watching(resourceVersion: version, since: now)
    return [.openWatch(resourceVersion: version)]
  }

  // MARK: Backing off

  private mutating func backOff(_ error: KubernetesError, then next: Phase, jitter: Double) -> [Action] {
    failures += 1
    lastError = error
    phase = .backingOff(then: next)
    let delay = settings.backoff.delay(failures: failures, jitter: jitter)
    return [.wait(max(delay, error.retryAfter ?? .zero))]
  }

  private mutating func resume(_ next: Phase, now: Duration) -> [Action] {
    switch next {
    case .watching(let version, _): return openWatch(version, now: now)
    case .listing(_, let token):
      phase = next
      return [.listPage(continueToken: token)]
    case .unlisted, .backingOff: return list()
    }
  }
}

extension APIStatus {
  /// The server is behind the version asked for: its store was put back to an earlier state.
  fileprivate var isVersionTooLarge: Bool {
    causes.contains { $0.reason == "ResourceVersionTooLarge" } || message.contains("Too large resource version")
  }
}
