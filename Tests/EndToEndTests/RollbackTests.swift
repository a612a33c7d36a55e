import Foundation
import KubernetesAPI
import Testing

/// A changed spec that does not come up gives way to the one before it: nothing lost, nothing repeated.
@Suite(.serialized) struct RollbackTests {
  @Test(.timeLimit(.minutes(15)), arguments: FlinkUnderTest.all)
  func aSpecThatFailsGivesWay(flink: FlinkUnderTest) async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let job = try await data.apply(
        "careful", in: "default", of: instance, flink: flink,
        spec: [
          "flinkConfiguration": [
            "kubernetes.operator.deployment.rollback.enabled": "true",
            "kubernetes.operator.deployment.readiness.timeout": "8s",
          ]
        ])
      try await job.waitRunning()
      try await data.waitForMore(than: 30)

      try await rollBack(
        job, data, "an image that is not there", ["image": "flink:0.1-nowhere"], back: ["image": .string(flink.image)],
        says: "flink:0.1-nowhere")
      let uri = "local:///opt/flink/examples/streaming/StateMachineExample.jar"
      try await rollBack(
        job, data, "a jar that is not there", ["job": ["jarURI": "local:///opt/flink/usrlib/nowhere.jar"]],
        back: ["job": ["jarURI": .string(uri)]], says: nil)
      // The savepoint has state for an operator that this job does not have: it cannot start.
      let arguments = data.arguments(rate: 60).arrayValue ?? []
      try await rollBack(
        job, data, "a job that cannot take its state up",
        ["job": ["args": .array(arguments + ["--counter-uid", "another"])]],
        back: ["job": ["args": .array(arguments)]], says: nil)

      try await job.endsWithAllNumbers(data)
    }
    try data.remove()
  }

  private func rollBack(
    _ job: FlinkJob, _ data: DataFolder, _ what: String, _ bad: JSONValue, back good: JSONValue, says: String?
  ) async throws {
    let before = try await job.read()
    try await job.patch(spec: bad)
    let object = try await job.wait(for: "ROLLED_BACK after \(what)", within: .seconds(150)) {
      $0["status", "lifecycleState"]?.stringValue == "ROLLED_BACK"
        && $0["status", "jobStatus", "state"]?.stringValue == "RUNNING"
        && $0.condition("Ready")?["reason"]?.stringValue == "RolledBack"
    }
    #expect(object["status", "reconciliationStatus", "state"]?.stringValue == "ROLLED_BACK")
    #expect(object.condition("Stalled")?["status"]?.stringValue == "True")
    let message = object.condition("Ready")?["message"]?.stringValue ?? ""
    if let says { #expect(message.contains(says), "\(what): \(message)") }
    #expect(object.attempt == before.attempt + 2, "\(what): the failed start and the one of the rollback")
    let path = try #require(object["status", "jobStatus", "upgradeSavepointPath"]?.stringValue)
    #expect(path != before["status", "jobStatus", "upgradeSavepointPath"]?.stringValue)
    #expect(try await job.restoredPath() == path)
    try await data.waitForMore(than: try data.partFiles().sequence.count + 30)

    // Taken back: what runs is what is asked for.
    try await job.patch(spec: good)
    let settled = try await job.waitRunning()
    #expect(settled.attempt == object.attempt, "\(what): taking it back restarts nothing")
    #expect(settled.condition("Stalled")?["status"]?.stringValue == "False")
  }
}
