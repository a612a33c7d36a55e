import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

@Suite struct EndedJobTests {
  private static let later = World.now + 120_000

  /// A job that has ended in `state`, seen when its statistics can be trusted.
  private func ended(
    _ state: String, _ mode: UpgradeMode = .savepoint, checkpoint: Int64? = 3, stop: Bool = false,
    _ adjust: @escaping @Sendable (inout LifecycleSettings) -> Void = { _ in }
  ) throws -> World {
    var world = try World.running(mode)
    world.adjust = adjust
    world.seeJob(state)
    _ = world.turn()
    if let checkpoint {
      world.seeCheckpoint(checkpoint, at: World.now + 10_000)
      if stop, case .seen(var statistics?, let at) = world.jobManager.checkpoints {
        statistics.latestSavepoint = CheckpointRecord(
          id: checkpoint + 1, isSavepoint: true, externalPath: "file:///sp-foreign", timestamp: World.now, isStop: true)
        world.jobManager.checkpoints = .seen(statistics, at: at)
      }
    } else {
      world.jobManager.checkpoints = .seen(nil, at: World.now + 10_000)
    }
    return world
  }

  @Test func aFailedJobStaysUnlessItIsToRestart() throws {
    var world = try ended("FAILED")
    let decision = world.turn(at: Self.later)
    #expect(decision.effect == nil)
    #expect(decision.status.conditions[type: ConditionType.stalled]?.reason == "JobFailed")
    #expect(decision.status.lifecycleState == .failed)
  }

  @Test func restartsFromTheNewestPoint() throws {
    let cases: [(String, UpgradeMode, Int64?, Bool, RestorePlan)] = [
      ("FAILED", .savepoint, 3, false, .path("file:///cp/chk-3")),
      ("FAILED", .lastState, 3, false, .path("file:///cp/chk-3")),
      ("FAILED", .stateless, nil, false, .empty), ("FAILED", .savepoint, nil, false, .empty),
      ("CANCELED", .savepoint, 3, false, .path("file:///cp/chk-3")),
      ("FINISHED", .savepoint, 3, true, .path("file:///sp-foreign")),
    ]
    for (state, mode, checkpoint, stop, plan) in cases {
      var world = try ended(state, mode, checkpoint: checkpoint, stop: stop) { $0.restartsFailedJobs = true }
      let early = world.turn(at: World.now + 29_000)
      #expect(early.effect == nil, "\(state): not at once after a start")
      #expect(early.wake.delay != nil)
      let decision = world.turn(at: Self.later)
      #expect(decision.status.operation?.kind == .restart, "\(state) \(mode)")
      #expect(decision.status.operation?.restorePlan == plan, "\(state) \(mode)")
      guard case .scaleDown = decision.effect else {
        Issue.record("\(state): \(String(describing: decision.effect))")
        continue
      }
      let before = try #require(decision.status.reconciliationStatus.lastReconciledSpec)
      world.vanish()
      guard case .createIncarnation(let incarnation) = world.turn(at: Self.later).effect else {
        Issue.record("\(state): it does not start again")
        continue
      }
      #expect(incarnation.restorePlan == plan)
      #expect(world.status.reconciliationStatus.state == .deployed)
      #expect(world.status.reconciliationStatus.lastReconciledSpec == before)
    }
  }

  @Test func aJobThatCameToItsEndStaysThere() throws {
    for (checkpoint, stop) in [(nil, false), (3, false)] as [(Int64?, Bool)] {
      var world = try ended("FINISHED", checkpoint: checkpoint, stop: stop) { $0.restartsFailedJobs = true }
      let decision = world.turn(at: Self.later)
      #expect(decision.effect == nil)
      #expect(decision.status.conditions[type: ConditionType.ready]?.reason == "JobFinished")
      #expect(world.turn(at: Self.later + 60_000).status == decision.status)
    }
  }

