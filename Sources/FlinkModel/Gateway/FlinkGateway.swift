/// Where a JobManager's REST interface answers.
public struct FlinkEndpoint: Sendable, Hashable, CustomStringConvertible {
  public var scheme: String
  public var host: String
  public var port: Int

  public init(scheme: String = "http", host: String, port: Int) {
    self.scheme = scheme
    self.host = host
    self.port = port
  }

  public var description: String { "\(scheme)://\(host):\(port)" }
}

/// Flink's REST interface, the calls the operator makes. Every call has a deadline of the gateway's own and bounds the
/// answer it reads. Answers are Flink's as recorded from 1.20 and 2.2; unknown fields are ignored.
public protocol FlinkGateway: Sendable {
  /// GET /config
  func clusterConfig(at endpoint: FlinkEndpoint) async throws(FlinkError) -> ClusterConfig
  /// GET /jobs/overview
  func jobs(at endpoint: FlinkEndpoint) async throws(FlinkError) -> [JobOverview]
  /// GET /jobs/:id/status: Flink's word for the job's state, from no cache; nil where there is no telling.
  func jobStatus(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> String?
  /// GET /jobs/:id/checkpoints; nil where checkpointing is not enabled.
  func checkpoints(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> CheckpointStatistics?
  /// GET /jobs/:id/exceptions, newest first.
  func exceptions(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [JobExceptionEntry]
  /// GET /jobs/:id/metrics?get=numRestarts: restarts of the job since its JobManager began it; nil where Flink does not
  /// tell yet.
  func restartCount(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> Int64?
  /// PATCH /jobs/:id?mode=cancel; returns when accepted.
  func cancel(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError)
  /// POST /jobs/:id/stop with our own trigger id.
  func stopWithSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String,
    drain: Bool
  ) async throws(FlinkError)
  /// POST /jobs/:id/savepoints with our own trigger id.
  func triggerSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String
  ) async throws(FlinkError)
  /// GET /jobs/:id/savepoints/:trigger
  func savepointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> AsyncOperationResult
  /// POST /jobs/:id/checkpoints with our own trigger id; Flink 1.17 and newer.
  func triggerCheckpoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, type: String
  ) async throws(FlinkError)
  /// GET /jobs/:id/checkpoints/:trigger
  func checkpointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> CheckpointTriggerResult
  /// POST /savepoint-disposal; returns when accepted.
  func disposeSavepoint(at endpoint: FlinkEndpoint, path: String) async throws(FlinkError)
  /// GET /jobs/:id/resource-requirements, by job vertex.
  func resourceRequirements(
    at endpoint: FlinkEndpoint, job: String
  ) async throws(FlinkError) -> [String: ParallelismBounds]
  /// PUT /jobs/:id/resource-requirements; Flink wants all vertices of the job.
  func setResourceRequirements(
    at endpoint: FlinkEndpoint, job: String, _ requirements: [String: ParallelismBounds]
  ) async throws(FlinkError)
  /// GET /jobs/:id: the present parallelism by job vertex. As old as `web.refresh-interval` lets it be.
  func parallelism(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [String: Int]
  /// GET /taskmanagers
  func taskManagerCount(at endpoint: FlinkEndpoint) async throws(FlinkError) -> Int
}

extension FlinkGateway {
  /// For gateways whose overview is from no cache.
  public func jobStatus(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> String? { nil }
}

public struct ClusterConfig: Sendable, Hashable {
  public var flinkVersion: String
  public var flinkRevision: String
  public init(flinkVersion: String, flinkRevision: String) {
    self.flinkVersion = flinkVersion
    self.flinkRevision = flinkRevision
  }
}

public struct JobOverview: Sendable, Hashable {
  /// 32 hexadecimal digits.
  public var id: String
  public var name: String
  /// Flink's word, for instance RUNNING.
  public var state: String
  /// Epoch milliseconds; -1 for "not ended".
  public var startTime: Int64
  public var endTime: Int64
  /// Tasks by state in lower case: running, total, failed, …
  public var tasks: [String: Int]
  /// Epoch milliseconds, when the state changed last; -1 where Flink does not say.
  public var lastModification: Int64

  public init(
    id: String, name: String, state: String, startTime: Int64, endTime: Int64, tasks: [String: Int] = [:],
    lastModification: Int64 = -1
  ) {
    self.id = id
    self.name = name
    self.state = state
    self.startTime = startTime
    self.endTime = endTime
    self.tasks = tasks
    self.lastModification = lastModification
  }

  /// RUNNING with every task running: what a user means by running.
  public var isFullyRunning: Bool {
    state == "RUNNING" && (tasks["total"].map { $0 > 0 && tasks["running"] == $0 } ?? true)
  }
}

public struct CheckpointRecord: Sendable, Hashable {
  public var id: Int64
  public var isSavepoint: Bool
  /// Empty where Flink gives none.
  public var externalPath: String
  /// Epoch milliseconds of the trigger (of the restore, for `restored`).
  public var timestamp: Int64
  public var stateSize: Int64
  public var isDiscarded: Bool
  /// A savepoint that was taken to stop the job.
  public var isStop: Bool

  public init(
    id: Int64, isSavepoint: Bool, externalPath: String, timestamp: Int64, stateSize: Int64 = 0,
    isDiscarded: Bool = false, isStop: Bool = false
  ) {
    self.id = id
    self.isSavepoint = isSavepoint
    self.externalPath = externalPath
    self.timestamp = timestamp
    self.stateSize = stateSize
    self.isDiscarded = isDiscarded
    self.isStop = isStop
  }
}

public struct CheckpointStatistics: Sendable, Hashable {
  public var completedCount: Int
  public var failedCount: Int
  public var inProgressCount: Int
  public var latestCompleted: CheckpointRecord?
  public var latestSavepoint: CheckpointRecord?
  public var latestRestored: CheckpointRecord?

  public init(
    completedCount: Int, failedCount: Int, inProgressCount: Int, latestCompleted: CheckpointRecord?,
    latestSavepoint: CheckpointRecord?, latestRestored: CheckpointRecord?
  ) {
    self.completedCount = completedCount
    self.failedCount = failedCount
    self.inProgressCount = inProgressCount
    self.latestCompleted = latestCompleted
    self.latestSavepoint = latestSavepoint
    self.latestRestored = latestRestored
  }
}

public struct JobExceptionEntry: Sendable, Hashable {
  public var name: String
  public var stackTrace: String
  /// Epoch milliseconds.
  public var timestamp: Int64
  public var taskName: String?
  public var endpoint: String?
  public var taskManagerID: String?
  /// What Flink's failure enrichers add.
  public var failureLabels: [String: String]

  public init(
    name: String, stackTrace: String, timestamp: Int64, taskName: String? = nil, endpoint: String? = nil,
    taskManagerID: String? = nil, failureLabels: [String: String] = [:]
  ) {
    self.name = name
    self.stackTrace = stackTrace
    self.timestamp = timestamp
    self.taskName = taskName
    self.endpoint = endpoint
    self.taskManagerID = taskManagerID
    self.failureLabels = failureLabels
  }
}

/// The state of an asynchronous operation. Flink says COMPLETED for failures too; this does not.
public enum AsyncOperationResult: Sendable, Hashable {
  case inProgress
  case completed(location: String)
  /// `cause` is the exception's class and the first line of its text.
  case failed(cause: String)
}

/// Why a call to a JobManager gave no result. None of these says that a job is gone.
public enum FlinkError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Nothing was sent: no connection.
  case unreachable(String)
  /// Sent, but no answer within the deadline or the connection broke: the call may have been carried out.
  case interrupted(String)
  /// An HTTP status other than success, with the first line of Flink's error text.
  case rejected(code: Int, message: String)
  case undecodable(String)

  /// The JobManager will not do it, however often it is asked. A job that it does not know may be one that it does not
  /// know yet.
  public var isRefusal: Bool {
    if case .rejected(let code, _) = self {
      (400..<500).contains(code) && ![404, 408, 409, 429].contains(code)
    } else {
      false
    }
  }

  public var isNotFound: Bool { if case .rejected(404, _) = self { true } else { false } }

  public var description: String {
    switch self {
    case .unreachable(let why): "JobManager cannot be reached: \(why)"
    case .interrupted(let why): "JobManager did not answer: \(why)"
    case .rejected(let code, let message): "JobManager answered \(code): \(message)"
    case .undecodable(let why): "JobManager's answer cannot be read: \(why)"
    }
  }
}
