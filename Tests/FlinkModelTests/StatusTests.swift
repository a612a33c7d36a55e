import FlinkModel
import KubernetesAPI
import Testing

private let now = Timestamp(epochMilliseconds: 1_700_000_000_000)

/// A status with every field set.
func fullStatus() throws -> FlinkDeploymentStatus {
  let point = RestorePoint(
    kind: .checkpoint, path: "s3://c/chk-3", provenance: .jobManager, jobID: "j", checkpointID: 3, timestamp: now)
  let savepoint = SavepointEntry(
    timeStamp: 1, location: "s3://s", triggerType: .upgrade, formatType: .canonical, triggerNonce: 2)
  let record = ReconciledSpec(try spec(), firstDeployment: false)
  return FlinkDeploymentStatus(
    jobStatus: JobStatus(
      jobName: "n", jobId: "j", state: .running, startTime: 5, updateTime: 6, upgradeSavepointPath: "s3://u",
      savepointInfo: SavepointInfo(
        lastSavepoint: savepoint, triggerId: "t", triggerTimestamp: 7, triggerType: .manual, formatType: .native,
        triggerNonce: 12, savepointHistory: [savepoint], lastPeriodicSavepointTimestamp: 8),
      checkpointInfo: CheckpointInfo(
        lastCheckpoint: CheckpointEntry(timeStamp: 9, triggerType: .periodic, formatType: .full, triggerNonce: 1),
        triggerId: "c", triggerTimestamp: 10, triggerType: .unknown, formatType: .incremental,
        triggerNonce: 13, lastPeriodicCheckpointTimestamp: 11)),
    error: "e", observedGeneration: 12, lifecycleState: .stable, clusterInfo: ["flink-version": "1.20"],
    jobManagerDeploymentStatus: .ready,
    reconciliationStatus: ReconciliationStatus(
      reconciliationTimestamp: 13, lastReconciledSpec: record, lastStableSpec: record, state: .deployed),
    taskManager: TaskManagerInfo(labelSelector: "a=b", replicas: 2),
    conditions: [
      Condition(
        type: "Ready", status: .true, reason: "Running", message: "m", lastTransitionTime: "2024-01-01T00:00:00Z",
        observedGeneration: 12)
    ],
    operation: OperationRecord(
      uid: "u", generation: 12, kind: .upgrade, id: "op", attempt: 3, phase: "p", replacesUID: "d", startedAt: now,
      deadline: now, restorePlan: .path("s3://u"),
      savepoint: SavepointRequest(triggerID: "t", targetDirectory: "s3://d", location: "s3://l")),
    restorePoint: RestorePointRecord(chosen: point, rejected: [RejectedRestorePoint(point: point, reason: "older")]))
}

@Suite struct FlinkDeploymentStatusTests {
  @Test func everyFieldSurvivesTheTrip() throws {
    let status = try fullStatus()
    #expect(FlinkDeploymentStatus(json: status.json) == status)
    #expect(status.json["jobStatus", "startTime"] == "5")
    #expect(status.json["operation", "startedAt"] == "2023-11-14T22:13:20.000Z")
  }

