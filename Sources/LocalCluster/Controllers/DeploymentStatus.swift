import KubernetesAPI

/// The numbers in a Deployment's status.
struct RolloutCounts: Hashable {
  var replicas: Int64 = 0
  var updated: Int64 = 0
  var ready: Int64 = 0
  var available: Int64 = 0
  var terminating: Int64 = 0
}

extension Rollout {
  func counts() -> RolloutCounts {
    var counts = RolloutCounts()
    for set in replicaSets {
      counts.replicas += set.count("replicas")
      counts.ready += set.count("readyReplicas")
      counts.available += set.count("availableReplicas")
      counts.terminating += set.count("terminatingReplicas")
    }
    counts.updated = current?.count("replicas") ?? 0
    return counts
  }

  func isComplete(_ counts: RolloutCounts) -> Bool {
    counts.updated == replicas && counts.replicas == replicas && counts.available == replicas
  }

  /// Notes that a Deployment was paused or resumed, which stops and starts the clock of its progress.
  func pauseCondition() -> Reconciliation? {
    guard progressDeadlineSeconds != nil else { return nil }
    var conditions = ConditionList(json["status", "conditions"])
    let reason = conditions["Progressing"]?["reason"]?.stringValue
    guard reason != "ProgressDeadlineExceeded" else { return nil }
    if isPaused, reason != "DeploymentPaused" {
      conditions.set(
        "Progressing", status: "Unknown", reason: "DeploymentPaused", message: "Deployment is paused", now: now)
    } else if !isPaused, reason == "DeploymentPaused" {
      conditions.set(
        "Progressing", status: "Unknown", reason: "DeploymentResumed", message: "Deployment is resumed", now: now)
    } else {
      return nil
    }
    var changed = json
    changed.set(.array(conditions.items), at: ["status", "conditions"])
    return Reconciliation(writes: [.replace(.deployments, key, subresource: "status", changed)])
  }

  /// Writes the status if it is not what it should be.
  func statusTurn(isRolling: Bool) -> Reconciliation {
    let counts = counts()
    var conditions = ConditionList(json["status", "conditions"])
    if counts.available >= replicas - maxUnavailable {
      conditions.set(
        "Available", status: "True", reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.", now: now)
    } else {
      conditions.set(
        "Available", status: "False", reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.", now: now)
    }
    var result = Reconciliation()
    if isRolling { result.wakeAt = setProgress(&conditions, counts) }
    setFailure(&conditions)

    var status: JSONValue = ["observedGeneration": JSONValue(deployment.metadata.generation)]
    func add(_ field: String, _ value: Int64) { if value > 0 { status[field] = JSONValue(value) } }
    add("replicas", counts.replicas)
    add("updatedReplicas", counts.updated)
    add("readyReplicas", counts.ready)
    add("availableReplicas", counts.available)
    add("unavailableReplicas", replicaSets.reduce(0) { $0 + $1.replicas } - counts.available)
    status["terminatingReplicas"] = JSONValue(counts.terminating)
    if let collisions = json["status", "collisionCount"] { status["collisionCount"] = collisions }
    status["conditions"] = .array(conditions.items)
    if status != json["status"] {
      var changed = json
      changed["status"] = status
      result.writes = [.replace(.deployments, key, subresource: "status", changed)]
    }
    return result
  }

  /// Returns when the deadline for progress is to be looked at.
  private func setProgress(_ conditions: inout ConditionList, _ counts: RolloutCounts) -> Timestamp? {
    guard let deadline = progressDeadlineSeconds else {
      conditions.remove("Progressing")
      return nil
    }
    let progress = conditions["Progressing"]
    if counts.replicas == counts.updated, progress?["reason"]?.stringValue == "NewReplicaSetAvailable" { return nil }
    let subject = current.map { "ReplicaSet \"\($0.metadata.name)\"" } ?? "Deployment \"\(key.name)\""
    if isComplete(counts) {
      conditions.set(
        "Progressing", status: "True", reason: "NewReplicaSetAvailable",
        message: "\(subject) has successfully progressed.", now: now)
      return nil
    }
    func former(_ field: String) -> Int64 { json["status"]?[field]?.intValue ?? 0 }
    let hasProgressed =
      counts.updated > former("updatedReplicas")
      || counts.replicas - counts.updated < former("replicas") - former("updatedReplicas")
      || counts.ready > former("readyReplicas") || counts.available > former("availableReplicas")
    if hasProgressed {
      conditions.replace(
        "Progressing", status: "True", reason: "ReplicaSetUpdated", message: "\(subject) is progressing.", now: now)
    } else if let progress, progress["reason"]?.stringValue != "ProgressDeadlineExceeded",
      let since = progress["lastUpdateTime"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) })
    {
      let end = Timestamp(epochMilliseconds: since.epochMilliseconds + deadline * 1000)
      if end < now {
        conditions.set(
          "Progressing", status: "False", reason: "ProgressDeadlineExceeded",
          message: "\(subject) has timed out progressing.", now: now)
        return nil
      }
      return Timestamp(epochMilliseconds: end.epochMilliseconds + 1)
    }
    guard conditions["Progressing"]?["reason"]?.stringValue != "ProgressDeadlineExceeded" else { return nil }
    return Timestamp(epochMilliseconds: now.epochMilliseconds + deadline * 1000 + 1)
  }

  /// Passes on why a ReplicaSet cannot make its pods.
  private func setFailure(_ conditions: inout ConditionList) {
    let failing = ([current].compactMap { $0 } + old).lazy.compactMap { set in
      ConditionList(set.json["status", "conditions"])["ReplicaFailure"]
    }.first { $0["status"]?.stringValue == "True" }
    guard let failing else {
      conditions.remove("ReplicaFailure")
      return
    }
    let message = failing["message"]?.stringValue ?? ""
    if conditions["ReplicaFailure"]?["message"]?.stringValue != message { conditions.remove("ReplicaFailure") }
    conditions.set(
      "ReplicaFailure", status: "True", reason: failing["reason"]?.stringValue ?? "FailedCreate", message: message,
      now: now)
  }
}
