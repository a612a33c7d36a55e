import FlinkModel
import InMemoryKubernetes
import KubernetesAPI

/// The Deployment controller and the kubelet of the simulation: pods come, run and go after fixed times.
struct SimulatedNode: Sendable {
  /// Milliseconds.
  static let startTime: Int64 = 700
  static let endTime: Int64 = 400

  private struct Pod: Sendable {
    var createdAt: Int64
    var deletedAt: Int64?
    var isRunning = false
    var hasProblem = false
    var restarts = 0
  }

  private var pods: [String: Pod] = [:]
  private var names = 0
  private var seenVersion = ""
  fileprivate var settledVersion = ""
  private var due: Int64?
  /// The containers of the JobManagers are to end and be started again.
  var restartsManagers = false
  /// Until then pods that are deleted do not go.
  var lingerUntil: Int64 = 0
  /// Until then the node hears nothing and reports nothing, but what runs on it runs.
  var unreachableUntil: Int64 = 0

  /// When something happens next without a write.
  var nextDue: Int64? { due }
}

extension SimulatedWorld.State {
  /// One round of the controllers; whether it wrote.
  mutating func runNode() -> Bool {
    let version = server.resourceVersion
    if version == node.version, (node.nextDue.map { now < $0 } ?? true), !node.restartsManagers { return false }
    let before = version
    settle()
    for object in pending where request(.create(.flinkDeployments, SimulatedWorld.namespace, object)) != nil {
      forget(object["metadata", "name"]?.stringValue ?? "")
      pending.removeAll { $0 == object }
    }
    var node = self.node
    node.round(&self)
    self.node = node
    settle()
    self.node.version = server.resourceVersion
    return server.resourceVersion != before
  }

  /// What the API server's own controllers do; nothing while nothing is written.
  private mutating func settle() {
    if server.resourceVersion == node.settledVersion { return }
    server.settle(at: timestamp)
    node.settledVersion = server.resourceVersion
  }
}

extension SimulatedNode {
  fileprivate(set) var version: String {
    get { seenVersion }
    set { seenVersion = newValue }
  }

  fileprivate mutating func round(_ world: inout SimulatedWorld.State) {
    let deployments = world.list(.deployments)
    var podObjects = world.list(.pods)
    for deployment in deployments { scale(deployment, &podObjects, &world) }
    if Self.makeTaskManagers(podObjects, &world) { podObjects = world.list(.pods) }
    var running: [String: Int] = [:]
    due = nil
    for object in podObjects { advance(object, &running, &world) }
    restartsManagers = false
    world.flink.taskManagers = running
    let alive = Set(podObjects.compactMap { $0["metadata", "uid"]?.stringValue })
    for uid in pods.keys where !alive.contains(uid) {
      pods[uid] = nil
      world.flink.endManager(podUID: uid)
    }
    podObjects = world.list(.pods)
    for deployment in world.list(.deployments) { reportStatus(deployment, podObjects, &world) }
  }

  /// The pods that a Deployment has made; a native JobManager's owns its TaskManagers too.
  private func made(by deployment: JSONValue, among pods: [JSONValue]) -> [JSONValue] {
    pods.filter { pod in
      pod["metadata", "ownerReferences"]?.arrayValue?.contains { $0["uid"] == deployment["metadata", "uid"] } == true
        && pod["metadata", "labels"]?["component"] == deployment["metadata", "labels"]?["component"]
    }
  }

  private mutating func scale(
    _ deployment: JSONValue, _ podObjects: inout [JSONValue], _ world: inout SimulatedWorld.State
  ) {
    guard deployment["metadata", "deletionTimestamp"] == nil, let uid = deployment["metadata", "uid"]?.stringValue,
      let name = deployment["metadata", "name"]?.stringValue
    else { return }
    let wanted = Int(deployment["spec", "replicas"]?.intValue ?? 1)
    let live = made(by: deployment, among: podObjects).filter { $0["metadata", "deletionTimestamp"] == nil }
    for pod in live.dropFirst(wanted) {
      world.request(
        .delete(.pods, SimulatedWorld.namespace, pod["metadata", "name"]?.stringValue ?? "", DeleteOptions()))
    }
    for _ in live.count..<max(live.count, wanted) {
      names += 1
      var pod: JSONValue = deployment["spec", "template"] ?? [:]
      pod["apiVersion"] = "v1"
      pod["kind"] = "Pod"
      pod.set(.string("\(name)-\(names)"), at: ["metadata", "name"])
      pod.set(
        [
          [
            "apiVersion": "apps/v1", "kind": "Deployment", "name": .string(name), "uid": .string(uid),
            "controller": true,
          ]
        ], at: ["metadata", "ownerReferences"])
      pod.set("node-1", at: ["spec", "nodeName"])
      podObjects.append(world.must(.create(.pods, SimulatedWorld.namespace, pod)))
    }
    if live.count > wanted { podObjects = world.list(.pods) }
  }

  private mutating func wakeAt(_ time: Int64) { due = min(due ?? time, time) }

