import KubernetesAPI

/// How a run of a container ended.
struct Termination: Sendable, Hashable {
  var exitCode: Int
  var signal: Int?
  var reason: String
  var message: String
  var startedAt: Timestamp
  var finishedAt: Timestamp
  var run: Int
}

/// One container's part of a `PodMachine`.
struct ContainerState: Sendable, Hashable {
  enum Phase: Sendable, Hashable {
    /// `until` is nil when only the pod's other parts are waited for.
    case waiting(reason: String, message: String, until: Timestamp?)
    case starting
    case running(since: Timestamp)
    case terminated(Termination)
  }

  private struct ProbeState: Sendable, Hashable {
    var nextAt: Timestamp
    var passes = 0
    var failures = 0
    var isUnderWay = false
  }

  let specification: ContainerSpecification
  let isInit: Bool
  private(set) var phase: Phase
  /// The number of the present or next run, from 0.
  private(set) var run = 0
  private(set) var restartCount = 0
  private(set) var lastTermination: Termination?
  /// Whether the startup probe has passed, or there is none, in the present run.
  private(set) var isStarted = false
  private var passesReadiness = false
  private(set) var isKilled = false
  private var isTerminated = false
  /// When a container that failed a probe is killed for good.
  private var killAt: Timestamp?
  private var restartDelay: Duration?
  private var imageDelay: Duration?
  private var isImagePullBackOff = false
  private var imageProblem = ""
  private var probes: [PodMachine.ProbeKind: ProbeState] = [:]
  private var hasBegun = false

  init(_ specification: ContainerSpecification, isInit: Bool, waiting: String) {
    self.specification = specification
    self.isInit = isInit
    phase = .waiting(reason: waiting, message: "", until: nil)
  }

  var name: String { specification.name }
  var isSidecar: Bool { isInit && specification.isSidecar }

  /// Whether a process runs or may run.
  var isAlive: Bool {
    switch phase {
    case .starting, .running: true
    case .waiting, .terminated: false
    }
  }

  var isRunning: Bool { if case .running = phase { true } else { false } }
  var runningSince: Timestamp? { if case .running(let since) = phase { since } else { nil } }
  var termination: Termination? { if case .terminated(let termination) = phase { termination } else { nil } }
  var hasCompleted: Bool { termination?.exitCode == 0 }
  var isReady: Bool {
    isInit ? (isSidecar ? isRunning && isStarted : hasCompleted) : isRunning && isStarted && passesReadiness
  }

  var hasNeverRun: Bool {
    switch phase {
    case .waiting, .starting: lastTermination == nil
    case .running, .terminated: false
    }
  }

  // MARK: Changes

  /// Counts a run and gives its number.
  mutating func begin() -> Int {
    if hasBegun, lastTermination?.run == run {
      run += 1
      restartCount += 1
    }
    hasBegun = true
    isTerminated = false
    isKilled = false
    killAt = nil
    isStarted = false
    passesReadiness = false
    probes = [:]
    if case .waiting = phase, lastTermination == nil { phaseBeforeStart = phase } else { phaseBeforeStart = nil }
    phase = .starting
    return run
  }

  /// What status shows until a first start is confirmed.
  private(set) var phaseBeforeStart: Phase?

  mutating func wait(reason: String, message: String, until: Timestamp) {
    phase = .waiting(reason: reason, message: message, until: until)
  }

  mutating func missImage(_ message: String, settings: PodMachine.Settings, now: Timestamp) {
    let delay = imageDelay ?? settings.imageFirst
    imageDelay = min(delay * 2, settings.imageLongest)
    imageProblem = message
    isImagePullBackOff = false
    phase = .waiting(reason: "ErrImagePull", message: message, until: now + delay)
    imageNoticeAt = now + min(.seconds(1), delay / 2)
  }

  /// When ErrImagePull becomes ImagePullBackOff.
  private var imageNoticeAt: Timestamp?

  mutating func start(now: Timestamp) {
    guard case .starting = phase else { return }
    phase = .running(since: now)
    imageDelay = nil
    isStarted = specification.startupProbe == nil
    passesReadiness = specification.readinessProbe == nil
    for kind in PodMachine.ProbeKind.allCases {
      if let probe = probe(kind) { probes[kind] = ProbeState(nextAt: now + probe.initialDelay) }
    }
  }

  mutating func end(_ termination: Termination) {
    phase = .terminated(termination)
    isStarted = false
    passesReadiness = false
    killAt = nil
    probes = [:]
  }

