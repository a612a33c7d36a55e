import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// Savepoints and checkpoints of a job that goes on.
@Suite struct SnapshotTests {
  static let now = World.now

  /// A running job whose spec asks for snapshots.
  private func world(
    savepointNonce: Int64? = nil, checkpointNonce: Int64? = nil, version: FlinkVersion = .v1_20,
    _ configure: (inout SnapshotSettings) -> Void = { _ in }
  ) throws -> World {
    var world = try World.running(.savepoint)
    var target = World.target(.savepoint)
    target.spec.job?.savepointTriggerNonce = savepointNonce
    target.spec.job?.checkpointTriggerNonce = checkpointNonce
    configure(&target.settings.snapshots)
    world.target = .success(target)
    let snapshots = target.settings.snapshots
    world.adjust = { $0.snapshots = snapshots }
    world.metadata.generation = 2
    world.metadata.creationTimestamp = Timestamp(epochMilliseconds: Self.now).rfc3339Seconds
    return world
  }

  @Test func storesTheIdOfASavepointBeforeItAsks() throws {
    var world = try world(savepointNonce: 1)
    let decision = world.turn(at: Self.now + 5)
    let info = try #require(decision.status.jobStatus.savepointInfo)
    #expect(info.triggerId?.count == 32)
    #expect(info.triggerTimestamp == Self.now + 5)
    #expect(info.triggerType == .manual)
    #expect(info.formatType == .canonical)
    guard case .triggerSavepoint(let job, let request, let format, let operation) = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(job == decision.status.jobStatus.jobId)
    #expect(request.triggerID == info.triggerId)
    #expect(request.targetDirectory == "file:///savepoints")
    #expect(format == .canonical)
    #expect(operation == decision.status.operation?.id)
    #expect(decision.status.reconciliationStatus.state == .deployed)
    #expect(decision.status.observedGeneration == 2)
    #expect(decision.status.reconciliationStatus.lastReconciledSpec?.triggerNonces.savepoint == nil)

    world.jobManager.savepoint = .unknown(why: "not asked", since: Self.now)
    let next = world.turn(at: Self.now + 300)
    #expect(next.effect == nil)
    #expect(next.polling?.savepointTriggerID == info.triggerId)
    #expect(next.polling?.pace == .fast)
  }

  @Test func aCompletedSavepointIsRecordedAsTheApacheOperatorDoes() throws {
    var world = try world(savepointNonce: 7)
    let asked = world.turn(at: Self.now + 5)
    world.jobManager.savepoint = .seen(.completed(location: "file:/savepoints/s1"), at: Self.now + 900)
    let decision = world.turn(at: Self.now + 1_000)
    let info = try #require(decision.status.jobStatus.savepointInfo)
    let entry = SavepointEntry(
      timeStamp: Self.now + 5, location: "file:/savepoints/s1", triggerType: .manual, formatType: .canonical,
      triggerNonce: 7)
    #expect(info.lastSavepoint == entry)
    #expect(info.savepointHistory == [entry])
    #expect(info.triggerId == nil)
    #expect(info.triggerTimestamp == nil)
    #expect(info.triggerType == nil)
    #expect(info.formatType == nil)
    #expect(info.lastPeriodicSavepointTimestamp == 0)
    #expect(decision.status.reconciliationStatus.lastReconciledSpec?.triggerNonces.savepoint == 7)
    #expect(decision.status.reconciliationStatus.isLastReconciledSpecStable)
    #expect(decision.status.lifecycleState == .stable)
    #expect(decision.events.map(\.reason) == ["SavepointCompleted"])
    #expect(asked.status.jobStatus.savepointInfo?.triggerNonce == 7)

    // What the poll still says of the old id is no news.
    let settled = world.turn(at: Self.now + 1_100)
    #expect(settled.effect == nil)
    #expect(settled.status == decision.status)
  }

