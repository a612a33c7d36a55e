import FlinkController
import FlinkModel

/// The operator's way to simulated Flink.
struct SimulatedFlinkGateway: FlinkGateway {
  let world: SimulatedWorld
  let caller: SimulatedCaller

  private func cluster(_ endpoint: FlinkEndpoint) -> String {
    let service = endpoint.host.split(separator: ".").first.map(String.init) ?? ""
    return service.hasSuffix("-rest") ? String(service.dropLast(5)) : service
  }

  private func read<Answer>(
    isAboutJob: Bool = true, _ body: (inout SimulatedWorld.State) throws(FlinkError) -> Answer
  ) throws(FlinkError) -> Answer {
    let answer: Result<Answer, FlinkError> = world.with { state in
      if state.isDead(caller.life) { return .failure(.unreachable("the operator is dead")) }
      if let error = state.outage(isAboutJob: isAboutJob) { return .failure(error) }
      do throws(FlinkError) { return .success(try body(&state)) } catch { return .failure(error) }
    }
    return try answer.get()
  }

  private func change(
    _ name: String, _ body: (inout SimulatedWorld.State) throws(FlinkError) -> Void
  ) async throws(FlinkError) {
    let answer: Result<Void, FlinkError> = await world.change(name, by: caller) { state in
      if let error = state.outage(isAboutJob: true) { return .failure(error) }
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
    try answer.get()
  }

  func clusterConfig(at endpoint: FlinkEndpoint) async throws(FlinkError) -> ClusterConfig {
    ClusterConfig(flinkVersion: "1.20.5", flinkRevision: "simulated")
  }

  func jobs(at endpoint: FlinkEndpoint) async throws(FlinkError) -> [JobOverview] {
    let cluster = cluster(endpoint)
    return try read(isAboutJob: false) { (state) throws(FlinkError) in
      // Only a JobManager that is there can have forgotten them.
      let jobs = try state.flink.jobs(of: cluster, at: state.now)
      return state.hasForgottenJobs ? [] : jobs
    }
  }

  func checkpoints(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> CheckpointStatistics? {
    let cluster = cluster(endpoint)
    return try read { (state) throws(FlinkError) in
      let answer = try state.flink.checkpoints(of: cluster, job: job, at: state.now)
      let points = [answer?.latestCompleted, answer?.latestSavepoint].compactMap { $0?.externalPath }
      state.oracle.told[caller.life, default: []].formUnion(points)
      return answer
    }
  }

  func exceptions(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [JobExceptionEntry] {
    let cluster = cluster(endpoint)
    let missing = try read { (state) throws(FlinkError) in
      state.flink.managers.values.first { $0.cluster == cluster }?.job?.restoredPath
        .flatMap { state.flink.storage[$0] == nil ? $0 : nil }
    }
    let (name, text) =
      missing.map { ("java.io.FileNotFoundException", "Cannot find checkpoint or savepoint file/directory '\($0)'") }
      ?? ("java.lang.RuntimeException", "boom")
    return [JobExceptionEntry(name: name, stackTrace: "\(name): \(text)", timestamp: 1)]
  }

  func restartCount(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> Int64? { nil }

  func cancel(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) {
    let cluster = cluster(endpoint)
    try await change("cancel job of \(cluster)") { (state) throws(FlinkError) in
      state.checkCancel(cluster, job)
      try state.flink.cancel(cluster, job: job, at: state.now)
    }
  }

  func stopWithSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String,
    drain: Bool
  ) async throws(FlinkError) {
    let cluster = cluster(endpoint)
    try await change("stop job of \(cluster)") { (state) throws(FlinkError) in
      state.checkStop(cluster, job, triggerID)
      try state.flink.stop(cluster, job: job, trigger: triggerID, at: state.now)
    }
  }

  func triggerSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String
  ) async throws(FlinkError) {
    let cluster = cluster(endpoint)
    try await change("take savepoint of \(cluster)") { (state) throws(FlinkError) in
      state.checkTrigger(cluster, triggerID, "savepointInfo")
      try state.flink.snapshot(cluster, job: job, trigger: triggerID, isSavepoint: true, at: state.now)
    }
  }

  func triggerCheckpoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, type: String
  ) async throws(FlinkError) {
    let cluster = cluster(endpoint)
    try await change("take checkpoint of \(cluster)") { (state) throws(FlinkError) in
      state.checkTrigger(cluster, triggerID, "checkpointInfo")
      try state.flink.snapshot(cluster, job: job, trigger: triggerID, isSavepoint: false, at: state.now)
    }
  }

  func checkpointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> CheckpointTriggerResult {
    let cluster = cluster(endpoint)
    return try read { (state) throws(FlinkError) in
      try state.flink.checkpointResult(cluster, trigger: triggerID, at: state.now)
    }
  }

  func disposeSavepoint(at endpoint: FlinkEndpoint, path: String) async throws(FlinkError) {
    let cluster = cluster(endpoint)
    try await change("dispose of savepoint of \(cluster)") { (state) throws(FlinkError) in
      state.checkDisposal(cluster, path)
      try state.flink.dispose(cluster, path: path, at: state.now)
    }
  }

  func resourceRequirements(
    at endpoint: FlinkEndpoint, job: String
  ) async throws(FlinkError) -> [String: ParallelismBounds] {
    let cluster = cluster(endpoint)
    return try read { (state) throws(FlinkError) in try state.flink.bounds(of: cluster, job: job, at: state.now) }
  }

  func setResourceRequirements(
    at endpoint: FlinkEndpoint, job: String, _ requirements: [String: ParallelismBounds]
  ) async throws(FlinkError) {
    let cluster = cluster(endpoint)
    try await change("bound parallelism of \(cluster)") { (state) throws(FlinkError) in
      state.checkBounds(cluster, job, requirements)
      try state.flink.bound(cluster, job: job, requirements, at: state.now)
    }
  }

  func parallelism(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [String: Int] {
    let cluster = cluster(endpoint)
    return try read { (state) throws(FlinkError) in try state.flink.parallelism(of: cluster, job: job, at: state.now) }
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
