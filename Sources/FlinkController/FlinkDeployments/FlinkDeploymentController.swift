public import FlinkModel
public import KubernetesAPI
public import KubernetesRuntime
public import Logging
internal import Synchronization

/// Keeps FlinkDeployments as their specs say: watches, and queues of turns, of polls and of looks at pods around
/// `FlinkDeploymentReconciler`.
public final class FlinkDeploymentController: Sendable {
  private let kubernetes: any KubernetesGateway
  private let makeReconciler: @Sendable (OperatorSettings) -> FlinkDeploymentReconciler
  private let logger: Logger
  private let events: EventRecorder
  private let scopes: Mutex<[Scope]>
  /// Tells `run` that the scopes are others.
  private let changes: AsyncStream<Void>
  private let change: AsyncStream<Void>.Continuation

  /// One for each watched namespace, or a single one for all.
  private struct Scope: Sendable {
    let namespace: String?
    let reconciler: FlinkDeploymentReconciler
    let reflectors: [Reflector]
    let queue: WorkQueue
    let turns: ControllerDriver
    let polls: ControllerDriver
    let inspections: ControllerDriver

    var id: ObjectIdentifier { ObjectIdentifier(reconciler) }

    func run() async {
      await withDiscardingTaskGroup { group in
        for reflector in reflectors { group.addTask { await reflector.run() } }
        group.addTask { await turns.run() }
        group.addTask { await polls.run() }
        group.addTask { await inspections.run() }
      }
    }
  }

  public init(
    kubernetes: any KubernetesGateway, flink: any FlinkGateway, resolver: any JobManagerResolver,
    settings: OperatorSettings, clock: OperatorClock = .system,
    mayAct: @escaping @Sendable () -> Bool = { true }, logger: Logger
  ) {
    let events = EventRecorder(gateway: kubernetes, logger: logger) { Timestamp(epochMilliseconds: clock.now()) }
    let pollBudget = PollBudget(requestsPerSecond: settings.pollingBudget)
    let ledgerBudget = SharedLedgerBudget()
    let makeReconciler = { @Sendable (settings: OperatorSettings) in
      FlinkDeploymentReconciler(
        kubernetes: kubernetes, flink: flink, resolver: resolver, settings: settings, clock: clock,
        pollBudget: pollBudget, ledgerBudget: ledgerBudget, mayAct: mayAct, logger: logger,
        recordEvent: { events.record($0) })
    }
    self.kubernetes = kubernetes
    self.makeReconciler = makeReconciler
    self.logger = logger
    self.events = events
    (changes, change) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    scopes = Mutex(
      Self.namespaces(settings).map { namespace in
        Self.scope(
          makeReconciler(settings), namespace: namespace, kubernetes: kubernetes, settings: settings, logger: logger)
      })
  }

  /// nil stands for all.
  private static func namespaces(_ settings: OperatorSettings) -> [String?] {
    settings.watchedNamespaces.map { $0.map { $0 } } ?? [nil]
  }

  /// Takes over changed settings: every resource is looked at again by them, and other namespaces are watched from now
  /// on. What runs in a namespace that is watched no more is left as it is.
  public func apply(_ settings: OperatorSettings) {
    let kept = scopes.withLock { scopes in
      let wanted = Self.namespaces(settings)
      let kept = scopes.filter { wanted.contains($0.namespace) }
      for scope in kept { scope.reconciler.apply(settings) }
      let added = wanted.filter { namespace in !kept.contains { $0.namespace == namespace } }
      scopes =
        kept
        + added.map {
          Self.scope(
            makeReconciler(settings), namespace: $0, kubernetes: kubernetes, settings: settings, logger: logger)
        }
      return kept
    }
    change.yield()
    for scope in kept {
      for key in scope.reconciler.stores.resources.keys { scope.queue.add(key, priority: .steady) }
    }
  }

  private static func scope(
    _ reconciler: FlinkDeploymentReconciler, namespace: String?, kubernetes: any KubernetesGateway,
    settings: OperatorSettings, logger: Logger
  ) -> Scope {
    let turnQueue = WorkQueue(machine: WorkQueueMachine(backoff: settings.turnBackoff))
    let pollQueue = WorkQueue()
    let inspectionQueue = WorkQueue()
    let turns = ControllerDriver(queue: turnQueue, concurrency: 64, logger: logger) { key in
      let result = await reconciler.turn(key)
      if result.pollsNow { pollQueue.add(key, priority: .transition) }
      if result.inspectsNow { inspectionQueue.add(key, priority: .failureReaction) }
      return result.wake
    }
    let inspections = ControllerDriver(queue: inspectionQueue, concurrency: 64, logger: logger) { key in
      if await reconciler.inspect(key) { turnQueue.add(key, priority: .failureReaction) }
      return .onChange
    }
    let polls = ControllerDriver(queue: pollQueue, concurrency: 256, logger: logger) { key in
      let result = await reconciler.poll(key)
      if result.isNews { turnQueue.add(key, priority: .transition) }
      return result.pause.map { .after(.milliseconds($0)) } ?? .onChange
    }
    let stores = reconciler.stores
    let watched = stores.all.filter { $0.store.type != .ingresses || settings.isIngressManaged }
    let reflectors = watched.map { store, selector in
      let isResource = store.type == .flinkDeployments
      return Reflector(
        gateway: kubernetes, type: store.type, namespace: namespace,
        labelSelector: isResource ? settings.labelSelector : selector, store: store, logger: logger,
        onChange: { change in
          let affected = stores.note(change, in: store.type)
          if let key = affected.turn {
            turnQueue.add(key, priority: stores.isSynced ? affected.priority : .initialList)
          }
          if let key = affected.poll { pollQueue.add(key, priority: .transition) }
        })
    }
    return Scope(
      namespace: namespace, reconciler: reconciler, reflectors: reflectors, queue: turnQueue, turns: turns,
      polls: polls, inspections: inspections)
  }

  private var present: [Scope] { scopes.withLock { $0 } }

  /// Whether every watched kind has been listed once: before that nothing is decided.
  public var isSynced: Bool { present.allSatisfy { $0.reconciler.stores.isSynced } }

  /// The state of the watches, for health checks. Of Ingresses nothing else depends.
  public var watches: [Reflector.Status] {
    present.flatMap { $0.reflectors.map(\.status) }.filter { $0.type != .ingresses }
  }

  /// The number of FlinkDeployments seen.
  public var resourceCount: Int { present.reduce(0) { $0 + $1.reconciler.stores.resources.count } }

  /// Runs until the calling task is cancelled; then turns under way are cancelled and waiting events written.
  public func run() async throws {
    change.yield()
    await withDiscardingTaskGroup { group in
      group.addTask { await self.events.run() }
      var running: [ObjectIdentifier: Task<Void, Never>] = [:]
      for await _ in changes {
        let present = present
        for (id, task) in running where !present.contains(where: { $0.id == id }) {
          task.cancel()
          running[id] = nil
        }
        for scope in present where running[scope.id] == nil {
          let task = Task { await scope.run() }
          running[scope.id] = task
          group.addTask {
            await withTaskCancellationHandler {
              await task.value
            } onCancel: {
              task.cancel()
            }
          }
        }
      }
    }
    await events.drain(within: .seconds(5))
  }
}
