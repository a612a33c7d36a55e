import FlinkModel
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
  private func snapshots(_ jobStatus: JSONValue?, of cluster: String) -> [String] {
    let savepoints = jobStatus?["savepointInfo"]
    let checkpoints = jobStatus?["checkpointInfo"]
    let history = savepoints?["savepointHistory"]?.arrayValue ?? []
    let isPeriodic = history.contains { $0["triggerType"]?.stringValue == "PERIODIC" }
    let taken = flink.happenings.count { if case .savepoint(cluster, _, _) = $0 { true } else { false } }
    return [
      "  savepoints \(history.count) taken \(isPeriodic ? "periodically" : "\(taken)")",
      "  pending savepoint \(savepoints?["triggerId"] == nil ? "none" : "one") "
        + "checkpoint \(checkpoints?["triggerId"] == nil ? "none" : "one")",
      "  checkpoint of nonce \(checkpoints?["lastCheckpoint"]?["triggerNonce"]?.text ?? "-")",
    ]
  }

  /// Which of several causes was seen last, and which point was known last, depends on time.
  private static func withoutCause(_ error: String) -> String {
    for mark in ["did not become ready in time", "no restore point is usable"] {
      let parts = error.split(separator: mark, maxSplits: 1)
      if parts.count == 2 { return "\(parts[0])\(mark)" }
    }
    return error
  }

  /// The recorded spec; apart from it how the state was kept, and the ingress, which is no reason for a deployment and
  /// is recorded with the next one.
  private static func reconciled(_ text: String) -> [String] {
    var (ingress, mode): (JSONValue?, JSONValue?)
    var rest = text
    if var record = try? JSONValue(parsing: Array(text.utf8)) {
      ingress = record["spec", "ingress"]
      record.set(nil, at: ["spec", "ingress"])
      mode = record["spec", "job"]?["upgradeMode"]
      record.set(nil, at: ["spec", "job", "upgradeMode"])
      rest = record.text
    }
    // Whether another spec came before the first one was deployed depends on when it came.
    let parts = rest.split(separator: ",").filter { !$0.contains("firstDeployment") }
    return [
      "  reconciled \(parts.joined(separator: ","))", "  by upgrade mode \(mode?.stringValue ?? "-")",
      "  ingress \(ingress?.text ?? "-")",
    ]
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
      lines += Self.reconciled(text("reconciliationStatus", "lastReconciledSpec"))
      let isStable =
        text("reconciliationStatus", "lastReconciledSpec") == text("reconciliationStatus", "lastStableSpec")
      lines.append("  stable \(isStable) taskManager \(status?["taskManager"]?.text ?? "-")")
      lines += snapshots(status?["jobStatus"], of: name)
      if let scaling = flink.scaling(of: name) {
        let vertices = scaling.present.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        lines.append("  parallelism \(vertices.joined(separator: " "))")
      }
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
          + "args \(shape.joined(separator: " "))")
      let generation = deployment["metadata", "annotations"]?[FlinkDeployment.generationAnnotation]?.stringValue
      lines.append("  made for generation \(generation ?? "-")")
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
