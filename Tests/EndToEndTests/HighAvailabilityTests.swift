import Foundation
import KubernetesAPI
import Testing

/// With Flink's high availability in Kubernetes a job outlives its JobManager, whoever ends it: each number of the
/// sequence is in the output exactly once.
@Suite(.serialized) struct HighAvailabilityTests {
  @Test(.timeLimit(.minutes(15)), arguments: FlinkUnderTest.all)
  func theStateOutlivesTheJobManager(flink: FlinkUnderTest) async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let job = try await data.apply(
        "lasting", in: "default", of: instance, flink: flink, spec: Self.spec)
      try await job.waitRunning()
      #expect(try await job.restoredCheckpoint() == nil)
      try await data.waitForMore(than: 30)

      // The process dies: the kubelet starts the container again, Flink itself takes its metadata up.
      try await job.afterLosing("the JobManager's process", data) {
        let killed = try await job.killJobManager()
        #expect(killed == 1)
      }
      // The pod goes: its ReplicaSet makes another.
      try await job.afterLosing("the JobManager's pod", data) {
        let pod = try await job.jobManagerPod()
        try await instance.kubectl("delete", "pod", pod.metadata.name, "--wait=false")
      }
      // The Deployment goes: the operator starts the next incarnation from the metadata.
      let attempt = try await job.read().attempt
      try await job.afterLosing("the JobManager's Deployment", data, isNext: true) {
        try await instance.kubectl("delete", "deployment", "lasting", "--wait=false")
      }
      #expect(try await job.read().attempt == attempt + 1)

      // A changed parallelism, by last-state: from a checkpoint, the job keeps its id.
      let before = try await job.read()
      try await job.patch(spec: ["job": ["parallelism": 2]])
      let after = try await job.waitRunning()
      #expect(after.attempt == before.attempt + 1)
      #expect(try await job.parallelism() == 2)
      #expect(try await job.restoredPath()?.contains("/chk-") == true)
      try await data.waitForMore(than: try data.partFiles().sequence.count + 30)

      try await job.endsWithAllNumbers(data)

      try await instance.kubectl("delete", "flinkdeployment", "lasting", "--wait=true", "--timeout=120s")
      try await eventually("no metadata is left", within: .seconds(30)) {
        try await instance.client.listAll(
          .configMaps, namespace: "default", labelSelector: "configmap-type=high-availability"
        ).items.isEmpty
      }
    }
    try data.remove()
  }

  /// Without high availability a container that is started again begins from what it was first started with. The
  /// operator says so, and starts the next incarnation from the newest checkpoint that it knows.
  @Test(.timeLimit(.minutes(10))) func aJobThatKubernetesBeganAgainIsRepaired() async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let job = try await data.apply(
        "regressed", in: "default", of: instance,
        // The checkpoint that the operator knows is not the last one: it has to be there still.
        spec: ["flinkConfiguration": ["execution.checkpointing.num-retained": "20"]])
      let before = try await job.waitRunning()
      try await data.waitForMore(than: 30)
      // Known to the operator, which asks less often than the job completes them.
      try await job.wait(for: "a restore point in status") {
        $0["status", "restorePoint", "path"]?.stringValue?.contains("/chk-") == true
      }

      let killed = try await job.killJobManager()
      #expect(killed == 1)
      try await eventually("an event RegressedRestore\n\(instance.logTail)", within: .seconds(120)) {
        try await job.events().contains { $0["reason"]?.stringValue == "RegressedRestore" }
      }
      let repaired = try await job.wait(for: "the next incarnation to be RUNNING") {
        $0.attempt == before.attempt + 1 && $0["status", "jobStatus", "state"]?.stringValue == "RUNNING"
      }
      #expect(
        try await job.restoredPath()?.contains("/chk-") == true, "\(repaired["status", "restorePoint"]?.text ?? "")")
    }
    try data.remove()
  }

  static let spec: JSONValue = [
    "flinkConfiguration": [
      "high-availability.type": "kubernetes", "high-availability.storageDir": "file:///flink-data/ha",
      // A dead leader is waited out; the default is 15 s.
      "high-availability.kubernetes.leader-election.lease-duration": "4s",
      "high-availability.kubernetes.leader-election.renew-deadline": "3s",
      "high-availability.kubernetes.leader-election.retry-period": "1s",
    ],
    "job": ["upgradeMode": "last-state"],
  ]
}

extension FlinkJob {
  func jobManagerPod() async throws -> KubernetesObject {
    let pods = try await pods().filter {
      $0.metadata.labels["component"] == "jobmanager" && !$0.metadata.isBeingDeleted
    }
    return try #require(pods.first)
  }

  /// Ends the JobManager's process by SIGKILL, found by the address of its pod; how many there were.
  func killJobManager() async throws -> Int {
    let pod = try await jobManagerPod().json
    let address = try #require(pod["status", "podIP"]?.stringValue)
    var killed = 0
    for process in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
      guard let pid = pid_t(process), let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline")
      else { continue }
      let words = String(decoding: data, as: UTF8.self).split(separator: "\0").map(String.init)
      let isJava = words.first?.hasSuffix("java") == true
      if isJava, words.contains(where: { $0.hasSuffix("ClusterEntryPoint") || $0.hasSuffix("ClusterEntrypoint") }),
        words.contains(where: { $0.contains("bind-host=\(address)") })
      {
        kill(pid, SIGKILL)
        killed += 1
      }
    }
    return killed
  }

  /// The checkpoint that Flink says the running job was restored from.
  func restoredCheckpoint() async throws -> Int64? {
    try await flink("/jobs/\(try await jobID())/checkpoints")["latest", "restored", "id"]?.intValue
  }

  /// Takes something away and awaits that the job goes on from a later checkpoint than before, nothing lost or repeated.
  ///
  /// - Parameter isNext: the operator is to start another incarnation; otherwise it is to leave this one alone.
  func afterLosing(
    _ what: String, _ data: DataFolder, isNext: Bool = false, _ lose: () async throws -> Void
  ) async throws {
    let attempt = try await read().attempt
    let checkpoint = try await waitCheckpoint()
    try await lose()
    var last = ""
    try await eventually(
      "\(name) goes on after losing \(what), from checkpoint \(checkpoint) at least; \(last)\n\(instance.logTail)",
      within: .seconds(120)
    ) {
      let restored = try? await restoredCheckpoint()
      last = "restored: \(restored.map { "\($0)" } ?? "nothing")"
      return (restored ?? 0) >= checkpoint
    }
    try await waitRunning()
    #expect(try await read().attempt == attempt + (isNext ? 1 : 0), "incarnations after losing \(what)")
    try await data.waitForMore(than: try data.partFiles().sequence.count + 30)
  }
}
