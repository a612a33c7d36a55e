import KubernetesAPI

/// HA metadata as a user sees it: ConfigMaps that hold the way to a job's newest checkpoint.
extension SimulatedWorld.State {
  /// The newest checkpoint that the metadata of a job names; nil where there is none.
  func newestCheckpoint(in map: JSONValue) -> String? {
    (map["data"]?.objectValue ?? [:]).filter { key, _ in key.hasPrefix("checkpointID-") }.max { $0.key < $1.key }?
      .value.stringValue
  }

  /// Whether the metadata of the recorded job of a cluster leads to a checkpoint that exists.
  mutating func hasMetadata(_ cluster: String) -> Bool {
    let job =
      request(.get(.flinkDeployments, SimulatedWorld.namespace, cluster))?["status", "jobStatus"]?["jobId"]?.stringValue
    let map = request(.get(.configMaps, SimulatedWorld.namespace, "\(cluster)-\(job ?? "")-config-map"))
    return map.flatMap { newestCheckpoint(in: $0) }.flatMap { flink.storage[$0] } != nil
  }

  func isHighlyAvailable(_ cluster: String) -> Bool {
    flink.managers.values.contains { $0.cluster == cluster && flink.availability[$0.podUID] != nil }
  }

  /// The operator deletes a ConfigMap (S5, S6).
  mutating func checkDeleteOfMetadata(_ name: String, _ options: DeleteOptions) {
    guard let map = request(.get(.configMaps, SimulatedWorld.namespace, name)) else { return }
    // What is meant for an earlier object of that name is refused by the server, however late it comes.
    if let uid = options.uid, map["metadata", "uid"]?.stringValue != uid { return }
    let cluster = map["metadata", "labels"]?["app"]?.stringValue ?? ""
    guard map["metadata", "labels"]?["configmap-type"]?.stringValue == "high-availability" else {
      return violate("S6", "the operator deletes ConfigMap \(name)")
    }
    if options.uid == nil { violate("S6", "HA metadata \(name) is deleted without its UID") }
    let resource = request(.get(.flinkDeployments, SimulatedWorld.namespace, cluster))
    if flink.managers.values.contains(where: { $0.cluster == cluster }) {
      violate("S1", "HA metadata \(name) is deleted under a running JobManager")
    }
    let job = name.dropFirst(cluster.count + 1).dropLast("-config-map".count)
    if job != "cluster", !oracle.jobIDs.contains(String(job)) {
      violate("S6", "HA metadata of job \(job) is deleted, which this operator has never started")
    }
    guard let resource, resource["metadata", "deletionTimestamp"] == nil,
      newestCheckpoint(in: map).flatMap({ flink.storage[$0] }) != nil
    else { return }
    let plan = resource["status", "operation"]?["restorePlan"]
    let newest = newestCheckpoint(in: map).flatMap { oracle.completed[$0] } ?? 0
    let isSafe =
      plan?["path"]?.stringValue.map { flink.storage[$0] != nil && oracle.completed[$0] ?? 0 >= newest } ?? false
    let isGivenUp = resource["spec", "job"]?["upgradeMode"]?.stringValue ?? "stateless" == "stateless"
    if !isSafe, !isGivenUp { violate("S5", "HA metadata \(name) is deleted, the last way to the job's state") }
  }

  /// A job goes on from its metadata (S4).
  mutating func checkContinued(_ cluster: String, _ jobID: String, _ path: String) {
    let newer = flink.storage.keys.filter {
      $0.contains("/\(jobID)/") && oracle.completed[$0] ?? 0 > oracle.completed[path] ?? 0
    }
    if let newest = newer.max() { violate("S4", "job \(jobID) goes on from \(path) although there is \(newest)") }
    if oracle.begun[cluster] != oracle.created[cluster], let wish = oracle.startWish[cluster] {
      let known = usable.first { oracle.known.contains($0) }
      // What a loss interrupts goes on.
      let kind = resource(cluster)?["status", "operation", "kind"]?.stringValue
      if wish.isStateless, kind != "recover", kind != "restart" {
        violate("S6", "job \(jobID) goes on from \(path), which the user has given up")
      }
      if !wish.isStateless, let known, oracle.completed[known] ?? 0 > oracle.completed[path] ?? 0 {
        violate("S4", "job \(jobID) goes on from \(path) although there is \(known)")
      }
    }
    oracle.hadState.insert(cluster)
    oracle.lost.remove(cluster)
  }
}
