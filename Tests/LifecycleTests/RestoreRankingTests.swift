import FlinkModel
import KubernetesAPI
import Testing

@testable import Lifecycle

/// One row: what is known, and what the next start takes.
private struct Case: CustomTestStringConvertible {
  let name: String
  let question: RestoreQuestion
  let expected: Expectation
  var testDescription: String { name }

  enum Expectation {
    case path(String)
    case lastState
    case empty
    case waits(String)
    case refuses(containing: String)
  }

  init(_ name: String, _ expected: Expectation, _ change: (inout RestoreQuestion) -> Void) {
    self.name = name
    self.expected = expected
    var question = RestoreQuestion(jobID: "job", base: .path("file:/base"))
    question.checkpointDirectory = "file:/cp"
    question.lastAlive = 100_000
    change(&question)
    self.question = question
  }
}

private func checkpoint(_ id: Int64, at time: Int64 = 0, isDiscarded: Bool = false) -> CheckpointRecord {
  CheckpointRecord(
    id: id, isSavepoint: false, externalPath: "file:/cp/job/chk-\(id)", timestamp: time == 0 ? id * 1_000 : time,
    isDiscarded: isDiscarded)
}

private func savepoint(_ id: Int64) -> CheckpointRecord {
  CheckpointRecord(id: id, isSavepoint: true, externalPath: "file:/sp-\(id)", timestamp: id * 1_000)
}

private func statistics(
  _ completed: CheckpointRecord? = nil, savepoint: CheckpointRecord? = nil, restored: CheckpointRecord? = nil
) -> CheckpointStatistics {
  CheckpointStatistics(
    completedCount: 1, failedCount: 0, inProgressCount: 0, latestCompleted: completed, latestSavepoint: savepoint,
    latestRestored: restored)
}

private func metadata(_ job: String = "job", _ checkpoints: [Int64]) -> Fact<HAMetadata> {
  .seen(
    HAMetadata(
      jobs: [
        HAMetadata.Job(
          jobID: job, map: ObjectIdentity(name: "demo-\(job)-config-map", uid: "u"), checkpointIDs: checkpoints)
      ]), at: 1)
}

private func own(_ id: Int64, at time: Int64) -> RestorePoint {
  RestorePoint(
    kind: .checkpoint, path: "file:/cp/job/chk-\(id)", provenance: .jobManager, jobID: "job", checkpointID: id,
    timestamp: Timestamp(epochMilliseconds: time))
}

private func ended(_ state: FlinkJobState, isJobManagerThere: Bool = true) -> RestoreQuestion.End {
  .terminal(state, at: 50_000, isJobManagerThere: isJobManagerThere)
}