  @Test func aNonceChangedMeanwhileIsActedUponNext() throws {
    var world = try world(savepointNonce: 1)
    _ = world.turn(at: Self.now + 5)
    guard case .success(var target) = world.target else { return }
    target.spec.job?.savepointTriggerNonce = 2
    world.target = .success(target)
    world.metadata.generation = 3
    world.jobManager.savepoint = .seen(.completed(location: "file:/savepoints/s1"), at: Self.now + 900)
    let decision = world.turn(at: Self.now + 1_000)
    #expect(decision.status.jobStatus.savepointInfo?.lastSavepoint?.triggerNonce == 1)
    guard case .triggerSavepoint = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(decision.status.jobStatus.savepointInfo?.triggerNonce == 2)
  }

  @Test func aRequestThatNeverArrivedIsSentAgainUnderItsId() throws {
    var world = try world(savepointNonce: 1)
    let first = world.turn(at: Self.now + 5)
    world.jobManager.savepoint = .gone(at: Self.now + 500)
    let again = world.turn(at: Self.now + 600)
    #expect(again.effect == first.effect)
    #expect(again.status == first.status)
  }

  @Test func aLostResultIsFoundInTheStatistics() throws {
    var world = try world(savepointNonce: 1)
    _ = world.turn(at: Self.now + 5)
    world.jobManager.savepoint = .gone(at: Self.now + 500_000)
    world.jobManager.checkpoints = .seen(
      CheckpointStatistics(
        completedCount: 1, failedCount: 0, inProgressCount: 0, latestCompleted: nil,
        latestSavepoint: CheckpointRecord(
          id: 4, isSavepoint: true, externalPath: "file:/savepoints/s4", timestamp: Self.now + 900),
        latestRestored: nil), at: Self.now + 500_000)
    let decision = world.turn(at: Self.now + 500_001)
    #expect(decision.effect == nil)
    #expect(decision.status.jobStatus.savepointInfo?.lastSavepoint?.location == "file:/savepoints/s4")
  }

  @Test func aFailedSavepointIsTriedAgainUnderAnotherIdAndThenGivenUp() throws {
    var world = try world(savepointNonce: 1)
    let first = world.turn(at: Self.now)
    world.jobManager.savepoint = .seen(.failed(cause: "declined"), at: Self.now + 1_000)
    let waiting = world.turn(at: Self.now + 1_100)
    #expect(waiting.effect == nil)
    #expect(waiting.events.isEmpty)
    #expect(try #require(waiting.wake.delay) <= 10_000)
    let second = world.turn(at: Self.now + 11_000)
    #expect(second.events.map(\.reason) == ["SavepointError"])
    #expect(second.events.first?.component == .operator)
    #expect(second.status.jobStatus.savepointInfo?.triggerId != first.status.jobStatus.savepointInfo?.triggerId)
    #expect(second.status.jobStatus.savepointInfo?.triggerTimestamp == Self.now)
    world.jobManager.savepoint = .seen(.failed(cause: "declined"), at: Self.now + 61_000)
    let last = world.turn(at: Self.now + 61_100)
    #expect(last.events.map(\.reason) == ["SavepointError"])
    #expect(last.status.jobStatus.savepointInfo?.triggerId == nil)
    #expect(last.status.reconciliationStatus.lastReconciledSpec?.triggerNonces.savepoint == 1)
    #expect(last.effect == nil)
    #expect(world.turn(at: Self.now + 62_000).effect == nil)
  }

