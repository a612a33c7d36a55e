public import KubernetesAPI

/// One candidate in an election by a Lease object, compatible with client-go's.
///
/// Clocks of different machines are never compared: a lease is free when it has not changed for its duration since this
/// candidate first saw it so. Every write carries the resourceVersion that was read, so that of two candidates one gets
/// a conflict and has lost the race. `now` is time since any fixed origin, by a clock that goes on during suspension.
public struct LeaseElectionMachine: Sendable {
  public struct Settings: Sendable, Hashable {
    /// A lease that was not renewed for this long may be taken over.
    public var leaseDuration = Duration.seconds(15)
    /// A leader that could not renew for this long has lost.
    public var renewDeadline = Duration.seconds(10)
    /// Between two looks at the lease, or two renewals.
    public var retryPeriod = Duration.seconds(2)

    public init() {}

    /// The longest a call may take: two of them fit before the renew deadline.
    public var callTimeout: Duration { renewDeadline * 9 / 20 }
  }

  public enum Action: Sendable, Hashable {
    case read
    case create(JSONValue)
    /// With the resourceVersion that was read.
    case replace(JSONValue)
    /// Ask again then.
    case wait(until: Duration)
    /// It is over.
    case end(LeaseLoss?)
  }

  /// How a call has ended.
  public enum Outcome: Sendable {
    /// A read or a write gave the lease as it is now.
    case lease(KubernetesObject)
    /// A read found none.
    case missing
    /// A write came too late: the lease was changed, made or removed meanwhile.
    case conflict
    /// Whether a write was stored is not known.
    case failed(String)
  }

  private struct Observed {
    var lease: JSONValue
    var at: Duration
  }

  private struct Attempt {
    var sentAt: Duration
    /// Whether its success makes or keeps us the leader.
    var isClaim: Bool
  }

  public let settings: Settings
  public let identity: String
  private let namespace: String
  private let name: String

  private var observed: Observed?
  /// What is to be written next follows from the lease as it was read; after a failure it is read first.
  private var mustRead = true
  /// The server said that there is none.
  private var isMissing = false
  private var attempt: Attempt?
  /// When to act next; at once while nil.
  private var nextAt: Duration?
  /// When the last successful claim was sent; nil for those who do not lead.
  private var claimedAt: Duration?
  private var loss: LeaseLoss?
  private var isReleasing = false
  private var isOver = false
  private var lastFailure: String?

  /// - Parameter identity: unique among all processes there ever are, for instance host name and a random number.
  public init(identity: String, namespace: String, name: String, settings: Settings = Settings()) {
    self.identity = identity
    self.namespace = namespace
    self.name = name
    self.settings = settings
  }

  /// Whether we were the leader as of the last call of `next` or `receive`; guard effects with `remainingMargin`.
  public var isLeader: Bool { claimedAt != nil }

  /// Who holds the lease as far as is known; nil where nobody does.
  public var holder: String? { observed.flatMap { Self.holder(of: $0.lease) } }

  /// How long nobody else can lead, at least: an effect that surely ends in this time is safe. Zero for those who do
  /// not lead. It is reckoned from when the last successful renewal was sent, which is before anybody saw it.
  public func remainingMargin(now: Duration) -> Duration {
    guard let claimedAt else { return .zero }
    return max(.zero, claimedAt + settings.leaseDuration - now)
  }

  /// When the leader has lost, unless a renewal succeeds before.
  public var deadline: Duration? { claimedAt.map { $0 + settings.renewDeadline } }

  /// What to do now. Every action but `wait` and `end` is answered with `receive`.
  ///
  /// - Parameter time: the wall clock, only written into the lease for people to read.
  public mutating func next(now: Duration, time: Timestamp) -> Action {
    checkDeadline(now)
    if isOver || loss != nil { return .end(loss) }
    if isReleasing { return release(now, time) }
    if let nextAt, now < nextAt { return .wait(until: deadline.map { min($0, nextAt) } ?? nextAt) }
    if isMissing {
      attempt = Attempt(sentAt: now, isClaim: true)
      return .create(lease(in: nil, time))
    }
    guard !mustRead, let observed else {
      attempt = Attempt(sentAt: now, isClaim: false)
      return .read
    }
    attempt = Attempt(sentAt: now, isClaim: true)
    return .replace(lease(in: observed.lease, time))
  }

  /// Whether the leader has lost by now; for a watchdog beside a call that may hang.
  public mutating func loss(now: Duration) -> LeaseLoss? {
    checkDeadline(now)
    return loss
  }

  /// The call that `next` asked for has ended.
  ///
  /// - Parameter jitter: at random from 0 to 1; candidates should not look at the lease at the same time.
  public mutating func receive(_ outcome: Outcome, now: Duration, jitter: Double) {
    guard let attempt else { return }
    self.attempt = nil
    switch outcome {
    case .lease(let object):
      lastFailure = nil
      take(object.json, now)
      if attempt.isClaim {
        written(sentAt: attempt.sentAt)
      } else if !isReleasing {
        judge(now, jitter)
      }
    case .missing:
      lastFailure = nil
      observed = nil
      isMissing = true
      if isReleasing { isOver = true }
      nextAt = now
    case .conflict:
      // Somebody was faster. A leader looks at once who it was: it may be a mere annotation.
      isMissing = false
      mustRead = true
      nextAt = isLeader || isReleasing ? now : pause(now, jitter)
    case .failed(let why):
      lastFailure = why
      isMissing = false
      mustRead = true
      if isReleasing { isOver = true }
      // A leader has no time to lose: a second try must fit before the deadline.
      nextAt = isLeader ? now + settings.retryPeriod / 4 : pause(now, jitter)
    }
    checkDeadline(now)
  }

