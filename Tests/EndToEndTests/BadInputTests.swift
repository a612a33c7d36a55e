import Foundation
import KubernetesAPI
import Testing
import YAML

/// Every bad input gets an answer that names it, disturbs no other job, and is forgiven once corrected.
@Suite(.serialized) struct BadInputTests {
  @Test(.timeLimit(.minutes(15))) func badInputIsAnsweredAndForgiven() async throws {
    let instance = try await LocalInstance.start()
    do {
      try await apiRefusals(instance)
      let good = try await FlinkJob.apply("good", in: "default", of: instance)
      let before = try await good.waitRunning()
      try await invalidEdit(of: good)
      try await invalidFirstSpec(instance)
      try await failingPods(instance)
      // The neighbour was not touched by any of it.
      let after = try await good.waitRunning()
      #expect(after["status", "jobStatus", "startTime"] == before["status", "jobStatus", "startTime"])
    } catch {
      _ = try? await instance.stop()
      throw error
    }
    _ = try await instance.stop()
    try instance.removeScratch()
  }

  /// The API itself refuses what the schema can tell, with the field's path.
  private func apiRefusals(_ instance: LocalInstance) async throws {
    let wrongEnum = YAML.write(try FlinkJob.manifest(name: "bad", spec: ["flinkVersion": "v9_9"]))
    let refused = try await instance.kubectl("apply", "-f", "-", input: wrongEnum, expectFailure: true)
    #expect(refused.contains("spec.flinkVersion") && refused.contains("v9_9"), "\(refused)")

    let wrongType = YAML.write(try FlinkJob.manifest(name: "bad", spec: ["job": ["parallelism": "two"]]))
    let refusedType = try await instance.kubectl("apply", "-f", "-", input: wrongType, expectFailure: true)
    #expect(refusedType.contains("spec.job.parallelism"), "\(refusedType)")
  }

  private func invalidEdit(of job: FlinkJob) async throws {
    try await job.patch(spec: ["taskManager": ["resource": ["memory": "lots"]]])
    let stalled = try await job.wait(for: "Stalled with InvalidSpec") {
      $0.condition("Stalled")?["reason"]?.stringValue == "InvalidSpec"
    }
    let message = stalled.condition("Stalled")?["message"]?.stringValue ?? ""
    #expect(message.contains("spec.taskManager.resource.memory") && message.contains("lots"), "\(message)")
    #expect(stalled["status", "jobStatus", "state"]?.stringValue == "RUNNING")
    #expect(stalled.condition("Running")?["status"]?.stringValue == "True")
    try await eventually("a ValidationError event", within: .seconds(20)) {
      try await job.events().contains { $0["reason"]?.stringValue == "ValidationError" }
    }
    // Back to what runs: nothing is restarted.
    try await job.patch(spec: ["taskManager": ["resource": ["memory": "2048m"]]])
    try await job.waitRunning()
  }

  private func invalidFirstSpec(_ instance: LocalInstance) async throws {
    let job = try await FlinkJob.apply(
      "zero", in: "default", of: instance, spec: ["job": ["parallelism": 0]])
    let stalled = try await job.wait(for: "Stalled with InvalidSpec") {
      $0.condition("Stalled")?["reason"]?.stringValue == "InvalidSpec"
    }
    let message = stalled.condition("Stalled")?["message"]?.stringValue ?? ""
    #expect(message.contains("spec.job.parallelism"), "\(message)")
    #expect(try await job.pods().isEmpty)
    try await instance.kubectl("delete", "flinkdeployment", "zero", "--timeout=60s")

    let versionless = try await FlinkJob.apply(
      "versionless", in: "default", of: instance, spec: ["flinkVersion": .null])
    try await versionless.wait(for: "Stalled naming flinkVersion") {
      $0.condition("Stalled")?["reason"]?.stringValue == "InvalidSpec"
        && $0.condition("Stalled")?["message"]?.stringValue?.contains("flinkVersion") == true
    }
    try await instance.kubectl("delete", "flinkdeployment", "versionless", "--timeout=60s")
  }

  private func failingPods(_ instance: LocalInstance) async throws {
    let soon: JSONValue = ["kubernetes.operator.deployment.readiness.timeout": "20s"]

    // No such image: said at once, Stalled after the deadline, and forgiven.
    let image = try await FlinkJob.apply(
      "image", in: "default", of: instance, spec: ["image": "flink:0.1-nowhere", "flinkConfiguration": soon])
    try await image.wait(for: "Reconciling with the image in the message", within: .seconds(60)) {
      $0.condition("Reconciling")?["message"]?.stringValue?.contains("flink:0.1-nowhere") == true
    }
    try await image.wait(for: "Stalled after the readiness deadline", within: .seconds(90)) {
      $0.condition("Stalled")?["status"]?.stringValue == "True"
    }
    try await image.patch(spec: ["image": "flink:1.20"])
    try await image.waitRunning()
    try await instance.kubectl("delete", "flinkdeployment", "image", "--timeout=120s")

    // An entry class that throws.
    let broken = try await FlinkJob.apply(
      "broken", in: "default", of: instance,
      spec: ["flinkConfiguration": soon, "job": ["args": ["--fail-in-main", "true"]]])
    try await broken.wait(for: "the cause of the failed main() is said", within: .seconds(120)) {
      let text =
        ($0.condition("Reconciling")?["message"]?.stringValue ?? "")
        + ($0.condition("Stalled")?["message"]?.stringValue ?? "")
      return text.contains("fail-in-main")
    }
    try await broken.wait(for: "Stalled after the readiness deadline", within: .seconds(120)) {
      $0.condition("Stalled")?["status"]?.stringValue == "True"
    }
    try await broken.patch(spec: ["job": ["args": []]])
    try await broken.waitRunning()
    try await instance.kubectl("delete", "flinkdeployment", "broken", "--timeout=120s")

    // A jar that is not there.
    let jar = try await FlinkJob.apply(
      "jar", in: "default", of: instance,
      spec: [
        "flinkConfiguration": soon,
        "job": [
          "jarURI": "local:///opt/flink/usrlib/nowhere.jar",
          "entryClass": "org.example.Nowhere",
        ],
      ])
    try await jar.wait(for: "the missing class or jar is said", within: .seconds(120)) {
      let text =
        ($0.condition("Reconciling")?["message"]?.stringValue ?? "")
        + ($0.condition("Stalled")?["message"]?.stringValue ?? "")
      return text.contains("nowhere.jar") || text.contains("org.example.Nowhere")
    }
    try await instance.kubectl("delete", "flinkdeployment", "jar", "--timeout=120s")
  }
}
