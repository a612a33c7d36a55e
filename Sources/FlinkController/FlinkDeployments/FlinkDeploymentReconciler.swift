public import FlinkModel
public import KubernetesAPI
public import KubernetesRuntime
public import Lifecycle
public import Logging
internal import Synchronization

/// Turns of FlinkDeployments: look, ask the core, store, do one thing.
///
/// Nothing here waits or sleeps but for the answer to a request. Several keys may be in turn at once, one key never.
public final class FlinkDeploymentReconciler: Sendable {
  public let stores: DeploymentStores
  let kubernetes: any KubernetesGateway
  let flink: any FlinkGateway
  let resolver: any JobManagerResolver
  private let present: Mutex<OperatorSettings>
  let clock: OperatorClock
  let logger: Logger
  /// Whether nobody else can act for longer than a request takes: asked before each write and each effect.
  let mayAct: @Sendable () -> Bool
  let recordEvent: @Sendable (EventRecord) -> Void
  let guards: Guards
  let pollBudget: PollBudget
  let ledger = OwnWriteLedger()
  private let ledgerBudget: SharedLedgerBudget
  private let memories = Mutex<[ObjectKey: Memory]>([:])

  /// What is known of a resource beside its record; nothing that a decision could not be made without.
  struct Memory: Sendable {
    let uid: String
    /// Dated by the time that has passed.
    var lastEffect: EffectOutcome?
    /// End of the last request to the JobManager that changed something, by the time that has passed.
    var jobManagerEffectAt: Int64?
    /// Dated by the time that has passed.
    var poll: JobManagerPoll?
    var restPort = 8081
    var isRESTEncrypted = false
    var podRoute = PodRoute()
    /// Turns in a row that ended with an error.
    var failures = 0
    var podNotes = PodNotes()
    var foreignWrites = ForeignWrites()
  }

  /// - Parameter guards: all of them, but for the simulation.
  public init(
    kubernetes: any KubernetesGateway, flink: any FlinkGateway, resolver: any JobManagerResolver,
    settings: OperatorSettings, clock: OperatorClock = .system, stores: DeploymentStores = DeploymentStores(),
    guards: Guards = .all, pollBudget: PollBudget? = nil, ledgerBudget: SharedLedgerBudget = SharedLedgerBudget(),
    mayAct: @escaping @Sendable () -> Bool = { true },
    logger: Logger,
    recordEvent: @escaping @Sendable (EventRecord) -> Void
  ) {
    self.kubernetes = kubernetes
    self.flink = flink
    self.resolver = resolver
    present = Mutex(settings)
    self.clock = clock
    self.stores = stores
    self.guards = guards
    self.pollBudget = pollBudget ?? PollBudget(requestsPerSecond: settings.pollingBudget)
    self.ledgerBudget = ledgerBudget
    self.mayAct = mayAct
    self.logger = logger
    self.recordEvent = recordEvent
  }

  var settings: OperatorSettings { present.withLock { $0 } }

  /// Turns from now on go by these.
  public func apply(_ settings: OperatorSettings) { present.withLock { $0 = settings } }

  func memory(_ key: ObjectKey, uid: String) -> Memory {
    memories.withLock { memories in
      if let memory = memories[key], memory.uid == uid { return memory }
      let memory = Memory(uid: uid)
      memories[key] = memory
      return memory
    }
  }

  func update(_ key: ObjectKey, uid: String, _ change: (inout Memory) -> Void) {
    memories.withLock { memories in
      var memory = memories[key] ?? Memory(uid: uid)
      guard memory.uid == uid else { return }
      change(&memory)
      memories[key] = memory
    }
  }

  // MARK: Turn

  /// How a turn ended.
  public struct TurnResult: Sendable, Hashable {
    public var wake: Wake
    /// The JobManager is to be asked now: other things are wanted of it than before.
    public var pollsNow: Bool
    /// Something is to be read about the pods.
    public var inspectsNow: Bool

    init(_ wake: Wake, pollsNow: Bool = false, inspectsNow: Bool = false) {
      self.wake = wake
      self.pollsNow = pollsNow
      self.inspectsNow = inspectsNow
    }
  }

