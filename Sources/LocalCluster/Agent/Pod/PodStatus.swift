import KubernetesAPI

/// `status` of a pod as the kubelet writes it.
struct PodStatusWriter {
  let machine: PodMachine
  let nodeAddress: String

  /// The conditions that the agent writes; the others are someone else's.
  static let ownConditions: Set<String> = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"]

  private var pod: PodSpecification { machine.pod }

  /// The whole status.
  ///
  /// - Parameter current: the status the API has: its conditions keep their transition times, those of others stay.
  func status(current: JSONValue?, now: Timestamp) -> JSONValue {
    var status: JSONValue = [
      "phase": .string(machine.phase.rawValue),
      "conditions": .array(conditions(current: current?["conditions"]?.arrayValue ?? [], now: now)),
      "hostIP": .string(nodeAddress), "hostIPs": [["ip": .string(nodeAddress)]],
      "startTime": .string(machine.startedAt.rfc3339Seconds),
    ]
    if let address = machine.address {
      status["podIP"] = .string(address)
      status["podIPs"] = [["ip": .string(address)]]
    }
    let inits = machine.containers.filter(\.isInit)
    if !inits.isEmpty { status["initContainerStatuses"] = .array(inits.map(containerStatus)) }
    status["containerStatuses"] = .array(machine.containers.filter { !$0.isInit }.map(containerStatus))
    if let problem = machine.preparationProblem { status["message"] = .string(problem) }
    return status
  }

  // MARK: Conditions

  private func conditions(current: [JSONValue], now: Timestamp) -> [JSONValue] {
    let isCompleted = machine.phase == .succeeded
    let isFailed = machine.phase == .failed
    func problem(_ kind: String, _ containers: [ContainerState]) -> (reason: String, message: String) {
      if isCompleted { return ("PodCompleted", "") }
      if isFailed { return ("PodFailed", "") }
      let names = containers.map(\.name).joined(separator: " ")
      return (
        "Containers\(kind)", "containers with \(kind == "NotInitialized" ? "incomplete" : "unready") status: [\(names)]"
      )
    }
    let incomplete = machine.containers.filter { $0.isInit && !$0.hasCompleted && !($0.isSidecar && $0.isStarted) }
    let unready = machine.containers.filter { !$0.isInit && !$0.isReady }
    let initProblem = problem("NotInitialized", incomplete)
    let readyProblem = problem("NotReady", unready)
    var wanted: [(type: String, isTrue: Bool, reason: String, message: String)] = [
      ("PodReadyToStartContainers", machine.address != nil && !isCompleted && !isFailed, "", ""),
      (
        "Initialized", machine.hasInitialized || isCompleted, isCompleted ? "PodCompleted" : initProblem.reason,
        initProblem.message
      ),
      ("Ready", machine.isReady, readyProblem.reason, readyProblem.message),
      ("ContainersReady", machine.isReady, readyProblem.reason, readyProblem.message),
    ]
    for index in wanted.indices where wanted[index].isTrue && !(isCompleted && wanted[index].type == "Initialized") {
      wanted[index].reason = ""
      wanted[index].message = ""
    }
    var result = wanted.map { condition in
      let status = condition.isTrue ? "True" : "False"
      let known = current.first { $0["type"]?.stringValue == condition.type }
      var time = now.rfc3339Seconds
      if known?["status"]?.stringValue == status, let kept = known?["lastTransitionTime"]?.stringValue { time = kept }
      var json: JSONValue = [
        "type": .string(condition.type), "status": .string(status), "lastProbeTime": .null,
        "lastTransitionTime": .string(time),
      ]
      if !condition.reason.isEmpty { json["reason"] = .string(condition.reason) }
      if !condition.message.isEmpty { json["message"] = .string(condition.message) }
      return json
    }
    result += current.filter { !Self.ownConditions.contains($0["type"]?.stringValue ?? "") }
    if !result.contains(where: { $0["type"]?.stringValue == "PodScheduled" }) {
      result.append([
        "type": "PodScheduled", "status": "True", "lastProbeTime": .null,
        "lastTransitionTime": .string(machine.startedAt.rfc3339Seconds),
      ])
    }
    return result
  }

  // MARK: Containers

  private func containerStatus(_ container: ContainerState) -> JSONValue {
    var status: JSONValue = [
      "name": .string(container.name), "state": state(container), "lastState": lastState(container),
      "ready": .bool(container.isReady), "restartCount": JSONValue(container.restartCount),
      "image": .string(container.specification.image),
      "imageID": .string(container.hasNeverRun ? "" : "local://\(container.specification.image)"),
      "started": .bool(container.isRunning && container.isStarted),
    ]
    if !container.hasNeverRun { status["containerID"] = .string(containerID(container, run: shownRun(container))) }
    return status
  }

  private func shownRun(_ container: ContainerState) -> Int {
    switch container.phase {
    case .running: container.run
    case .terminated(let termination): termination.run
    case .waiting, .starting: container.lastTermination?.run ?? container.run
    }
  }

  private func containerID(_ container: ContainerState, run: Int) -> String {
    "local://\(pod.uid)-\(container.name)-\(run)"
  }

  private func state(_ container: ContainerState) -> JSONValue {
    switch container.phase {
    case .running(let since): return ["running": ["startedAt": .string(since.rfc3339Seconds)]]
    case .terminated(let termination): return ["terminated": terminated(container, termination)]
    case .waiting(let reason, let message, _): return Self.waiting(reason, message)
    case .starting:
      if let last = container.lastTermination { return ["terminated": terminated(container, last)] }
      if case .waiting(let reason, let message, _)? = container.phaseBeforeStart {
        return Self.waiting(reason, message)
      }
      return Self.waiting("ContainerCreating", "")
    }
  }

  /// The end of the run before the one that `state` shows.
  private func lastState(_ container: ContainerState) -> JSONValue {
    switch container.phase {
    case .running, .waiting:
      return container.lastTermination.map { ["terminated": terminated(container, $0)] } ?? [:]
    case .terminated, .starting: return [:]
    }
  }

  private static func waiting(_ reason: String, _ message: String) -> JSONValue {
    var json: JSONValue = ["reason": .string(reason)]
    if !message.isEmpty { json["message"] = .string(message) }
    return ["waiting": json]
  }

  private func terminated(_ container: ContainerState, _ termination: Termination) -> JSONValue {
    var json: JSONValue = [
      "exitCode": JSONValue(termination.exitCode), "reason": .string(termination.reason),
      "startedAt": .string(termination.startedAt.rfc3339Seconds),
      "finishedAt": .string(termination.finishedAt.rfc3339Seconds),
      "containerID": .string(containerID(container, run: termination.run)),
    ]
    if !termination.message.isEmpty { json["message"] = .string(termination.message) }
    if let signal = termination.signal { json["signal"] = JSONValue(signal) }
    return json
  }
}
