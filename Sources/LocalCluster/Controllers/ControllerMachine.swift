public import KubernetesAPI

/// The controllers of a local cluster.
public enum ControllerName: String, Sendable, Hashable, CaseIterable {
  case deployment, replicaSet, endpoints, namespace, garbageCollector, scheduler, claimProtection, job
}

/// One object whose turn it is with one controller.
public struct ControllerItem: Sendable, Hashable {
  public let controller: ControllerName
  /// The object's name; for the garbage collector its UID, without a namespace.
  public let key: ObjectKey

  public init(controller: ControllerName, key: ObjectKey) {
    self.controller = controller
    self.key = key
  }
}

/// All controllers as one value: events of watches go in, turns come out, and what became of their writes goes in again.
///
/// It performs nothing and reads no clock, so a simulator steps it as it likes.
public struct ControllerMachine: Sendable {
  public private(set) var cache = ClusterCache()
  private let controllers: Set<ControllerName>
  private let rootCertificate: String
  private var types: [ResourceType] = []
  private var typesByKind: [String: ResourceType] = [:]
  private var queues: [ControllerName: ItemQueue] = [:]
  private var failures: [ControllerItem: Int] = [:]
  private var createFailures: [ObjectKey: String] = [:]
  private var confirmedEmpty: Set<String> = []

  /// - Parameter rootCertificate: PEM for the `kube-root-ca.crt` ConfigMaps.
  public init(controllers: Set<ControllerName>, rootCertificate: String) {
    self.controllers = controllers
    self.rootCertificate = rootCertificate
  }

  // MARK: What is served

  /// Says which types the server has. Those that are new are to be listed and watched, those that are gone are forgotten.
  ///
  /// - Returns: the types that are new.
  public mutating func serve(_ served: [ResourceType]) -> [ResourceType] {
    let known = Set(types)
    for type in types where !served.contains(type) { cache.forget(type) }
    types = served
    typesByKind = Dictionary(
      served.map { ("\($0.group)/\($0.kind)", $0) }, uniquingKeysWith: { first, _ in first })
    return served.filter { !known.contains($0) }
  }

  /// Forgets a type that the server answers with 404.
  public mutating func forget(_ type: ResourceType) {
    types.removeAll { $0 == type }
    typesByKind["\(type.group)/\(type.kind)"] = nil
    cache.forget(type)
  }

  // MARK: What happened

  public mutating func replaceAll(_ type: ResourceType, with list: ObjectList) {
    guard types.contains(type) else { return }
    for change in cache.replaceAll(type, with: list) { note(change) }
  }

  public mutating func apply(_ type: ResourceType, _ event: WatchEvent) {
    guard types.contains(type) else { return }
    if let change = cache.apply(type, event) { note(change) }
  }

  // MARK: Turns

  /// The controllers that have something to do.
  public var busyControllers: [ControllerName] {
    ControllerName.allCases.filter { queues[$0]?.isEmpty == false && isReady($0) }
  }

  /// Takes the next item of a controller off its queue; nil when there is none or its types are not all listed.
  public mutating func next(_ controller: ControllerName) -> ControllerItem? {
    guard isReady(controller) else { return nil }
    return queues[controller]?.pop()
  }

  /// Looks at an item again.
  public mutating func enqueue(_ item: ControllerItem) {
    guard controllers.contains(item.controller) else { return }
    queues[item.controller, default: ItemQueue()].push(item)
  }

  /// What is to be done about an item.
  public func reconcile(_ item: ControllerItem, now: Timestamp) -> Reconciliation {
    switch item.controller {
    case .deployment: return DeploymentController.reconcile(item.key, in: cache, now: now)
    case .replicaSet:
      return ReplicaSetController.reconcile(item.key, in: cache, createFailure: createFailures[item.key], now: now)
    case .endpoints: return EndpointsController.reconcile(item.key, in: cache, now: now)
    case .namespace:
      let uid = cache.object(.namespaces, ObjectKey(namespace: "", name: item.key.name))?.metadata.uid
      return NamespaceController.reconcile(
        item.key.name, in: cache, rootCertificate: rootCertificate, allTypes: types.filter(\.isNamespaced),
        isConfirmedEmpty: uid.map(confirmedEmpty.contains) ?? false, now: now)
    case .garbageCollector:
      return GarbageCollector.reconcile(uid: item.key.name, in: cache) { owner in
        let group = owner.apiVersion.split(separator: "/").dropLast().first.map(String.init) ?? ""
        return typesByKind["\(group)/\(owner.kind)"]
      }
    case .scheduler: return Scheduler.reconcile(item.key, in: cache)
    case .claimProtection: return ClaimProtectionController.reconcile(item.key, in: cache)
    case .job: return JobController.reconcile(item.key, in: cache, now: now)
    }
  }

