public import FlinkModel
public import KubernetesAPI
public import KubernetesRuntime
public import Logging
internal import Synchronization

/// Says of every object of a kind without a controller that nothing happens for it, once.
public final class UnmanagedKindController: Sendable {
  private let kubernetes: any KubernetesGateway
  private let clock: OperatorClock
  private let logger: Logger
  private let events: EventRecorder
  private let followers: [Follower]
  /// By UID, what was said last: should another operator write over it, it is not said again and again.
  private let told = Mutex<[String: String]>([:])

  private struct Follower: Sendable {
    let kind: FlinkKind
    let store: ObjectStore
    let reflector: Reflector
    let queue: WorkQueue
  }

  public init(
    kubernetes: any KubernetesGateway, settings: OperatorSettings, clock: OperatorClock = .system, logger: Logger
  ) {
    self.kubernetes = kubernetes
    self.clock = clock
    self.logger = logger
    events = EventRecorder(gateway: kubernetes, logger: logger) { Timestamp(epochMilliseconds: clock.now()) }
    let namespaces: [String?] = settings.watchedNamespaces.map { $0.map { $0 } } ?? [nil]
    followers = FlinkKind.allCases.filter { !$0.isManaged }.flatMap { kind in
      namespaces.map { namespace in
        let store = ObjectStore(type: kind.type)
        let queue = WorkQueue()
        let reflector = Reflector(
          gateway: kubernetes, type: kind.type, namespace: namespace, labelSelector: settings.labelSelector,
          store: store, logger: logger,
          onChange: { change in
            if case .removed = change { return }
            queue.add(change.key, priority: .steady)
          })
        return Follower(kind: kind, store: store, reflector: reflector, queue: queue)
      }
    }
  }

  /// The state of the watches. A kind that is not installed is no reason to be unready.
  public var watches: [Reflector.Status] { followers.map(\.reflector.status) }

  /// Runs until the calling task is cancelled.
  public func run() async {
    await withDiscardingTaskGroup { group in
      for follower in followers {
        let driver = ControllerDriver(queue: follower.queue, concurrency: 4, logger: logger) { [self] key in
          await tell(follower, key)
        }
        group.addTask { await follower.reflector.run() }
        group.addTask { await driver.run() }
      }
      group.addTask { await self.events.run() }
    }
    _ = await events.flush()
  }

  private func tell(_ follower: Follower, _ key: ObjectKey) async -> Wake {
    guard let object = follower.store.get(key),
      let notice = UnmanagedNotice(object, kind: follower.kind, now: Timestamp(epochMilliseconds: clock.now()))
    else { return .onChange }
    let metadata = object.metadata
    let saying = "\(metadata.generation) \(notice.message)"
    guard told.withLock({ $0[metadata.uid] }) != saying else { return .onChange }
    let patch = notice.patch(
      uid: metadata.uid, resourceVersion: metadata.resourceVersion, generation: metadata.generation)
    guard let patch else { return .onChange }
    do throws(KubernetesError) {
      _ = try await kubernetes.patch(
        follower.kind.type, namespace: key.namespace, name: key.name, subresource: "status", .merge(patch))
    } catch {
      // A conflict's newer version is on its way by the watch.
      if error.isConflict || error.isNotFound { return .onChange }
      logger.warning(
        "cannot say that the kind is not supported", metadata: ["key": "\(key)", "error": "\(error)"])
      return .failed(retryAfter: error.retryAfter)
    }
    told.withLock { $0[metadata.uid] = saying }
    events.record(
      EventRecord(
        subject: EventRecord.Subject(type: follower.kind.type, metadata: metadata), severity: .warning,
        reason: UnmanagedNotice.reason, message: notice.message, component: "Operator", isOnce: true))
    return .onChange
  }
}
