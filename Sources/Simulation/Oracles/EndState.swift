import KubernetesAPI

/// How a run has ended, without what may differ between runs that ended the same: times, names, UIDs, attempts.
public struct EndState: Sendable, Hashable, CustomStringConvertible {
  public let lines: [String]

  public var description: String { lines.joined(separator: "\n") }

  /// Lines that only this one (`-`) or only the other one has (`+`), each from where it differs.
  func difference(from other: EndState) -> [String] {
    let ours = lines.filter { !Set(other.lines).contains($0) }
    let theirs = other.lines.filter { !Set(lines).contains($0) }
    func clip(_ line: String, _ others: [String]) -> String {
      let common = others.map { zip($0, line).prefix { $0 == $1 }.count }.max() ?? 0
      guard line.count > 160 else { return line }
      return line.prefix(24) + " … " + line.dropFirst(max(common - 30, 24)).prefix(160)
    }
    return ours.map { "- " + clip($0, theirs) } + theirs.map { "+ " + clip($0, ours) }
  }
}

extension SimulatedWorld.State {
  /// Snapshots as the record has them, and how many savepoints have been taken; not for periodic ones, whose number
  /// depends on time.
  private func snapshots(_ jobStatus: JSONValue?, of cluster: String) -> String {
    let savepoints = jobStatus?["savepointInfo"]
    let checkpoints = jobStatus?["checkpointInfo"]
    let history = savepoints?["savepointHistory"]?.arrayValue ?? []
    let isPeriodic = history.contains { $0["triggerType"]?.stringValue == "PERIODIC" }
    let taken = flink.happenings.count { if case .savepoint(cluster, _, _) = $0 { true } else { false } }
    return "savepoints \(history.count) pending \(savepoints?["triggerId"] == nil ? "none" : "one") "
      + "taken \(isPeriodic ? "periodically" : "\(taken)") "
      + "checkpoint nonce \(checkpoints?["lastCheckpoint"]?["triggerNonce"]?.text ?? "-") "
      + "pending \(checkpoints?["triggerId"] == nil ? "none" : "one")"
  }

  /// Which of several causes was seen last, and which point was known last, depends on time.
  private static func withoutCause(_ error: String) -> String {
    for mark in ["did not become ready in time", "no restore point is usable"] {
      let parts = error.split(separator: mark, maxSplits: 1)
      if parts.count == 2 { return "\(parts[0])\(mark)" }
    }
    return error
  }

  mutating func endState() -> EndState {
    var lines: [String] = []
    for resource in list(.flinkDeployments) {
      let status = resource["status"]
      let name = resource["metadata", "name"]?.stringValue ?? ""
      func text(_ path: String...) -> String {
        let value = status?.value(at: path)
        return value?.stringValue ?? value?.text ?? "-"
      }
      lines.append(
        "\(name): generation \(resource["metadata", "generation"]?.text ?? "") observed \(text("observedGeneration")) "
          + "lifecycle \(text("lifecycleState")) jm \(text("jobManagerDeploymentStatus")) "
          + "job \(text("jobStatus", "state")) state \(text("reconciliationStatus", "state")) "
          + "phase \(text("operation", "phase")) finalizers \(resource["metadata", "finalizers"]?.text ?? "-")")
      lines.append("  error \(Self.withoutCause(text("error")))")
      // Whether another spec came before the first one was deployed depends on when it came.
      let reconciled = text("reconciliationStatus", "lastReconciledSpec")
        .split(separator: ",").filter { !$0.contains("firstDeployment") }.joined(separator: ",")
      lines.append("  reconciled \(reconciled)")
      let isStable =
        text("reconciliationStatus", "lastReconciledSpec") == text("reconciliationStatus", "lastStableSpec")
      lines.append("  stable \(isStable) taskManager \(status?["taskManager"]?.text ?? "-")")
      lines.append("  " + snapshots(status?["jobStatus"], of: name))
      for condition in status?["conditions"]?.arrayValue ?? [] {
        lines.append(
          "  \(condition["type"]?.stringValue ?? "") \(condition["status"]?.stringValue ?? "") "
            + "\(condition["reason"]?.stringValue ?? "")")
      }
    }
    for deployment in list(.deployments) {
      let container = deployment["spec", "template"]?["spec"]?["containers"]?.arrayValue?.first
      let arguments = (container?["args"]?.arrayValue ?? []).compactMap(\.stringValue)
      let shape = zip([""] + arguments, arguments).map { previous, argument in
        previous == "--fromSavepoint" ? "*" : argument
      }
      lines.append(
        "deployment \(deployment["metadata", "name"]?.stringValue ?? "") replicas "
          + "\(deployment["spec", "replicas"]?.text ?? "") image \(container?["image"]?.stringValue ?? "") "
          + "args \(shape.joined(separator: " ")) generation "
          + "\(deployment["metadata", "annotations"]?["flinkdeployment.flink.apache.org/generation"]?.stringValue ?? "-")"
      )
    }
    for ingress in list(.ingresses) {
      let rule = ingress["spec", "rules"]?.arrayValue?.first
      lines.append(
        "ingress \(ingress["metadata", "name"]?.stringValue ?? "") host \(rule?["host"]?.stringValue ?? "-") "
          + "labels \(ingress["metadata", "labels"]?.text ?? "-")")
    }
    lines.append("pods \(list(.pods).count)")
    for map in list(.configMaps, "type in (flink-standalone-kubernetes,flink-native-kubernetes)") {
      let name = map["metadata", "name"]?.stringValue ?? ""
      let isMetadata = map["metadata", "labels"]?["configmap-type"]?.stringValue == "high-availability"
      // The job's id differs between runs that ended the same.
      lines.append("configmap \(isMetadata ? (name.hasSuffix("-cluster-config-map") ? name : "of a job") : name)")
    }
    for service in list(.services, "type in (flink-standalone-kubernetes,flink-native-kubernetes)") {
      lines.append("service \(service["metadata", "name"]?.stringValue ?? "")")
    }
    return EndState(lines: lines)
  }
}
