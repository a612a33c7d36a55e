import FlinkModel
import InMemoryKubernetes
import KubernetesAPI

/// S2, S3, S4, S7: what becomes of a job's state.
extension SimulatedWorld.State {
  /// Snapshots that a start could use, newest first.
  var usable: [String] {
    flink.storage.keys.filter { !oracle.given.contains($0) }
      .sorted { (oracle.completed[$0] ?? 0, $0) > (oracle.completed[$1] ?? 0, $1) }
  }

  /// A start that the operator has authorised.
  mutating func checkStart(of cluster: String, from path: String?) {
    let wasLost = oracle.lost.remove(cluster) != nil
    defer {
      oracle.hadState.insert(cluster)
      oracle.begun[cluster] = oracle.created[cluster]
    }
    guard let wish = oracle.startWish[cluster] else {
      return violate("S7", "the job of \(cluster) starts for no generation that there was")
    }
    if wish.isStateless || path != nil && path == wish.initialPath && mayUseInitialPath(cluster, wish) {
      // The user gives the state up, or names the one to go on from.
      oracle.given.formUnion(flink.storage.keys.filter { $0 != path })
      return
    }
    // What the operator that starts it has been told it has to know, also where no status says it.
    let told = oracle.creator[cluster].flatMap { deadLives.contains($0) ? nil : oracle.told[$0] } ?? []
    let candidates = usable.filter { point in
      oracle.known.contains(point) || told.contains(point)
        || !wasLost && !oracle.unheard.contains(point)
    }
    guard let newest = candidates.first else { return }
    guard let path else {
      if oracle.hadState.contains(cluster) {
        violate("S3", "the job of \(cluster) starts empty although there is \(newest)")
      }
      return
    }
    guard flink.storage[path] != nil else {
      if wasLost, oracle.known.contains(path) || told.contains(path) {
        // That it is gone shows when it is tried; nobody has heard more than before.
        oracle.lost.insert(cluster)
        return
      }
      return violate("S4", "the job of \(cluster) starts from \(path), which is gone, although there is \(newest)")
    }
    if oracle.completed[path] ?? 0 < oracle.completed[newest] ?? 0 {
      violate("S4", "the job of \(cluster) starts from \(path) although there is \(newest)")
    }
  }

  /// The place that a spec names is for the first start, and for each new nonce.
  private func mayUseInitialPath(_ cluster: String, _ wish: SafetyOracle.Wish) -> Bool {
    guard oracle.hadState.contains(cluster), let previous = oracle.previousWish[cluster] else { return true }
    return previous.redeployNonce != wish.redeployNonce
  }

  /// What a status has said once it says until there is something newer.
  mutating func checkStatus(of resource: JSONValue) {
    guard let uid = resource["metadata", "uid"]?.stringValue, let status = resource["status"] else { return }
    if let generation = status["observedGeneration"]?.intValue {
      if generation < oracle.observed[uid] ?? 0 { violate("S7", "observedGeneration goes back to \(generation)") }
      oracle.observed[uid] = generation
    }
    if let trigger = status["operation"]?["savepoint"]?["triggerID"]?.stringValue { oracle.stops.insert(trigger) }
    if let scaling = status["operation"]?["scaling"]?["parallelism"]?.objectValue {
      oracle.scalings.insert(Dictionary(uniqueKeysWithValues: scaling.map { ($0.key, $0.value.intValue ?? 0) }))
    }
    for field in ["savepointInfo", "checkpointInfo"] {
      if let trigger = status["jobStatus"]?[field]?["triggerId"]?.stringValue { oracle.triggers.insert(trigger) }
    }
    let text = statusText(status, uid, resource["metadata", "resourceVersion"]?.stringValue ?? "")
    let named = usable.filter { text.contains($0) }
    oracle.known.formUnion(named)
    if let before = oracle.newestInStatus[uid], flink.storage[before] != nil, !oracle.given.contains(before),
      resource["metadata", "deletionTimestamp"] == nil,
      // A newer one was completed, also where Flink has replaced it meanwhile.
      !oracle.completed.contains(where: { text.contains($0.key) && $0.value >= oracle.completed[before] ?? 0 })
    {
      let wish = oracle.wishes[uid]?[resource["metadata", "generation"]?.intValue ?? 0]
      if wish?.isStateless == false, wish?.initialPath == nil { violate("S2", "\(before) is forgotten") }
    }
    oracle.newestInStatus[uid] = named.first
  }

  private mutating func statusText(_ status: JSONValue, _ uid: String, _ version: String) -> String {
    if let known = oracle.statusTexts[uid], known.version == version { return known.text }
    let text = status.text
    oracle.statusTexts[uid] = (version, text)
    return text
  }

  mutating func noteUnheard(since start: Int64) {
    oracle.unheard.formUnion(flink.storage.keys.filter { oracle.completed[$0] ?? now >= start })
  }

  /// To be called after each edit.
  mutating func noteModes() {
    for resource in list(.flinkDeployments) {
      guard let uid = resource["metadata", "uid"]?.stringValue,
        let generation = resource["metadata", "generation"]?.intValue
      else { continue }
      let job = resource["spec", "job"]
      oracle.wishes[uid, default: [:]][generation] = SafetyOracle.Wish(
        upgradeMode: job?["upgradeMode"]?.stringValue ?? "stateless",
        initialPath: job?["initialSavepointPath"]?.stringValue, redeployNonce: job?["savepointRedeployNonce"]?.text)
    }
  }

  /// A resource was deleted and another one may come under its name.
  mutating func forget(_ cluster: String) {
    oracle.given.formUnion(flink.storage.keys)
    oracle.hadState.remove(cluster)
    oracle.previousWish[cluster] = nil
    oracle.lost.remove(cluster)
    noteModes()
  }
}