  @Test func aPatchNamesWhatChangedAndWhatIsGone() throws {
    let old = FlinkDeploymentStatus(json: try fullStatus().json)
    #expect(old.mergePatch(from: old) == nil)
    var new = old
    new.error = nil
    new.jobStatus.state = .failed
    new.operation?.deadline = nil
    let patch = try #require(new.mergePatch(from: old))
    #expect(
      patch == ["error": .null, "jobStatus": ["state": "FAILED"], "operation": ["deadline": .null]])
    #expect(FlinkDeploymentStatus(json: old.json.merging(patch: patch)) == new)
  }

  @Test func defaultsAreWrittenOnce() throws {
    let absent = FlinkDeploymentStatus(json: nil)
    let patch = try #require(absent.mergePatch(from: absent))
    #expect(patch["jobManagerDeploymentStatus"] == "MISSING")
    let stored = FlinkDeploymentStatus(json: JSONValue.object([:]).merging(patch: patch))
    #expect(stored.mergePatch(from: stored) == nil)
    #expect(stored == absent)
  }

  @Test func unknownMembersStayAndWrongOnesCountAsAbsent() throws {
    let status = FlinkDeploymentStatus(json: ["new": ["a": 1], "jobStatus": "?", "error": 5, "conditions": .null])
    #expect(status.jobStatus == JobStatus())
    #expect(status.error == nil)
    #expect(status.json["new"] == ["a": 1])
    #expect(status.mergePatch(from: status)?["new"] == nil)
  }

  @Test func transitionTimesChangeOnlyOnAFlip() throws {
    let later = now + .seconds(60)
    let first = [Condition]().updating(
      with: [Condition(type: "Ready", status: .false, reason: "A", message: "")], now: now)
    #expect(first[type: "Ready"]?.lastTransitionTime == "2023-11-14T22:13:20Z")
    let same = first.updating(with: [Condition(type: "Ready", status: .false, reason: "B", message: "")], now: later)
    #expect(same[type: "Ready"]?.reason == "B")
    #expect(same[type: "Ready"]?.lastTransitionTime == "2023-11-14T22:13:20Z")
    let flipped = same.updating(with: [Condition(type: "Ready", status: .true, reason: "C", message: "")], now: later)
    #expect(flipped[type: "Ready"]?.lastTransitionTime == "2023-11-14T22:14:20Z")
    let other = flipped.updating(with: [Condition(type: "Running", status: .true, reason: "R", message: "")], now: now)
    #expect(other.map(\.type) == ["Ready", "Running"])
  }

  @Test func errorsAreInTheApacheOperatorsFormat() throws {
    let error = StatusError(
      .deploymentFailed, message: "pull failed", reason: "ImagePullBackOff", causes: [.init(type: "T", message: "why")])
    let json = try JSONValue(parsing: error.text())
    #expect(json["type"] == "org.apache.flink.kubernetes.operator.exception.DeploymentFailedException")
    #expect(json["additionalMetadata", "reason"] == "ImagePullBackOff")
    #expect(json["throwableList"]?.arrayValue?.first?["message"] == "why")
    #expect(json["stackTrace"] == nil)
    var limits = StatusError.Limits()
    limits.field = 4
    limits.causes = 0
    let short = try JSONValue(parsing: error.text(limits: limits))
    #expect(short["message"] == "pull" && short["throwableList"] == [])
    #expect(StatusError.message(of: error.text()) == "pull failed")
    #expect(StatusError.message(of: StatusError.jobNotFound) == "Job Not Found")
  }
}

@Suite struct LifecycleStateTests {
  private func state(_ edit: (inout FlinkDeploymentStatus) -> Void) throws -> LifecycleState {
    let record = ReconciledSpec(try spec(), firstDeployment: false)
    var status = FlinkDeploymentStatus(
      jobManagerDeploymentStatus: .ready,
      reconciliationStatus: ReconciliationStatus(lastReconciledSpec: record, lastStableSpec: record, state: .deployed))
    edit(&status)
    return LifecycleState(of: status)
  }

  @Test func theFirstThatAppliesWins() throws {
    #expect(try state { _ in } == .stable)
    #expect(try state { $0.reconciliationStatus.lastStableSpec = nil } == .deployed)
    #expect(try state { $0.reconciliationStatus.state = .rolledBack } == .rolledBack)
    #expect(try state { $0.jobStatus.state = .failed } == .failed)
    #expect(try state { $0.jobStatus.state = .finished } == .stable)
    let lost = UnrecoverableError.haMetadataNotAvailable
    #expect(
      try state {
        $0.error = lost
        $0.jobManagerDeploymentStatus = .missing
      } == .failed)
    #expect(try state { $0.error = lost } == .stable)
    #expect(
      try state {
        $0.reconciliationStatus.lastReconciledSpec = $0.reconciliationStatus.lastReconciledSpec?
          .settingJob(state: .suspended)
        $0.jobStatus.state = .failed
      } == .suspended)
    #expect(try state { $0.reconciliationStatus.state = .rollingBack } == .rollingBack)
    #expect(try state { $0.reconciliationStatus.state = .upgrading } == .upgrading)
    #expect(try state { $0.reconciliationStatus.lastReconciledSpec = nil } == .created)
    #expect(
      try state {
        $0.reconciliationStatus.lastReconciledSpec = nil
        $0.error = "no"
      } == .failed)
    #expect(try state { $0.lifecycleState = .deleting } == .deleting)
    #expect(try state { $0.lifecycleState = .upgrading } == .stable)
  }
}
