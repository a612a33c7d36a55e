import KubernetesAPI

extension SimulatedNode {
  /// A pod whose Secret is not there stays in its preparation, and an Event says why.
  ///
  /// - Returns: whether the pod can go on.
  static func mounts(_ pod: JSONValue, isReported: inout Bool, _ world: inout SimulatedWorld.State) -> Bool {
    let missing = (pod["spec", "volumes"]?.arrayValue ?? []).first {
      $0["secret", "secretName"]?.stringValue == "missing"
    }
    guard let missing, let name = pod["metadata", "name"]?.stringValue else { return true }
    guard !isReported else { return false }
    isReported = true
    let volume = missing["name"]?.stringValue ?? ""
    world.request(
      .create(
        .events, SimulatedWorld.namespace,
        [
          "apiVersion": "v1", "kind": "Event",
          "metadata": ["name": .string("\(name).mount"), "namespace": .string(SimulatedWorld.namespace)],
          "involvedObject": [
            "apiVersion": "v1", "kind": "Pod", "namespace": .string(SimulatedWorld.namespace), "name": .string(name),
            "uid": pod["metadata", "uid"] ?? "",
          ],
          "type": "Warning", "reason": "FailedMount", "source": ["component": "kubelet", "host": "node-1"],
          "message": .string("MountVolume.SetUp failed for volume \"\(volume)\" : secret \"missing\" not found"),
          "firstTimestamp": .string(world.timestamp.rfc3339Seconds),
          "lastTimestamp": .string(world.timestamp.rfc3339Seconds), "count": 1,
        ]))
    return false
  }
}
