import FlinkModel
import KubernetesAPI

/// What one JobManager with high availability has read from its ConfigMaps and written to them.
struct SimulatedHAMetadata: Sendable {
  struct Recovered: Sendable, Hashable {
    var checkpointID: Int64
    var path: String
  }

  let jobID: String
  /// Its start's number, kept with the job's graph.
  let attempt: String
  /// Where the job goes on from; nil for one that has no checkpoint yet.
  var recovered: Recovered?
  /// The newest checkpoint in the ConfigMap; nil before there is one.
  var written: Int64?
  var hasEnded = false
}

/// Flink's ConfigMaps, by the names and keys of 1.20.
extension SimulatedWorld.State {
  private func clusterMap(_ cluster: String) -> String { "\(cluster)-cluster-config-map" }
  private func jobMap(_ cluster: String, _ job: String) -> String { "\(cluster)-\(job)-config-map" }

  /// A JobManager's pod has come up: with high availability it reads where its job is.
  mutating func readHAMetadata(cluster: String, pod: JSONValue, jobID: String?) {
    guard let uid = pod["metadata", "uid"]?.stringValue, let jobID else { return }
    let configuration = request(.get(.configMaps, SimulatedWorld.namespace, "flink-config-\(cluster)"))
    let text = configuration?["data", "flink-conf.yaml"]?.stringValue ?? ""
    guard text.split(separator: "\n").contains(where: { $0.hasPrefix("high-availability.type: kubernetes") }) else {
      return
    }
    let attempt =
      pod["metadata", "annotations"]?["flink-operator.flink.apache.org/attempt"]?.stringValue ?? "?"
    var availability = SimulatedHAMetadata(jobID: jobID, attempt: attempt)
    let shared = request(.get(.configMaps, SimulatedWorld.namespace, clusterMap(cluster)))
    for (key, value) in shared?["data"]?.objectValue ?? [:] where key.hasPrefix("jobGraph-") {
      let other = String(key.dropFirst("jobGraph-".count))
      if other != jobID {
        violate("HA", "job \(other) comes back beside \(jobID)")
      } else if value.stringValue != attempt {
        violate("HA", "job \(jobID) of start \(attempt) runs by its graph of start \(value.stringValue ?? "")")
      }
    }
    let own = request(.get(.configMaps, SimulatedWorld.namespace, jobMap(cluster, jobID)))
    let newest = (own?["data"]?.objectValue ?? [:]).filter { key, _ in key.hasPrefix("checkpointID-") }
      .max { $0.key < $1.key }
    if let newest, let id = Int64(newest.key.dropFirst("checkpointID-".count)), let path = newest.value.stringValue {
      availability.recovered = SimulatedHAMetadata.Recovered(checkpointID: id, path: path)
    }
    if own != nil { availability.written = availability.recovered?.checkpointID ?? 0 }
    flink.availability[uid] = availability
  }

  /// Writes what has changed since the last step.
  mutating func writeHAMetadata() {
    for uid in flink.availability.keys.sorted() {
      guard let manager = flink.managers[uid] else {
        flink.availability[uid] = nil
        continue
      }
      guard var availability = flink.availability[uid], let job = manager.job, !availability.hasEnded else { continue }
      let cluster = manager.cluster
      let maps = [clusterMap(cluster), jobMap(cluster, availability.jobID)]
      if job.state.isGloballyTerminal {
        for map in maps { request(.delete(.configMaps, SimulatedWorld.namespace, map)) }
        availability.hasEnded = true
      } else {
        let newest = job.checkpoints.last?.id ?? availability.recovered?.checkpointID ?? 0
        guard availability.written != newest || request(.get(.configMaps, SimulatedWorld.namespace, maps[0])) == nil
        else { continue }
        store(maps[0], cluster, ["jobGraph-\(availability.jobID)": .string(availability.attempt)])
        var data: JSONObject = ["counter": .string("\(newest + 1)")]
        if let last = job.checkpoints.last {
          if let written = availability.written, written != last.id, written > 0 { data[Self.key(written)] = .null }
          data[Self.key(last.id)] = .string(last.externalPath)
        }
        store(maps[1], cluster, data)
        availability.written = newest
      }
      flink.availability[uid] = availability
    }
  }

  private static func key(_ checkpoint: Int64) -> String {
    let digits = "\(checkpoint)"
    return "checkpointID-" + String(repeating: "0", count: max(0, 19 - digits.count)) + digits
  }

  private mutating func store(_ name: String, _ cluster: String, _ data: JSONObject) {
    let patch: JSONValue = ["data": .object(data)]
    if request(.patch(.configMaps, SimulatedWorld.namespace, name, nil, .merge(patch))) != nil { return }
    _ = must(
      .create(
        .configMaps, SimulatedWorld.namespace,
        Scenario.haConfigMap(name, cluster: cluster, data.filter { _, value in value != .null })))
  }
}

extension Scenario {
  /// As Flink makes them: without an owner.
  static func haConfigMap(_ name: String, cluster: String, _ data: JSONObject) -> JSONValue {
    [
      "apiVersion": "v1", "kind": "ConfigMap",
      "metadata": [
        "name": .string(name), "namespace": .string(SimulatedWorld.namespace),
        "labels": [
          "app": .string(cluster), "type": "flink-native-kubernetes", "configmap-type": "high-availability",
        ],
      ],
      "data": .object(data),
    ]
  }
}
