import KubernetesAPI

@testable import LocalCluster

/// A little storage with a clock of its own that the controllers are stepped against, one turn at a time.
struct ControllerBed {
  var machine: ControllerMachine
  var now = Timestamp(epochMilliseconds: 1_800_000_000_000)
  private(set) var objects: [ObjectReference: KubernetesObject] = [:]
  private var version = 0
  private var made = 0
  /// Answers to creations of pods, if they are refused.
  var podRefusal: APIStatus?
  /// Whether writes' answers reach the machine before the watch does; otherwise events are delivered by `deliver`.
  var holdsEvents = false
  private var held: [(ResourceType, WatchEvent)] = []
  private(set) var writes: [ControllerWrite] = []
  private(set) var wakes: [ControllerItem: Timestamp] = [:]

  static let types: [ResourceType] = [
    .deployments, .replicaSets, .pods, .services, .endpoints, .endpointSlices, .namespaces, .serviceAccounts,
    .configMaps, .nodes, .leases, ClaimProtectionController.claims, JobController.jobs,
  ]

  init(controllers: Set<ControllerName>) {
    machine = ControllerMachine(controllers: controllers, rootCertificate: "PEM")
    for type in machine.serve(Self.types) {
      machine.replaceAll(type, with: ObjectList(items: [], resourceVersion: "0"))
    }
  }

  // MARK: What others do

  @discardableResult
  mutating func add(_ type: ResourceType, _ json: JSONValue, namespace: String = "ns") -> KubernetesObject {
    store(type, json, namespace: type.isNamespaced ? namespace : "")
  }

  mutating func change(_ type: ResourceType, _ name: String, namespace: String = "ns", _ patch: JSONValue) {
    let place = ObjectReference(
      type: type, key: ObjectKey(namespace: type.isNamespaced ? namespace : "", name: name))
    guard let object = objects[place] else { return }
    var json = object.json.merging(patch: patch)
    if json["spec"] != object.json["spec"] {
      json.set(JSONValue(object.metadata.generation + 1), at: ["metadata", "generation"])
    }
    put(place, json)
  }

  mutating func remove(_ type: ResourceType, _ name: String, namespace: String = "ns") {
    let place = ObjectReference(
      type: type, key: ObjectKey(namespace: type.isNamespaced ? namespace : "", name: name))
    guard let object = objects.removeValue(forKey: place) else { return }
    emit(type, .deleted(stamped(object.json)))
  }

  func get(_ type: ResourceType, _ name: String, namespace: String = "ns") -> JSONValue? {
    objects[ObjectReference(type: type, key: ObjectKey(namespace: type.isNamespaced ? namespace : "", name: name))]?
      .json
  }

  func all(_ type: ResourceType) -> [KubernetesObject] {
    objects.filter { $0.key.type == type }.map(\.value).sorted { $0.metadata.name < $1.metadata.name }
  }

  var pods: [KubernetesObject] { all(.pods) }

  mutating func makeReady(_ pod: KubernetesObject, address: String = "10.0.0.1") {
    change(
      .pods, pod.metadata.name, namespace: pod.metadata.namespace,
      [
        "status": [
          "phase": "Running", "podIP": .string(address),
          "conditions": [
            ["type": "Ready", "status": "True", "lastTransitionTime": .string(now.rfc3339Seconds)]
          ],
        ]
      ])
  }

  mutating func deliver() {
    for (type, event) in held { machine.apply(type, event) }
    held = []
  }

  // MARK: Steps

  /// Takes turns until nobody has anything to do; returns the writes that were made.
  @discardableResult
  mutating func settle(limit: Int = 500, watching: (ControllerBed) -> Void = { _ in }) -> [ControllerWrite] {
    writes = []
    var turns = 0
    while turns < limit {
      guard let controller = machine.busyControllers.first else { break }
      turns += 1
      turn(controller)
      watching(self)
    }
    return writes
  }

  private mutating func turn(_ controller: ControllerName) {
    guard let item = machine.next(controller) else { return }
    let plan = machine.reconcile(item, now: now)
    wakes[item] = plan.wakeAt
    for lookup in plan.lookups {
      switch lookup {
      case .owner(let type, let key, let uid):
        machine.saw(owner: uid, type, objects[ObjectReference(type: type, key: key)], for: item)
      case .contents(let namespace, let uid, let types):
        let found = types.map { type in
          (type: type, objects: all(type).filter { $0.metadata.namespace == namespace })
        }
        machine.saw(contents: found, ofNamespace: uid, for: item)
      }
    }
    for write in plan.writes {
      writes.append(write)
      let result = perform(write)
      guard machine.wrote(write, for: item, result) else {
        // A refused turn is tried again when the test says so.
        _ = machine.finished(item, failed: true)
        return
      }
    }
    _ = machine.finished(item, failed: false)
  }

