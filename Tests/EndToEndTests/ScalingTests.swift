import Foundation
import KubernetesAPI
import Testing

/// Another parallelism for a job that goes on: no incarnation is started, and each number of the sequence is in the
/// output exactly once.
@Suite(.serialized) struct ScalingTests {
  /// The adaptive scheduler without the pauses that keep it from changing its mind too often.
  static let adaptive: JSONValue = [
    "jobmanager.scheduler": "Adaptive", "taskmanager.numberOfTaskSlots": "1",
    // Until 1.20.
    "jobmanager.adaptive-scheduler.scaling-interval.min": "0s",
    "jobmanager.adaptive-scheduler.resource-stabilization-timeout": "200ms",
    // From 2.0 on.
    "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling": "0s",
    "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout": "200ms",
    "jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout": "200ms",
    "jobmanager.adaptive-scheduler.rescale-trigger.max-delay": "0s",
  ]

  /// With high availability the JobManager itself remembers what it was asked for.
  // covers: spec.job.parallelism
  @Test(.timeLimit(.minutes(15)), arguments: FlinkUnderTest.all)
  func theAdaptiveSchedulerIsAskedForAnotherParallelism(flink: FlinkUnderTest) async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let spec = HighAvailabilityTests.spec.merging(patch: ["flinkConfiguration": Self.adaptive])
      let job = try await data.apply("elastic", in: "default", of: instance, flink: flink, spec: spec)
      // Begun with more, each task of the source would have a range of numbers of its own.
      let first = try await job.waitRunning()
      try await data.waitForMore(than: 30)
      // Of a job that has parallelism 1 it is not known what follows the spec.
      let second = try await job.patchAndWait(parallelism: 2)
      #expect(second.attempt == first.attempt + 1)

      try await job.scales(to: 1, data) { try await job.patch(spec: ["job": ["parallelism": 1]]) }
      try await job.afterLosing("the JobManager's process", data) {
        let killed = try await job.killJobManager()
        #expect(killed == 1)
      }
      #expect(try await job.parallelism() == 1, "what is deployed is what the JobManager was last asked for")
      try await job.scales(to: 3, data) { try await job.patch(spec: ["job": ["parallelism": 3]]) }

