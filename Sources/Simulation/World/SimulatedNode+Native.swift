import KubernetesAPI

/// What Flink does in native mode: its JobManager takes restore path and job from its configuration, and makes its
/// TaskManagers as pods that its Deployment owns.
extension SimulatedNode {
  static func isNative(_ pod: JSONValue) -> Bool {
    pod["metadata", "labels"]?["type"]?.stringValue == "flink-native-kubernetes"
  }

  /// The configuration file of a cluster.
  static func configuration(of cluster: String, _ world: inout SimulatedWorld.State) -> [String: String] {
    let map = world.request(.get(.configMaps, SimulatedWorld.namespace, "flink-config-\(cluster)"))
    var values: [String: String] = [:]
    for line in (map?["data", "flink-conf.yaml"]?.stringValue ?? "").split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      values[String(line[..<colon])] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    return values
  }

  /// The arguments by which a standalone JobManager would do the same.
  static func nativeArguments(of cluster: String, _ world: inout SimulatedWorld.State) -> [String] {
    let path = configuration(of: cluster, &world)["execution.savepoint.path"]
    return path.map { ["--fromSavepoint", $0] } ?? []
  }

  /// One round of the JobManagers that run: a pod for every TaskManager that is missing.
  ///
  /// - Returns: whether a pod was made.
  static func makeTaskManagers(_ pods: [JSONValue], _ world: inout SimulatedWorld.State) -> Bool {
    var isMade = false
    for jobManager in pods where isNative(jobManager) {
      guard jobManager["metadata", "labels"]?["component"]?.stringValue == "jobmanager",
        jobManager["metadata", "deletionTimestamp"] == nil, jobManager["status", "phase"]?.stringValue == "Running",
        let cluster = jobManager["metadata", "labels"]?["app"]?.stringValue,
        let owner = jobManager["metadata", "ownerReferences"]?.arrayValue?.first, let uid = owner["uid"]
      else { continue }
      let values = configuration(of: cluster, &world)
      let slots = values["taskmanager.numberOfTaskSlots"].flatMap { Int($0) } ?? 1
      let wanted =
        world.flink.scaling(of: cluster)?.workersWanted
        ?? ((values["parallelism.default"].flatMap { Int($0) } ?? 1) + slots - 1) / slots
      let own = pods.filter { pod in
        pod["metadata", "labels"]?["component"]?.stringValue == "taskmanager"
          && pod["metadata", "ownerReferences"]?.arrayValue?.contains { $0["uid"] == uid } == true
      }
      let live = own.count { $0["metadata", "deletionTimestamp"] == nil }
      // A number is used once.
      let last = own.compactMap { $0["metadata", "name"]?.stringValue?.split(separator: "-").last.flatMap { Int($0) } }
      for number in (0..<max(0, max(1, wanted) - live)).map({ $0 + 1 + (last.max() ?? 0) }) {
        let pod: JSONValue = [
          "apiVersion": "v1", "kind": "Pod",
          "metadata": [
            "name": .string("\(cluster)-taskmanager-1-\(number)"),
            "labels": [
              "app": .string(cluster), "type": "flink-native-kubernetes", "component": "taskmanager",
            ],
            // So that the oracles know whose it is; Flink would not know.
            "annotations": jobManager["metadata", "annotations"] ?? [:],
            "ownerReferences": [
              [
                "apiVersion": "apps/v1", "kind": "Deployment", "name": .string(cluster), "uid": uid,
                "controller": true, "blockOwnerDeletion": true,
              ]
            ],
          ],
          "spec": [
            "nodeName": "node-1", "restartPolicy": "Never",
            "containers": [["name": "flink-main-container", "image": "flink:1.20"]],
          ],
        ]
        _ = world.must(.create(.pods, SimulatedWorld.namespace, pod))
        isMade = true
      }
    }
    return isMade
  }
}