  /// What the server answered to a write. Returns whether the next write of the turn may be made.
  public mutating func wrote(
    _ write: ControllerWrite, for item: ControllerItem, _ result: Result<KubernetesObject?, KubernetesError>
  ) -> Bool {
    switch (write, result) {
    case (.create(let type, _, _), .success(let object)):
      if item.controller == .replicaSet { createFailures[item.key] = nil }
      if let object { put(type, object) }
      return true
    case (.create, .failure(let error)):
      if item.controller == .replicaSet, let status = error.status { createFailures[item.key] = status.message }
      return false
    case (.mergePatch(let type, _, _, _), .success(let object)), (.replace(let type, _, _, _), .success(let object)):
      if let object {
        if object.metadata.isBeingDeleted, object.metadata.finalizers.isEmpty, type != .pods, type != .namespaces {
          remove(type, object)
        } else {
          put(type, object)
        }
      }
      return true
    case (.delete(let type, let key, let options), .success(let object)):
      if let object, object.metadata.isBeingDeleted {
        put(type, object)
      } else if let known = cache.object(type, key), options.uid == nil || known.metadata.uid == options.uid {
        remove(type, known)
      }
      return true
    case (.delete(let type, let key, let options), .failure(let error)) where error.isNotFound:
      if let known = cache.object(type, key), options.uid == nil || known.metadata.uid == options.uid {
        remove(type, known)
      }
      return true
    case (_, .failure): return false
    }
  }

  /// What the server answered to a look at an owner; nil for 404.
  public mutating func saw(
    owner uid: String, _ type: ResourceType, _ object: KubernetesObject?, for item: ControllerItem
  ) {
    if let object { put(type, object) }
    if object?.metadata.uid != uid { cache.noteGone(uid: uid) }
    enqueue(item)
  }

  /// What a namespace was seen to hold.
  public mutating func saw(
    contents: [(type: ResourceType, objects: [KubernetesObject])], ofNamespace uid: String, for item: ControllerItem
  ) {
    if contents.allSatisfy(\.objects.isEmpty) {
      confirmedEmpty.insert(uid)
    } else {
      for (type, objects) in contents { for object in objects { put(type, object) } }
    }
    enqueue(item)
  }

  /// Ends a turn. Returns how long to wait before the item is tried again; nil when nothing failed.
  public mutating func finished(_ item: ControllerItem, failed: Bool) -> Duration? {
    guard failed else {
      failures[item] = nil
      return nil
    }
    let count = failures[item, default: 0]
    failures[item] = count + 1
    return .milliseconds(min(5 << min(count, 13), 30_000))
  }

  // MARK: Who is concerned

  private func isReady(_ controller: ControllerName) -> Bool {
    switch controller {
    case .deployment: cache.isSynced(DeploymentController.types)
    case .replicaSet: cache.isSynced(ReplicaSetController.types)
    case .endpoints: cache.isSynced(EndpointsController.types)
    case .namespace: cache.isSynced(NamespaceController.types)
    case .garbageCollector: !types.isEmpty && cache.isSynced(types)
    case .scheduler: cache.isSynced(Scheduler.types)
    case .claimProtection: cache.isSynced(ClaimProtectionController.types)
    case .job: cache.isSynced(JobController.types)
    }
  }

  private mutating func put(_ type: ResourceType, _ object: KubernetesObject) {
    guard types.contains(type) else { return }
    if let change = cache.put(type, object) { note(change) }
  }

  private mutating func remove(_ type: ResourceType, _ object: KubernetesObject) {
    if let change = cache.remove(type, object) { note(change) }
  }

  private mutating func add(_ controller: ControllerName, _ key: ObjectKey) {
    enqueue(ControllerItem(controller: controller, key: key))
  }