  /// One turn of one resource.
  public func turn(_ key: ObjectKey) async -> TurnResult {
    guard stores.isSynced else { return TurnResult(.after(.milliseconds(100), priority: .initialList)) }
    guard var object = stores.resources.get(key) else {
      if let memory = memories.withLock({ $0.removeValue(forKey: key) }) { ledger.forget(uid: memory.uid) }
      return TurnResult(.onChange)
    }
    let uid = object.metadata.uid
    switch knownWrites(uid) {
    case .caughtUp: break
    case .deleted: return TurnResult(.onChange)
    case .behind where memory(key, uid: uid).failures == 0:
      // The echo of our own write wakes the key; the timer is for an echo that gets lost.
      update(key, uid: uid) { $0.failures += 1 }
      return TurnResult(.after(.seconds(1)))
    case .ambiguous where !guards.holds(.statusPrecondition): break
    case .behind, .ambiguous:
      do throws(KubernetesError) {
        object = try await kubernetes.get(.flinkDeployments, namespace: key.namespace, name: key.name)
      } catch {
        if error.isNotFound { ledger.recordDeletion(uid: uid) }
        return failed(key, uid, error)
      }
      guard object.metadata.uid == uid else { return TurnResult(.onChange) }
      ledger.settle(uid: uid, resourceVersion: object.metadata.resourceVersion)
    }
    let resource = FlinkDeployment(object)
    if resource.isCanary { return TurnResult(.onChange) }
    return await decide(resource, key)
  }

  /// Whether the view shows what this process has written.
  private func knownWrites(_ uid: String) -> OwnWriteLedger.State {
    let state = ledger.state(uid: uid, storeVersion: stores.resources.resourceVersion)
    return state == .behind && !guards.holds(.statusPrecondition) ? .caughtUp : state
  }

  private func decide(_ resource: FlinkDeployment, _ key: ObjectKey) async -> TurnResult {
    let uid = resource.metadata.uid
    let memory = memory(key, uid: uid)
    let record = Record(resource.status, uid: uid, guards: guards)
    var observation = observe(resource, memory)
    let inspects = addPodNotes(to: &observation, key, record)
    // The log of a container that has just failed says more of the cause than its status does.
    if let pause = self.memory(key, uid: uid).podNotes.pause(now: clock.elapsed()) {
      return TurnResult(.after(.milliseconds(pause), priority: .failureReaction), inspectsNow: inspects)
    }
    if Lifecycle.needsQuorum(record, observation, guards: guards) {
      observation.quorum = await readCluster(key)
    }
    if Lifecycle.needsHAMetadata(record, observation) {
      observation.haMetadata = await readHAMetadata(key)
    }
    let now = clock.now()
    let decision = Lifecycle.decide(observation, record, now: now, guards: guards)

    var metadata = resource.metadata
    let patch = decision.status.mergePatch(from: record.status)
    if let patch {
      guard mayAct() else { return TurnResult(.after(.seconds(1))) }
      if decision.effect == nil, !metadata.isBeingDeleted,
        let pause = pauseBeforeWriting(over: record.status, of: metadata, key)
      {
        let polls = follow(decision.polling, key, uid)
        return TurnResult(.after(.milliseconds(pause), priority: .steady), pollsNow: polls, inspectsNow: inspects)
      }
      if decision.effect == nil, LedgerBudget.concerns(patch),
        let delay = ledgerBudget.delay(writesPerSecond: settings.ledgerWriteBudget, now: clock.elapsed())
      {
        update(key, uid: uid) { $0.failures = 0 }
        let polls = follow(decision.polling, key, uid)
        return TurnResult(
          .after(.milliseconds(delay), priority: .steady), pollsNow: polls, inspectsNow: inspects)
      }
      do throws(KubernetesError) {
        let stored = try await kubernetes.patch(
          .flinkDeployments, namespace: key.namespace, name: key.name, subresource: "status",
          .merge(["metadata": preconditions(metadata), "status": patch]))
        ledger.recordWrite(uid: uid, resourceVersion: stored.metadata.resourceVersion)
        metadata = stored.metadata
        let (hash, generation) = (FlinkDeployment(stored).status.hashValue, metadata.generation)
        update(key, uid: uid) { $0.foreignWrites.noteOwn(hash, generation: generation) }
      } catch {
        if error.isAmbiguous { ledger.recordAmbiguous(uid: uid) }
        if guards.holds(.storedFirst) { return failed(key, uid, error) }
      }
    }
    for event in decision.events { recordEvent(Self.record(event, about: metadata)) }
    let polls = follow(decision.polling, key, uid)

    var outcome: EffectOutcome?
    let start = clock.elapsed()
    if let effect = decision.effect {
      let status = patch == nil ? record.status : decision.status
      let result = await authorised(effect, by: status, metadata)
      let end = clock.elapsed()
      outcome = EffectOutcome(identity: effect.identity, at: end, result: result, isDeletion: effect.isDeletion)
      update(key, uid: uid) { memory in
        memory.lastEffect = outcome
        if effect.concernsJobManager { memory.jobManagerEffectAt = end }
      }
    }
    update(key, uid: uid) { $0.failures = 0 }
    log(key, resource, record, decision, patch != nil, outcome, took: (outcome?.at ?? start) - start)
    return TurnResult(
      wake(decision, outcome), pollsNow: polls || decision.effect?.concernsJobManager == true, inspectsNow: inspects)
  }

