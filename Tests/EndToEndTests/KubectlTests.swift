import Foundation
import KubernetesAPI
import Testing
import YAML

/// What a user does with nothing but kubectl.
@Suite(.serialized) struct KubectlTests {
  @Test(.timeLimit(.minutes(10))) func applyWaitGetDescribeLogsPatchDelete() async throws {
    let instance = try await LocalInstance.start()
    do {
      try await useKubectl(instance)
    } catch {
      _ = try? await instance.stop()
      throw error
    }
    _ = try await instance.stop()
    try instance.removeScratch()
  }

  private func useKubectl(_ instance: LocalInstance) async throws {
    let manifest = LocalInstance.repository.appendingPathComponent("examples/01-basic.yaml").path
    try await instance.kubectl("apply", "-f", manifest)
    try await instance.kubectl("wait", "--for=condition=Ready", "flinkdep/basic-example", "--timeout=180s")

    let table = try await instance.kubectl("get", "flinkdep", "-o", "wide")
    #expect(table.contains("JOB STATUS") && table.contains("LIFECYCLE STATE"), "\(table)")
    #expect(table.contains("basic-example") && table.contains("RUNNING"), "\(table)")

    let description = try await instance.kubectl("describe", "flinkdep", "basic-example")
    #expect(description.contains("Events:") && description.contains("Submit"), "\(description)")

    let log = try await instance.kubectl("logs", "deployment/basic-example")
    #expect(log.contains("JobManager") || log.contains("StandaloneApplicationClusterEntryPoint"), "\(log.prefix(2000))")

    let again = try await instance.kubectl("apply", "-f", manifest)
    #expect(again.contains("unchanged"), "\(again)")

    // The operator dies and comes back; nothing restarts.
    let job = FlinkJob(instance: instance, namespace: "default", name: "basic-example")
    let before = try await job.read()
    let pid = try instance.operatorPID
    kill(pid, SIGKILL)
    try await eventually("a new operator", within: .seconds(20)) { try instance.operatorPID != pid }

    try await instance.kubectl(
      "patch", "flinkdep", "basic-example", "--type=merge", "-p", #"{"metadata":{"labels":{"touched":"yes"}}}"#)
    let after = try await job.waitRunning()
    #expect(after["status", "jobStatus", "startTime"] == before["status", "jobStatus", "startTime"])

    try await instance.kubectl("delete", "-f", manifest, "--timeout=120s")
    try await job.waitGone()
  }
}