  private mutating func perform(_ write: ControllerWrite) -> Result<KubernetesObject?, KubernetesError> {
    func refused(_ code: Int, _ reason: String, _ message: String) -> Result<KubernetesObject?, KubernetesError> {
      .failure(
        KubernetesError(
          attempt: "write", cause: .rejected(APIStatus(code: code, reason: reason, message: message), retryAfter: nil)))
    }
    switch write {
    case .create(let type, let namespace, let json):
      if type == .pods, let podRefusal {
        return .failure(KubernetesError(attempt: "create pod", cause: .rejected(podRefusal, retryAfter: nil)))
      }
      if type == Scheduler.bindings {
        change(
          .pods, json["metadata", "name"]?.stringValue ?? "", namespace: namespace ?? "",
          ["spec": ["nodeName": json["target", "name"] ?? .null]])
        return .success(nil)
      }
      if let name = json["metadata", "name"]?.stringValue,
        objects[ObjectReference(type: type, key: ObjectKey(namespace: namespace ?? "", name: name))] != nil
      {
        return refused(409, "AlreadyExists", "\(type) \"\(name)\" already exists")
      }
      return .success(store(type, json, namespace: namespace ?? ""))
    case .mergePatch(let type, let key, _, let patch):
      let place = ObjectReference(type: type, key: key)
      guard let object = objects[place] else { return refused(404, "NotFound", "\(type) \(key) not found") }
      if let expected = patch["metadata", "resourceVersion"]?.stringValue, expected != object.metadata.resourceVersion {
        return refused(409, "Conflict", "the object has been modified")
      }
      var json = object.json.merging(patch: patch)
      if json["spec"] != object.json["spec"], object.metadata.generation > 0 {
        json.set(JSONValue(object.metadata.generation + 1), at: ["metadata", "generation"])
      }
      return .success(finish(place, json))
    case .replace(let type, let key, let subresource, let json):
      let place = ObjectReference(type: type, key: key)
      guard let object = objects[place] else { return refused(404, "NotFound", "\(type) \(key) not found") }
      guard json["metadata", "resourceVersion"]?.stringValue == object.metadata.resourceVersion else {
        return refused(409, "Conflict", "the object has been modified")
      }
      var changed = json
      if subresource == "status" {
        changed = object.json
        changed["status"] = json["status"]
      }
      return .success(finish(place, changed))
    case .delete(let type, let key, let options):
      let place = ObjectReference(type: type, key: key)
      guard let object = objects[place] else { return refused(404, "NotFound", "\(type) \(key) not found") }
      if let uid = options.uid, uid != object.metadata.uid { return refused(409, "Conflict", "uid") }
      var json = object.json
      if options.propagation == .foreground { json.set(["foregroundDeletion"], at: ["metadata", "finalizers"]) }
      json.set(.string(now.rfc3339Seconds), at: ["metadata", "deletionTimestamp"])
      // Pods with a node wait for its agent.
      let waits = type == .pods && json["spec", "nodeName"] != nil
      let kept = waits ? put(place, json) : finish(place, json)
      return .success(objects[place] == nil ? nil : kept)
    }
  }

  private mutating func store(_ type: ResourceType, _ json: JSONValue, namespace: String) -> KubernetesObject {
    made += 1
    var json = json
    if json["apiVersion"] == nil { json["apiVersion"] = .string(type.apiVersion) }
    if json["kind"] == nil { json["kind"] = .string(type.kind) }
    if let prefix = json["metadata", "generateName"]?.stringValue, json["metadata", "name"] == nil {
      json.set(.string("\(prefix)\(made)"), at: ["metadata", "name"])
    }
    if !namespace.isEmpty { json.set(.string(namespace), at: ["metadata", "namespace"]) }
    json.set(.string("uid-\(made)"), at: ["metadata", "uid"])
    json.set(1, at: ["metadata", "generation"])
    json.set(.string(now.rfc3339Seconds), at: ["metadata", "creationTimestamp"])
    let key = ObjectKey(namespace: namespace, name: json["metadata", "name"]?.stringValue ?? "")
    return put(ObjectReference(type: type, key: key), json)
  }

  @discardableResult
  private mutating func put(_ place: ObjectReference, _ json: JSONValue) -> KubernetesObject {
    let isNew = objects[place] == nil
    let object = stamped(json)
    objects[place] = object
    emit(place.type, isNew ? .added(object) : .modified(object))
    return object
  }

  /// Stores an object, or removes it when it is being deleted and nothing holds it.
  private mutating func finish(_ place: ObjectReference, _ json: JSONValue) -> KubernetesObject {
    let object = KubernetesObject(json)
    let isNamespaceHeld = place.type == .namespaces && json["spec", "finalizers"]?.arrayValue?.isEmpty == false
    guard object.metadata.isBeingDeleted, object.metadata.finalizers.isEmpty, !isNamespaceHeld else {
      return put(place, json)
    }
    objects[place] = nil
    let last = stamped(json)
    emit(place.type, .deleted(last))
    return last
  }

  private mutating func stamped(_ json: JSONValue) -> KubernetesObject {
    version += 1
    var json = json
    json.set(.string("\(version)"), at: ["metadata", "resourceVersion"])
    return KubernetesObject(json)
  }

  private mutating func emit(_ type: ResourceType, _ event: WatchEvent) {
    if holdsEvents { held.append((type, event)) } else { machine.apply(type, event) }
  }
}