  /// Milliseconds that a status which somebody else has written is left as it is; nil where it need not be.
  private func pauseBeforeWriting(
    over status: FlinkDeploymentStatus, of metadata: ObjectMetadata, _ key: ObjectKey
  ) -> Int64? {
    let (hash, now) = (status.hashValue, clock.elapsed())
    var pause: Int64?
    var isNew = false
    update(key, uid: metadata.uid) { memory in
      pause = memory.foreignWrites.pause(before: hash, generation: metadata.generation, now: now)
      isNew = memory.foreignWrites.isNew
    }
    if pause != nil, isNew {
      let text = "something else writes this status too, again and again: is another operator watching the resource?"
      logger.warning("\(text)", metadata: ["key": "\(key)"])
      recordEvent(
        Self.record(
          LifecycleEvent(.warning, "StatusContradicted", .operator, text, key: "StatusContradicted"), about: metadata))
    }
    return pause
  }

  /// A status is stored on what was decided on, and on nothing else.
  private func preconditions(_ metadata: ObjectMetadata) -> JSONValue {
    var result: JSONValue = ["uid": .string(metadata.uid)]
    if guards.holds(.statusPrecondition) { result["resourceVersion"] = .string(metadata.resourceVersion) }
    return result
  }

  private func wake(_ decision: Decision, _ outcome: EffectOutcome?) -> Wake {
    switch outcome?.result {
    case .failed, .refused: .after(.milliseconds(min(decision.wake.delay ?? 2_000, 2_000)), priority: .failureReaction)
    case .ambiguous: .after(.milliseconds(200), priority: .failureReaction)
    // A list shows at once whether anything is left.
    case .succeeded where outcome?.isDeletion == true: .after(.zero, priority: .transition)
    // What an effect of Kubernetes changes comes back by a watch, what it leads to next is decided then.
    case .succeeded, nil:
      decision.wake.delay.map { .after(.milliseconds($0), priority: $0 == 0 ? .transition : .steady) } ?? .onChange
    }
  }

  /// A turn that could not be finished.
  private func failed(_ key: ObjectKey, _ uid: String, _ error: KubernetesError) -> TurnResult {
    update(key, uid: uid) { $0.failures += 1 }
    // Somebody else wrote in between: its echo is on the way.
    if error.isConflict || error.isNotFound { return TurnResult(.after(.milliseconds(50), priority: .transition)) }
    logger.warning("turn failed", metadata: ["key": "\(key)", "uid": "\(uid)", "error": "\(error)"])
    return TurnResult(.failed(retryAfter: error.retryAfter))
  }

  /// The effect, if the operation that authorises it is the stored one.
  private func authorised(
    _ effect: Effect, by status: FlinkDeploymentStatus, _ metadata: ObjectMetadata
  ) async -> EffectOutcome.Result {
    if guards.holds(.recordUID), let required = effect.requiredOperation,
      status.operation?.id != required || status.operation?.uid != metadata.uid
    {
      return .failed("operation \(required) is not the stored one")
    }
    // The write before may have taken long.
    guard mayAct() else { return .failed("the lease is about to end") }
    return await perform(effect, metadata)
  }

  private func log(
    _ key: ObjectKey, _ resource: FlinkDeployment, _ record: Record, _ decision: Decision, _ isWritten: Bool,
    _ outcome: EffectOutcome?, took: Int64
  ) {
    let level: Logger.Level = isWritten || outcome != nil ? .info : .trace
    let next = Record(decision.status, uid: resource.metadata.uid)
    var metadata: Logger.Metadata = [
      "key": "\(key)", "uid": "\(resource.metadata.uid)", "generation": "\(resource.metadata.generation)",
      "phase": "\(record.phase.name) → \(next.phase.name)",
      "job": "\(decision.status.jobStatus.state?.rawValue ?? "-")",
      "wake": "\(decision.wake.reason)\(decision.wake.delay.map { " or \($0) ms" } ?? "")",
    ]
    if let effect = decision.effect {
      metadata["effect"] = "\(effect.identity)"
      metadata["took"] = "\(took) ms"
    }
    if let outcome, outcome.result != .succeeded { metadata["outcome"] = "\(outcome.result)" }
    logger.log(level: level, "turn", metadata: metadata)
  }

  static func record(_ event: LifecycleEvent, about metadata: ObjectMetadata) -> EventRecord {
    EventRecord(
      subject: EventRecord.Subject(type: .flinkDeployments, metadata: metadata),
      severity: event.kind == .normal ? .normal : .warning, reason: event.reason, message: event.message,
      messageKey: event.key, component: event.component.rawValue, isOnce: event.key != nil,
      annotations: event.annotations)
  }
}
