public import FlinkModel
public import KubernetesAPI
public import KubernetesRuntime
public import Logging

/// Keeps FlinkDeployments as their specs say: watches, a queue of turns and a queue of polls around
/// `FlinkDeploymentReconciler`.
public final class FlinkDeploymentController: Sendable {
  /// One for each watched namespace, or a single one for all.
  private let scopes: [Scope]
  private let events: EventRecorder

  private struct Scope: Sendable {
    let reconciler: FlinkDeploymentReconciler
    let reflectors: [Reflector]
    let turns: ControllerDriver
    let polls: ControllerDriver
  }

  public init(
    kubernetes: any KubernetesGateway, flink: any FlinkGateway, resolver: any JobManagerResolver,
    settings: OperatorSettings, clock: OperatorClock = .system, logger: Logger
  ) {
    let events = EventRecorder(gateway: kubernetes, logger: logger) { Timestamp(epochMilliseconds: clock.now()) }
    self.events = events
    let namespaces: [String?] = settings.watchedNamespaces.map { $0.map { $0 } } ?? [nil]
    let pollBudget = PollBudget(requestsPerSecond: settings.pollingBudget)
    scopes = namespaces.map { namespace in
      let reconciler = FlinkDeploymentReconciler(
        kubernetes: kubernetes, flink: flink, resolver: resolver, settings: settings, clock: clock,
        pollBudget: pollBudget, logger: logger,
        recordEvent: { events.record($0) })
      return Self.scope(reconciler, namespace: namespace, kubernetes: kubernetes, settings: settings, logger: logger)
    }
  }

  private static func scope(
    _ reconciler: FlinkDeploymentReconciler, namespace: String?, kubernetes: any KubernetesGateway,
    settings: OperatorSettings, logger: Logger
  ) -> Scope {
    let turnQueue = WorkQueue()
    let pollQueue = WorkQueue()
    let turns = ControllerDriver(queue: turnQueue, concurrency: 64, logger: logger) { key in
      let result = await reconciler.turn(key)
      if result.pollsNow { pollQueue.add(key, priority: .transition) }
      return result.wake
    }
    let polls = ControllerDriver(queue: pollQueue, concurrency: 256, logger: logger) { key in
      let result = await reconciler.poll(key)
      if result.isNews { turnQueue.add(key, priority: .transition) }
      return result.pause.map { .after(.milliseconds($0)) } ?? .onChange
    }
    let stores = reconciler.stores
    let reflectors = stores.all.map { store, selector in
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
    return Scope(reconciler: reconciler, reflectors: reflectors, turns: turns, polls: polls)
  }

  /// Whether every watched kind has been listed once: before that nothing is decided.
  public var isSynced: Bool { scopes.allSatisfy { $0.reconciler.stores.isSynced } }

  /// The state of the watches, for health checks.
  public var watches: [Reflector.Status] { scopes.flatMap { $0.reflectors.map(\.status) } }

  /// The number of FlinkDeployments seen.
  public var resourceCount: Int { scopes.reduce(0) { $0 + $1.reconciler.stores.resources.count } }

  /// Runs until the calling task is cancelled; then turns under way are cancelled and waiting events written.
  public func run() async throws {
    await withDiscardingTaskGroup { group in
      for scope in scopes {
        for reflector in scope.reflectors { group.addTask { await reflector.run() } }
        group.addTask { await scope.turns.run() }
        group.addTask { await scope.polls.run() }
      }
      group.addTask { await self.events.run() }
    }
    _ = await events.flush()
  }
}
