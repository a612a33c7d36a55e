import KubernetesAPI

/// The parts of a pod that controllers look at.
struct PodState {
  let object: KubernetesObject
  let json: JSONValue

  init(_ object: KubernetesObject) {
    self.object = object
    json = object.json
  }

  var metadata: ObjectMetadata { object.metadata }
  var phase: String { json["status", "phase"]?.stringValue ?? "Pending" }
  var isTerminal: Bool { phase == "Succeeded" || phase == "Failed" }
  /// Neither ended nor about to be.
  var isActive: Bool { !isTerminal && !metadata.isBeingDeleted }
  var nodeName: String? { json["spec", "nodeName"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 } }
  var address: String? { json["status", "podIP"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 } }

  var readyCondition: JSONValue? {
    json["status", "conditions"]?.arrayValue?.first { $0["type"]?.stringValue == "Ready" }
  }

  var isReady: Bool { readyCondition?["status"]?.stringValue == "True" }

  /// Since when the pod is ready; nil when it is not or does not say.
  var readySince: Timestamp? {
    guard isReady, let text = readyCondition?["lastTransitionTime"]?.stringValue else { return nil }
    return Timestamp(rfc3339: text)
  }

  /// When a ready pod becomes available; nil for one that is not ready.
  func availableAt(minReadySeconds: Int64) -> Timestamp? {
    guard isReady else { return nil }
    guard minReadySeconds > 0 else { return Timestamp(epochMilliseconds: 0) }
    guard let since = readySince else { return nil }
    return Timestamp(epochMilliseconds: since.epochMilliseconds + minReadySeconds * 1000)
  }

  /// The number of a container port by its name or number.
  func port(_ target: JSONValue, transport: String) -> Int64? {
    if let number = target.intValue { return number }
    guard let name = target.stringValue else { return nil }
    for list in ["containers", "initContainers"] {
      for container in json["spec", list]?.arrayValue ?? [] {
        for port in container["ports"]?.arrayValue ?? []
        where port["name"]?.stringValue == name && (port["protocol"]?.stringValue ?? "TCP") == transport {
          return port["containerPort"]?.intValue
        }
      }
    }
    return nil
  }
}

/// `status.conditions` of a workload.
struct ConditionList {
  private(set) var items: [JSONValue]

  init(_ json: JSONValue?) { items = json?.arrayValue ?? [] }

  subscript(type: String) -> JSONValue? { items.first { $0["type"]?.stringValue == type } }

  /// Puts a condition in. One of the same status and reason stays as it is; the transition time of one of the same status
  /// is kept.
  mutating func set(_ type: String, status: String, reason: String, message: String, now: Timestamp) {
    let current = self[type]
    if let current, current["status"]?.stringValue == status, current["reason"]?.stringValue == reason { return }
    replace(type, status: status, reason: reason, message: message, now: now)
  }

  /// Puts a condition in with a new update time, whatever it was.
  mutating func replace(_ type: String, status: String, reason: String, message: String, now: Timestamp) {
    let current = self[type]
    var transition = now.rfc3339Seconds
    if let current, current["status"]?.stringValue == status, let kept = current["lastTransitionTime"]?.stringValue {
      transition = kept
    }
    items.removeAll { $0["type"]?.stringValue == type }
    items.append([
      "type": .string(type), "status": .string(status), "lastUpdateTime": .string(now.rfc3339Seconds),
      "lastTransitionTime": .string(transition), "reason": .string(reason), "message": .string(message),
    ])
  }

  mutating func remove(_ type: String) { items.removeAll { $0["type"]?.stringValue == type } }
}
