import KubernetesAPI

/// One pod on its way from an object with a node's name to processes and back, as a value: events go in, what to do
/// comes out.
struct PodMachine: Sendable {
  struct Settings: Sendable, Hashable {
    var restartFirst: Duration = .seconds(10)
    var restartLongest: Duration = .seconds(300)
    var imageFirst: Duration = .seconds(10)
    var imageLongest: Duration = .seconds(300)
  }

  enum Event: Sendable, Hashable {
    /// The pod has its address and its volumes.
    case prepared(address: String)
    /// It has not, for instance because a ConfigMap is missing; tried again.
    case preparationFailed(String)
    case imageMissing(container: String, run: Int, message: String)
    /// The container cannot be made from what its specification says.
    case configurationFailed(container: String, run: Int, message: String)
    case started(container: String, run: Int)
    /// The container's program could not be started.
    case startFailed(container: String, run: Int, message: String)
    case exited(container: String, run: Int, ProcessExit, message: String)
    case probed(container: String, run: Int, ProbeKind, passed: Bool)
    /// `metadata.deletionTimestamp` is set.
    case deletionRequested(grace: Duration)
    /// The object is gone, or its name belongs to another UID.
    case vanished
    case tick
  }

  enum ProbeKind: String, Sendable, Hashable, CaseIterable {
    case startup = "Startup"
    case readiness = "Readiness"
    case liveness = "Liveness"
  }

  enum Action: Sendable, Hashable {
    /// Give the pod an address and its volumes.
    case prepare
    case start(container: String, run: Int)
    case signal(container: String, run: Int, Int32)
    case probe(container: String, run: Int, ProbeKind)
    /// No process is left. Take the pod's files away and, where the API still has the object, delete it with grace 0.
    case remove(deletingObject: Bool)
  }

  let pod: PodSpecification
  let settings: Settings
  private(set) var containers: [ContainerState]
  private(set) var address: String?
  /// When the agent first saw the pod.
  let startedAt: Timestamp
  private(set) var initializedAt: Timestamp?

  private enum Course: Hashable {
    case living
    case terminating(killAt: Timestamp)
    case vanished
    case removed
  }

  private var course = Course.living
  private var isPreparing = false
  private var preparationFailures = 0
  private var prepareAt: Timestamp?
  private(set) var preparationProblem: String?

  init(pod: PodSpecification, settings: Settings = Settings(), now: Timestamp) {
    self.pod = pod
    self.settings = settings
    startedAt = now
    prepareAt = now
    let first = pod.initContainers.isEmpty ? "ContainerCreating" : "PodInitializing"
    containers =
      pod.initContainers.map { ContainerState($0, isInit: true, waiting: first) }
      + pod.containers.map { ContainerState($0, isInit: false, waiting: first) }
  }

  var isTerminating: Bool { course != .living }

  mutating func handle(_ event: Event, now: Timestamp) -> [Action] {
    apply(event, now: now)
    return settle(now: now)
  }

  /// When `tick` is wanted next, whatever else happens.
  var wakeAt: Timestamp? {
    var times: [Timestamp] = []
    switch course {
    case .removed: return nil
    case .vanished: break
    case .terminating(let killAt):
      if containers.contains(where: { $0.isAlive && !$0.isKilled }) { times.append(killAt) }
    case .living:
      if let prepareAt { times.append(prepareAt) }
      times += containers.compactMap(\.wakeAt)
    }
    return times.min()
  }

  // MARK: What happened

  private mutating func apply(_ event: Event, now: Timestamp) {
    let settings = settings
    switch event {
    case .prepared(let address):
      isPreparing = false
      preparationProblem = nil
      self.address = address
    case .preparationFailed(let problem):
      isPreparing = false
      preparationProblem = problem
      preparationFailures += 1
      prepareAt = now + .milliseconds(min(500 << min(preparationFailures, 8), 60_000))
    case .imageMissing(let name, let run, let message):
      change(name, run) { $0.missImage(message, settings: settings, now: now) }
    case .configurationFailed(let name, let run, let message):
      change(name, run) { $0.wait(reason: "CreateContainerConfigError", message: message, until: now + .seconds(5)) }
    case .started(let name, let run):
      change(name, run) { $0.start(now: now) }
    case .startFailed(let name, let run, let message):
      change(name, run) {
        $0.end(
          Termination(
            exitCode: 128, signal: nil, reason: "StartError", message: message, startedAt: now, finishedAt: now,
            run: run))
      }
    case .exited(let name, let run, let exit, let message):
      change(name, run) { state in
        let started = state.runningSince ?? now
        state.end(
          Termination(
            exitCode: exit.code, signal: exit.signal, reason: exit.code == 0 ? "Completed" : "Error", message: message,
            startedAt: started, finishedAt: now, run: run))
      }
    case .probed(let name, let run, let kind, let passed):
      let grace = Duration.seconds(pod.terminationGracePeriod)
      change(name, run) { $0.note(kind, passed: passed, grace: grace, now: now) }
    case .deletionRequested(let grace):
      switch course {
      case .living: course = .terminating(killAt: now + grace)
      case .terminating(let killAt): course = .terminating(killAt: min(killAt, now + grace))
      case .vanished, .removed: break
      }
    case .vanished:
      if course != .removed { course = .vanished }
    case .tick: break
    }
  }

