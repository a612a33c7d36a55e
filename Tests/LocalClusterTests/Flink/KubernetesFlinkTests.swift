import Foundation
import Testing

@testable import LocalCluster

/// Flink's own Kubernetes client against the local API over TLS, with the token and the rights of its service account.
@Suite(
  .serialized,
  .enabled(if: ClusterBed.kubectl != nil && FlinkCache.isFilled, "needs kubectl, a fetched Flink and the example jar"))
struct KubernetesFlinkTests {
  private func with(_ version: String, _ body: (KubernetesFlink) async throws -> Void) async throws {
    try await ClusterBed.with({
      $0.runsAgent = true
      $0.manifests = [KubernetesFlink.serviceAccount]
    }) { bed in
      try await body(KubernetesFlink(bed: bed, version: version, name: "native"))
    }
  }

  @Test(arguments: KubernetesFlink.versions)
  func aNativeJobManagerMakesReplacesAndDeletesItsTaskManagers(_ version: String) async throws {
    try await with(version) { flink in
      try await flink.applyNative()
      try await flink.waitForCheckpoint()
      #expect(try await flink.names("pods", component: "taskmanager") == ["native-taskmanager-1-1"])
      let owner = try await flink.bed.kubectlSucceeds(
        "get", "pod", "native-taskmanager-1-1", "-o", "jsonpath={.metadata.ownerReferences[0].kind}")
      #expect(owner == "Deployment")

      // A watch tells the JobManager that the pod is gone.
      _ = try await flink.bed.kubectlSucceeds("delete", "pod", "native-taskmanager-1-1", "--force", "--grace-period=0")
      try await flink.bed.eventually(seconds: 60) {
        try await flink.names("pods", component: "taskmanager") == ["native-taskmanager-1-2"]
      }
      try await flink.waitForRestore()

      // Another JobManager takes the lock over, finds the job in the ConfigMaps, and keeps the TaskManager that is there.
      let before = try await flink.names("pods", component: "jobmanager")
      _ = try await flink.bed.kubectlSucceeds("delete", "pod", before[0], "--force", "--grace-period=0")
      try await flink.bed.eventually(seconds: 60) {
        let now = try await flink.names("pods", component: "jobmanager")
        return now.count == 1 && now != before
      }
      try await flink.waitForRestore()

      try await flink.cancel()
      try await flink.bed.eventually(seconds: 60) {
        try await flink.bed.kubectlSucceeds("get", "deployments,pods", "-o", "name") == ""
      }
      let maps = try await flink.bed.kubectlSucceeds("get", "configmaps", "-o", "name")
      #expect(maps == "configmap/flink-config-native\nconfigmap/kube-root-ca.crt\n")
    }
  }

  @Test(arguments: KubernetesFlink.versions)
  func aStandbyJobManagerTakesOverFromTheLeader(_ version: String) async throws {
    try await with(version) { flink in
      try await flink.applyStandaloneWithStandby()
      try await flink.waitForCheckpoint()
      let leader = try #require(try await flink.leaderAddress())
      let pods = try await flink.bed.kubectlSucceeds(
        "get", "pods", "-l", "component=jobmanager", "-o",
        "jsonpath={range .items[*]}{.status.podIP} {.metadata.name} {end}"
      ).split(separator: " ").map(String.init)
      let index = try #require(pods.firstIndex(of: leader))
      _ = try await flink.bed.kubectlSucceeds("delete", "pod", pods[index + 1], "--force", "--grace-period=0")
      try await flink.bed.eventually(seconds: 60) {
        let now = try await flink.leaderAddress()
        return now != nil && now != leader
      }
      try await flink.waitForRestore()
      // The end of a job takes its metadata along.
      try await flink.cancel()
      try await flink.bed.eventually(seconds: 60) {
        let maps = try await flink.bed.kubectlSucceeds("get", "configmaps", "-o", "name")
        return !maps.contains(flink.jobID)
      }
    }
  }

  @Test func withoutTheRightToMakePodsTheJobManagerSaysSo() async throws {
    let withoutPods = KubernetesFlink.serviceAccount.replacing("[pods, configmaps]", with: "[configmaps]")
    try #require(withoutPods != KubernetesFlink.serviceAccount)
    try await ClusterBed.with({
      $0.runsAgent = true
      $0.manifests = [withoutPods]
    }) { bed in
      let flink = KubernetesFlink(bed: bed, version: "1.20", name: "native")
      try await flink.applyNative()
      try await bed.eventually(seconds: 90) {
        try await bed.kubectl("logs", "deployment/native", "--tail=400").output.contains(
          "User \"system:serviceaccount:default:flink\" cannot list resource \"pods\"")
      }
    }
  }
}
