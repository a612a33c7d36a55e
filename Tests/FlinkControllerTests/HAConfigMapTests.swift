import KubernetesAPI
import Lifecycle
import Testing

@testable import FlinkController

/// Keys and labels as recorded from JobManagers of Flink 1.20 and 2.2; the latter names the job's graph otherwise.
@Suite struct HAConfigMapTests {
  private static let job = "cccccccc00000000000000000000000c"

  private func map(_ name: String, uid: String, _ keys: [String], isDeleted: Bool = false) -> KubernetesObject {
    var metadata: JSONObject = ["name": .string(name), "namespace": "ns1", "uid": .string(uid)]
    if isDeleted { metadata["deletionTimestamp"] = "2026-11-21T02:44:05Z" }
    var data: JSONObject = [:]
    for key in keys { data[key] = "rO0ABX" }
    return KubernetesObject([
      "apiVersion": "v1", "kind": "ConfigMap", "metadata": .object(metadata), "data": .object(data),
    ])
  }

  @Test(arguments: ["jobGraph-", "executionPlan-"])
  func readsWhatFlinkKeeps(_ prefix: String) {
    let metadata = HAConfigMap.metadata(
      [
        map(
          "demo-cluster-config-map", uid: "a",
          [
            "org.apache.flink.k8s.leader.restserver", "org.apache.flink.k8s.leader.job-\(Self.job)",
            "\(prefix)\(Self.job)",
          ]),
        map(
          "demo-\(Self.job)-config-map", uid: "b",
          ["counter", "checkpointID-0000000000000000010", "checkpointID-0000000000000000009"]),
        map("flink-config-demo", uid: "c", ["flink-conf.yaml"]),
        map("pod-template-demo", uid: "d", ["taskmanager-pod-template.yaml"]),
      ], cluster: "demo")
    #expect(metadata.cluster?.map == ObjectIdentity(name: "demo-cluster-config-map", uid: "a"))
    #expect(metadata.cluster?.graphs == [Self.job])
    #expect(metadata.cluster?.holdsOthers == false)
    #expect(metadata.jobs.map(\.jobID) == [Self.job])
    #expect(metadata.job(Self.job)?.latestCheckpoint == 10)
    #expect(metadata.job("other") == nil)
  }

  @Test func whatIsBeingDeletedIsNoMetadata() {
    let metadata = HAConfigMap.metadata(
      [map("demo-\(Self.job)-config-map", uid: "b", ["checkpointID-0000000000000000010"], isDeleted: true)],
      cluster: "demo")
    #expect(metadata.jobs.count == 1)
    #expect(metadata.job(Self.job) == nil)
  }

  @Test func aGraphThatWasSetAsideIsNotStarted() {
    let metadata = HAConfigMap.metadata(
      [map("demo-cluster-config-map", uid: "a", ["set-aside.jobGraph-\(Self.job)"])], cluster: "demo")
    #expect(metadata.cluster?.graphs == [])
    #expect(metadata.cluster?.holdsOthers == true)
  }

  @Test func anotherClustersNameIsNotAJob() {
    // `demo-two` of the same labels would be another cluster's: its selector keeps it out, its name says so too.
    #expect(HAConfigMap.selector("demo") == "app=demo,type=flink-native-kubernetes,component!=autoscaler")
  }
}