  /// For an orderly end: a leader gives the lease back, so that another need not wait; then `next` says `end`.
  public mutating func end() {
    guard !isReleasing else { return }
    isReleasing = true
    if !isLeader { isOver = true }
    mustRead = mustRead || attempt != nil
    attempt = nil
  }

  // MARK: Steps

  private mutating func written(sentAt: Duration) {
    guard !isReleasing else {
      claimedAt = nil
      isOver = true
      return
    }
    // A renewal that comes through after all does not undo a loss that was reported.
    guard loss == nil else { return }
    isMissing = false
    mustRead = false
    claimedAt = sentAt
    nextAt = sentAt + settings.retryPeriod
  }

  /// After a read.
  private mutating func judge(_ now: Duration, _ jitter: Double) {
    isMissing = false
    guard let observed else { return }
    let holder = Self.holder(of: observed.lease)
    if isLeader, holder != identity {
      loss = LeaseLoss(reason: .taken(by: holder), lease: "\(namespace)/\(name)")
      claimedAt = nil
      return
    }
    let freeAt = observed.at + duration(of: observed.lease)
    let isFree = holder == nil || holder == identity || now >= freeAt
    // A free one is claimed by what was just read; the next look is not delayed beyond its becoming free.
    mustRead = !isFree
    nextAt = isFree ? now : max(now, min(pause(now, jitter), freeAt))
  }

  private mutating func take(_ lease: JSONValue, _ now: Duration) {
    // Our own writes count from when they are seen as well: only `claimedAt` counts for us.
    if let observed, observed.lease["metadata", "resourceVersion"] == lease["metadata", "resourceVersion"],
      observed.lease["metadata", "uid"] == lease["metadata", "uid"]
    {
      return
    }
    // A change that leaves the holder's record alone does not lengthen its time.
    let isSameRecord = observed.map { $0.lease["spec"] == lease["spec"] } ?? false
    observed = Observed(lease: lease, at: isSameRecord ? observed?.at ?? now : now)
  }

  private mutating func checkDeadline(_ now: Duration) {
    guard let deadline, now >= deadline, !isReleasing, !isOver else { return }
    loss = LeaseLoss(
      reason: .notRenewed(within: settings.renewDeadline, lastFailure: lastFailure), lease: "\(namespace)/\(name)")
    claimedAt = nil
  }

  private mutating func release(_ now: Duration, _ time: Timestamp) -> Action {
    if mustRead {
      mustRead = false
      attempt = Attempt(sentAt: now, isClaim: false)
      return .read
    }
    guard var lease = observed?.lease, Self.holder(of: lease) == identity else {
      isOver = true
      return .end(nil)
    }
    lease.set("", at: ["spec", "holderIdentity"])
    // Older candidates go by their own duration, but all of them take a lease without a holder at once.
    lease.set(1, at: ["spec", "leaseDurationSeconds"])
    lease.set(.string(time.rfc3339Micros), at: ["spec", "renewTime"])
    attempt = Attempt(sentAt: now, isClaim: true)
    return .replace(lease)
  }

  private func pause(_ now: Duration, _ jitter: Double) -> Duration {
    now + settings.retryPeriod + settings.retryPeriod * (0.2 * min(max(jitter, 0), 1))
  }

  // MARK: The lease

  /// The lease with us as its holder; members that we do not know stay.
  private func lease(in current: JSONValue?, _ time: Timestamp) -> JSONValue {
    var lease =
      current ?? [
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": ["name": .string(name), "namespace": .string(namespace)],
      ]
    let now = JSONValue.string(time.rfc3339Micros)
    let isOurs = current.flatMap { Self.holder(of: $0) } == identity
    let transitions = current?["spec", "leaseTransitions"]?.intValue ?? 0
    if !isOurs || lease["spec", "acquireTime"] == nil { lease.set(now, at: ["spec", "acquireTime"]) }
    lease.set(.string(identity), at: ["spec", "holderIdentity"])
    lease.set(JSONValue(settings.leaseDuration.components.seconds), at: ["spec", "leaseDurationSeconds"])
    lease.set(now, at: ["spec", "renewTime"])
    let isTransition = current != nil && !isOurs && transitions < Int64(Int32.max)
    lease.set(JSONValue(isTransition ? transitions + 1 : transitions), at: ["spec", "leaseTransitions"])
    return lease
  }

  /// The duration its holder promised; ours where it says nothing usable.
  private func duration(of lease: JSONValue) -> Duration {
    guard let seconds = lease["spec", "leaseDurationSeconds"]?.intValue, (1...3600).contains(seconds) else {
      return settings.leaseDuration
    }
    return .seconds(seconds)
  }

  private static func holder(of lease: JSONValue) -> String? {
    guard let text = lease["spec", "holderIdentity"]?.stringValue, !text.isEmpty else { return nil }
    return text
  }
}

/// Why a leader is none any more. It must not act from then on: its process ends.
public struct LeaseLoss: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Reason: Sendable, Hashable {
    /// Another holds it; nil when nobody does.
    case taken(by: String?)
    case notRenewed(within: Duration, lastFailure: String?)
  }

  public let reason: Reason
  /// Namespace and name.
  public let lease: String

  public init(reason: Reason, lease: String) {
    self.reason = reason
    self.lease = lease
  }

  public var description: String {
    switch reason {
    case .taken(let holder?): "lost the lease \(lease): \(holder) has taken it"
    case .taken(nil): "lost the lease \(lease): it was taken from us"
    case .notRenewed(let limit, let failure):
      "lost the lease \(lease): not renewed within \(limit.components.seconds) s\(failure.map { ", \($0)" } ?? "")"
    }
  }
}