  /// Changes a container if the event is of its present run.
  private mutating func change(_ name: String, _ run: Int, _ body: (inout ContainerState) -> Void) {
    guard let index = containers.firstIndex(where: { $0.name == name && $0.run == run }) else { return }
    body(&containers[index])
  }

  // MARK: What follows

  private mutating func settle(now: Timestamp) -> [Action] {
    switch course {
    case .removed: return []
    case .vanished: return end(deletingObject: false, terminate: false, kill: true)
    case .terminating(let killAt): return end(deletingObject: true, terminate: true, kill: now >= killAt)
    case .living: return live(now: now)
    }
  }

  private mutating func end(deletingObject: Bool, terminate: Bool, kill: Bool) -> [Action] {
    var actions: [Action] = []
    for index in containers.indices where containers[index].isAlive {
      actions += containers[index].stop(terminate: terminate, kill: kill)
    }
    guard !containers.contains(where: \.isAlive), !isPreparing else { return actions }
    course = .removed
    return actions + [.remove(deletingObject: deletingObject)]
  }

  private mutating func live(now: Timestamp) -> [Action] {
    guard address != nil else {
      guard !isPreparing, let at = prepareAt, now >= at else { return [] }
      isPreparing = true
      prepareAt = nil
      return [.prepare]
    }
    var actions: [Action] = []
    let reached = advanceInitContainers(now: now, &actions)
    if reached {
      if initializedAt == nil { initializedAt = now }
      for index in containers.indices where !containers[index].isInit {
        advance(index, now: now, &actions)
      }
    }
    for index in containers.indices { actions += containers[index].dueActions(now: now) }
    return actions
  }

  /// Whether the ordinary containers may start.
  private mutating func advanceInitContainers(now: Timestamp, _ actions: inout [Action]) -> Bool {
    for index in containers.indices where containers[index].isInit {
      if containers[index].hasCompleted, !containers[index].isSidecar { continue }
      advance(index, now: now, &actions)
      if containers[index].isSidecar, containers[index].isStarted || initializedAt != nil { continue }
      return false
    }
    return true
  }

  /// Starts a container that is due, again if it has ended and is to be restarted.
  private mutating func advance(_ index: Int, now: Timestamp, _ actions: inout [Action]) {
    if case .terminated(let termination) = containers[index].phase, restarts(containers[index], termination) {
      containers[index].scheduleRestart(
        after: termination, settings: settings,
        message: "restarting failed container=\(containers[index].name) pod=\(pod.name)_\(pod.namespace)(\(pod.uid))",
        now: now)
    }
    if case .waiting(_, _, let until) = containers[index].phase, until.map({ now >= $0 }) ?? true {
      actions.append(.start(container: containers[index].name, run: containers[index].begin()))
    }
  }

  private func restarts(_ container: ContainerState, _ termination: Termination) -> Bool {
    if container.isSidecar { return true }
    switch pod.restartPolicy {
    case .never: return false
    case .onFailure: return termination.exitCode != 0
    case .always: return container.isInit ? termination.exitCode != 0 : true
    }
  }

  // MARK: Summary

  enum Phase: String, Sendable {
    case pending = "Pending"
    case running = "Running"
    case succeeded = "Succeeded"
    case failed = "Failed"
  }

  var hasInitialized: Bool {
    initializedAt != nil
      || containers.allSatisfy { !$0.isInit || $0.hasCompleted || ($0.isSidecar && $0.isStarted) }
  }

  var phase: Phase {
    let inits = containers.filter { $0.isInit && !$0.isSidecar }
    if inits.contains(where: { $0.termination.map { $0.exitCode != 0 } ?? false }), pod.restartPolicy == .never {
      return .failed
    }
    guard hasInitialized else { return isTerminating && !containers.contains(where: \.isAlive) ? .failed : .pending }
    let ordinary = containers.filter { !$0.isInit }
    if ordinary.contains(where: { $0.hasNeverRun }) {
      return isTerminating && !containers.contains(where: \.isAlive) ? .failed : .pending
    }
    if ordinary.contains(where: \.isAlive) { return .running }
    let stopped = ordinary.compactMap(\.termination)
    guard stopped.count == ordinary.count else { return .running }
    guard isTerminating || !ordinary.contains(where: { state in state.termination.map { restarts(state, $0) } ?? true })
    else { return .running }
    return stopped.allSatisfy { $0.exitCode == 0 } ? .succeeded : .failed
  }

  var isReady: Bool { hasInitialized && containers.allSatisfy { $0.isInit || $0.isReady } }
}
