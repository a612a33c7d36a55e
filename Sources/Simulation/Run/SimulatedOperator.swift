import FlinkController
import FlinkModel
import InMemoryKubernetes
import KubernetesAPI
import KubernetesRuntime
import Lifecycle
import Logging

/// One life of the operator: its views, its queues and its turns, stepped by hand.
final class SimulatedOperator {
  private let world: SimulatedWorld
  private let reconciler: FlinkDeploymentReconciler
  private var turns = WorkQueueMachine()
  private var polls = WorkQueueMachine()
  private var watches: [(store: ObjectStore, id: WatchID)] = []
  private let origin: Int64
  private(set) var turnCount = 0

  init(world: SimulatedWorld, settings: OperatorSettings, guards: Guards, logger: Logger) {
    self.world = world
    origin = world.now
    reconciler = FlinkDeploymentReconciler(
      kubernetes: SimulatedKubernetes(world: world), flink: SimulatedFlinkGateway(world: world),
      resolver: ServiceNameResolver(), settings: settings, clock: OperatorClock { [world] in world.now },
      guards: guards, logger: logger, recordEvent: { _ in })
    for (store, selector) in reconciler.stores.all { follow(store, selector) }
  }

  private var now: Duration { .milliseconds(world.now - origin) }

  /// Lists and opens the watch, as a reflector does.
  private func follow(_ store: ObjectStore, _ selector: String?) {
    let type = store.type
    let list: ObjectList = world.with { state in
      let json = state.must(.list(type, nil, ListOptions(labelSelector: selector)))
      return ObjectList(
        items: (json["items"]?.arrayValue ?? []).map { item in
          var item = item
          item["kind"] = .string(type.kind)
          item["apiVersion"] = .string(type.apiVersion)
          return KubernetesObject(served: item)
        }, resourceVersion: json["metadata", "resourceVersion"]?.stringValue ?? "")
    }
    for change in store.replaceAll(list) { note(change, store.type, isInitial: true) }
    let id: WatchID? = world.with { state in
      let response = state.server.handle(
        KubernetesRequest.watch(type, nil, selector, from: list.resourceVersion).request, at: state.timestamp)
      if case .watch(let id) = response.content { return id }
      state.violations.append("the simulation could not open a watch on \(type): \(response.status)")
      return nil
    }
    if let id { watches.append((store, id)) }
  }

  private func note(_ change: StoreChange, _ type: ResourceType, isInitial: Bool) {
    let affected = reconciler.stores.note(change, in: type)
    if let key = affected.turn { turns.add(key, priority: isInitial ? .initialList : affected.priority, at: now) }
    if let key = affected.poll { polls.add(key, priority: .transition, at: now) }
  }

  /// Takes in what the watches have; whether there was anything.
  func deliver() -> Bool {
    var hasNews = false
    for (store, id) in watches {
      let batch = world.with { state in
        state.silentUntil > state.now || (store.type == .pods && state.podsSilentUntil > state.now)
          ? nil : state.server.nextEvents(id, at: state.timestamp)
      }
      for frame in batch?.frames ?? [] {
        guard let event = Self.event(frame) else { continue }
        if let change = store.apply(event) {
          hasNews = true
          note(change, store.type, isInitial: false)
        }
      }
    }
    return hasNews
  }

  private static func event(_ frame: WatchFrame) -> WatchEvent? {
    switch frame.type {
    case "ADDED": .added(KubernetesObject(served: frame.object))
    case "MODIFIED": .modified(KubernetesObject(served: frame.object))
    case "DELETED": .deleted(KubernetesObject(served: frame.object))
    case "BOOKMARK":
      .bookmark(
        resourceVersion: frame.object["metadata", "resourceVersion"]?.stringValue ?? "", isInitialEventsEnd: false)
    default: nil
    }
  }

  /// One due turn or poll; whether there was one.
  func step() async -> Bool {
    if let key = turns.take(now: now) {
      let result = await reconciler.turn(key)
      turnCount += 1
      if result.pollsNow { polls.add(key, priority: .transition, at: now) }
      turns.finish(key, wake: result.wake, jitter: 0.5, now: now)
      return true
    }
    if let key = polls.take(now: now) {
      let result = await reconciler.poll(key)
      if result.isNews { turns.add(key, priority: .transition, at: now) }
      polls.finish(
        key, wake: result.pause.map { .after(.milliseconds($0)) } ?? .onChange, jitter: 0.5, now: now)
      return true
    }
    return false
  }

  /// Epoch milliseconds of the next thing that is due by itself.
  func nextDue() -> Int64? {
    let times = [turns.nextDue(), polls.nextDue()].compactMap { $0 }
    return times.min().map { due in
      let (seconds, attoseconds) = due.components
      let exact = seconds * 1000 + attoseconds / 1_000_000_000_000_000
      return origin + exact + (attoseconds % 1_000_000_000_000_000 == 0 ? 0 : 1)
    }
  }

  /// The process is gone; its connections with it.
  func die() {
    for (_, id) in watches { world.with { $0.server.closeWatch(id) } }
  }
}
