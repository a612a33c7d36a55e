import FlinkModel
import InMemoryKubernetes
import KubernetesAPI

/// Watches over the invariants of DESIGN.md 2 from the outside: from what the operator sends and what then runs. It knows
/// nothing of the core; what it needs of the record it reads as a user would, from the API server.
struct SafetyOracle: Sendable {
  /// The highest generation made into a Deployment, by UID.
  var generations: [String: Int64] = [:]
  /// The highest attempt of a JobManager Deployment that was created, by UID.
  var attempts: [String: Int64] = [:]
  /// Ids of jobs that have been started.
  var jobIDs: Set<String> = []
  /// The most that a completed snapshot of a cluster holds, by cluster.
  var saved: [String: Int64] = [:]
  /// Clusters whose jobs have run.
  var hadState: Set<String> = []
  /// The same of its checkpoints.
  var completed: [String: Int64] = [:]
  var happeningsSeen = 0
}

extension SimulatedWorld.State {
  mutating func violate(_ invariant: String, _ what: String) {
    let text = "\(invariant): \(what) (call \(calls.count - 1), t+\((now - 1_800_000_000_000) / 1000)s)"
    if !violations.contains(text) { violations.append(text) }
  }

  private mutating func resource(_ name: String) -> JSONValue? {
    request(.get(.flinkDeployments, SimulatedWorld.namespace, name))
  }

  private func isAlive(_ pod: JSONValue) -> Bool {
    let phase = pod["status", "phase"]?.stringValue
    return phase != "Succeeded" && phase != "Failed"
  }

  private func annotation(_ object: JSONValue, _ name: String) -> String? {
    object["metadata", "annotations"]?["flink-operator.flink.apache.org/\(name)"]?.stringValue
  }

  mutating func checkCreate(_ type: ResourceType, _ object: JSONValue) {
    guard type == .deployments else { return }
    let cluster = object["metadata", "labels"]?["app"]?.stringValue ?? ""
    let uid = annotation(object, "resource-uid") ?? ""
    let operation = annotation(object, "operation") ?? ""
    let attempt = annotation(object, "attempt").flatMap { Int64($0) } ?? 0
    guard let resource = resource(cluster), resource["metadata", "uid"]?.stringValue == uid else {
      return violate("S6", "a Deployment is created for a resource that does not exist (\(cluster), \(uid))")
    }
    let stored = resource["status", "operation"]
    if stored?["id"]?.stringValue != operation || stored?["attempt"]?.intValue != attempt {
      violate("S6", "incarnation \(attempt) is created by operation \(operation), which is not the stored one")
    }
    // A Deployment that exists keeps the create from having an effect.
    let name = object["metadata", "name"]?.stringValue ?? ""
    if request(.get(.deployments, SimulatedWorld.namespace, name)) != nil { return }
    for pod in list(.pods, "app=\(cluster)") where isAlive(pod) {
      let podAttempt = annotation(pod, "attempt").flatMap { Int64($0) } ?? 0
      if annotation(pod, "resource-uid") != uid || podAttempt < attempt {
        violate(
          "S1", "incarnation \(attempt) is created while pod \(pod["metadata", "name"]?.stringValue ?? "") is there")
      }
    }
    if object["metadata", "labels"]?["component"]?.stringValue == "jobmanager" {
      let annotations = object["metadata", "annotations"]
      let generation = annotations?[FlinkDeployment.generationAnnotation]?.stringValue.flatMap { Int64($0) } ?? 0
      if generation < oracle.generations[uid] ?? 0 { violate("S7", "generation \(generation) after a newer one") }
      if attempt <= oracle.attempts[uid] ?? 0 { violate("S6", "attempt \(attempt) is used twice") }
      oracle.attempts[uid] = attempt
      oracle.generations[uid] = max(generation, oracle.generations[uid] ?? 0)
    }
  }

  mutating func checkDelete(_ type: ResourceType, _ name: String, _ options: DeleteOptions) {
    if type == .ingresses, options.uid != nil { return }
    if type == .configMaps { return checkDeleteOfMetadata(name, options) }
    guard type == .deployments else { return violate("S6", "the operator deletes a \(type)") }
    if options.uid == nil { violate("S6", "a Deployment is deleted without its UID") }
    checkEnd(of: name)
  }