  @Test func itsJobManagerGoesAfterItsTime() throws {
    var world = try ended("FAILED") { $0.shutdownDelay = 60_000 }
    #expect(world.turn(at: World.now + 59_999).effect == nil)
    let decision = world.turn(at: World.now + 60_000)
    guard case .scaleDown = decision.effect else {
      Issue.record("\(String(describing: decision.effect))")
      return
    }
    #expect(decision.status.restorePoint?.chosen?.path == "file:///cp/chk-3", "what it has left is noted first")
    #expect(decision.status.conditions[type: ConditionType.reconciling]?.status == .false)
    world.vanish()
    _ = world.turn(at: Self.later)
    let after = world.turn(at: Self.later)
    #expect(after.effect == nil)
    #expect(after.status.jobManagerDeploymentStatus == .missing)
    #expect(after.status.jobStatus.state == .failed)
    #expect(world.turn(at: Self.later + 600_000).status == after.status)
    // It is still ours to start again.
    world.metadata.generation = 2
    world.target = .success(World.target(.savepoint, parallelism: 2))
    _ = world.turn(at: Self.later)
    guard case .createIncarnation(let incarnation) = world.turn(at: Self.later).effect else {
      Issue.record("it cannot be upgraded")
      return
    }
    #expect(incarnation.restorePlan == .path("file:///cp/chk-3"))
  }

  @Test func theNextTryOfASavepointCountsFromAStoredTime() throws {
    var world = try World.running(.savepoint)
    world.metadata.generation = 2
    world.target = .success(World.target(.savepoint, parallelism: 2))
    _ = world.turn()
    world.jobManager.savepoint = .seen(.failed(cause: "declined"), at: World.now)
    _ = world.turn(at: World.now + 1_000)
    // An operator that comes later sees the failure for the first time.
    world.jobManager.savepoint = .seen(.failed(cause: "declined"), at: World.now + 11_000)
    guard case .stopWithSavepoint = world.turn(at: World.now + 11_000).effect else {
      Issue.record("the pause begins anew")
      return
    }
  }
}

@Suite struct JobExceptionTests {
  private func entry(_ second: Int64, _ text: String = "boom") -> JobExceptionEntry {
    JobExceptionEntry(
      name: "java.lang.RuntimeException",
      stackTrace: "java.lang.RuntimeException: \(text)\n\tat a\n\tat b\n\tat c\n\tat d\n\tat e",
      timestamp: World.now + second * 1_000, taskName: "Map (1/1)", taskManagerID: "tm-1",
      failureLabels: ["type": "user", "not/valid": "x"])
  }

  private func see(_ entries: [JobExceptionEntry], _ world: inout World, at second: Int64) -> [LifecycleEvent] {
    world.jobManager.exceptions = .seen(entries, at: World.now + second * 1_000)
    return world.turn(at: World.now + second * 1_000).events.filter { $0.reason == "JobException" }
  }

  @Test func becomeEventsOnceNewestFirst() throws {
    var world = try World.running(.savepoint)
    let events = see([entry(1, "first"), entry(2, "second")], &world, at: 3)
    #expect(events.count == 2)
    #expect(events.first?.message.hasPrefix("java.lang.RuntimeException: second\n\tat a") == true)
    #expect(events.first?.message.hasSuffix("… (1 more lines)") == true)
    #expect(events.first?.annotations["task-name"] == "Map (1/1)")
    #expect(events.first?.annotations["failure-label-type"] == "user")
    #expect(events.first?.annotations.count == 4)
    // As another process would see it, from what is stored.
    #expect(see([entry(1, "first"), entry(2, "second")], &world, at: 30).isEmpty)
    #expect(
      see([entry(31, "third"), entry(2, "second")], &world, at: 32).map { $0.message.contains("third") } == [true])
  }

  @Test func areBounded() throws {
    var world = try World.running(.savepoint)
    world.adjust = {
      $0.exceptionLimit = 3
      $0.exceptionLines = 1
    }
    #expect(see((1...50).map { entry($0) }, &world, at: 51).count == 3)
    #expect(see([entry(52)], &world, at: 53).isEmpty, "not so soon again")
    #expect(see([entry(52)], &world, at: 62).count == 1)
    world.status.operation?.exceptionsUntil = nil
    world.status.operation?.exceptionsReportedAt = nil
    #expect(see([entry(-3_600)], &world, at: 90).isEmpty, "old ones are no news")
  }

  @Test func errorsCarryTheUsersLabels() throws {
    var world = try World.running(.savepoint)
    world.adjust = { $0.exceptionLabels = ["bo+m": "explosion", "quiet": "never", "(": "not a pattern"] }
    world.seeJob("FAILED")
    _ = see([entry(1)], &world, at: 2)
    let error = try JSONValue(parsing: try #require(world.status.error))
    #expect(error["additionalMetadata", "labels"] == ["explosion"])
  }
}

