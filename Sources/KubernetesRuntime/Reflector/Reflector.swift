public import KubernetesAPI
public import Logging
internal import Synchronization

/// Keeps a store like the server's content of one resource type: performs what a `ReflectorMachine` says.
public final class Reflector: Sendable {
  /// For readiness: a reflector that is not synced, or that has had an error for long, sees nothing of what happens.
  public struct Status: Sendable, Hashable {
    public var type: ResourceType
    public var isSynced: Bool
    /// One word: unlisted, listing, watching, backing off.
    public var phase: String
    /// Until something succeeds.
    public var lastError: KubernetesError?
    public var failures: Int
    /// The time since the server last said something about the objects (a list, an event, a bookmark); nil before the
    /// first list. What the store lacks is only known to be gone as of then.
    public var sinceContact: Duration?

    /// Why the store cannot be relied on, in one line; nil if it can.
    public var problem: String? {
      switch (isSynced, lastError) {
      case (true, nil): nil
      case (true, let error?): "\(type) is not followed: \(error)"
      case (false, let error?): "\(type) is not listed: \(error)"
      case (false, nil): "\(type) is not listed yet"
      }
    }
  }

  public let type: ResourceType
  public let store: ObjectStore
  private let gateway: any KubernetesGateway
  private let namespace: String?
  private let labelSelector: String?
  private let fieldSelector: String?
  private let logger: Logger
  private let onChange: @Sendable (StoreChange) -> Void
  private let onProgress: @Sendable (_ resourceVersion: String) -> Void
  private let origin = ContinuousClock.now
  private let machine: Mutex<ReflectorMachine>

  /// - Parameters:
  ///   - namespace: nil for all.
  ///   - onChange: called after the store has changed, one change at a time, from the reflector's task; it must be quick.
  ///   - onProgress: called after the store's position has moved, bookmarks included.
  public init(
    gateway: any KubernetesGateway, type: ResourceType, namespace: String? = nil, labelSelector: String? = nil,
    fieldSelector: String? = nil, store: ObjectStore, logger: Logger,
    settings: ReflectorMachine.Settings = ReflectorMachine.Settings(),
    onProgress: @escaping @Sendable (_ resourceVersion: String) -> Void = { _ in },
    onChange: @escaping @Sendable (StoreChange) -> Void
  ) {
    self.gateway = gateway
    self.type = type
    self.namespace = namespace
    self.labelSelector = labelSelector
    self.fieldSelector = fieldSelector
    self.store = store
    var logger = logger
    logger[metadataKey: "resource"] = "\(type)"
    self.logger = logger
    self.onProgress = onProgress
    self.onChange = onChange
    machine = Mutex(ReflectorMachine(settings: settings))
  }

  public var status: Status {
    let isSynced = store.isSynced
    let now = origin.duration(to: .now)
    return machine.withLock { machine in
      Status(
        type: type, isSynced: isSynced, phase: machine.phase.name, lastError: machine.lastError,
        failures: machine.failures, sinceContact: machine.lastContact.map { now - $0 })
    }
  }

  /// Runs until the calling task is cancelled. To be called once.
  public func run() async {
    var actions = advance(.start)
    while !Task.isCancelled, let event = await perform(actions) { actions = advance(event) }
  }

  private func advance(_ event: ReflectorMachine.Event) -> [ReflectorMachine.Action] {
    // Backoff jitter needs no reproducibility here; the machine takes it as an argument.
    let now = origin.duration(to: .now)
    return machine.withLock { $0.advance(event, now: now, jitter: .random(in: 0..<1)) }
  }

  /// Performs actions in order; the outcome of the last.
  private func perform(_ actions: [ReflectorMachine.Action]) async -> ReflectorMachine.Event? {
    var actions = actions[...]
    while let action = actions.popFirst() {
      switch action {
      case .listPage(let token):
        return await listPage(token)
      case .replaceAll(let list):
        let changes = store.replaceAll(list)
        logger.debug(
          "listed", metadata: ["objects": "\(list.items.count)", "resourceVersion": "\(list.resourceVersion)"])
        for change in changes { onChange(change) }
        onProgress(list.resourceVersion)
      case .apply(let event):
        apply(event)
      case .openWatch(let version):
        let (outcome, following) = await watch(from: version)
        if following.isEmpty { return outcome }
        // A frame made the machine give the watch up and said what comes instead.
        actions = following[...]
      case .closeWatch:
        break
      case .wait(let delay):
        logFailure(delay)
        do { try await Task.sleep(for: delay) } catch { return nil }
        return .waited
      }
    }
    return nil
  }

  private func apply(_ event: WatchEvent) {
    if let change = store.apply(event) { onChange(change) }
    if let version = store.resourceVersion { onProgress(version) }
  }

  private func listPage(_ token: String?) async -> ReflectorMachine.Event {
    let options = ListOptions(
      labelSelector: labelSelector, fieldSelector: fieldSelector,
      limit: machine.withLock { $0.settings.pageSize }, continueToken: token)
    do throws(KubernetesError) {
      return .page(try await gateway.list(type, namespace: namespace, options: options))
    } catch {
      return .listFailed(error)
    }
  }

  /// The watch's outcome, and the actions that replace it where a frame ended it from our side.
  private func watch(
    from version: String
  ) async -> (ReflectorMachine.Event, following: [ReflectorMachine.Action]) {
    let options = WatchOptions(
      labelSelector: labelSelector, fieldSelector: fieldSelector, resourceVersion: version)
    // A child task, because it can be cancelled on its own.
    async let outcome = follow(options)
    return await outcome
  }

  private func follow(
    _ options: WatchOptions
  ) async -> (ReflectorMachine.Event, following: [ReflectorMachine.Action]) {
    var following: [ReflectorMachine.Action] = []
    do throws(KubernetesError) {
      try await gateway.watch(type, namespace: namespace, options: options) { event in
        guard following.isEmpty else { return }
        for (index, action) in advance(.frame(event)).enumerated() {
          if case .apply(let event) = action {
            apply(event)
          } else if index == 0, case .closeWatch = action {
            continue
          } else {
            following.append(action)
          }
        }
        if !following.isEmpty { withUnsafeCurrentTask { $0?.cancel() } }
      }
      return (.watchEnded, following)
    } catch {
      return (.watchFailed(error), following)
    }
  }

  private func logFailure(_ delay: Duration) {
    let status = status
    guard let error = status.lastError else { return }
    let metadata: Logger.Metadata = [
      "error": "\(error)", "failures": "\(status.failures)", "retryIn": "\(delay)",
    ]
    switch error.status?.code {
    case 401:
      logger.error("cannot follow this resource: the API server does not accept the credentials", metadata: metadata)
    case 403:
      logger.error(
        "cannot follow this resource: the account lacks the right to list or watch it", metadata: metadata)
    case 404:
      logger.error("cannot follow this resource: the API server does not serve it", metadata: metadata)
    default:
      logger.warning("lost the thread of this resource", metadata: metadata)
    }
  }
}