  mutating func checkPatch(_ type: ResourceType, _ name: String, _ subresource: String?, _ body: JSONValue) {
    if type == .deployments {
      if body["spec", "template"] != nil { violate("rollout", "the pod template of \(name) is patched") }
      if body["spec", "replicas"]?.intValue == 0 { checkEnd(of: name) }
    }
    if type == .flinkDeployments {
      if body["spec"] != nil { violate("spec", "the operator writes to spec") }
      if let finalizers = body["metadata", "finalizers"]?.arrayValue,
        !finalizers.contains(.string(FlinkDeployment.finalizer)), let uid = body["metadata", "uid"]?.stringValue
      {
        let left = list(.pods, "app=\(name)").filter { annotation($0, "resource-uid") == uid }
        if !left.isEmpty { violate("S9", "the finalizer goes while \(left.count) pods are there") }
      }
    }
  }

  /// A cluster is about to end: its state must be safe first.
  private mutating func checkEnd(of deployment: String) {
    let cluster = deployment.hasSuffix("-taskmanager") ? String(deployment.dropLast(12)) : deployment
    guard let resource = resource(cluster) else { return }
    let kind = resource["status", "operation", "kind"]?.stringValue
    if resource["metadata", "deletionTimestamp"] != nil || kind == "redeploy" || kind == "recover" { return }
    if resource["spec", "job"]?["upgradeMode"]?.stringValue ?? "stateless" == "stateless" { return }
    guard flink.count(of: cluster, at: now) ?? 0 > 0 else { return }
    if resource["status", "operation"]?["restorePlan"]?["mode"]?.stringValue == "last-state" {
      if !hasMetadata(cluster) { violate("S2", "\(deployment) is taken away for metadata that is not there") }
      return
    }
    let path = resource["status", "operation"]?["restorePlan"]?["path"]?.stringValue
    if path.flatMap({ flink.storage[$0] }) == nil {
      violate("S2", "\(deployment) is taken away before the place of its state is stored")
    }
  }

  mutating func checkStop(_ cluster: String, _ trigger: String) {
    let stored = resource(cluster)?["status", "operation", "savepoint"]?["triggerID"]?.stringValue
    if stored != trigger { violate("S6", "a stop is sent with trigger id \(trigger), which is not stored") }
  }

  mutating func checkCancel(_ cluster: String) {
    if resource(cluster)?["status", "operation", "phase"]?.stringValue != "stopping" {
      violate("S6", "a cancellation is sent that is not authorised")
    }
  }

  /// To be called after each step.
  mutating func checkWorld() {
    writeHAMetadata()
    var running: [String: Int] = [:]
    for manager in flink.managers.values { running[manager.cluster, default: 0] += 1 }
    for (cluster, count) in running where count > 1 { violate("S1", "\(count) JobManagers of \(cluster) run at once") }
    while oracle.happeningsSeen < flink.happenings.count {
      let happening = flink.happenings[oracle.happeningsSeen]
      oracle.happeningsSeen += 1
      switch happening {
      case .savepoint(let cluster, _, let count):
        oracle.saved[cluster] = max(count, oracle.saved[cluster] ?? 0)
      case .checkpoint(let cluster, _, let count):
        oracle.completed[cluster] = count
      case .continued(let cluster, let jobID, _, let count):
        checkContinued(cluster, jobID, count)
      case .started(let cluster, let jobID, let path, let count):
        if !oracle.jobIDs.insert(jobID).inserted { violate("S6", "job id \(jobID) is used for two starts") }
        let mode = resource(cluster)?["spec", "job"]?["upgradeMode"]?.stringValue ?? "stateless"
        defer { oracle.hadState.insert(cluster) }
        if mode == "stateless" {
          oracle.saved[cluster] = nil
          oracle.completed[cluster] = nil
          continue
        }
        if path != nil, path == resource(cluster)?["spec", "job"]?["initialSavepointPath"]?.stringValue {
          // Its user names the state to go on from.
          oracle.saved[cluster] = count
          continue
        }
        if path == nil, oracle.hadState.contains(cluster), flink.storage.values.contains(where: { $0 > 0 }) {
          violate("S3", "the job of \(cluster) starts empty although it had state")
        }
        if let completed = oracle.completed[cluster], count < completed, isHighlyAvailable(cluster) {
          violate("S4", "the job of \(cluster) starts from count \(count) although a checkpoint holds \(completed)")
        }
        if let saved = oracle.saved[cluster], count < saved {
          violate("S4", "the job of \(cluster) starts from count \(count) although \(saved) was saved")
        }
      }
    }
  }

  /// A resource was deleted and another one may come under its name.
  mutating func forget(_ cluster: String) {
    oracle.saved[cluster] = nil
    oracle.completed[cluster] = nil
    oracle.hadState.remove(cluster)
  }
}
