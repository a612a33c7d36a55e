import KubernetesAPI

struct PodStrategy: KindStrategy {
  var returnsDeletedObject: Bool { true }
  var hasGeneration: Bool { true }
  var isolatesStatus: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    var spec = object["spec"] ?? [:]
    PodTemplates.applyDefaults(&spec)
    if spec["enableServiceLinks"] == nil { spec["enableServiceLinks"] = true }
    object["spec"] = spec
  }

  func prepareForCreate(_ object: inout JSONValue) {
    object["status"] = ["phase": "Pending", "qosClass": .string(Self.qualityOfService(object["spec"] ?? [:]))]
  }

  /// What admission adds: tolerations for the first minutes of a node's trouble, and the priority.
  static func admit(_ object: inout JSONValue) {
    var spec = object["spec"] ?? [:]
    var tolerations = spec["tolerations"]?.arrayValue ?? []
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
      let isTolerated = tolerations.contains { toleration in
        let effect = toleration["effect"]?.stringValue ?? ""
        let name = toleration["key"]?.stringValue ?? ""
        return (name == key || name.isEmpty && toleration["operator"] == "Exists")
          && (effect.isEmpty || effect == "NoExecute")
      }
      if !isTolerated {
        tolerations.append([
          "key": .string(key), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
        ])
      }
    }
    spec["tolerations"] = .array(tolerations)
    if spec["priority"] == nil { spec["priority"] = 0 }
    if spec["preemptionPolicy"] == nil { spec["preemptionPolicy"] = "PreemptLowerPriority" }
    object["spec"] = spec
  }

  private static func qualityOfService(_ spec: JSONValue) -> String {
    let containers = (spec["containers"]?.arrayValue ?? []) + (spec["initContainers"]?.arrayValue ?? [])
    var isGuaranteed = true
    var isBestEffort = true
    for container in containers {
      for resource in ["cpu", "memory"] {
        let limit = container["resources", "limits", resource]
        let request = container["resources", "requests", resource]
        if limit != nil || request != nil { isBestEffort = false }
        if limit == nil || limit != request { isGuaranteed = false }
      }
    }
    return isBestEffort ? "BestEffort" : isGuaranteed ? "Guaranteed" : "Burstable"
  }

  func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, subresource: String?) {
    if subresource == "status" {
      object.set(old["metadata", "ownerReferences"], at: ["metadata", "ownerReferences"])
      if object["status", "qosClass"] == nil { object.set(old["status", "qosClass"], at: ["status", "qosClass"]) }
    } else {
      object["status"] = old["status"]
    }
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    PodTemplates.validate(object["spec"], path: "spec", isTemplate: false)
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    let errors = validate(object)
    guard errors.isEmpty else { return errors }
    // Only images, the deadline, more tolerations and a shorter grace period of negative ones may change.
    func comparable(_ spec: JSONValue?) -> JSONValue {
      var spec = spec ?? [:]
      for field in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] { spec[field] = nil }
      for list in ["containers", "initContainers"] {
        guard let containers = spec[list]?.arrayValue else { continue }
        spec[list] = .array(
          containers.map { container in
            var container = container
            container["image"] = nil
            return container
          })
      }
      return spec
    }
    guard comparable(object["spec"]) != comparable(old["spec"]) else { return [] }
    return [
      .forbidden(
        "spec",
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
          + "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
          + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n")
    ]
  }

  func selectableField(_ object: JSONValue, _ field: String) -> String? {
    switch field {
    case "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName":
      object["spec", String(field.dropFirst(5))]?.stringValue ?? ""
    case "spec.hostNetwork": String(object["spec", "hostNetwork"]?.boolValue ?? false)
    case "status.phase", "status.podIP", "status.nominatedNodeName":
      object["status", String(field.dropFirst(7))]?.stringValue ?? ""
    case "status.podIPs":
      (object["status", "podIPs"]?.arrayValue ?? []).compactMap { $0["ip"]?.stringValue }.joined(separator: ",")
    default: nil
    }
  }

  var columns: [TableColumn] {
    [
      .name,
      TableColumn(name: "Ready", description: "The aggregate readiness state of this pod for accepting traffic."),
      TableColumn(name: "Status", description: "The aggregate status of the containers in this pod."),
      TableColumn(
        name: "Restarts", description: "The number of times the containers in this pod have been restarted."), .age,
      TableColumn(name: "IP", priority: 1), TableColumn(name: "Node", priority: 1),
      TableColumn(name: "Nominated Node", priority: 1), TableColumn(name: "Readiness Gates", priority: 1),
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let statuses = object["status", "containerStatuses"]?.arrayValue ?? []
    let total = object["spec", "containers"]?.arrayValue?.count ?? 0
    let ready = statuses.count { $0["ready"]?.boolValue == true && $0["state", "running"] != nil }
    let restarts = statuses.reduce(Int64(0)) { $0 + ($1["restartCount"]?.intValue ?? 0) }
    func text(_ value: JSONValue?) -> JSONValue {
      let text = value?.stringValue ?? ""
      return .string(text.isEmpty ? "<none>" : text)
    }
    return [
      object["metadata", "name"] ?? "", .string("\(ready)/\(total)"), .string(Self.summary(object, statuses)),
      .string(String(restarts)), age(of: object, at: now), text(object["status", "podIP"]),
      text(object["spec", "nodeName"]), text(object["status", "nominatedNodeName"]), "<none>",
    ]
  }

  /// The word under STATUS.
  private static func summary(_ object: JSONValue, _ statuses: [JSONValue]) -> String {
    var reason = object["status", "phase"]?.stringValue ?? ""
    if let given = object["status", "reason"]?.stringValue, !given.isEmpty { reason = given }
    let initTotal = object["spec", "initContainers"]?.arrayValue?.count ?? 0
    for (index, status) in (object["status", "initContainerStatuses"]?.arrayValue ?? []).enumerated() {
      if let terminated = status["state", "terminated"] {
        let code = terminated["exitCode"]?.intValue ?? 0
        if code == 0 { continue }
        let why = terminated["reason"]?.stringValue ?? ""
        return "Init:" + (why.isEmpty ? "ExitCode:\(code)" : why)
      }
      if let why = status["state", "waiting", "reason"]?.stringValue, !why.isEmpty, why != "PodInitializing" {
        return "Init:\(why)"
      }
      return "Init:\(index)/\(initTotal)"
    }
    var hasRunning = false
    for status in statuses.reversed() {
      if let why = status["state", "waiting", "reason"]?.stringValue, !why.isEmpty {
        reason = why
      } else if let terminated = status["state", "terminated"] {
        let why = terminated["reason"]?.stringValue ?? ""
        let signal = terminated["signal"]?.intValue ?? 0
        reason =
          !why.isEmpty
          ? why : signal != 0 ? "Signal:\(signal)" : "ExitCode:\(terminated["exitCode"]?.intValue ?? 0)"
      } else if status["ready"]?.boolValue == true, status["state", "running"] != nil {
        hasRunning = true
      }
    }
    if reason == "Completed" && hasRunning { reason = "Running" }
    if object["metadata", "deletionTimestamp"] != nil {
      reason = object["status", "reason"] == "NodeLost" ? "Unknown" : "Terminating"
    }
    return reason
  }
}
