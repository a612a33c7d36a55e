public import KubernetesAPI

/// Rolls the pods of a Deployment from one template to the next through ReplicaSets, and reports how far it is.
public enum DeploymentController {
  /// Types that must be listed before a turn.
  public static let types: [ResourceType] = [.deployments, .replicaSets, .pods]

  /// What to do about one Deployment.
  public static func reconcile(_ key: ObjectKey, in cache: ClusterCache, now: Timestamp) -> Reconciliation {
    guard let object = cache.object(.deployments, key) else { return .nothing }
    let json = object.json
    guard let selector = json["spec", "selector"].flatMap(LabelSelector.init(accepted:)) else { return .nothing }

    var owned: [ReplicaSetState] = []
    var adoptions: [ControllerWrite] = []
    for candidate in cache.objects(.replicaSets, namespace: key.namespace) {
      if let controller = candidate.controllerReference {
        if controller.uid == object.metadata.uid { owned.append(ReplicaSetState(candidate)) }
      } else if selector.matches(candidate.metadata.labels), !candidate.metadata.isBeingDeleted,
        !object.metadata.isBeingDeleted
      {
        let owners = candidate.metadata.ownerReferences.map(\.json) + [ReplicaSetController.reference(to: object).json]
        adoptions.append(
          .mergePatch(
            .replicaSets, candidate.key, subresource: nil,
            candidate.patch(["metadata": ["ownerReferences": .array(owners)]])))
      }
    }
    guard adoptions.isEmpty else { return Reconciliation(writes: adoptions) }

    let pods = cache.objects(.pods, namespace: key.namespace)
    var rollout = Rollout(deployment: object, json: json, replicaSets: owned, pods: pods, now: now)
    return rollout.reconcile(nameIsTaken: { name in
      cache.object(.replicaSets, ObjectKey(namespace: key.namespace, name: name)) != nil
    })
  }
}

/// The parts of a ReplicaSet that a rollout looks at.
struct ReplicaSetState {
  let object: KubernetesObject
  let json: JSONValue

  init(_ object: KubernetesObject) {
    self.object = object
    json = object.json
  }

  var metadata: ObjectMetadata { object.metadata }
  var uid: String { metadata.uid }
  var replicas: Int64 { json["spec", "replicas"]?.intValue ?? 1 }
  var revision: Int64 { metadata.annotations[Rollout.revisionAnnotation].flatMap { Int64($0) } ?? 0 }
  /// The replicas the Deployment asked for when this ReplicaSet was last scaled.
  var desiredAnnotation: Int64? { metadata.annotations[Rollout.desiredAnnotation].flatMap { Int64($0) } }

  func count(_ field: String) -> Int64 { json["status"]?[field]?.intValue ?? 0 }
}

/// One look at a Deployment with everything that belongs to it.
struct Rollout {
  static let revisionAnnotation = "deployment.kubernetes.io/revision"
  static let desiredAnnotation = "deployment.kubernetes.io/desired-replicas"
  static let maximumAnnotation = "deployment.kubernetes.io/max-replicas"
  /// Annotations of a Deployment that its ReplicaSets do not take over.
  static let ownAnnotations: Set<String> = [
    revisionAnnotation, desiredAnnotation, maximumAnnotation, "deployment.kubernetes.io/revision-history",
    "kubectl.kubernetes.io/last-applied-configuration", "deprecated.deployment.rollback.to",
  ]

  let deployment: KubernetesObject
  let json: JSONValue
  let now: Timestamp
  let replicaSets: [ReplicaSetState]
  let pods: [KubernetesObject]
  let template: JSONValue
  let current: ReplicaSetState?
  let old: [ReplicaSetState]

  init(
    deployment: KubernetesObject, json: JSONValue, replicaSets: [ReplicaSetState], pods: [KubernetesObject],
    now: Timestamp
  ) {
    self.deployment = deployment
    self.json = json
    self.now = now
    self.pods = pods
    let template = json["spec", "template"] ?? [:]
    self.template = template
    let sorted = replicaSets.sorted {
      ($0.metadata.creationTimestamp ?? "", $0.metadata.name) < ($1.metadata.creationTimestamp ?? "", $1.metadata.name)
    }
    self.replicaSets = sorted
    let plain = PodTemplateHash.withoutLabel(template)
    let current = sorted.first { set in
      set.json["spec", "template"].map { PodTemplateHash.withoutLabel($0) == plain } ?? false
    }
    self.current = current
    old = sorted.filter { $0.uid != current?.uid }
  }

  var key: ObjectKey { deployment.key }
  var replicas: Int64 { json["spec", "replicas"]?.intValue ?? 1 }
  var isPaused: Bool { json["spec", "paused"]?.boolValue ?? false }
  var isRecreate: Bool { json["spec", "strategy", "type"]?.stringValue == "Recreate" }
  var minReadySeconds: Int64 { json["spec", "minReadySeconds"]?.intValue ?? 0 }
  /// Nil where progress has no deadline.
  var progressDeadlineSeconds: Int64? {
    json["spec", "progressDeadlineSeconds"]?.intValue.flatMap { $0 == Int64(Int32.max) ? nil : $0 }
  }

