import Foundation
import KubernetesAPI
import Testing

/// A changed nonce takes a savepoint, or a checkpoint, of a job that goes on.
@Suite(.serialized) struct SnapshotNonceTests {
  @Test(.timeLimit(.minutes(10))) func aNonceTakesASnapshotAndTheJobGoesOn() async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let job = try await data.apply("photographed", in: "default", of: instance)
      let before = try await job.waitRunning()
      try await data.waitForMore(than: 20)

      try await job.patch(spec: ["job": ["savepointTriggerNonce": 7]])
      let taken = try await job.wait(for: "the savepoint of nonce 7") {
        $0["status", "jobStatus", "savepointInfo", "lastSavepoint", "location"]?.stringValue != nil
      }
      let entry = taken["status", "jobStatus", "savepointInfo", "lastSavepoint"]
      let path = try #require(entry?["location"]?.stringValue)
      #expect(entry?["triggerType"]?.stringValue == "MANUAL")
      #expect(try data.hasSavepoint(path))

      // Another one, of each kind.
      try await job.patch(spec: ["job": ["savepointTriggerNonce": 8, "checkpointTriggerNonce": 3]])
      let both = try await job.wait(for: "the savepoint of nonce 8 and the checkpoint of nonce 3") {
        $0["status", "jobStatus", "savepointInfo", "lastSavepoint", "triggerNonce"] == 8
          && $0["status", "jobStatus", "checkpointInfo", "lastCheckpoint", "triggerNonce"] == 3
      }
      let second = try #require(
        both["status", "jobStatus", "savepointInfo", "lastSavepoint", "location"]?.stringValue)
      #expect(second != path)
      #expect(try data.hasSavepoint(second))
      #expect(both["status", "jobStatus", "savepointInfo", "savepointHistory"]?.arrayValue?.count == 2)

      let after = try await job.waitRunning()
      #expect(after.attempt == before.attempt, "the job goes on")
      #expect(after["status", "jobStatus", "startTime"] == before["status", "jobStatus", "startTime"])
      try await data.waitForMore(than: try data.partFiles().sequence.count + 20)
    }
    try data.remove()
  }
}