@Suite struct RestoreRankingTests {
  private static let cases: [Case] = [
    // Wishes
    Case("a named place beats everything", .path("file:/mine")) {
      $0.wish = .path("file:/mine")
      $0.statistics = .seen(statistics(checkpoint(7)), at: 60_000)
      $0.availability = .configMaps(metadata("job", [8]))
    },
    Case("stateless gives state up", .empty) {
      $0.wish = .none("stateless")
      $0.ledger = own(7, at: 7_000)
    },
    Case("as before without metadata is as before", .path("file:/base")) { $0.wish = .asBefore },
    Case("as before with metadata goes on", .lastState) {
      $0.wish = .asBefore
      $0.base = .empty
      $0.availability = .configMaps(metadata("job", [3]))
    },
    // A stop
    Case("the savepoint of the stop", .path("file:/stop")) {
      $0.end = ended(.finished, isJobManagerThere: false)
      $0.stop = RestorePoint(kind: .savepoint, path: "file:/stop", provenance: .stop, jobID: "job")
      $0.statistics = .seen(statistics(checkpoint(9)), at: 40_000)
      $0.ledger = own(9, at: 99_000)
    },
    Case("a savepoint before a later checkpoint is not the newest", .path("file:/cp/job/chk-9")) {
      $0.end = ended(.failed)
      $0.stop = RestorePoint(kind: .savepoint, path: "file:/sp-8", provenance: .stop, jobID: "job")
      $0.statistics = .seen(statistics(checkpoint(9), savepoint: savepoint(8)), at: 60_000)
    },
    Case("a savepoint after which nothing was completed counts though the stop failed", .path("file:/sp-10")) {
      $0.end = ended(.failed)
      $0.stop = RestorePoint(kind: .savepoint, path: "file:/sp-10", provenance: .stop, jobID: "job")
      $0.statistics = .seen(statistics(checkpoint(9), savepoint: savepoint(10)), at: 60_000)
    },
    // A job that has ended
    Case("statistics that may be older than the end are waited for", .waits("ReadingCheckpoints")) {
      $0.end = ended(.canceled)
      $0.statistics = .seen(statistics(checkpoint(9)), at: 51_000)
    },
    Case("the last checkpoint of a cancelled job", .path("file:/cp/job/chk-9")) {
      $0.end = ended(.canceled)
      $0.statistics = .seen(statistics(checkpoint(9), restored: savepoint(2)), at: 60_000)
    },
    Case("a discarded checkpoint does not count", .path("file:/sp-2")) {
      $0.end = ended(.canceled)
      $0.statistics = .seen(statistics(checkpoint(9, isDiscarded: true), savepoint: savepoint(2)), at: 60_000)
    },
    Case("a finished job has discarded its checkpoints", .path("file:/sp-4")) {
      $0.end = ended(.finished)
      $0.statistics = .seen(statistics(checkpoint(9), savepoint: savepoint(4)), at: 60_000)
    },
    Case(
      "a finished job without a savepoint is not started from what it started from", .refuses(containing: "finished")
    ) {
      $0.end = ended(.finished)
      $0.base = .empty
      $0.statistics = .seen(statistics(checkpoint(9)), at: 60_000)
    },
    Case("checkpoints that are not retained go with a cancelled job", .path("file:/base")) {
      $0.end = ended(.canceled)
      $0.retainsCheckpoints = false
      $0.statistics = .seen(statistics(checkpoint(9)), at: 60_000)
    },
    Case("and stay with one that failed", .path("file:/cp/job/chk-9")) {
      $0.end = ended(.failed)
      $0.retainsCheckpoints = false
      $0.statistics = .seen(statistics(checkpoint(9)), at: 60_000)
    },
    Case("a job that failed before its first checkpoint", .path("file:/base")) {
      $0.end = ended(.failed)
      $0.statistics = .seen(statistics(), at: 60_000)
    },
    Case("a job without state that failed before its first checkpoint", .empty) {
      $0.end = ended(.failed)
      $0.base = .empty
      $0.statistics = .seen(statistics(), at: 60_000)
    },
    Case("what was claimed is gone", .refuses(containing: "claimed")) {
      $0.end = ended(.canceled)
      $0.claims = true
      $0.retainsCheckpoints = false
      $0.statistics = .seen(statistics(checkpoint(9)), at: 60_000)
    },
    Case("what failed to restore is not tried again", .refuses(containing: "failed to restore")) {
      $0.end = ended(.failed)
      $0.failedPaths = ["file:/base"]
      $0.statistics = .seen(statistics(), at: 60_000)
    },
    // A JobManager that is gone
    Case("the metadata", .lastState) {
      $0.ledger = own(7, at: 7_000)
      $0.availability = .configMaps(metadata("job", [7, 8]))
    },
    Case("the metadata of one checkpoint and its path are one point", .lastState) {
      $0.ledger = own(8, at: 8_000)
      $0.availability = .configMaps(metadata("job", [7, 8]))
    },
    Case("metadata that could not be read", .waits("ReadingHAMetadata")) {
      $0.ledger = own(7, at: 7_000)
      $0.availability = .configMaps(.unknown(why: "timeout", since: 0))
    },
    Case("metadata of another job is not this one's", .path("file:/cp/job/chk-7")) {
      $0.ledger = own(7, at: 7_000)
      $0.availability = .configMaps(metadata("other", [99]))
    },
    Case("metadata of another job alone", .refuses(containing: "HA metadata")) {
      $0.base = .lastState
      $0.availability = .configMaps(metadata("other", [99]))
    },
    Case("metadata without a checkpoint means where the job came from", .path("file:/base")) {
      $0.availability = .configMaps(metadata("job", []))
    },
    Case("a job that came from nowhere and has made nothing", .empty) {
      $0.base = .empty
      $0.availability = .configMaps(metadata("job", []))
    },
    Case("metadata of another version names the checkpoint", .path("file:/cp/job/chk-8")) {
      $0.ledger = own(7, at: 7_000)
      $0.metadataObstacle = "made by another version of Flink"
      $0.availability = .configMaps(metadata("job", [7, 8]))
    },
    Case("metadata elsewhere is unknown, not none", .lastState) {
      $0.base = .empty
      $0.availability = .elsewhere
    },
    Case("the ledger", .path("file:/cp/job/chk-7")) { $0.ledger = own(7, at: 7_000) },
    Case("what was last read beats the ledger", .path("file:/cp/job/chk-9")) {
      $0.ledger = own(7, at: 7_000)
      $0.statistics = .seen(statistics(checkpoint(9)), at: 60_000)
    },
    Case("nothing known, with what it came from", .path("file:/base")) { $0.ledger = nil },
    Case("nothing known is no reason to start empty", .refuses(containing: "file:/cp/job")) { $0.base = .empty },
    Case("a job without checkpointing has no state to lose", .empty) {
      $0.base = .empty
      $0.statistics = .seen(nil, at: 1)
    },
    Case("a checkpoint that was surely replaced is not silently passed over", .refuses(containing: "chk-7")) {
      $0.ledger = own(7, at: 7_000)
      $0.subsumption = 10_000
    },
    Case("a checkpoint that may still be there", .path("file:/cp/job/chk-7")) {
      $0.ledger = own(7, at: 95_000)
      $0.subsumption = 10_000
    },
    Case("a point of an earlier lineage is not gone back to", .refuses(containing: "no restore point")) {
      $0.base = .empty
      $0.recorded = [RestorePoint(kind: .savepoint, path: "file:/old", provenance: .status)]
    },
    Case("of an unknown lineage the record is what there is", .path("file:/old")) {
      $0.base = nil
      $0.recorded = [RestorePoint(kind: .savepoint, path: "file:/old", provenance: .status)]
    },
    // A job that never came up
    Case("never begun", .path("file:/base")) { $0.end = .neverBegan },
    Case("never begun, without state", .empty) {
      $0.end = .neverBegan
      $0.base = .empty
    },
    Case("never begun, from metadata that is there", .lastState) {
      $0.end = .neverBegan
      $0.base = .lastState
      $0.availability = .configMaps(metadata("job", [4]))
    },
    Case("never begun, from metadata that is gone", .refuses(containing: "HA metadata")) {
      $0.end = .neverBegan
      $0.base = .lastState
      $0.availability = .configMaps(.seen(.none, at: 1))
    },
    Case("never seen to begin, and yet it has made checkpoints", .lastState) {
      $0.end = .neverBegan
      $0.base = .empty
      $0.availability = .configMaps(metadata("job", [4]))
    },
  ]

