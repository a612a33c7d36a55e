import Foundation
import KubernetesAPI
import Testing

/// A job that comes to its end: it stays ended, its JobManager goes after its time, and it can be run again.
@Suite(.serialized) struct BatchJobTests {
  @Test(.timeLimit(.minutes(10)), arguments: FlinkUnderTest.all)
  func aFinishedJobStaysFinishedUntilItIsAskedFor(flink: FlinkUnderTest) async throws {
    let data = try DataFolder()
    let numbers = 300
    func arguments(_ output: String) -> JSONValue {
      let words = data.arguments(rate: 100, output: output).arrayValue ?? []
      return .array(words + ["--count", .string("\(numbers)")])
    }
    try await LocalInstance.with { instance in
      let job = try await data.apply(
        "batch", in: "default", of: instance, flink: flink,
        spec: [
          "flinkConfiguration": ["kubernetes.operator.jm-deployment.shutdown-ttl": "3s"],
          "job": ["args": arguments("output"), "upgradeMode": "stateless"],
        ])
      let finished = try await job.wait(for: "FINISHED and Ready") {
        $0["status", "jobStatus", "state"]?.stringValue == "FINISHED"
          && $0.condition("Ready")?["reason"]?.stringValue == "JobFinished"
      }
      #expect(finished["status", "lifecycleState"]?.stringValue == "STABLE")
      #expect(finished.condition("Running")?["status"]?.stringValue == "False")
      let output = try data.partFiles()
      #expect(output.sequence.count == numbers)
      #expect(output.problems(from: 0) == [])

      // Its time to live is over: no pod is left, and the resource is as it was.
      try await eventually("the JobManager goes\n\(instance.logTail)", within: .seconds(60)) {
        try await job.pods().isEmpty
      }
      let gone = try await job.wait(for: "the JobManager's end in status") {
        $0["status", "jobManagerDeploymentStatus"]?.stringValue == "MISSING"
          && $0.condition("Reconciling")?["status"]?.stringValue == "False"
      }
      #expect(gone["status", "jobStatus", "state"]?.stringValue == "FINISHED")
      #expect(gone["status", "lifecycleState"]?.stringValue == "STABLE")
      #expect(gone.condition("Ready")?["status"]?.stringValue == "True")
      #expect(gone.attempt == finished.attempt)

      // Once more, elsewhere: from the beginning.
      try await job.patch(spec: ["job": ["args": arguments("again")]])
      let again = try await job.wait(for: "FINISHED once more") {
        $0["status", "jobStatus", "state"]?.stringValue == "FINISHED" && $0.attempt == finished.attempt + 1
          && $0.condition("Ready")?["reason"]?.stringValue == "JobFinished"
      }
      #expect(again["status", "lifecycleState"]?.stringValue == "STABLE")
      #expect(try data.partFiles(in: "again").sequence.count == numbers)
      #expect(try data.partFiles(in: "again").problems(from: 0) == [])

      try await instance.kubectl("delete", "flinkdeployment", "batch", "--wait=true", "--timeout=60s")
    }
    try data.remove()
  }
}
