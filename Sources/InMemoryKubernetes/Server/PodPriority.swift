import KubernetesAPI

extension InMemoryAPIServer {
  private static let priorityClasses = StorageID(group: "scheduling.k8s.io", plural: "priorityclasses")
  /// Classes that every cluster has.
  private static let systemPriorities: [String: JSONValue] = [
    "system-cluster-critical": ["value": 2_000_000_000, "preemptionPolicy": "PreemptLowerPriority"],
    "system-node-critical": ["value": 2_000_001_000, "preemptionPolicy": "PreemptLowerPriority"],
  ]

  /// Resolves the priority class of a new pod.
  ///
  /// - Throws: 403 for a class that does not exist.
  func resolvePriority(_ pod: inout JSONValue, _ request: ResourceRequest) throws(APIFailure) {
    var name = pod["spec", "priorityClassName"]?.stringValue ?? ""
    if name.isEmpty {
      let all = stores[Self.priorityClasses]?.objects(namespace: nil) ?? []
      guard let common = all.first(where: { $0.json["globalDefault"]?.boolValue == true }) else { return }
      name = common.metadata.name
    }
    guard let known = stores[Self.priorityClasses]?[name]?.json ?? Self.systemPriorities[name] else {
      throw .forbidden(
        request.type, name: pod["metadata", "name"]?.stringValue ?? "", "no PriorityClass with name \(name) was found")
    }
    pod.set(.string(name), at: ["spec", "priorityClassName"])
    pod.set(known["value"], at: ["spec", "priority"])
    if pod["spec", "preemptionPolicy"] == nil {
      pod.set(known["preemptionPolicy"] ?? "PreemptLowerPriority", at: ["spec", "preemptionPolicy"])
    }
  }
}
