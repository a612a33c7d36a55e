import KubernetesAPI

/// Events about one pod as a kubelet records them: the same trouble again raises the count of the Event before.
struct PodEvents: Sendable {
  let pod: PodSpecification
  let uid: String
  let node: String
  private var known: [String: (name: String, count: Int64, first: Timestamp)] = [:]

  init(pod: PodSpecification, uid: String, node: String) {
    self.pod = pod
    self.uid = uid
    self.node = node
  }

  /// An Event to be written.
  struct Entry: Sendable {
    let namespace: String
    let name: String
    let object: JSONValue
    let isRepeated: Bool

    func write(to gateway: any KubernetesGateway) async throws(KubernetesError) {
      if isRepeated {
        do throws(KubernetesError) {
          _ = try await gateway.patch(
            .events, namespace: namespace, name: name,
            .merge(["count": object["count"] ?? 1, "lastTimestamp": object["lastTimestamp"] ?? .null]))
          return
        } catch {
          // Events are kept for a while only.
          guard error.isNotFound else { throw error }
        }
      }
      _ = try await gateway.create(.events, namespace: namespace, object)
    }
  }

  mutating func next(_ reason: String, _ message: String, at now: Timestamp) -> Entry {
    let key = "\(reason) \(message)"
    let before = known[key]
    let name = before?.name ?? "\(pod.name).\(String(UInt64.random(in: .min ... .max), radix: 16))"
    let count = (before?.count ?? 0) + 1
    let first = before?.first ?? now
    known[key] = (name, count, first)
    let object: JSONValue = [
      "apiVersion": "v1", "kind": "Event",
      "metadata": ["name": .string(name), "namespace": .string(pod.namespace)],
      "involvedObject": [
        "apiVersion": "v1", "kind": "Pod", "namespace": .string(pod.namespace), "name": .string(pod.name),
        "uid": .string(uid),
      ],
      "type": "Warning", "reason": .string(reason), "message": .string(message), "count": JSONValue(count),
      "firstTimestamp": .string(first.rfc3339Seconds), "lastTimestamp": .string(now.rfc3339Seconds),
      "source": ["component": "kubelet", "host": .string(node)], "reportingComponent": "kubelet",
      "reportingInstance": .string(node),
    ]
    return Entry(namespace: pod.namespace, name: name, object: object, isRepeated: before != nil)
  }
}