  /// The first restart comes at once, later ones after a wait that doubles; a long run forgets the past.
  mutating func scheduleRestart(
    after termination: Termination, settings: PodMachine.Settings, message: String, now: Timestamp
  ) {
    if termination.finishedAt - termination.startedAt >= settings.restartLongest * 2 { restartDelay = nil }
    lastTermination = termination
    guard let delay = restartDelay else {
      restartDelay = settings.restartFirst
      phase = .waiting(reason: "CrashLoopBackOff", message: "", until: nil)
      return
    }
    restartDelay = min(delay * 2, settings.restartLongest)
    let until = termination.finishedAt + delay
    let text = "back-off \(Self.text(delay)) \(message)"
    phase = .waiting(reason: "CrashLoopBackOff", message: text, until: max(until, now))
  }

  mutating func stop(terminate: Bool, kill: Bool) -> [PodMachine.Action] {
    guard isRunning || isTerminated else { return [] }
    if kill, !isKilled {
      isKilled = true
      isTerminated = true
      return [.signal(container: name, run: run, ProcessSignal.kill)]
    }
    if terminate, !isTerminated {
      isTerminated = true
      return [.signal(container: name, run: run, ProcessSignal.terminate)]
    }
    return []
  }

  // MARK: Probes and time

  func probe(_ kind: PodMachine.ProbeKind) -> Probe? {
    switch kind {
    case .startup: specification.startupProbe
    case .readiness: specification.readinessProbe
    case .liveness: specification.livenessProbe
    }
  }

  mutating func note(_ kind: PodMachine.ProbeKind, passed: Bool, grace: Duration, now: Timestamp) {
    guard var state = probes[kind], let probe = probe(kind), isRunning else { return }
    state.isUnderWay = false
    state.nextAt = max(now, state.nextAt + probe.period)
    state.passes = passed ? state.passes + 1 : 0
    state.failures = passed ? 0 : state.failures + 1
    probes[kind] = state
    let hasFailed = state.failures >= probe.failureThreshold
    let hasPassed = state.passes >= probe.successThreshold
    switch kind {
    case .readiness:
      if hasPassed { passesReadiness = true }
      if hasFailed { passesReadiness = false }
    case .startup:
      if hasPassed, !isStarted {
        isStarted = true
        for other in [PodMachine.ProbeKind.readiness, .liveness] { probes[other]?.nextAt = now }
      }
      if hasFailed { killAt = killAt ?? now + grace }
    case .liveness:
      if hasFailed { killAt = killAt ?? now + grace }
    }
  }

  private var activeKinds: [PodMachine.ProbeKind] {
    guard isRunning, !isTerminated else { return [] }
    return isStarted ? [.readiness, .liveness] : [.startup]
  }

  mutating func dueActions(now: Timestamp) -> [PodMachine.Action] {
    if let at = imageNoticeAt, now >= at {
      imageNoticeAt = nil
      if case .waiting("ErrImagePull", let message, let until) = phase {
        phase = .waiting(
          reason: "ImagePullBackOff",
          message: "Back-off pulling image \"\(specification.image)\": ErrImagePull: \(message)",
          until: until)
      }
    }
    var actions: [PodMachine.Action] = []
    if let killAt, isRunning { actions += stop(terminate: true, kill: now >= killAt) }
    for kind in activeKinds {
      guard let state = probes[kind], !state.isUnderWay, now >= state.nextAt else { continue }
      probes[kind]?.isUnderWay = true
      probes[kind]?.nextAt = now
      actions.append(.probe(container: name, run: run, kind))
    }
    return actions
  }

  var wakeAt: Timestamp? {
    var times: [Timestamp] = []
    if case .waiting(_, _, let until?) = phase { times.append(until) }
    if let imageNoticeAt { times.append(imageNoticeAt) }
    if let killAt, isRunning, !isKilled { times.append(killAt) }
    times += activeKinds.compactMap { kind in probes[kind].flatMap { $0.isUnderWay ? nil : $0.nextAt } }
    return times.min()
  }

  private static func text(_ delay: Duration) -> String {
    let seconds = delay.components.seconds
    if seconds < 60 { return "\(seconds)s" }
    return "\(seconds / 60)m\(seconds % 60)s"
  }
}

/// The signals that the agent sends, by number: the machine itself knows no system library.
enum ProcessSignal {
  static let terminate: Int32 = 15
  static let kill: Int32 = 9
}
