import Foundation
import KubernetesAPI
import Testing

/// Real Flink from the first pod to the last: everything an ordinary job goes through.
@Suite(.serialized) struct JobLifecycleTests {
  @Test(.timeLimit(.minutes(10))) func deployScaleSuspendResumeDelete() async throws {
    let instance = try await LocalInstance.start()
    do {
      try await goThroughLife(instance)
    } catch {
      _ = try? await instance.stop()
      throw error
    }
    let status = try await instance.stop()
    #expect(status == 0)
    // Nothing is left: no process that names the run directory, no file in it.
    #expect(processes(naming: instance.runDirectory.path) == [])
    let left = FileManager.default.enumerator(atPath: instance.runDirectory.path)?.allObjects ?? []
    #expect(left.isEmpty, "files left in the run directory: \(left)")
    try instance.removeScratch()
  }

  private func goThroughLife(_ instance: LocalInstance) async throws {
    let job = try await FlinkJob.apply("counter", in: "default", of: instance)
    let first = try await job.waitRunning()
    let firstID = try #require(first["status", "jobStatus", "jobId"]?.stringValue)
    #expect(firstID.count == 32)
    #expect(first["status", "jobManagerDeploymentStatus"]?.stringValue == "READY")
    #expect(first["status", "reconciliationStatus", "state"]?.stringValue == "DEPLOYED")
    try await job.waitCheckpoint()

    // Scale by the spec: an upgrade in standalone mode.
    let parallelism = try #require(first["spec", "job", "parallelism"]?.intValue)
    try await job.patch(spec: ["job": ["parallelism": JSONValue(parallelism + 1)]])
    try await job.waitRunning()
    #expect(try await job.parallelism() == parallelism + 1)

    try await job.patch(spec: ["job": ["state": "suspended"]])
    try await job.wait(for: "SUSPENDED") {
      $0["status", "lifecycleState"]?.stringValue == "SUSPENDED"
        && $0.condition("Ready")?["status"]?.stringValue == "True"
        && $0.condition("Running")?["status"]?.stringValue == "False"
    }
    try await eventually("the pods of the suspended job are gone", within: .seconds(60)) {
      try await job.pods().isEmpty
    }

    try await job.patch(spec: ["job": ["state": "running"]])
    try await job.waitRunning()
    try await job.waitCheckpoint()

    let reasons = Set(try await job.events().compactMap { $0["reason"]?.stringValue })
    #expect(reasons.isSuperset(of: ["Submit", "SpecChanged", "Suspended", "JobStatusChanged"]), "events: \(reasons)")

    try await instance.kubectl("delete", "flinkdeployment", "counter", "--wait=true", "--timeout=120s")
    try await job.waitGone()
    try await eventually("no pod is left", within: .seconds(60)) { try await job.pods().isEmpty }
    try await eventually("no Flink process is left", within: .seconds(30)) {
      processes(naming: instance.runDirectory.path).filter { $0.contains("java") || $0.contains("bwrap") }.isEmpty
    }
  }
}

/// Command lines that name a path: sandboxes and the JVMs in them, and the cluster itself.
func processes(naming path: String) -> [String] {
  let folders = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
  return folders.filter { Int($0) != nil }.compactMap { pid in
    guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return nil }
    let line = String(decoding: data, as: UTF8.self).replacingOccurrences(of: "\0", with: " ")
    return line.contains(path) ? "\(pid) \(line.prefix(120))" : nil
  }
}