  /// How many pods more than `replicas` there may be during an update.
  var maxSurge: Int64 { isRecreate ? 0 : resolved("maxSurge", roundingUp: true) }

  /// How many pods fewer than `replicas` may be available during an update.
  var maxUnavailable: Int64 {
    guard !isRecreate, replicas > 0 else { return 0 }
    let value = resolved("maxUnavailable", roundingUp: false)
    // Without either nothing could ever move.
    return min(value == 0 && maxSurge == 0 ? 1 : value, replicas)
  }

  private func resolved(_ field: String, roundingUp: Bool) -> Int64 {
    guard let value = json["spec", "strategy", "rollingUpdate"]?[field] else { return 0 }
    if let number = value.intValue { return number }
    guard let text = value.stringValue, text.hasSuffix("%"), let percent = Int64(text.dropLast()) else { return 0 }
    let product = percent * replicas
    return roundingUp ? (product + 99) / 100 : product / 100
  }

  // MARK: The turn

  mutating func reconcile(nameIsTaken: (String) -> Bool) -> Reconciliation {
    if deployment.metadata.isBeingDeleted { return statusTurn(isRolling: false) }
    if let pausing = pauseCondition() { return pausing }
    if isPaused || isScalingEvent {
      let writes = revisionWrites() + scalingWrites()
      return writes.isEmpty ? statusTurn(isRolling: false) : Reconciliation(writes: writes)
    }
    if isRecreate {
      let down = old.filter { $0.replicas > 0 }.map { scale($0, to: 0) }
      if !down.isEmpty { return Reconciliation(writes: down) }
      if hasRunningOldPods { return statusTurn(isRolling: true) }
    }
    guard let current else { return creation(nameIsTaken: nameIsTaken) }
    let revisions = revisionWrites()
    guard revisions.isEmpty else { return Reconciliation(writes: revisions) }
    let wanted = replicasOfNew(current)
    if wanted != current.replicas || current.desiredAnnotation != replicas {
      return Reconciliation(writes: [scale(current, to: wanted)])
    }
    if !isRecreate {
      let down = scaleDownOfOld(current)
      if !down.isEmpty { return Reconciliation(writes: down) }
    }
    let cleanup = isComplete(counts()) ? historyCleanup() : []
    return cleanup.isEmpty ? statusTurn(isRolling: true) : Reconciliation(writes: cleanup)
  }

  // MARK: The new ReplicaSet

  private func creation(nameIsTaken: (String) -> Bool) -> Reconciliation {
    let collisions = json["status", "collisionCount"]?.intValue
    let hash = PodTemplateHash.hash(of: template, collisions: collisions)
    let name = "\(key.name)-\(hash)"
    if nameIsTaken(name) {
      // Another template has the same hash, or the ReplicaSet is not ours: take another name.
      var changed = json
      changed.set(JSONValue((collisions ?? 0) + 1), at: ["status", "collisionCount"])
      return Reconciliation(writes: [.replace(.deployments, key, subresource: "status", changed)])
    }
    var labelled = template
    labelled.set(.string(hash), at: ["metadata", "labels", PodTemplateHash.label])
    var selector = json["spec", "selector"] ?? [:]
    selector.set(.string(hash), at: ["matchLabels", PodTemplateHash.label])
    var annotations = deployment.metadata.annotations.filter { !Self.ownAnnotations.contains($0.key) }
    annotations[Self.revisionAnnotation] = "\(lastRevision + 1)"
    annotations[Self.desiredAnnotation] = "\(replicas)"
    annotations[Self.maximumAnnotation] = "\(replicas + maxSurge)"
    var spec: JSONValue = ["replicas": JSONValue(replicasOfNew(nil))]
    if minReadySeconds > 0 { spec["minReadySeconds"] = JSONValue(minReadySeconds) }
    spec["selector"] = selector
    spec["template"] = labelled
    let object: JSONValue = [
      "apiVersion": "apps/v1", "kind": "ReplicaSet",
      "metadata": [
        "name": .string(name), "namespace": .string(key.namespace),
        "labels": labelled["metadata", "labels"] ?? [:], "annotations": JSONValue(annotations),
        "ownerReferences": [ReplicaSetController.reference(to: deployment).json],
      ], "spec": spec,
    ]
    var writes: [ControllerWrite] = [.create(.replicaSets, namespace: key.namespace, object)]
    if progressDeadlineSeconds != nil {
      var conditions = ConditionList(json["status", "conditions"])
      conditions.set(
        "Progressing", status: "True", reason: "NewReplicaSetCreated",
        message: "Created new replica set \"\(name)\"", now: now)
      var changed = json
      changed.set(.array(conditions.items), at: ["status", "conditions"])
      writes.append(.replace(.deployments, key, subresource: "status", changed))
    }
    return Reconciliation(writes: writes)
  }