  private mutating func advance(
    _ object: JSONValue, _ running: inout [String: Int], _ world: inout SimulatedWorld.State
  ) {
    guard let uid = object["metadata", "uid"]?.stringValue, let name = object["metadata", "name"]?.stringValue else {
      return
    }
    var pod = pods[uid] ?? Pod(createdAt: world.now)
    defer { pods[uid] = pod }
    let cluster = object["metadata", "labels", "app"]?.stringValue ?? ""
    let isJobManager = object["metadata", "labels", "component"]?.stringValue == "jobmanager"
    if world.now < unreachableUntil {
      wakeAt(unreachableUntil)
      if pod.isRunning, !isJobManager { running[cluster, default: 0] += 1 }
      return
    }
    if object["metadata", "deletionTimestamp"] != nil {
      if pod.deletedAt == nil {
        pod.deletedAt = world.now
        // SIGTERM: what ran ends now, the pod lingers.
        if isJobManager { world.flink.endManager(podUID: uid) }
      }
      let end = max((pod.deletedAt ?? world.now) + Self.endTime, lingerUntil)
      if world.now >= end {
        world.request(
          .delete(.pods, SimulatedWorld.namespace, name, DeleteOptions(uid: uid, gracePeriodSeconds: 0)))
        world.flink.endManager(podUID: uid)
        // The JobManager hears of it, and makes another one.
        if Self.isNative(object), !isJobManager { wakeAt(world.now + 100) }
      } else {
        wakeAt(end)
      }
      return
    }
    if pod.isRunning, isJobManager, restartsManagers {
      world.flink.endManager(podUID: uid)
      pod.isRunning = false
      pod.restarts += 1
      pod.createdAt = world.now
      report(name, phase: "Running", ready: false, restarts: pod.restarts, state: ["running": [:]], &world)
    }
    if pod.isRunning {
      if !isJobManager { running[cluster, default: 0] += 1 }
      return
    }
    let start = pod.createdAt + Self.startTime
    guard world.now >= start else { return wakeAt(start) }
    guard Self.mounts(object, isReported: &pod.hasProblem, &world) else { return }
    let container = object["spec", "containers"]?.arrayValue?.first
    let image = container?["image"]?.stringValue ?? ""
    let arguments =
      isJobManager && Self.isNative(object)
      ? Self.nativeArguments(of: cluster, &world)
      : (container?["args"]?.arrayValue ?? []).compactMap(\.stringValue)
    if image.contains("missing") {
      guard !pod.hasProblem else { return }
      pod.hasProblem = true
      report(
        name, phase: "Pending", ready: false,
        state: ["waiting": ["reason": "ImagePullBackOff", "message": .string("Back-off pulling image \(image)")]],
        &world)
      return
    }
    pod.isRunning = true
    // A native JobManager makes its TaskManagers in the next round.
    if isJobManager, Self.isNative(object) { wakeAt(world.now + 100) }
    report(name, phase: "Running", ready: true, restarts: pod.restarts, state: ["running": [:]], &world)
    if isJobManager {
      world.flink.startManager(
        cluster: cluster, podUID: uid, jobID: jobID(of: cluster, &world), arguments: arguments, at: world.now)
      world.flink.scalings[uid] = SimulatedScaling(Self.configuration(of: cluster, &world))
      world.readHAMetadata(cluster: cluster, pod: object, jobID: jobID(of: cluster, &world))
      if let text = Self.configuration(of: cluster, &world)["state.checkpoints.num-retained"], let count = Int(text) {
        world.flink.retain(count, podUID: uid)
      }
    } else {
      running[cluster, default: 0] += 1
    }
  }

  /// As the JobManager reads it from its configuration.
  private func jobID(of cluster: String, _ world: inout SimulatedWorld.State) -> String? {
    let map = world.request(.get(.configMaps, SimulatedWorld.namespace, "flink-config-\(cluster)"))
    let text = map?["data", "flink-conf.yaml"]?.stringValue ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("$internal.pipeline.job-id:") }
    return line.map { String($0.split(separator: ":")[1].filter { $0.isHexDigit }) }
  }

  private func report(
    _ name: String, phase: String, ready: Bool, restarts: Int = 0, state: JSONValue, _ world: inout SimulatedWorld.State
  ) {
    let status: JSONValue = [
      "status": [
        "phase": .string(phase),
        "containerStatuses": [
          [
            "name": "flink-main-container", "ready": .bool(ready), "restartCount": JSONValue(restarts), "image": "x",
            "imageID": "x",
            "state": state,
          ]
        ],
      ]
    ]
    world.request(.patch(.pods, SimulatedWorld.namespace, name, "status", .merge(status)))
  }

  private func reportStatus(_ deployment: JSONValue, _ podObjects: [JSONValue], _ world: inout SimulatedWorld.State) {
    guard let name = deployment["metadata", "name"]?.stringValue else { return }
    let live = made(by: deployment, among: podObjects)
    let available = live.filter { pod in
      pods[pod["metadata", "uid"]?.stringValue ?? ""]?.isRunning == true && pod["metadata", "deletionTimestamp"] == nil
    }.count
    let isAvailable = available > 0
    let before = (deployment["status", "conditions"]?.arrayValue ?? []).first { $0["type"]?.stringValue == "Available" }
    let word = isAvailable ? "True" : "False"
    let isFlip = before?["status"]?.stringValue != word
    let creation = deployment["metadata", "creationTimestamp"]?.stringValue ?? ""
    let time =
      before == nil && !isAvailable
      ? creation
      : isFlip ? world.timestamp.rfc3339Seconds : before?["lastTransitionTime"]?.stringValue ?? creation
    let condition: JSONValue = [
      "type": "Available", "status": .string(word), "reason": "MinimumReplicas", "message": "",
      "lastTransitionTime": .string(time), "lastUpdateTime": .string(time),
    ]
    if deployment["status", "availableReplicas"]?.intValue ?? 0 == Int64(available), !isFlip,
      deployment["status", "replicas"]?.intValue ?? 0 == Int64(live.count)
    {
      return
    }
    world.request(
      .patch(
        .deployments, SimulatedWorld.namespace, name, "status",
        .merge([
          "status": [
            "replicas": JSONValue(live.count), "availableReplicas": JSONValue(available),
            "readyReplicas": JSONValue(available), "conditions": [condition],
          ]
        ])))
  }
}
