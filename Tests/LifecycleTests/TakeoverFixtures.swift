import FlinkModel
import KubernetesAPI
import Lifecycle
import Testing

/// Statuses as the Apache operator leaves them, written by hand from its documented behaviour, in its order of fields.
enum TakeoverFixtures {
  static let jobID = "c0ffee00c0ffee00c0ffee00c0ffee00"

  /// The recorded spec of `World.target`.
  static func spec(
    state: String = "running", mode: String = "savepoint", image: String = "flink:1.20", parallelism: Int = 1,
    initialPath: String? = nil
  ) -> String {
    let initial = initialPath.map { #""\#($0)""# } ?? "null"
    return
      #"{"job":{"jarURI":"local:///a.jar","parallelism":\#(parallelism),"entryClass":null,"args":[],"state":"\#(state)","#
      + #""savepointTriggerNonce":null,"initialSavepointPath":\#(initial),"checkpointTriggerNonce":null,"#
      + #""upgradeMode":"\#(mode)","allowNonRestoredState":null,"savepointRedeployNonce":null,"#
      + #""autoscalerResetNonce":null},"restartNonce":null,"flinkConfiguration":{},"image":"\#(image)","#
      + #""imagePullPolicy":null,"serviceAccount":null,"flinkVersion":"v1_20","ingress":null,"podTemplate":null,"#
      + #""jobManager":null,"taskManager":null,"logConfiguration":null,"mode":"standalone"}"#
  }

  /// The recorded spec of a session cluster.
  static let session =
    #"{"job":null,"restartNonce":null,"flinkConfiguration":{},"image":"flink:1.20","imagePullPolicy":null,"#
    + #""serviceAccount":null,"flinkVersion":"v1_20","ingress":null,"podTemplate":null,"jobManager":null,"#
    + #""taskManager":null,"logConfiguration":null,"mode":"standalone"}"#

  static func record(_ spec: String, first: Bool = false) -> String {
    #"{"spec":\#(spec),"resource_metadata":{"apiVersion":"flink.apache.org/v1beta1","firstDeployment":\#(first)}}"#
  }

  /// As versions before 1.4 wrote it.
  static func legacyRecord(_ spec: String) -> String {
    #"{"apiVersion":"flink.apache.org/v1beta1",\#(spec.dropFirst())"#
  }

  /// With the metadata that some versions kept beside.
  static func oldRecord(_ spec: String) -> String {
    #"{"spec":\#(spec),"resource_metadata":{"apiVersion":"flink.apache.org/v1beta1","#
      + #""metadata":{"generation":1},"firstDeployment":false}}"#
  }

  static func status(
    _ reconciliation: ReconciliationState, last: String, stable: String?, job: FlinkJobState = .running,
    jobManager: JobManagerDeploymentStatus = .ready, generation: Int64 = 1, path: String? = nil,
    lifecycle: String = "STABLE", error: String? = nil
  ) -> JSONValue {
    var jobStatus: JSONValue = [
      "jobName": "demo", "jobId": .string(jobID), "state": .string(job.rawValue), "startTime": "1800000000000",
      "updateTime": "1800000005000",
      "savepointInfo": [
        "lastSavepoint": .null, "triggerId": .null, "triggerTimestamp": .null, "triggerType": .null,
        "formatType": .null, "savepointHistory": [], "lastPeriodicSavepointTimestamp": 0,
      ],
      "checkpointInfo": [
        "lastCheckpoint": .null, "triggerId": .null, "triggerTimestamp": .null, "triggerType": .null,
        "formatType": .null, "lastPeriodicCheckpointTimestamp": 0,
      ],
    ]
    jobStatus["upgradeSavepointPath"] = path.map(JSONValue.string) ?? .null
    return [
      "jobStatus": jobStatus, "error": error.map(JSONValue.string) ?? .null,
      "observedGeneration": JSONValue(generation), "lifecycleState": .string(lifecycle),
      "clusterInfo": ["flink-version": "1.20.1", "total-cpu": "2.0"],
      "jobManagerDeploymentStatus": .string(jobManager.rawValue),
      "reconciliationStatus": [
        "reconciliationTimestamp": 1_800_000_000_000, "lastReconciledSpec": .string(last),
        "lastStableSpec": stable.map(JSONValue.string) ?? .null, "state": .string(reconciliation.rawValue),
      ],
      "taskManager": ["labelSelector": "component=taskmanager,app=demo", "replicas": 1],
      "conditions": [
        [
          "type": "Running", "status": "True", "reason": "Running", "message": "Job state RUNNING",
          "lastTransitionTime": "2027-01-15T08:00:05Z",
        ]
      ],
    ]
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let status: JSONValue
    /// Generation on the JobManager's Deployment; nil for none.
    var deployment: Int64?
    var job: FlinkJobState?
    var mode = UpgradeMode.savepoint
    var state = DesiredJobState.running
    var image = "flink:1.20"
    let lifecycle: LifecycleState
    var isHighlyAvailable = false
    /// Pods of its Deployments that do not come up.
    var problem: PodProblem?
    var isSession = false
    var testDescription: String { name }
  }

  private static let running = record(spec())
  private static let suspendedBySavepoint = record(spec(state: "suspended"))
  private static let bad = record(spec(image: "flink:bad"))

  private static let pullError =
    #"{"type":"org.apache.flink.kubernetes.operator.exception.DeploymentFailedException","#
    + #""message":"[flink-main-container] Back-off pulling image \"flink:1.20\"","#
    + #""additionalMetadata":{"reason":"ImagePullBackOff"},"throwableList":[]}"#
  private static let metadataError =
    #"{"type":"org.apache.flink.kubernetes.operator.exception.UpgradeFailureException","#
    + #""message":"HA metadata is not available to restore from last state. It is possible that the job has "#
    + #"finished or terminally failed, or the configmaps have been deleted.","#
    + #""additionalMetadata":{"reason":"RestoreFailed"},"throwableList":[]}"#
  private static let sessionStatus: JSONValue = [
    "jobStatus": [
      "jobName": .null, "jobId": .null, "state": .null, "startTime": .null, "updateTime": .null,
      "upgradeSavepointPath": .null,
    ], "error": .null, "observedGeneration": 1, "lifecycleState": "STABLE",
    "clusterInfo": ["flink-version": "1.20.1", "total-cpu": "2.0"], "jobManagerDeploymentStatus": "READY",
    "reconciliationStatus": [
      "reconciliationTimestamp": 1_800_000_000_000, "lastReconciledSpec": .string(record(session)),
      "lastStableSpec": .string(record(session)), "state": "DEPLOYED",
    ], "taskManager": .null,
    "conditions": [
      [
        "type": "Running", "status": "True", "reason": "JobManagerReady", "message": "JobManager is running",
        "lastTransitionTime": "2027-01-15T08:00:05Z",
      ]
    ],
  ]

  /// Nothing is under way in any of them.
  static let settled: [Row] = [
    Row(
      name: "stable", status: status(.deployed, last: running, stable: running), deployment: 1, job: .running,
      lifecycle: .stable),
    Row(
      name: "first deployment, stable",
      status: status(.deployed, last: record(spec(), first: true), stable: record(spec(), first: true)), deployment: 1,
      job: .running, lifecycle: .stable),
    Row(
      name: "stable, record of an old version",
      status: status(.deployed, last: legacyRecord(spec()), stable: legacyRecord(spec())), deployment: 1, job: .running,
      lifecycle: .stable),
    Row(
      name: "stable, record with metadata",
      status: status(.deployed, last: oldRecord(spec()), stable: oldRecord(spec())), deployment: 1, job: .running,
      lifecycle: .stable),
    Row(
      name: "suspended with a savepoint",
      status: status(
        .deployed, last: suspendedBySavepoint, stable: suspendedBySavepoint, job: .finished, jobManager: .missing,
        path: "s3://savepoints/sp", lifecycle: "SUSPENDED"), state: .suspended, lifecycle: .suspended),
    Row(
      name: "suspended in last-state",
      status: status(
        .deployed, last: record(spec(state: "suspended", mode: "last-state")),
        stable: record(spec(state: "suspended", mode: "last-state")), job: .finished, jobManager: .missing,
        path: JobStatus.lastStateMarker, lifecycle: "SUSPENDED"), mode: .lastState, state: .suspended,
      lifecycle: .suspended),
    Row(
      name: "suspended without state",
      status: status(
        .deployed, last: record(spec(state: "suspended", mode: "stateless")),
        stable: record(spec(state: "suspended", mode: "stateless")), job: .finished, jobManager: .missing,
        lifecycle: "SUSPENDED"), mode: .stateless, state: .suspended, lifecycle: .suspended),
    Row(
      name: "rolled back",
      status: status(.rolledBack, last: bad, stable: running, generation: 2, lifecycle: "ROLLED_BACK"), deployment: 1,
      job: .running, image: "flink:bad", lifecycle: .rolledBack),
    Row(
      name: "failed",
      status: status(.deployed, last: running, stable: running, job: .failed, lifecycle: "FAILED", error: "boom"),
      deployment: 1, job: .failed, lifecycle: .failed),
    Row(
      name: "finished",
      status: status(.deployed, last: running, stable: running, job: .finished), deployment: 1, job: .finished,
      lifecycle: .stable),
    Row(
      name: "finished, its JobManager gone by its time to live",
      status: status(.deployed, last: running, stable: running, job: .finished, jobManager: .missing),
      lifecycle: .stable),
    Row(
      name: "failed, its JobManager gone by its time to live",
      status: status(
        .deployed, last: running, stable: running, job: .failed, jobManager: .missing, path: "s3://chk-9",
        lifecycle: "FAILED", error: "boom"), lifecycle: .failed),
    Row(
      name: "first deployment, as it is recorded whatever the spec's mode",
      status: status(
        .deployed, last: record(spec(mode: "stateless"), first: true),
        stable: record(spec(mode: "stateless"), first: true)), deployment: 1, job: .running, lifecycle: .stable),
    Row(
      name: "stable, by last-state",
      status: status(
        .deployed, last: record(spec(mode: "last-state")), stable: record(spec(mode: "last-state")),
        path: JobStatus.lastStateMarker), deployment: 1, job: .running, mode: .lastState, lifecycle: .stable,
      isHighlyAvailable: true),
    Row(
      name: "deployed, restarting, not stable yet",
      status: status(.deployed, last: running, stable: nil, job: .restarting, lifecycle: "DEPLOYED"), deployment: 1,
      job: .restarting, lifecycle: .deployed),
    Row(
      name: "deployed, its image cannot be pulled",
      status: status(
        .deployed, last: running, stable: nil, job: .reconciling, jobManager: .error, path: "s3://savepoints/sp",
        lifecycle: "DEPLOYED",
        error: pullError),
      deployment: 1, lifecycle: .deployed,
      problem: PodProblem(
        reason: "ImagePullBackOff", message: "[flink-main-container] Back-off pulling image \"flink:1.20\"")),
    Row(
      name: "suspended natively, its JobManager still there",
      status: status(
        .deployed, last: suspendedBySavepoint, stable: suspendedBySavepoint, job: .finished, path: "s3://savepoints/sp",
        lifecycle: "SUSPENDED"), deployment: 1, job: .finished, state: .suspended, lifecycle: .suspended),
    Row(
      name: "lost with its HA metadata",
      status: status(
        .deployed, last: record(spec(mode: "last-state")), stable: record(spec(mode: "last-state")), job: .reconciling,
        jobManager: .missing, path: JobStatus.lastStateMarker, lifecycle: "FAILED",
        error: metadataError),
      mode: .lastState, lifecycle: .failed, isHighlyAvailable: true),
    Row(
      name: "session cluster",
      status: sessionStatus, deployment: 1, lifecycle: .stable, isSession: true),
  ]
}