@Suite struct FailedRestoreTests {
  private static let later = World.now + 120_000
  private static let lost = "file:///cp/chk-9"

  /// A job that was to start from `lost` and failed, and an older point.
  private func failed(_ trace: String, older: Bool) throws -> World {
    var world = try World.running(.savepoint)
    world.status.operation?.restorePlan = .path(Self.lost)
    world.status.restorePoint = RestorePointRecord(
      chosen: RestorePoint(
        kind: .checkpoint, path: Self.lost, provenance: .jobManager, jobID: "before", checkpointID: 9),
      rejected: older
        ? [
          RejectedRestorePoint(
            point: RestorePoint(kind: .savepoint, path: "file:///sp-old", provenance: .stop, checkpointID: 4),
            reason: "older than the chosen one")
        ] : [])
    world.seeJob("FAILED")
    world.jobManager.exceptions = .seen(
      [JobExceptionEntry(name: "JobInitializationException", stackTrace: trace, timestamp: World.now)], at: World.now)
    world.jobManager.checkpoints = .seen(nil, at: World.now + 10_000)
    _ = world.turn()
    return world
  }

  @Test func takesTheNextPoint() throws {
    var world = try failed("Caused by: java.io.FileNotFoundException: \(Self.lost)/_metadata", older: true)
    let decision = world.turn(at: Self.later)
    #expect(decision.status.operation?.kind == .restart)
    #expect(decision.status.operation?.restorePlan == .path("file:///sp-old"))
    #expect(decision.status.restorePoint?.rejected.map(\.reason) == ["failed to restore"])
  }

  @Test func stallsWhereThereIsNone() throws {
    var world = try failed("Caused by: java.io.FileNotFoundException: \(Self.lost)/_metadata", older: false)
    let decision = world.turn(at: Self.later)
    #expect(decision.effect == nil)
    #expect(decision.status.conditions[type: ConditionType.stalled]?.status == .true)
    #expect(decision.status.conditions[type: ConditionType.stalled]?.message.contains(Self.lost) == true)
    #expect(world.turn(at: Self.later + 60_000).status == decision.status)
  }

  @Test func stateThatDoesNotFitIsNotGivenUp() throws {
    let trace =
      "java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint \(Self.lost). Cannot map "
      + "checkpoint/savepoint state for operator x to the new program"
    var world = try failed(trace, older: true)
    let decision = world.turn(at: Self.later)
    #expect(decision.effect == nil)
    #expect(decision.status.restorePoint?.chosen?.path == Self.lost)
  }
}

@Suite struct LastSavepointTests {
  private func deleted(_ state: String?) throws -> World {
    var world = try World.running(.savepoint)
    world.adjust = { $0.takesSavepointOnDeletion = true }
    world.metadata.deletionTimestamp = Timestamp(epochMilliseconds: World.now).rfc3339Seconds
    if let state {
      world.seeJob(state)
    } else {
      world.jobManager = .unknown("not asked yet", since: World.now)
    }
    return world
  }

  @Test func isTakenOfARunningJob() throws {
    guard case .stopWithSavepoint = try deleted("RUNNING").decide().effect else {
      Issue.record("no savepoint is asked for")
      return
    }
  }

  @Test func isWaitedForAsLongAsACleanUpMayTake() throws {
    for state in [nil, "RESTARTING"] {
      var world = try deleted(state)
      let early = world.turn(at: World.now + 299_000)
      #expect(early.effect == nil, "\(state ?? "unknown")")
      #expect(early.wake.delay != nil)
      let late = world.turn(at: World.now + 300_000)
      guard case .scaleDown = late.effect else {
        Issue.record("\(state ?? "unknown"): the deletion does not end")
        continue
      }
      #expect(late.events.map(\.reason) == ["CleanupFailed", "Cleanup"])
    }
  }

  @Test func isNotWaitedForInVain() throws {
    var world = try deleted("RUNNING")
    world.vanish()
    #expect(world.decide().events.map(\.reason) == ["CleanupFailed", "Cleanup"])
    #expect(world.decide().status.operation?.phase == Phase.Word.draining.rawValue)
  }
}