  @Test(arguments: cases.indices.map { $0 })
  func choosesTheNewestUsablePoint(_ index: Int) {
    let row = Self.cases[index]
    let answer = row.question.answer()
    let isMet: Bool =
      switch (row.expected, answer) {
      case (.path(let path), .start(let start)): start.plan == .path(path)
      case (.lastState, .start(let start)): start.plan == .lastState
      case (.empty, .start(let start)): start.plan == .empty && start.chosen == nil
      case (.waits(let word), .wait(let reason, _)): word == reason
      case (.refuses(let words), .refuse(_, let message)): message.contains(words)
      default: false
      }
    #expect(isMet, "\(row.name): \(answer)")
  }

  @Test func namesWhatItDoesNotTakeAndWhy() {
    var question = RestoreQuestion(jobID: "job", base: .path("file:/base"))
    question.end = ended(.canceled)
    question.statistics = .seen(statistics(checkpoint(9), savepoint: savepoint(4)), at: 60_000)
    guard case .start(let start) = question.answer() else {
      Issue.record("no start")
      return
    }
    #expect(start.chosen?.path == "file:/cp/job/chk-9")
    #expect(start.rejected.map(\.point.path) == ["file:/sp-4", "file:/base"])
    #expect(start.rejected.allSatisfy { !$0.reason.isEmpty })
  }

  @Test func aRefusalSaysWhatToDo() {
    guard case .refuse(_, let message) = RestoreQuestion(jobID: "job", base: .empty).answer() else {
      Issue.record("no refusal")
      return
    }
    #expect(message.contains("spec.job.initialSavepointPath"))
    #expect(message.contains(UnrecoverableError.manualRestoreRequired))
  }
}
