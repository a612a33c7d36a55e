import FlinkModel
import InMemoryKubernetes
import KubernetesAPI

/// S1, S2, S6, S7, S8, S9: what the operator sends.
extension SimulatedWorld.State {
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
    // A Deployment that exists keeps the create from having an effect.
    let name = object["metadata", "name"]?.stringValue ?? ""
    if request(.get(.deployments, SimulatedWorld.namespace, name)) != nil { return }
    guard let resource = resource(cluster), resource["metadata", "uid"]?.stringValue == uid else {
      return violate("S6", "a Deployment is created for a resource that does not exist (\(cluster), \(uid))")
    }
    let stored = resource["status", "operation"]
    if stored?["id"]?.stringValue != operation || stored?["attempt"]?.intValue != attempt {
      violate("S6", "incarnation \(attempt) is created by operation \(operation), which is not the stored one")
    }
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
      oracle.previousWish[cluster] = oracle.startWish[cluster]
      oracle.startWish[cluster] = oracle.wishes[uid]?[generation]
      oracle.created[cluster] = attempt
      oracle.creator[cluster] = oracle.acting
    }
  }

  mutating func checkDelete(_ type: ResourceType, _ name: String, _ options: DeleteOptions) {
    if type == .ingresses, options.uid != nil { return }
    if type == .configMaps { return checkDeleteOfMetadata(name, options) }
    guard type == .deployments else { return violate("S6", "the operator deletes a \(type)") }
    checkTarget(name, uid: options.uid)
    checkTeardown(of: name, uid: options.uid)
  }

  mutating func checkPatch(_ type: ResourceType, _ name: String, _ subresource: String?, _ body: JSONValue) {
    if type == .deployments {
      if body["spec", "template"] != nil { violate("rollout", "the pod template of \(name) is patched") }
      if let replicas = body["spec", "replicas"]?.intValue, subresource == "scale" {
        checkScale(name, to: replicas)
      }
      if body["spec", "replicas"]?.intValue == 0 {
        checkTarget(name, uid: body["metadata", "uid"]?.stringValue)
        checkTeardown(of: name, uid: body["metadata", "uid"]?.stringValue)
      }
    }
    if type == .configMaps || type == .services { checkOwner(type, name) }
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

  /// What others have made is not changed to be ours. HA metadata has no owner: it outlives its cluster.
  private mutating func checkOwner(_ type: ResourceType, _ name: String) {
    guard let existing = request(.get(type, SimulatedWorld.namespace, name)),
      existing["metadata", "labels"]?["configmap-type"] == nil
    else { return }
    let owners = existing["metadata", "ownerReferences"]?.arrayValue ?? []
    let uids = list(.flinkDeployments).compactMap { $0["metadata", "uid"]?.stringValue }
    if !owners.contains(where: { uids.contains($0["uid"]?.stringValue ?? "") }) {
      violate("S6", "\(name), which belongs to somebody else, is taken over")
    }
  }

  /// What is taken away must be what was meant: an object of the resource whose operation is stored.
  private mutating func checkTarget(_ name: String, uid: String?) {
    guard let existing = request(.get(.deployments, SimulatedWorld.namespace, name)) else { return }
    if let uid, existing["metadata", "uid"]?.stringValue != uid { return }
    let cluster = existing["metadata", "labels"]?["app"]?.stringValue ?? ""
    guard let resource = resource(cluster) else { return }
    let owners = existing["metadata", "ownerReferences"]?.arrayValue ?? []
    if !owners.contains(where: { $0["uid"]?.stringValue == resource["metadata", "uid"]?.stringValue }) {
      violate("S6", "Deployment \(name), which belongs to another resource, is taken away")
    }
    let stored = resource["status", "operation"]
    let attempt = annotation(existing, "attempt").flatMap { Int64($0) }
    if let attempt, let current = stored?["attempt"]?.intValue, attempt > current {
      violate("S6", "Deployment \(name) of incarnation \(attempt) is taken away for incarnation \(current)")
    }
    let phase = stored?["phase"]?.stringValue
    if let attempt, attempt == stored?["attempt"]?.intValue, phase == "running" || phase == "starting" {
      violate("S6", "Deployment \(name) is taken away in phase \(phase ?? "")")
    }
  }

  /// A cluster is about to end: its state must be safe first.
  private mutating func checkTeardown(of deployment: String, uid: String?) {
    // What is meant for an earlier object of that name is refused by the server, however late it comes.
    let existing = request(.get(.deployments, SimulatedWorld.namespace, deployment))
    if let uid, existing?["metadata", "uid"]?.stringValue != uid { return }
    let cluster = deployment.hasSuffix("-taskmanager") ? String(deployment.dropLast(12)) : deployment
    guard let resource = resource(cluster) else { return }
    let operation = resource["status", "operation"]
    let kind = operation?["kind"]?.stringValue
    guard let job = flink.managers.values.first(where: { $0.cluster == cluster })?.job else { return }
    // A job that has begun again from too old a point is taken away on purpose (S4).
    let isRepair = operation?["id"]?.stringValue?.hasSuffix("-regressed") == true
    // One whose Deployment others have removed is lost, also while its pod runs on where nobody can reach it (S1 waits
    // for the pod).
    let isThere = request(.get(.deployments, SimulatedWorld.namespace, cluster)) != nil
    if kind == "recover", !isRepair, isThere, !job.state.isGloballyTerminal {
      violate("S8", "\(deployment), whose job is \(job.state.rawValue), is taken away as lost")
    }
    if isRepair, !oracle.lost.contains(cluster) {
      violate("S8", "\(deployment) is taken away for a restart that there was none of")
    }
    if resource["metadata", "deletionTimestamp"] != nil || kind == "redeploy" || kind == "recover" { return }
    if resource["spec", "job"]?["upgradeMode"]?.stringValue ?? "stateless" == "stateless" { return }
    guard job.count(at: now) > 0 else { return }
    if operation?["restorePlan"]?["mode"]?.stringValue == "last-state" {
      if !hasMetadata(cluster) { violate("S2", "\(deployment) is taken away for metadata that is not there") }
      return
    }
    // Its metadata would lead to what it has completed, and there is nothing: it starts as it did before (S3).
    if isHighlyAvailable(cluster), !hasMetadata(cluster), !flink.storage.keys.contains(where: { $0.contains(job.id) }),
      job.restoredPath == operation?["restorePlan"]?["path"]?.stringValue,
      !usable.contains(where: { $0 != job.restoredPath && oracle.completed[$0] ?? 0 > job.startTime })
    {
      return
    }
    if !job.state.isGloballyTerminal, operation?["restorePlan"]?["path"]?.stringValue == nil {
      violate("S8", "\(deployment) is taken away while its job is \(job.state.rawValue)")
    }
    let path = operation?["restorePlan"]?["path"]?.stringValue
    if path.flatMap({ flink.storage[$0] }) == nil {
      violate("S2", "\(deployment) is taken away before the place of its state is stored")
    }
  }

  /// Whether a request about this job has an effect: one that comes late finds another job, which does not heed it.
  private func concernsSomething(_ cluster: String, _ job: String) -> Bool {
    flink.managers.values.contains {
      $0.cluster == cluster && $0.job?.id == job && $0.job?.state.isGloballyTerminal == false
    }
  }

  mutating func checkStop(_ cluster: String, _ job: String, _ trigger: String) {
    guard concernsSomething(cluster, job) else { return }
    // Authorised once, and out of anybody's hands since: where it still has an effect, the job is started again from that
    // savepoint.
    if oracle.isLate, oracle.stops.contains(trigger) { return }
    let stored = resource(cluster)?["status", "operation", "savepoint"]?["triggerID"]?.stringValue
    if stored != trigger { violate("S6", "a stop is sent with trigger id \(trigger), which is not stored") }
  }

  mutating func checkCancel(_ cluster: String, _ job: String) {
    guard concernsSomething(cluster, job) else { return }
    if resource(cluster)?["status", "operation", "phase"]?.stringValue != "stopping" {
      violate("S6", "a cancellation is sent that is not authorised")
    }
  }
}
