public import KubernetesAPI

/// Keeps as many pods as a ReplicaSet asks for, and counts them in its status.
public enum ReplicaSetController {
  /// Types that must be listed before a turn.
  public static let types: [ResourceType] = [.replicaSets, .pods]

  /// What to do about one ReplicaSet.
  ///
  /// - Parameter createFailure: why the last creation of a pod for it was refused, if it was.
  public static func reconcile(
    _ key: ObjectKey, in cache: ClusterCache, createFailure: String?, now: Timestamp
  ) -> Reconciliation {
    guard let replicaSet = cache.object(.replicaSets, key) else { return .nothing }
    let json = replicaSet.json
    let metadata = replicaSet.metadata
    guard let selector = json["spec", "selector"].flatMap(LabelSelector.init(accepted:)) else { return .nothing }

    var owned: [PodState] = []
    var adoptions: [ControllerWrite] = []
    for pod in cache.objects(.pods, namespace: key.namespace) {
      if let controller = pod.controllerReference {
        if controller.uid == metadata.uid, selector.matches(pod.metadata.labels) { owned.append(PodState(pod)) }
      } else if selector.matches(pod.metadata.labels), !pod.metadata.isBeingDeleted, !metadata.isBeingDeleted,
        PodState(pod).isActive
      {
        let owners = pod.metadata.ownerReferences.map(\.json) + [reference(to: replicaSet).json]
        adoptions.append(
          .mergePatch(.pods, pod.key, subresource: nil, pod.patch(["metadata": ["ownerReferences": .array(owners)]])))
      }
    }
    guard adoptions.isEmpty else { return Reconciliation(writes: adoptions) }

    let active = owned.filter(\.isActive)
    let desired = Int(json["spec", "replicas"]?.intValue ?? 1)
    var result = Reconciliation()
    if !metadata.isBeingDeleted {
      if active.count < desired {
        let pod = newPod(of: replicaSet, json)
        result.writes = (active.count..<desired).map { _ in .create(.pods, namespace: key.namespace, pod) }
      } else if active.count > desired {
        result.writes = active.sorted(by: goesFirst).prefix(active.count - desired).map {
          .delete(.pods, $0.object.key, DeleteOptions(uid: $0.metadata.uid))
        }
      }
    }
    let minReadySeconds = json["spec", "minReadySeconds"]?.intValue ?? 0
    let waiting = active.compactMap { $0.availableAt(minReadySeconds: minReadySeconds) }.filter { $0 > now }
    result.wakeAt = waiting.min()
    // Counting waits until the pods are as many as they should be, unless that cannot be reached.
    if result.writes.isEmpty || createFailure != nil {
      let status = status(
        of: json, metadata: metadata, active: active, owned: owned, minReadySeconds: minReadySeconds,
        createFailure: result.writes.isEmpty ? nil : createFailure, now: now)
      if status != json["status"] {
        var changed = json
        changed["status"] = status
        result.writes.insert(.replace(.replicaSets, key, subresource: "status", changed), at: 0)
      }
    }
    return result
  }

  static func reference(to owner: KubernetesObject) -> OwnerReference {
    let json = owner.json
    return OwnerReference(
      apiVersion: json["apiVersion"]?.stringValue ?? "apps/v1", kind: json["kind"]?.stringValue ?? "ReplicaSet",
      name: owner.metadata.name, uid: owner.metadata.uid, isController: true, blocksOwnerDeletion: true)
  }

  private static func newPod(of replicaSet: KubernetesObject, _ json: JSONValue) -> JSONValue {
    let template = json["spec", "template"]
    var metadata: JSONValue = ["generateName": .string("\(replicaSet.metadata.name)-")]
    for field in ["labels", "annotations", "finalizers"] {
      if let value = template?["metadata"]?[field] { metadata[field] = value }
    }
    metadata["ownerReferences"] = [reference(to: replicaSet).json]
    return ["apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template?["spec"] ?? [:]]
  }

  /// The order in which surplus pods are deleted: those that serve least first.
  private static func goesFirst(_ left: PodState, _ right: PodState) -> Bool {
    func rank(_ pod: PodState) -> (Int, Int, Int) {
      let phases = ["Pending": 0, "Unknown": 1, "Running": 2]
      return (pod.nodeName == nil ? 0 : 1, phases[pod.phase] ?? 1, pod.isReady ? 1 : 0)
    }
    let (a, b) = (rank(left), rank(right))
    if a != b { return a < b }
    if let since = left.readySince, let other = right.readySince, since != other { return since > other }
    let (made, otherMade) = (left.metadata.creationTimestamp ?? "", right.metadata.creationTimestamp ?? "")
    if made != otherMade { return made > otherMade }
    return left.metadata.name < right.metadata.name
  }

  private static func status(
    of json: JSONValue, metadata: ObjectMetadata, active: [PodState], owned: [PodState], minReadySeconds: Int64,
    createFailure: String?, now: Timestamp
  ) -> JSONValue {
    let templateLabels = json["spec", "template", "metadata", "labels"]?.objectValue?.strings ?? [:]
    let labelled = active.count { pod in templateLabels.allSatisfy { pod.metadata.labels[$0.key] == $0.value } }
    let ready = active.count(where: \.isReady)
    let available = active.count { pod in pod.availableAt(minReadySeconds: minReadySeconds).map { $0 <= now } ?? false }
    let terminating = owned.count { $0.metadata.isBeingDeleted && !$0.isTerminal }
    var status: JSONValue = ["replicas": JSONValue(active.count)]
    if labelled > 0 { status["fullyLabeledReplicas"] = JSONValue(labelled) }
    if ready > 0 { status["readyReplicas"] = JSONValue(ready) }
    if available > 0 { status["availableReplicas"] = JSONValue(available) }
    status["terminatingReplicas"] = JSONValue(terminating)
    if metadata.generation > 0 { status["observedGeneration"] = JSONValue(metadata.generation) }
    var conditions = ConditionList(json["status", "conditions"])
    if let createFailure {
      // Only the first failure is written, as by the real controller: the message of each names another pod, and every
      // write would bring the set's next turn before its pause is over.
      if conditions["ReplicaFailure"] == nil {
        conditions.set(
          "ReplicaFailure", status: "True", reason: "FailedCreate", message: createFailure, now: now)
      }
    } else {
      conditions.remove("ReplicaFailure")
    }
    if !conditions.items.isEmpty {
      status["conditions"] = .array(
        conditions.items.map { condition in
          var condition = condition
          condition["lastUpdateTime"] = nil
          return condition
        })
    }
    return status
  }
}
