import Foundation
import KubernetesAPI
import Testing

/// A job that the Apache operator has deployed goes on under this one as if nothing had happened.
@Suite(.serialized) struct TakeoverTests {
  @Test(.timeLimit(.minutes(10))) func aRunningJobIsNotTouched() async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let job = try await data.apply("heir", in: "default", of: instance)
      try await job.waitRunning()
      try await data.waitForMore(than: 20)
      let pods = Set(try await job.pods().map(\.metadata.uid))

      // What the other operator leaves is what this one leaves, without what only this one knows.
      let pid = try instance.operatorPID
      kill(pid, SIGSTOP)
      let before = try await job.read()
      try await job.forgetOperation()
      let left = try await job.read()
      #expect(left["status", "operation"] == nil)
      kill(pid, SIGKILL)

      let after = try await job.wait(for: "taken over") {
        $0["status", "operation", "id"]?.stringValue != nil && $0.condition("Ready")?["status"]?.stringValue == "True"
      }
      #expect(after.attempt == 0, "not started by this operator")
      for path in [
        ["lifecycleState"], ["observedGeneration"], ["reconciliationStatus"], ["taskManager"],
        ["jobManagerDeploymentStatus"], ["jobStatus", "jobId"], ["jobStatus", "state"], ["jobStatus", "startTime"],
        ["jobStatus", "upgradeSavepointPath"],
      ] {
        #expect(
          after["status"]?.value(at: path) == before["status"]?.value(at: path), "\(path.joined(separator: "."))")
      }
      #expect(Set(try await job.pods().map(\.metadata.uid)) == pods, "no pod was replaced")
      try await data.waitForMore(than: try data.partFiles().sequence.count + 20)

      // And its state outlives the first upgrade by this operator.
      _ = try await job.upgrade(["job": ["parallelism": 2]])
      try await job.endsWithAllNumbers(data)
    }
    try data.remove()
  }
}

extension FlinkJob {
  /// Takes away everything by which this operator knows its own: fields of status, annotations of Deployments.
  func forgetOperation() async throws {
    _ = try await instance.client.patch(
      .flinkDeployments, namespace: namespace, name: name, subresource: "status",
      .merge(["status": ["operation": .null, "restorePoint": .null, "conditions": .null]]))
    for deployment in try await instance.client.listAll(.deployments, namespace: namespace).items {
      let own = deployment.metadata.annotations.keys.filter { $0.hasPrefix("flink-operator.flink.apache.org/") }
      let nothing = JSONValue.object(JSONObject(own.map { ($0, JSONValue.null) }))
      _ = try await instance.client.patch(
        .deployments, namespace: namespace, name: deployment.metadata.name,
        .merge(["metadata": ["annotations": nothing]]))
    }
  }
}
