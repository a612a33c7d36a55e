import KubernetesAPI
import Testing

@testable import FlinkController

@Suite struct ApacheOperatorWatchTests {
  private func deployment(_ ready: Int, _ namespaces: String?) -> JSONValue {
    var container: JSONValue = ["name": "flink-kubernetes-operator"]
    if let namespaces {
      container["env"] = [["name": "FLINK_OPERATOR_WATCH_NAMESPACES", "value": .string(namespaces)]]
    }
    return [
      "spec": ["template": ["spec": ["containers": [container]]]], "status": ["readyReplicas": JSONValue(ready)],
    ]
  }

  /// (what it watches, what we watch, whether they meet)
  @Test(
    arguments: [
      (nil, nil, true), ("a, b", nil, true), ("a, b", ["b"], true), ("a, b", ["c"], false), (nil, ["c"], true),
      ("", ["c"], true),
    ] as [(String?, [String]?, Bool)])
  func meetsInNamespaces(_ theirs: String?, _ ours: [String]?, _ meets: Bool) {
    let namespaces = ApacheOperatorWatch.namespaces(of: deployment(1, theirs))
    #expect(ApacheOperatorWatch.meets(namespaces, ours.map { Set($0) }) == meets)
  }

  @Test func countsOnlyWhereItWorks() {
    #expect(ApacheOperatorWatch.isReady(deployment(1, nil)))
    #expect(!ApacheOperatorWatch.isReady(deployment(0, nil)))
    #expect(!ApacheOperatorWatch.isReady([:]))
  }
}
