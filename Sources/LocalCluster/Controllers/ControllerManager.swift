public import KubernetesAPI
public import Logging
import Synchronization

/// Runs the controllers against an API: watches every type it serves, and makes the writes that a `ControllerMachine` asks
/// for. An ordinary client, whether the API is in this process or not.
public final class ControllerManager: Sendable {
  private let gateway: any KubernetesGateway
  private let controllers: Set<ControllerName>
  private let clock: @Sendable () -> Timestamp
  private let logger: Logger
  private let state: Mutex<State>
  private let signals: [ControllerName: Signal]
  private let discoverySignal = Signal()

  private struct State {
    var machine: ControllerMachine
    /// The earliest wake-up that is under way for an item.
    var wakes: [ControllerItem: Timestamp] = [:]
  }

  /// A doorbell: rings that come while nobody waits are one.
  private struct Signal: Sendable {
    let stream: AsyncStream<Void>
    let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func ring() { continuation.yield() }
  }

  /// - Parameter clock: the time now, for conditions and deadlines.
  public init(
    gateway: any KubernetesGateway, controllers: Set<ControllerName> = Set(ControllerName.allCases),
    rootCertificate: String, clock: @escaping @Sendable () -> Timestamp, logger: Logger
  ) {
    self.gateway = gateway
    self.controllers = controllers
    self.clock = clock
    self.logger = logger
    state = Mutex(State(machine: ControllerMachine(controllers: controllers, rootCertificate: rootCertificate)))
    signals = Dictionary(uniqueKeysWithValues: controllers.map { ($0, Signal()) })
  }

  /// Runs until the task is cancelled.
  public func run() async {
    await withDiscardingTaskGroup { group in
      for controller in controllers.sorted(by: { $0.rawValue < $1.rawValue }) {
        group.addTask { await self.work(controller) }
      }
      discoverySignal.ring()
      for await _ in discoverySignal.stream {
        do throws(KubernetesError) {
          let served = try await ResourceDiscovery.types(of: gateway)
          let added = state.withLock { $0.machine.serve(served) }
          for type in added { group.addTask { await self.follow(type) } }
          ringBusy()
        } catch {
          guard !Task.isCancelled else { break }
          logger.warning("cannot discover what the API serves", metadata: ["error": "\(error)"])
          group.addTask { await self.ringDiscovery(after: .seconds(1)) }
        }
      }
      group.cancelAll()
    }
  }

  private func ringDiscovery(after delay: Duration) async {
    do { try await Task.sleep(for: delay) } catch { return }
    discoverySignal.ring()
  }

  private func ringBusy() {
    for controller in state.withLock({ $0.machine.busyControllers }) { signals[controller]?.ring() }
  }

  // MARK: Watching

  /// Keeps the machine's view of one type, until the server no longer serves it.
  private func follow(_ type: ResourceType) async {
    var delay = Duration.milliseconds(50)
    while !Task.isCancelled {
      do throws(KubernetesError) {
        let list = try await gateway.listAll(type, namespace: nil)
        state.withLock { $0.machine.replaceAll(type, with: list) }
        ringBusy()
        delay = .milliseconds(50)
        var version = list.resourceVersion
        while !Task.isCancelled {
          guard let reached = try await watch(type, from: version) else { break }
          version = reached
        }
      } catch {
        if error.isNotFound {
          state.withLock { $0.machine.forget(type) }
          ringBusy()
          return
        }
        guard !Task.isCancelled else { return }
        if !error.isExpired {
          logger.warning("a watch broke", metadata: ["type": "\(type)", "error": "\(error)"])
        }
        do { try await Task.sleep(for: delay) } catch { return }
        delay = min(delay * 2, .seconds(5))
      }
    }
  }

  /// Follows one watch to its end. Returns the version reached, nil where the type must be listed again.
  private func watch(_ type: ResourceType, from version: String) async throws(KubernetesError) -> String? {
    var reached: String? = version
    let options = WatchOptions(resourceVersion: version)
    try await gateway.watch(type, namespace: nil, options: options) { event in
      switch event {
      case .added(let object), .modified(let object), .deleted(let object):
        reached = object.metadata.resourceVersion
        self.state.withLock { $0.machine.apply(type, event) }
        if type == .customResourceDefinitions { self.discoverySignal.ring() }
        self.ringBusy()
      case .bookmark(let bookmark, _): reached = bookmark
      case .error: reached = nil
      }
    }
    return reached
  }

  // MARK: Working