      // An upgrade starts with the parallelism of the spec.
      let before = try await job.read()
      try await job.patch(spec: ["job": ["args": data.arguments(rate: 90)]])
      let after = try await job.waitRunning()
      #expect(after.attempt == before.attempt + 1)
      #expect(try await job.parallelism() == 3)
      try await job.endsWithAllNumbers(data)
    }
    try data.remove()
  }

  /// A JobManager that Kubernetes begins again without high availability does so with the parallelism that it was first
  /// given: it is asked again.
  @Test(.timeLimit(.minutes(10))) func aJobManagerThatBeginsAgainIsAskedAgain() async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let job = try await data.apply(
        "forgetful", in: "default", of: instance,
        spec: ["flinkConfiguration": Self.adaptive, "job": ["parallelism": 2, "upgradeMode": "stateless"]])
      try await job.waitRunning()
      let scaled = try await job.patchAndWait(parallelism: 1)
      let killed = try await job.killJobManager()
      #expect(killed == 1)
      try await job.wait(for: "another run of the job with its parallelism") {
        let run = $0["status", "operation", "scaling"]?["runStartedAt"]?.intValue ?? 0
        return run > scaled["status", "operation", "scaling"]?["runStartedAt"]?.intValue ?? 0
          && $0.condition("Ready")?["status"]?.stringValue == "True"
          && $0["status", "operation", "kind"]?.stringValue == "deploy"
      }
      #expect(try await job.parallelism() == 1)
      #expect(try await job.read().attempt == scaled.attempt)
    }
    try data.remove()
  }

  // covers: kubernetes.operator.job.upgrade.inplace-scaling.enabled
  @Test(.timeLimit(.minutes(10))) func itIsAnUpgradeWhereThatIsTurnedOff() async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let configuration = Self.adaptive.merging(patch: [
        "kubernetes.operator.job.upgrade.inplace-scaling.enabled": "false"
      ])
      let job = try await data.apply(
        "rigid", in: "default", of: instance,
        spec: ["flinkConfiguration": configuration])
      try await job.waitRunning()
      try await data.waitForMore(than: 30)
      let before = try await job.patchAndWait(parallelism: 2)
      let after = try await job.patchAndWait(parallelism: 1)
      #expect(after.attempt == before.attempt + 1)
      try await job.endsWithAllNumbers(data)
    }
    try data.remove()
  }

  /// In reactive mode the job takes whatever TaskManagers there are.
  @Test(.timeLimit(.minutes(10)), arguments: FlinkUnderTest.all)
  func theReactiveModeFollowsTheTaskManagers(flink: FlinkUnderTest) async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let configuration = Self.adaptive.merging(patch: ["jobmanager.scheduler": .null, "scheduler-mode": "REACTIVE"])
      let job = try await data.apply(
        "reactive", in: "default", of: instance, flink: flink,
        spec: ["flinkConfiguration": configuration, "taskManager": ["replicas": 1]])
      try await job.waitRunning()
      try await data.waitForMore(than: 30)
      for replicas in [2, 1] as [Int64] {
        try await job.scales(to: replicas, data) {
          try await instance.kubectl("scale", "flinkdep/reactive", "--replicas=\(replicas)")
        }
      }
      try await job.endsWithAllNumbers(data)
    }
    try data.remove()
  }

  /// In native mode the overrides of single vertices are what can be changed in place, and Flink makes the TaskManagers.
  @Test(.timeLimit(.minutes(10)), arguments: FlinkUnderTest.all)
  func overridesOfVerticesAreFollowedInNativeMode(flink: FlinkUnderTest) async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let configuration = Self.adaptive.merging(patch: ["pipeline.jobvertex-parallelism-overrides": Self.overrides(1)])
      let job = try await data.apply(
        "overridden", in: "default", of: instance, flink: flink,
        spec: ["mode": "native", "flinkConfiguration": configuration])
      try await job.waitRunning()
      try await data.waitForMore(than: 30)
      try await job.scales(to: 2, data) {
        try await job.patch(
          spec: ["flinkConfiguration": ["pipeline.jobvertex-parallelism-overrides": Self.overrides(2)]])
      }
      try await job.endsWithAllNumbers(data)
    }
    try data.remove()
  }

  /// Of both vertices of the job, whose ids come from the uids in its program.
  private static func overrides(_ parallelism: Int) -> JSONValue {
    .string("ca88eee0095684d687a1b6495617f957:\(parallelism),0da08f51eaa85fc298e176a139b3649a:\(parallelism)")
  }
}

extension FlinkJob {
  fileprivate func patchAndWait(parallelism: Int64) async throws -> JSONValue {
    try await patch(spec: ["job": ["parallelism": JSONValue(parallelism)]])
    let object = try await waitRunning()
    #expect(try await self.parallelism() == parallelism)
    return object
  }

  /// The job takes another parallelism and goes on: the same incarnation, the same job, the same JobManager; its
  /// TaskManagers are as many as it needs in the end.
  fileprivate func scales(to parallelism: Int64, _ data: DataFolder, _ change: () async throws -> Void) async throws {
    let before = try await read()
    let pod = try await jobManagerPod().metadata.uid
    try await change()
    try await eventually("\(name) has parallelism \(parallelism)\n\(instance.logTail)", within: .seconds(120)) {
      (try? await self.parallelism()) == parallelism
    }
    let after = try await waitRunning()
    #expect(after.attempt == before.attempt)
    #expect(after["status", "jobStatus", "jobId"] == before["status", "jobStatus", "jobId"])
    #expect(after["status", "taskManager", "replicas"] != .null)
    #expect(try await jobManagerPod().metadata.uid == pod)
    #expect(try await events().contains { $0["reason"]?.stringValue == "Scaling" })
    try await eventually("\(name) has \(parallelism) TaskManagers\n\(instance.logTail)", within: .seconds(120)) {
      try await pods().filter { $0.metadata.labels["component"] == "taskmanager" && !$0.metadata.isBeingDeleted }.count
        == Int(parallelism)
    }
    try await data.waitForMore(than: try data.partFiles().sequence.count + 30)
  }
}
