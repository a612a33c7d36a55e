public import KubernetesAPI

/// Gives pods without a node the first node that is ready and has an agent.
public enum Scheduler {
  /// Types that must be listed before a turn.
  public static let types: [ResourceType] = [.pods, .nodes, .leases]

  /// Where agents say that they live. A node that somebody made by hand has no Lease there, and runs no pods.
  static let heartbeats = "kube-node-lease"

  /// `POST …/bindings`, which is how a pod gets its node.
  public static let bindings = ResourceType(group: "", version: "v1", plural: "bindings", kind: "Binding")

  public static func needsNode(_ pod: KubernetesObject) -> Bool {
    let state = PodState(pod)
    return state.nodeName == nil && state.isActive
      && (state.json["spec", "schedulerName"]?.stringValue ?? "default-scheduler") == "default-scheduler"
  }

  public static func reconcile(_ key: ObjectKey, in cache: ClusterCache) -> Reconciliation {
    guard let pod = cache.object(.pods, key), needsNode(pod) else { return .nothing }
    let wanted = pod.json["spec", "nodeSelector"]?.objectValue?.strings ?? [:]
    let node = cache.objects(.nodes).first { node in
      let json = node.json
      let isReady = (json["status", "conditions"]?.arrayValue ?? []).contains {
        $0["type"]?.stringValue == "Ready" && $0["status"]?.stringValue == "True"
      }
      let hasAgent = cache.object(.leases, ObjectKey(namespace: heartbeats, name: node.metadata.name)) != nil
      return isReady && hasAgent && !node.metadata.isBeingDeleted && json["spec", "unschedulable"]?.boolValue != true
        && wanted.allSatisfy { node.metadata.labels[$0.key] == $0.value }
    }
    guard let node else { return .nothing }
    return Reconciliation(writes: [
      .create(
        bindings, namespace: key.namespace,
        [
          "apiVersion": "v1", "kind": "Binding",
          "metadata": [
            "name": .string(key.name), "namespace": .string(key.namespace), "uid": .string(pod.metadata.uid),
          ],
          "target": ["apiVersion": "v1", "kind": "Node", "name": .string(node.metadata.name)],
        ])
    ])
  }
}
