import FlinkModel
import KubernetesAPI

/// Who makes a call: one life of the operator's process.
struct SimulatedCaller: Sendable {
  let life: Int
  /// Stops the process for as long as the fault says, while the world goes on.
  let freeze: @Sendable (FaultKind) async -> Void
}

/// How a call fails.
enum CallFailure {
  case cancelled, interrupted, unreachable, serverError, tooManyRequests, conflict

  var kubernetesCause: KubernetesError.Cause {
    switch self {
    case .cancelled: .cancelled
    case .interrupted: .interrupted("simulated")
    case .unreachable: .unreachable("simulated")
    case .serverError:
      .rejected(APIStatus(code: 500, reason: "InternalError", message: "simulated"), retryAfter: nil)
    case .tooManyRequests:
      .rejected(APIStatus(code: 429, reason: "TooManyRequests", message: "simulated"), retryAfter: .seconds(1))
    case .conflict:
      .rejected(APIStatus(code: 409, reason: "Conflict", message: "simulated"), retryAfter: nil)
    }
  }
}

extension SimulatedWorld {
  /// One changing call of the operator: counted, and made to fail as the plan says.
  func change<Answer: Sendable, Failure: Error>(
    _ name: String, by caller: SimulatedCaller,
    _ perform: (inout State) -> Result<Answer, Failure>, failure: (CallFailure) -> Failure
  ) async -> Result<Answer, Failure> {
    var fault: FaultKind?
    let isAlive = with { state in
      if state.isDead(caller.life) { return false }
      fault = state.count(name)
      return true
    }
    if !isAlive { return .failure(failure(.cancelled)) }
    if let fault, fault == .frozen || fault == .frozenAlone {
      let start = with { $0.now }
      await caller.freeze(fault)
      // The request that takes a JobManager away is under way: what completes meanwhile nobody hears of, and no record can
      // hold.
      if fault == .frozenAlone, name.hasPrefix("patch deployments") { with { $0.noteUnheard(since: start) } }
    }
    return with { $0.carryOut(fault, by: caller.life, perform, failure: failure) }
  }
}

extension SimulatedWorld.State {
  func isDead(_ life: Int) -> Bool { deadLives.contains(life) }

  /// Notes a changing call; the fault that meets it.
  fileprivate mutating func count(_ name: String) -> FaultKind? {
    let call = calls.count
    // A request takes its time.
    now += 5
    calls.append(name)
    contexts.append(
      FaultKind.Context(
        name: name, hasManager: !flink.managers.isEmpty,
        hasState: list(.flinkDeployments).contains {
          $0["spec", "job"]?["upgradeMode"]?.stringValue ?? "stateless" != "stateless"
        }))
    return plan.fault(at: call)
  }

  fileprivate mutating func carryOut<Answer, Failure: Error>(
    _ fault: FaultKind?, by life: Int, _ perform: (inout Self) -> Result<Answer, Failure>,
    failure: (CallFailure) -> Failure
  ) -> Result<Answer, Failure> {
    oracle.acting = life
    switch fault {
    case nil, .frozenAlone: return perform(&self)
    case .crashBefore:
      deadLives.insert(life)
      return .failure(failure(.cancelled))
    case .crashAfter, .frozen, .staleRestart:
      oracle.isLate = fault == .frozen
      _ = perform(&self)
      oracle.isLate = false
      deadLives.insert(life)
      if fault == .staleRestart { nextLifeLooksBack = true }
      return .failure(failure(.cancelled))
    case .lostReply:
      _ = perform(&self)
      return .failure(failure(.interrupted))
    case .unreachable: return .failure(failure(.unreachable))
    case .serverError: return .failure(failure(.serverError))
    case .tooManyRequests: return .failure(failure(.tooManyRequests))
    case .conflict: return .failure(failure(.conflict))
    case .twoOperators:
      isSecondWanted = true
      deaths.append((life, now + 12_000))
      return perform(&self)
    case .silenceThenCrash:
      silence["*"] = now + 4_000
      deaths.append((life, now + 4_000))
      return perform(&self)
    case .silence, .stalePods, .staleDeployments, .staleResources, .coalesced, .watchGone, .viewRolledBack,
      .clockForward, .clockBack, .flinkUnreachable, .flinkUnavailable, .flinkForgets, .savepointFails, .stopFails,
      .managerRestarts, .managerLost, .workersLost, .podsLinger, .nodeUnreachable:
      let result = perform(&self)
      if let fault { strike(fault) }
      return result
    }
  }

  /// What befalls the world, and not the call.
  private mutating func strike(_ fault: FaultKind) {
    switch fault {
    case .silence: silence["*"] = now + 4_000
    case .stalePods: silence["pods"] = now + 15_000
    case .staleDeployments: silence["deployments"] = now + 15_000
    case .staleResources: silence["flinkdeployments"] = now + 8_000
    case .coalesced:
      silence["*"] = now + 5_000
      coalesces = true
    case .watchGone, .viewRolledBack:
      silence["*"] = now + 2_000
      relist = fault
    case .clockForward: clockOffset += 30_000
    case .clockBack: clockOffset -= 30_000
    case .flinkUnreachable, .flinkUnavailable, .flinkForgets: flinkOutage = (fault, now + 8_000)
    case .savepointFails: flink.failingSavepoints += 1
    case .stopFails: flink.failingStops += 1
    case .managerRestarts: node.restartsManagers = true
    case .managerLost: losePods("jobmanager")
    case .workersLost: losePods("taskmanager")
    case .podsLinger: node.lingerUntil = now + 30_000
    case .nodeUnreachable:
      node.unreachableUntil = now + 30_000
      flinkOutage = (.flinkUnreachable, now + 30_000)
    default: break
    }
  }

  private mutating func losePods(_ component: String) {
    for pod in list(.pods, "component=\(component)") where pod["metadata", "deletionTimestamp"] == nil {
      request(.delete(.pods, SimulatedWorld.namespace, pod["metadata", "name"]?.stringValue ?? ""))
    }
  }

  /// Watches of this type deliver nothing now.
  func isSilent(_ type: ResourceType) -> Bool {
    (silence["*"] ?? 0) > now || (silence[type.plural] ?? 0) > now
  }

  private var outageKind: FaultKind? {
    guard let flinkOutage, flinkOutage.until > now else { return nil }
    return flinkOutage.kind
  }

  /// What Flink's clusters answer to everything at this time.
  func outage(isAboutJob: Bool) -> FlinkError? {
    switch outageKind {
    case .flinkUnreachable: .unreachable("connection refused")
    case .flinkUnavailable: .rejected(code: 503, message: "Service temporarily unavailable")
    case .flinkForgets where isAboutJob: .rejected(code: 404, message: "Job not found")
    default: nil
    }
  }

  var hasForgottenJobs: Bool { outageKind == .flinkForgets }
}