  private var lastRevision: Int64 { old.map(\.revision).max() ?? 0 }

  /// How many pods the new ReplicaSet may have now.
  private func replicasOfNew(_ current: ReplicaSetState?) -> Int64 {
    if isRecreate { return replicas }
    let own = current?.replicas ?? 0
    if own > replicas { return replicas }
    let total = replicaSets.reduce(0) { $0 + $1.replicas }
    let room = replicas + maxSurge - total
    return room <= 0 ? own : own + min(room, replicas - own)
  }

  /// Brings the revision annotations of the new ReplicaSet and of the Deployment up to date.
  private func revisionWrites() -> [ControllerWrite] {
    guard let current else { return [] }
    var writes: [ControllerWrite] = []
    var annotations: JSONValue = [:]
    var revision = current.revision
    if revision <= lastRevision {
      revision = lastRevision + 1
      annotations[Self.revisionAnnotation] = .string("\(revision)")
    }
    for (name, value) in deployment.metadata.annotations.sorted(by: { $0.key < $1.key })
    where !Self.ownAnnotations.contains(name) && current.metadata.annotations[name] != value {
      annotations[name] = .string(value)
    }
    if annotations.objectValue?.isEmpty == false {
      writes.append(
        .mergePatch(
          .replicaSets, current.object.key, subresource: nil,
          current.object.patch(["metadata": ["annotations": annotations]])))
    }
    if deployment.metadata.annotations[Self.revisionAnnotation] != "\(revision)" {
      writes.append(
        .mergePatch(
          .deployments, key, subresource: nil,
          deployment.patch(["metadata": ["annotations": [Self.revisionAnnotation: .string("\(revision)")]]])))
    }
    return writes
  }

  func scale(_ set: ReplicaSetState, to count: Int64) -> ControllerWrite {
    .mergePatch(
      .replicaSets, set.object.key, subresource: nil,
      set.object.patch([
        "metadata": [
          "annotations": [
            Self.desiredAnnotation: .string("\(replicas)"), Self.maximumAnnotation: .string("\(replicas + maxSurge)"),
          ]
        ], "spec": ["replicas": JSONValue(count)],
      ]))
  }

  // MARK: The old ReplicaSets

  private var hasRunningOldPods: Bool {
    let oldUIDs = Set(old.map(\.uid))
    return pods.contains { pod in
      guard let controller = pod.controllerReference, oldUIDs.contains(controller.uid) else { return false }
      return !PodState(pod).isTerminal
    }
  }

  private func scaleDownOfOld(_ current: ReplicaSetState) -> [ControllerWrite] {
    guard old.contains(where: { $0.replicas > 0 }) else { return [] }
    let total = replicaSets.reduce(0) { $0 + $1.replicas }
    let minimum = replicas - maxUnavailable
    let unavailableOfNew = current.replicas - current.count("availableReplicas")
    var budget = total - minimum - unavailableOfNew
    guard budget > 0 else { return [] }
    var writes: [ControllerWrite] = []
    var left: [String: Int64] = Dictionary(uniqueKeysWithValues: old.map { ($0.uid, $0.replicas) })
    // Pods that serve nobody go first.
    for set in old where budget > 0 {
      let unhealthy = min(set.replicas - set.count("availableReplicas"), budget)
      guard set.replicas > 0, unhealthy > 0 else { continue }
      left[set.uid] = set.replicas - unhealthy
      budget -= unhealthy
    }
    var spare = replicaSets.reduce(0) { $0 + $1.count("availableReplicas") } - minimum
    for set in old where spare > 0 && budget > 0 {
      let have = left[set.uid] ?? 0
      let fewer = min(have, spare, budget)
      left[set.uid] = have - fewer
      spare -= fewer
      budget -= fewer
    }
    for set in old {
      if let count = left[set.uid], count != set.replicas { writes.append(scale(set, to: count)) }
    }
    return writes
  }

  private func historyCleanup() -> [ControllerWrite] {
    guard let limit = json["spec", "revisionHistoryLimit"]?.intValue, limit != Int64(Int32.max) else { return [] }
    let candidates = old.filter { !$0.metadata.isBeingDeleted }.sorted { $0.revision < $1.revision }
    let surplus = candidates.count - Int(limit)
    guard surplus > 0 else { return [] }
    return candidates.prefix(surplus).filter {
      $0.replicas == 0 && $0.count("replicas") == 0 && $0.count("observedGeneration") >= $0.metadata.generation
    }.map { .delete(.replicaSets, $0.object.key, DeleteOptions(uid: $0.uid)) }
  }
}
