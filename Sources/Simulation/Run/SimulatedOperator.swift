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
  private var inspections = WorkQueueMachine()
  private var watches: [(store: ObjectStore, selector: String?, id: WatchID)] = []
  let life: Int
  private let origin: Int64
  private(set) var turnCount = 0

  /// - Parameters:
  ///   - life: counts the operators of a run.
  ///   - past: what the first lists are answered from, if not from the server as it is.
  ///   - freeze: stops this operator in the middle of a call.
  init(
    world: SimulatedWorld, life: Int, settings: OperatorSettings, guards: Guards, past: InMemoryAPIServer? = nil,
    logger: Logger, freeze: @escaping @Sendable (FaultKind) async -> Void
  ) {
    self.world = world
    self.life = life
    origin = world.now
    let caller = SimulatedCaller(life: life, freeze: freeze)
    reconciler = FlinkDeploymentReconciler(
      kubernetes: SimulatedKubernetes(world: world, caller: caller),
      flink: SimulatedFlinkGateway(world: world, caller: caller),
      resolver: ServiceNameResolver(), settings: settings,
      clock: OperatorClock(
        now: { [world] in world.with { $0.now + $0.clockOffset } }, elapsed: { [world, origin] in world.now - origin }),
      stores: DeploymentStores(retention: .asTheyCome), guards: guards, logger: logger, recordEvent: { _ in })
    for (store, selector) in reconciler.stores.all { follow(store, selector, past) }
  }

  private var now: Duration { .milliseconds(world.now - origin) }

  /// Lists and opens the watch, as a reflector does.
  private func follow(_ store: ObjectStore, _ selector: String?, _ past: InMemoryAPIServer?) {
    let type = store.type
    let list: ObjectList = world.with { state in
      let request = KubernetesRequest.list(type, nil, ListOptions(labelSelector: selector))
      var server = past ?? state.server
      let json = server.handle(request.request, at: state.timestamp).json ?? [:]
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
    if let id { watches.append((store, selector, id)) }
  }

  /// The watches have ended, and everything is listed again.
  func listAgain(_ past: InMemoryAPIServer?) {
    let before = watches
    die()
    watches = []
    for (store, selector, _) in before { follow(store, selector, past) }
  }

  private func note(_ change: StoreChange, _ type: ResourceType, isInitial: Bool) {
    let affected = reconciler.stores.note(change, in: type)
    if let key = affected.turn { turns.add(key, priority: isInitial ? .initialList : affected.priority, at: now) }
    if let key = affected.poll { polls.add(key, priority: .transition, at: now) }
  }

  /// Takes in what the watches have; whether there was anything.
  func deliver() -> Bool {
    var hasNews = false
    for (store, _, id) in watches {
      let (frames, coalesces) = world.with { state in
        state.isSilent(store.type)
          ? ([], false) : (state.server.nextEvents(id, at: state.timestamp).frames, state.coalesces)
      }
      for frame in coalesces ? Self.last(of: frames) : frames {
        guard let event = Self.event(frame) else { continue }
        if let change = store.apply(event) {
          hasNews = true
          note(change, store.type, isInitial: false)
        }
      }
    }
    return hasNews
  }

  /// The last frame about each object.
  private static func last(of frames: [WatchFrame]) -> [WatchFrame] {
    var seen: Set<String> = []
    let kept = frames.reversed().filter { frame in
      seen.insert(frame.object["metadata", "name"]?.stringValue ?? "").inserted
    }
    return kept.reversed()
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

  /// One due turn, look at pods or poll; whether there was one.
  func step() async -> Bool {
    if let key = turns.take(now: now) {
      let result = await reconciler.turn(key)
      turnCount += 1
      if result.pollsNow { polls.add(key, priority: .transition, at: now) }
      if result.inspectsNow { inspections.add(key, priority: .failureReaction, at: now) }
      turns.finish(key, wake: result.wake, jitter: 0.5, now: now)
      return true
    }
    if let key = inspections.take(now: now) {
      if await reconciler.inspect(key) { turns.add(key, priority: .failureReaction, at: now) }
      inspections.finish(key, wake: .onChange, jitter: 0.5, now: now)
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
    let times = [turns.nextDue(), polls.nextDue(), inspections.nextDue()].compactMap { $0 }
    return times.min().map { due in
      let (seconds, attoseconds) = due.components
      let exact = seconds * 1000 + attoseconds / 1_000_000_000_000_000
      return origin + exact + (attoseconds % 1_000_000_000_000_000 == 0 ? 0 : 1)
    }
  }

  /// The process is gone; its connections with it.
  func die() {
    for (_, _, id) in watches { world.with { $0.server.closeWatch(id) } }
  }
}