  @Test(arguments: [("FAILED", true), ("RESTARTING", true), ("RUNNING", false)])
  func whatWasAskedOfAJobThatDoesNotRunIsDropped(_ state: String, _ isDropped: Bool) throws {
    var world = try world(savepointNonce: 1, checkpointNonce: 1)
    _ = world.turn(at: Self.now)
    _ = world.turn(at: Self.now + 100)
    world.seeJob(state)
    let decision = world.turn(at: Self.now + 1_000)
    #expect((decision.status.jobStatus.savepointInfo?.triggerId == nil) == isDropped)
    let reasons = Set(decision.events.map(\.reason))
    #expect(reasons.contains("SavepointError") == isDropped)
    #expect(
      decision.status.reconciliationStatus.lastReconciledSpec?.triggerNonces.savepoint == (isDropped ? 1 : nil))
  }

  // covers: spec.job.checkpointTriggerNonce
  @Test func aCheckpointIsAskedForAndRecorded() throws {
    var world = try world(checkpointNonce: 3)
    let asked = world.turn(at: Self.now + 5)
    guard case .triggerCheckpoint(_, let trigger, let type, _) = asked.effect else {
      Issue.record("\(String(describing: asked.effect))")
      return
    }
    #expect(type == .full)
    #expect(asked.status.jobStatus.checkpointInfo?.triggerId == trigger)
    world.jobManager.checkpoint = .seen(.completed(checkpointID: 9), at: Self.now + 900)
    let decision = world.turn(at: Self.now + 1_000)
    #expect(
      decision.status.jobStatus.checkpointInfo?.lastCheckpoint
        == CheckpointEntry(timeStamp: Self.now + 5, triggerType: .manual, formatType: .full, triggerNonce: 3))
    #expect(decision.status.jobStatus.checkpointInfo?.triggerId == nil)
    #expect(decision.status.reconciliationStatus.lastReconciledSpec?.triggerNonces.checkpoint == 3)
    #expect(decision.events.map(\.reason) == ["CheckpointCompleted"])
  }

  @Test func savepointAndCheckpointAreAskedForOneAfterTheOther() throws {
    var world = try world(savepointNonce: 1, checkpointNonce: 1)
    guard case .triggerSavepoint = world.turn(at: Self.now).effect else {
      Issue.record("no savepoint")
      return
    }
    guard case .triggerCheckpoint = world.turn(at: Self.now + 1).effect else {
      Issue.record("no checkpoint")
      return
    }
  }

  @Test func periodicSavepointsAreDueByTheLastOneOrTheCreation() throws {
    var world = try world { $0.periodicSavepoints = .interval(60_000) }
    let early = world.turn(at: Self.now + 50_000)
    #expect(early.effect == nil)
    #expect(early.wake.delay == 10_000)
    let due = world.turn(at: Self.now + 60_000)
    guard case .triggerSavepoint = due.effect else {
      Issue.record("\(String(describing: due.effect))")
      return
    }
    #expect(due.status.jobStatus.savepointInfo?.triggerType == .periodic)
    world.jobManager.savepoint = .seen(.completed(location: "file:/savepoints/p"), at: Self.now + 61_000)
    let done = world.turn(at: Self.now + 61_000)
    #expect(done.status.jobStatus.savepointInfo?.lastPeriodicSavepointTimestamp == Self.now + 60_000)
    #expect(done.status.jobStatus.savepointInfo?.lastSavepoint?.triggerNonce == nil)
    world.jobManager.savepoint = .unknown(why: "not asked", since: Self.now)
    #expect(world.turn(at: Self.now + 100_000).effect == nil)
    #expect(world.turn(at: Self.now + 120_000).effect != nil)
  }

  @Test func anUpgradeWaitsForThePendingSavepointUnlessToldNotTo() throws {
    for isIgnored in [false, true] {
      var world = try world(savepointNonce: 1) { $0.isPendingSavepointIgnored = isIgnored }
      _ = world.turn(at: Self.now)
      guard case .success(var target) = world.target else { return }
      target.spec.job?.parallelism = 2
      world.target = .success(target)
      world.metadata.generation = 3
      world.jobManager.savepoint = .seen(.inProgress, at: Self.now + 100)
      let decision = world.turn(at: Self.now + 200)
      #expect((decision.status.operation?.phase == "stopping") == isIgnored)
      #expect((decision.status.jobStatus.savepointInfo?.triggerId == nil) == isIgnored)
    }
  }

  // MARK: History

  private func history(
    _ ages: [Int64], _ configure: (inout SnapshotSettings) -> Void = { _ in }
  ) throws -> World {
    var world = try world(configure)
    world.status.jobStatus.savepointInfo = SavepointInfo(
      savepointHistory: ages.enumerated().map { index, age in
        SavepointEntry(
          timeStamp: Self.now - age, location: "file:/savepoints/\(index)", triggerType: .periodic,
          formatType: .canonical)
      })
    let newest = world.status.jobStatus.savepointInfo?.savepointHistory.last
    world.status.jobStatus.savepointInfo?.lastSavepoint = newest
    return world
  }

  private func disposed(_ decision: Decision) -> String? {
    if case .disposeSavepoint(let path, _) = decision.effect { path } else { nil }
  }

  @Test(
    arguments: [
      // Ages, oldest first; limit of number; limit of age; what is disposed of first.
      ([30, 20, 10], 2, 1_000, "file:/savepoints/0"), ([30, 20, 10], 3, 1_000, nil),
      ([30, 20, 10], 1, 25, "file:/savepoints/0"),
      ([30, 20, 10], 10, 15, "file:/savepoints/0"), ([30], 1, 1, nil), ([30, 20], 10, 5, "file:/savepoints/0"),
      ([], 1, 1, nil),
    ] as [([Int64], Int, Int64, String?)])
  func disposesOfTheOldestBeyondTheLimits(_ row: ([Int64], Int, Int64, String?)) throws {
    var world = try history(row.0) {
      $0.historyMaxCount = row.1
      $0.historyMaxAge = row.2
    }
    #expect(disposed(world.turn(at: Self.now)) == row.3)
  }

  @Test func forgetsASavepointOnlyAfterItsDisposal() throws {
    var world = try history([30, 20, 10]) { $0.historyMaxCount = 2 }
    let asked = world.turn(at: Self.now)
    let effect = try #require(asked.effect)
    #expect(asked.status.jobStatus.savepointInfo?.savepointHistory.count == 3)
    world.lastEffect = EffectOutcome(identity: effect.identity, at: Self.now, result: .failed("no"))
    #expect(world.turn(at: Self.now + 1_000).effect == nil)
    #expect(world.status.jobStatus.savepointInfo?.savepointHistory.count == 3)
    world.lastEffect = EffectOutcome(identity: effect.identity, at: Self.now, result: .succeeded)
    let done = world.turn(at: Self.now + 2_000)
    #expect(
      done.status.jobStatus.savepointInfo?.savepointHistory.map(\.location) == [
        "file:/savepoints/1", "file:/savepoints/2",
      ])
  }

  @Test func withoutCleanUpOldEntriesAreOnlyForgotten() throws {
    var world = try history([30, 20, 10]) {
      $0.historyMaxCount = 1
      $0.isCleanupEnabled = false
    }
    let decision = world.turn(at: Self.now)
    #expect(decision.effect == nil)
    #expect(decision.status.jobStatus.savepointInfo?.savepointHistory.map(\.location) == ["file:/savepoints/2"])
  }

  @Test func neverDisposesOfWhatAStartMayNeed() throws {
    let paths = ["file:/savepoints/0", "file:/savepoints/1", "file:/savepoints/2"]
    let needs: [(String, (inout World, String) -> Void)] = [
      (
        "restore point",
        {
          $0.status.restorePoint = RestorePointRecord(
            chosen: RestorePoint(kind: .savepoint, path: $1, provenance: .stop))
        }
      ),
      ("upgrade path", { $0.status.jobStatus.upgradeSavepointPath = $1 }),
      ("restore plan", { $0.status.operation?.restorePlan = .path($1) }),
      (
        "initial path",
        { world, path in
          guard case .success(var target) = world.target else { return }
          target.spec.job?.initialSavepointPath = path
          world.target = .success(target)
        }
      ),
    ]
    for (name, need) in needs {
      var world = try history([30, 20, 10]) { $0.historyMaxCount = 1 }
      need(&world, paths[0])
      #expect(disposed(world.turn(at: Self.now)) == paths[1], "\(name)")
    }
  }

  @Test func limitsOfTheOperatorCapThoseOfTheResource() throws {
    var operatorSettings = OperatorSettings()
    operatorSettings.savepointHistoryMaxCountThreshold = 3
    operatorSettings.savepointHistoryMaxAgeThreshold = .seconds(60)
    var settings = SnapshotSettings()
    settings.limit(by: operatorSettings)
    #expect(settings.historyMaxCount == 3)
    #expect(settings.historyMaxAge == 60_000)
    settings.historyMaxCount = 2
    settings.limit(by: operatorSettings)
    #expect(settings.historyMaxCount == 2)
  }
}