  private mutating func note(_ change: CacheChange) {
    let key = change.key
    switch change.type {
    case .deployments: add(.deployment, key)
    case .replicaSets:
      add(.replicaSet, key)
      if change.new == nil { createFailures[key] = nil }
      noteReplicaSet(change)
    case .pods: notePod(change)
    case .services: add(.endpoints, key)
    case JobController.jobs: add(.job, key)
    case ClaimProtectionController.claims: add(.claimProtection, key)
    case .endpoints: add(.endpoints, key)
    case .endpointSlices:
      for slice in [change.old, change.new] {
        if let service = slice.flatMap(EndpointsController.service(ofSlice:)) { add(.endpoints, service) }
      }
    case .nodes where change.new != nil, .leases where change.old == nil && key.namespace == Scheduler.heartbeats:
      if controllers.contains(.scheduler) {
        for pod in cache.objects(.pods) where Scheduler.needsNode(pod) { add(.scheduler, pod.key) }
      }
    case .namespaces:
      add(.namespace, key)
      if change.new == nil, let uid = change.old?.metadata.uid { confirmedEmpty.remove(uid) }
    case .serviceAccounts where change.new == nil && key.name == "default",
      .configMaps where key.name == NamespaceController.rootCertificateName:
      add(.namespace, ObjectKey(namespace: "", name: key.namespace))
    default: break
    }
    if !key.namespace.isEmpty,
      cache.object(.namespaces, ObjectKey(namespace: "", name: key.namespace))?.metadata.isBeingDeleted == true
    {
      add(.namespace, ObjectKey(namespace: "", name: key.namespace))
    }
    if controllers.contains(.garbageCollector) {
      for uid in GarbageCollector.affected(by: change, in: cache) {
        add(.garbageCollector, ObjectKey(namespace: "", name: uid))
      }
    }
  }

  private mutating func noteReplicaSet(_ change: CacheChange) {
    for set in [change.old, change.new].compactMap({ $0 }) {
      if let owner = set.controllerReference {
        if owner.kind == "Deployment" {
          add(.deployment, ObjectKey(namespace: set.metadata.namespace, name: owner.name))
        }
      } else {
        for deployment in cache.objects(.deployments, namespace: set.metadata.namespace) {
          add(.deployment, deployment.key)
        }
      }
    }
  }

  private mutating func notePod(of owner: OwnerReference, in namespace: String, hasEnded: Bool) {
    let key = ObjectKey(namespace: namespace, name: owner.name)
    switch owner.kind {
    case "Job": add(.job, key)
    case "ReplicaSet":
      add(.replicaSet, key)
      // A Deployment that recreates waits for the last old pod.
      if hasEnded, let deployment = cache.object(.replicaSets, key)?.controllerReference {
        add(.deployment, ObjectKey(namespace: namespace, name: deployment.name))
      }
    default: break
    }
  }

  private mutating func notePod(_ change: CacheChange) {
    let namespace = change.key.namespace
    var selected: Set<ObjectKey> = []
    for pod in [change.old, change.new].compactMap({ $0 }) {
      if let owner = pod.controllerReference {
        notePod(of: owner, in: namespace, hasEnded: change.new.map { PodState($0).isTerminal } ?? true)
      } else {
        for set in cache.objects(.replicaSets, namespace: namespace) { add(.replicaSet, set.key) }
      }
      selected.formUnion(
        EndpointsController.services(selecting: pod.metadata.labels, namespace: namespace, in: cache))
    }
    for service in selected.sorted() { add(.endpoints, service) }
    if change.new.map({ PodState($0).isTerminal }) ?? true, let pod = change.old ?? change.new {
      for name in ClaimProtectionController.names(of: pod) {
        add(.claimProtection, ObjectKey(namespace: namespace, name: name))
      }
    }
    if controllers.contains(.scheduler), let pod = change.new, Scheduler.needsNode(pod) { add(.scheduler, pod.key) }
  }
}

/// Items in the order they came, each once.
private struct ItemQueue: Sendable {
  private var items: [ControllerItem] = []
  private var head = 0
  private var waiting: Set<ControllerItem> = []

  var isEmpty: Bool { waiting.isEmpty }

  mutating func push(_ item: ControllerItem) {
    if waiting.insert(item).inserted { items.append(item) }
  }

  mutating func pop() -> ControllerItem? {
    guard head < items.count else { return nil }
    let item = items[head]
    head += 1
    waiting.remove(item)
    if head == items.count {
      items.removeAll(keepingCapacity: true)
      head = 0
    }
    return item
  }
}
