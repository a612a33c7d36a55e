internal import Glibc
public import KubernetesAPI
public import Logging
internal import Synchronization

/// Runs work only while this process is the leader: performs what a `LeaseElectionMachine` says.
public final class LeaseElection: Sendable {
  public let identity: String
  private let gateway: any KubernetesGateway
  private let namespace: String
  private let name: String
  private let settings: LeaseElectionMachine.Settings
  private let logger: Logger
  private let origin = ContinuousClock.now
  private let machine: Mutex<LeaseElectionMachine>

  /// - Parameters:
  ///   - gateway: its calls should end within `settings.callTimeout`; one that does not is given up at the renew deadline.
  ///   - identity: unique to this process; nil for the host's name and a random number.
  public init(
    gateway: any KubernetesGateway, namespace: String, name: String, identity: String? = nil,
    settings: LeaseElectionMachine.Settings = LeaseElectionMachine.Settings(), logger: Logger
  ) {
    self.gateway = gateway
    self.namespace = namespace
    self.name = name
    self.identity = identity ?? Self.newIdentity()
    self.settings = settings
    var logger = logger
    logger[metadataKey: "lease"] = "\(namespace)/\(name)"
    self.logger = logger
    machine = Mutex(
      LeaseElectionMachine(identity: self.identity, namespace: namespace, name: name, settings: settings))
  }

  /// The host's name, which is the pod's, and 64 random bits.
  public static func newIdentity() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    let host =
      gethostname(&buffer, buffer.count - 1) == 0
      ? String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "unknown"
    return "\(host)_\(String(UInt64.random(in: 0...UInt64.max), radix: 16))"
  }

  public var isLeader: Bool { remainingMargin > .zero }

  /// How long nobody else can lead, at least; zero for those who do not lead. An effect needs a margin longer than the
  /// deadline of its calls.
  public var remainingMargin: Duration { machine.withLock { $0.remainingMargin(now: now) } }

  /// Waits until we lead and runs `body`; gives the lease back when `body` has ended or the task is cancelled.
  ///
  /// - Parameter onLoss: called at once when the lease is lost, before `body` is cancelled. The process should end
  ///   here: nothing says how long `body` takes to notice.
  /// - Throws: `LeaseLoss` when the lease was lost, or what `body` throws.
  public func run(
    onLoss: @escaping @Sendable (LeaseLoss) -> Void = { _ in }, _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    guard await lead() else { return }
    logger.notice("we lead", metadata: ["identity": "\(identity)"])
    let result = await withTaskGroup(of: Ended.self) { group in
      group.addTask {
        do {
          try await body()
          return .body(nil)
        } catch {
          return .body(error)
        }
      }
      group.addTask { await self.keep() }
      group.addTask { await self.watchDeadline() }
      defer { group.cancelAll() }
      for await ended in group {
        switch ended {
        case .body: return ended
        case .lost(let loss):
          logger.critical("\(loss)")
          onLoss(loss)
          return ended
        case .cancelled: continue
        }
      }
      return .cancelled
    }
    switch result {
    case .lost(let loss): throw loss
    case .cancelled: await release()
    case .body(let error):
      await release()
      if let error { throw error }
    }
  }

  private enum Ended: Sendable {
    case body((any Error)?)
    case lost(LeaseLoss)
    case cancelled
  }

  /// True when we lead; false when the task was cancelled before.
  private func lead() async -> Bool {
    var holder: String?
    while !Task.isCancelled {
      _ = await step()
      let (isLeader, current) = machine.withLock { ($0.isLeader, $0.holder) }
      if isLeader { return true }
      if let current, current != holder {
        logger.info("standing by", metadata: ["leader": "\(current)"])
        holder = current
      }
    }
    // What was claimed in the same moment is given back.
    await release()
    return false
  }

  private func keep() async -> Ended {
    while !Task.isCancelled {
      if case .end(let loss?) = await step() { return .lost(loss) }
    }
    return .cancelled
  }

  /// A call that hangs must not keep us from noticing that the deadline has passed.
  private func watchDeadline() async -> Ended {
    while !Task.isCancelled {
      let deadline = machine.withLock { $0.deadline } ?? .zero
      guard now >= deadline else {
        // Cancelled only at the end of the process's work.
        try? await Task.sleep(until: origin + deadline, tolerance: .zero, clock: .continuous)
        continue
      }
      if let loss = machine.withLock({ $0.loss(now: now) }) { return .lost(loss) }
    }
    return .cancelled
  }

  /// Gives the lease back within the time of two calls, cancelled or not.
  private func release() async {
    machine.withLock { $0.end() }
    let limit = now + settings.callTimeout
    let work = Task {
      while now < limit { if case .end = await step() { return } }
    }
    let timer = Task {
      try? await Task.sleep(for: settings.callTimeout)
      work.cancel()
    }
    await work.value
    timer.cancel()
  }

  /// Performs one action.
  private func step() async -> LeaseElectionMachine.Action {
    let action = machine.withLock { $0.next(now: now, time: wallClock()) }
    let outcome: LeaseElectionMachine.Outcome
    switch action {
    case .read:
      outcome = await call(ifNotFound: .missing) { () async throws(KubernetesError) in
        try await self.gateway.get(.leases, namespace: self.namespace, name: self.name)
      }
    case .create(let lease):
      outcome = await call(ifNotFound: nil) { () async throws(KubernetesError) in
        try await self.gateway.create(.leases, namespace: self.namespace, lease)
      }
    case .replace(let lease):
      outcome = await call(ifNotFound: .conflict) { () async throws(KubernetesError) in
        try await self.gateway.replace(.leases, namespace: self.namespace, name: self.name, lease)
      }
    case .wait(let until):
      try? await Task.sleep(until: origin + until, tolerance: .zero, clock: .continuous)
      return action
    case .end: return action
    }
    let jitter = Double.random(in: 0...1)
    machine.withLock { $0.receive(outcome, now: now, jitter: jitter) }
    return action
  }

  /// - Parameter ifNotFound: what 404 means; a namespace that is not there when nil.
  private func call(
    ifNotFound: LeaseElectionMachine.Outcome?,
    _ body: () async throws(KubernetesError) -> KubernetesObject
  ) async -> LeaseElectionMachine.Outcome {
    do throws(KubernetesError) {
      return .lease(try await body())
    } catch {
      if error.isConflict || error.isAlreadyExists { return .conflict }
      if error.isNotFound, let ifNotFound { return ifNotFound }
      if !Task.isCancelled { logger.warning("lease call failed", metadata: ["error": "\(error)"]) }
      return .failed("\(error)")
    }
  }

  private var now: Duration { ContinuousClock.now - origin }

  private func wallClock() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(epochMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}