  private func work(_ controller: ControllerName) async {
    guard let signal = signals[controller] else { return }
    await withDiscardingTaskGroup { wakes in
      for await _ in signal.stream {
        while !Task.isCancelled, let item = state.withLock({ $0.machine.next(controller) }) {
          if let wake = await turn(item) {
            let isFirst = state.withLock { state in
              if let known = state.wakes[item], known <= wake { return false }
              state.wakes[item] = wake
              return true
            }
            if isFirst { wakes.addTask { await self.wake(item, at: wake) } }
          }
        }
      }
      wakes.cancelAll()
    }
  }

  private func wake(_ item: ControllerItem, at time: Timestamp) async {
    let delay = time.epochMilliseconds - clock().epochMilliseconds
    if delay > 0 { do { try await Task.sleep(for: .milliseconds(delay)) } catch { return } }
    state.withLock { state in
      if state.wakes[item] == time { state.wakes[item] = nil }
      state.machine.enqueue(item)
    }
    signals[item.controller]?.ring()
  }

  /// Carries out one turn. Returns when the item is to be looked at again by itself.
  private func turn(_ item: ControllerItem) async -> Timestamp? {
    let now = clock()
    let plan = state.withLock { $0.machine.reconcile(item, now: now) }
    var failure: KubernetesError?
    for lookup in plan.lookups where failure == nil {
      do throws(KubernetesError) { try await look(lookup, for: item) } catch { failure = error }
    }
    for write in plan.writes where failure == nil {
      let result = await perform(write)
      let goesOn = state.withLock { $0.machine.wrote(write, for: item, result) }
      ringBusy()
      if !goesOn, case .failure(let error) = result { failure = error }
    }
    if let failure, !Task.isCancelled, !failure.isConflict, !failure.isNotFound, !failure.isAlreadyExists {
      logger.debug(
        "a controller's turn failed",
        metadata: [
          "controller": "\(item.controller.rawValue)", "object": "\(item.key)", "error": "\(failure)",
        ])
    }
    let retry = state.withLock { $0.machine.finished(item, failed: failure != nil) }
    ringBusy()
    let retryAt = retry.map { delay in
      Timestamp(
        epochMilliseconds: now.epochMilliseconds + delay.components.seconds * 1000
          + delay.components.attoseconds / 1_000_000_000_000_000)
    }
    return [retryAt, plan.wakeAt].compactMap { $0 }.min()
  }

  private func look(_ lookup: ControllerLookup, for item: ControllerItem) async throws(KubernetesError) {
    switch lookup {
    case .owner(let type, let key, let uid):
      var found: KubernetesObject?
      do throws(KubernetesError) {
        found = try await gateway.get(type, namespace: type.isNamespaced ? key.namespace : nil, name: key.name)
      } catch {
        guard error.isNotFound else { throw error }
      }
      state.withLock { $0.machine.saw(owner: uid, type, found, for: item) }
    case .contents(let namespace, let uid, let types):
      var contents: [(type: ResourceType, objects: [KubernetesObject])] = []
      for type in types {
        do throws(KubernetesError) {
          contents.append((type, try await gateway.listAll(type, namespace: namespace).items))
        } catch {
          guard error.isNotFound else { throw error }
        }
      }
      let seen = contents
      state.withLock { $0.machine.saw(contents: seen, ofNamespace: uid, for: item) }
    }
    ringBusy()
  }

  private func perform(_ write: ControllerWrite) async -> Result<KubernetesObject?, KubernetesError> {
    func namespace(_ type: ResourceType, _ key: ObjectKey) -> String? { type.isNamespaced ? key.namespace : nil }
    let options = WriteOptions(fieldManager: "kube-controller-manager")
    do throws(KubernetesError) {
      switch write {
      case .create(let type, let namespace, let object):
        let made = try await gateway.create(type, namespace: namespace, object, options: options)
        return .success(type == Scheduler.bindings ? nil : made)
      case .mergePatch(let type, let key, let subresource, let patch):
        return .success(
          try await gateway.patch(
            type, namespace: namespace(type, key), name: key.name, subresource: subresource, .merge(patch),
            options: options))
      case .replace(let type, let key, let subresource, let object):
        return .success(
          try await gateway.replace(
            type, namespace: namespace(type, key), name: key.name, subresource: subresource, object,
            options: options))
      case .delete(let type, let key, let options):
        return .success(
          try await gateway.delete(type, namespace: namespace(type, key), name: key.name, options: options))
      }
    } catch {
      return .failure(error)
    }
  }
}
