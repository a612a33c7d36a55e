public import KubernetesAPI
public import Logging
internal import Synchronization

/// Writes Events, apart from the turns that cause them: recording only queues, and trouble with events is never trouble
/// for a resource.
public final class EventRecorder: Sendable {
  private enum Outcome {
    case written
    case givenUp
    case failed(KubernetesError)
  }

  private let gateway: any KubernetesGateway
  private let logger: Logger
  private let now: @Sendable () -> Timestamp
  private let backlog: Mutex<EventBacklog>
  /// Events known to exist, so that they are counted up without trying to create them.
  private let known = Mutex<Set<ObjectKey>>([])
  private let signals: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation
  private let backoff = BackoffPolicy(base: .milliseconds(500), cap: .seconds(30))
  private static let maximumAttempts = 8
  private static let maximumKnown = 4096

  /// - Parameters:
  ///   - capacity: events that may wait; more are dropped and their number is logged.
  ///   - now: the wall clock.
  public init(
    gateway: any KubernetesGateway, capacity: Int = 1000, logger: Logger, now: @escaping @Sendable () -> Timestamp
  ) {
    self.gateway = gateway
    self.logger = logger
    self.now = now
    backlog = Mutex(EventBacklog(capacity: capacity))
    (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// Events that wait to be written.
  public var waitingCount: Int { backlog.withLock { $0.count } }

  /// Queues an event; returns at once.
  public func record(_ event: EventRecord) {
    let time = now()
    backlog.withLock { $0.add(event, at: time) }
    signal.yield()
  }

  /// Writes what is recorded until the calling task is cancelled. `drain` writes the rest after that.
  public func run() async {
    var failures = 0
    for await _ in signals {
      while !Task.isCancelled, let error = await flush() {
        failures += 1
        let delay = max(
          backoff.delay(failures: failures, jitter: .random(in: 0..<1)), error.retryAfter ?? .zero)
        logger.debug("events wait", metadata: ["error": "\(error)", "retryIn": "\(delay)"])
        do { try await Task.sleep(for: delay) } catch { return }
      }
      failures = 0
    }
  }

  /// Writes all events that wait, in order; stops at the first that should be tried again later and returns why.
  @discardableResult
  public func flush() async -> KubernetesError? {
    while let entry = backlog.withLock({ $0.popFirst() }) {
      switch await write(entry) {
      case .written: break
      case .givenUp: backlog.withLock { $0.drop(entry) }
      case .failed(let error):
        var again = entry
        again.attempts += 1
        again.mayBeStored = entry.mayBeStored || error.isAmbiguous
        if again.attempts >= Self.maximumAttempts {
          backlog.withLock { $0.drop(again) }
        } else {
          backlog.withLock { $0.putBack(again) }
          reportDropped()
          return error
        }
      }
    }
    reportDropped()
    return nil
  }

  /// Writes what waits, as the last act: also in a task that is cancelled already, but for no longer than `limit`.
  public func drain(within limit: Duration) async {
    // Tasks of their own do not inherit the cancellation.
    let writing = Task { await self.flush() }
    let timer = Task {
      do { try await Task.sleep(for: limit) } catch { return }
      writing.cancel()
    }
    _ = await writing.value
    timer.cancel()
    let left = waitingCount
    if left > 0 { logger.warning("events were not written before the end", metadata: ["count": "\(left)"]) }
  }

  private func reportDropped() {
    let dropped = backlog.withLock { $0.takeDroppedCount() }
    if dropped > 0 { logger.warning("events were lost", metadata: ["count": "\(dropped)"]) }
  }

  private func write(_ entry: EventBacklog.Entry) async -> Outcome {
    let key = ObjectKey(namespace: entry.record.subject.namespace, name: entry.record.name)
    do throws(KubernetesError) {
      // A conflict or a disappearance in between is met by beginning again, a few times.
      for _ in 0..<4 {
        if !known.withLock({ $0.contains(key) }), try await create(entry, key) { return .written }
        if entry.record.isOnce { return .written }
        if try await countUp(entry, key) { return .written }
      }
      return .givenUp
    } catch {
      return refusal(error, entry)
    }
  }

  /// False if an event of this name exists.
  private func create(_ entry: EventBacklog.Entry, _ key: ObjectKey) async throws(KubernetesError) -> Bool {
    do throws(KubernetesError) {
      _ = try await gateway.create(.events, namespace: key.namespace, entry.json(name: key.name))
      remember(key)
      return true
    } catch {
      guard error.isAlreadyExists else { throw error }
      remember(key)
      return false
    }
  }

  /// False if the event has changed or gone meanwhile.
  private func countUp(_ entry: EventBacklog.Entry, _ key: ObjectKey) async throws(KubernetesError) -> Bool {
    do throws(KubernetesError) {
      let existing = try await gateway.get(.events, namespace: key.namespace, name: key.name)
      let json = existing.json
      if entry.mayBeStored, json["lastTimestamp"]?.stringValue == entry.lastTime.rfc3339Seconds,
        json["message"]?.stringValue == entry.record.message
      {
        return true
      }
      let count = min((json["count"]?.intValue ?? 1) + Int64(entry.count), Int64(Int32.max))
      let change: JSONValue = [
        "metadata": ["resourceVersion": .string(existing.metadata.resourceVersion)],
        "count": JSONValue(count), "lastTimestamp": .string(entry.lastTime.rfc3339Seconds),
        "message": .string(entry.record.message),
      ]
      _ = try await gateway.patch(.events, namespace: key.namespace, name: key.name, .merge(change))
      return true
    } catch {
      if error.isNotFound {
        forget(key)
        return false
      }
      guard error.isConflict else { throw error }
      return false
    }
  }

  private func refusal(_ error: KubernetesError, _ entry: EventBacklog.Entry) -> Outcome {
    let metadata: Logger.Metadata = [
      "error": "\(error)", "reason": "\(entry.record.reason)", "namespace": "\(entry.record.subject.namespace)",
      "name": "\(entry.record.subject.name)",
    ]
    switch error.status?.code {
    case 403:
      logger.warning(
        "may not write an event; the namespace is ending or the account lacks the right", metadata: metadata)
      return .written
    case 404:
      logger.debug("the namespace of an event is gone", metadata: metadata)
      return .written
    case 400, 405, 413, 422:
      logger.warning("an event was refused", metadata: metadata)
      return .givenUp
    default:
      return .failed(error)
    }
  }

  private func remember(_ key: ObjectKey) {
    known.withLock { known in
      if known.count >= Self.maximumKnown { known.removeAll(keepingCapacity: true) }
      known.insert(key)
    }
  }

  private func forget(_ key: ObjectKey) {
    known.withLock { _ = $0.remove(key) }
  }
}

extension EventBacklog.Entry {
  /// The Event object of core/v1.
  func json(name: String) -> JSONValue {
    var metadata: JSONObject = ["name": .string(name), "namespace": .string(record.subject.namespace)]
    if !record.annotations.isEmpty { metadata["annotations"] = JSONValue(record.annotations) }
    return [
      "apiVersion": "v1", "kind": "Event", "metadata": .object(metadata),
      "type": .string(record.severity.rawValue), "reason": .string(record.reason), "message": .string(record.message),
      "count": JSONValue(count), "firstTimestamp": .string(firstTime.rfc3339Seconds),
      "lastTimestamp": .string(lastTime.rfc3339Seconds), "source": ["component": .string(record.component)],
      "involvedObject": [
        "apiVersion": .string(record.subject.apiVersion), "kind": .string(record.subject.kind),
        "namespace": .string(record.subject.namespace), "name": .string(record.subject.name),
        "uid": .string(record.subject.uid),
      ],
    ]
  }
}
