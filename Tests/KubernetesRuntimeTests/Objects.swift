import KubernetesAPI
import Logging

/// A ConfigMap for tests.
func object(
  _ name: String, uid: String? = nil, version: Int, namespace: String = "ns", labels: [String: String] = [:],
  owners: [String] = [], data: String = "d"
) -> KubernetesObject {
  let metadata: JSONValue = [
    "name": .string(name), "namespace": .string(namespace), "uid": .string(uid ?? "uid-\(name)"),
    "resourceVersion": .string("\(version)"), "labels": JSONValue(labels),
    "ownerReferences": .array(
      owners.map { OwnerReference(apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: $0).json }),
    "managedFields": [["manager": "kubectl"]],
  ]
  return KubernetesObject([
    "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": ["key": .string(data)],
  ])
}

func list(_ items: [KubernetesObject], version: Int, next: String? = nil) -> ObjectList {
  ObjectList(items: items, resourceVersion: "\(version)", continueToken: next)
}

func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "ns", name: name) }

func rejected(_ code: Int, _ reason: String = "", retryAfter: Duration? = nil) -> KubernetesError {
  KubernetesError(
    attempt: "test", cause: .rejected(APIStatus(code: code, reason: reason, message: reason), retryAfter: retryAfter))
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// Waits until `condition` holds; false after `limit`.
func eventually(within limit: Duration = .seconds(10), _ condition: @Sendable () -> Bool) async -> Bool {
  let deadline = ContinuousClock.now + limit
  while !condition() {
    if ContinuousClock.now > deadline { return false }
    try? await Task.sleep(for: .milliseconds(2))
  }
  return true
}

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
