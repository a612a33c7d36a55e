import FlinkController
import FlinkModel

/// The operator's way to simulated Flink.
struct SimulatedFlinkGateway: FlinkGateway {
  let world: SimulatedWorld

  private func cluster(_ endpoint: FlinkEndpoint) -> String {
    let service = endpoint.host.split(separator: ".").first.map(String.init) ?? ""
    return service.hasSuffix("-rest") ? String(service.dropLast(5)) : service
  }

  private func read<Answer>(
    _ body: (inout SimulatedWorld.State) throws(FlinkError) -> Answer
  ) throws(FlinkError) -> Answer {
    let answer: Result<Answer, FlinkError> = world.with { state in
      if state.isCrashed { return .failure(.unreachable("the operator is dead")) }
      do throws(FlinkError) { return .success(try body(&state)) } catch { return .failure(error) }
    }
    return try answer.get()
  }

  private func change(
    _ name: String, _ body: (inout SimulatedWorld.State) throws(FlinkError) -> Void
  ) throws(FlinkError) {
    let answer: Result<Void, FlinkError> = world.with { state in
      state.change(name) { state in
        do throws(FlinkError) { return .success(try body(&state)) } catch { return .failure(error) }
      } failure: { failure in
        switch failure {
        case .cancelled, .interrupted: .interrupted("simulated")
        case .unreachable: .unreachable("simulated")
        case .serverError: .rejected(code: 500, message: "simulated")
        case .tooManyRequests: .rejected(code: 429, message: "simulated")
        case .conflict: .rejected(code: 409, message: "simulated")
        }
      }
    }
    try answer.get()
  }

  func clusterConfig(at endpoint: FlinkEndpoint) async throws(FlinkError) -> ClusterConfig {
    ClusterConfig(flinkVersion: "1.20.5", flinkRevision: "simulated")
  }

  func jobs(at endpoint: FlinkEndpoint) async throws(FlinkError) -> [JobOverview] {
    let cluster = cluster(endpoint)
    return try read { (state) throws(FlinkError) in try state.flink.jobs(of: cluster, at: state.now) }
  }

  func checkpoints(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> CheckpointStatistics? {
    let cluster = cluster(endpoint)
    return try read { (state) throws(FlinkError) in try state.flink.checkpoints(of: cluster, job: job, at: state.now) }
  }

  func exceptions(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [JobExceptionEntry] {
    [
      JobExceptionEntry(
        name: "java.lang.RuntimeException", stackTrace: "java.lang.RuntimeException: boom", timestamp: 1)
    ]
  }

  func cancel(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) {
    let cluster = cluster(endpoint)
    try change("cancel job of \(cluster)") { (state) throws(FlinkError) in
      state.checkCancel(cluster)
      try state.flink.cancel(cluster, job: job, at: state.now)
    }
  }

  func stopWithSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String,
    drain: Bool
  ) async throws(FlinkError) {
    let cluster = cluster(endpoint)
    try change("stop job of \(cluster)") { (state) throws(FlinkError) in
      state.checkStop(cluster, triggerID)
      try state.flink.stop(cluster, job: job, trigger: triggerID, at: state.now)
    }
  }

  func triggerSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String
  ) async throws(FlinkError) {
    throw .rejected(code: 501, message: "not simulated")
  }

  func savepointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> AsyncOperationResult {
    let cluster = cluster(endpoint)
    return try read { (state) throws(FlinkError) in
      try state.flink.result(cluster, trigger: triggerID, at: state.now)
    }
  }

  func taskManagerCount(at endpoint: FlinkEndpoint) async throws(FlinkError) -> Int { 1 }
}
