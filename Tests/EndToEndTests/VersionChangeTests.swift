import KubernetesAPI
import Testing

/// HA metadata and checkpoints are of one Flink version: another one takes the state from a savepoint.
@Suite(.serialized) struct VersionChangeTests {
  @Test(
    .timeLimit(.minutes(5)), .enabled(if: FlinkUnderTest.all.count > 1, "FLINK_OPERATOR_E2E_FLINK names only one"))
  func aNewerFlinkGoesOnFromASavepointWhateverTheMode() async throws {
    let (older, newer) = (FlinkUnderTest.all[0], FlinkUnderTest.all[1])
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let job = try await data.apply(
        "mover", in: "default", of: instance, flink: older,
        spec: [
          "flinkConfiguration": [
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION"
          ], "job": ["upgradeMode": "last-state"],
        ])
      try await job.waitRunning()
      try await job.waitCheckpoint()
      try await data.waitForMore(than: 50)

      let path = try await job.upgrade(["image": .string(newer.image), "flinkVersion": .string(newer.version)])
      #expect(path.contains("/flink-data/savepoints/"))
      let version = try await job.flink("/config")["flink-version"]?.stringValue
      #expect(version?.hasPrefix(newer.minor + ".") == true, "\(version ?? "none")")
      try await data.waitForMore(than: try data.partFiles().sequence.count + 50)
      try await job.endsWithAllNumbers(data)
    }
    try data.remove()
  }
}
