import FlinkModel
import Glibc
import KubernetesAPI
import Logging
import Synchronization

/// For tests only: lets this process die by SIGKILL right before a chosen call that changes something.
///
/// On when `FLINK_OPERATOR_TEST_KILL_POINTS` names a folder. A file `plan` in it arms the hook; it holds one line:
///
///     record                 write every changing call to the file `calls` of the folder, and let it happen
///     NUMBER CALL            the same, and die before the NUMBER-th CALL since the plan was seen, for instance
///                            1 POST jobs/stop
///
/// A call is a verb and what it concerns, without namespaces and ids. The plan is removed before the process dies, so
/// the next process lives. Events and Leases are not counted: nothing is decided by them. What lies between two calls
/// changes nothing outside of the process, so dying before each call is dying at every boundary there is.
final class KillPoints: Sendable {
  private let folder: String
  private let state = Mutex(State())

  private struct State {
    var plan = ""
    var counts: [String: Int] = [:]
  }

  /// nil unless the environment asks for it.
  init?(environment: [String: String], logger: Logger) {
    guard let folder = environment["FLINK_OPERATOR_TEST_KILL_POINTS"], !folder.isEmpty else { return nil }
    self.folder = folder
    logger.warning("kill points are on: a test can end this process at any call", metadata: ["folder": "\(folder)"])
  }

  func pass(_ call: String) {
    state.withLock { state in
      let plan = readPlan()
      if plan != state.plan {
        state.plan = plan
        state.counts = [:]
      }
      guard !plan.isEmpty else { return }
      let count = state.counts[call, default: 0] + 1
      state.counts[call] = count
      let isEnd = plan == "\(count) \(call)"
      note("\(isEnd ? "killed before" : "passed") \(count) \(call)\n")
      if isEnd {
        unlink("\(folder)/plan")
        kill(getpid(), SIGKILL)
      }
    }
  }

  private func readPlan() -> String {
    guard let file = fopen("\(folder)/plan", "r") else { return "" }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 512)
    let length = fread(&buffer, 1, buffer.count, file)
    return String(decoding: buffer.prefix(length).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  private func note(_ line: String) {
    guard let file = fopen("\(folder)/calls", "a") else { return }
    fputs(line, file)
    fclose(file)
  }
}

/// Passes every call on, the changing ones by way of `KillPoints`.
struct KillPointKubernetes: KubernetesGateway {
  let next: any KubernetesGateway
  let points: KillPoints

  private func pass(_ verb: String, _ type: ResourceType, _ name: String?, _ subresource: String? = nil) {
    if type == .events || type == .leases { return }
    points.pass("\(verb) \(type.plural)\(name.map { "/\($0)" } ?? "")\(subresource.map { "/\($0)" } ?? "")")
  }

  func list(
    _ type: ResourceType, namespace: String?, options: ListOptions
  ) async throws(KubernetesError) -> ObjectList {
    try await next.list(type, namespace: namespace, options: options)
  }

  func get(
    _ type: ResourceType, namespace: String?, name: String
  ) async throws(KubernetesError) -> KubernetesObject {
    try await next.get(type, namespace: namespace, name: name)
  }

  func create(
    _ type: ResourceType, namespace: String?, _ object: JSONValue, options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    pass("CREATE", type, object["metadata", "name"]?.stringValue)
    return try await next.create(type, namespace: namespace, object, options: options)
  }

  func replace(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ object: JSONValue,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    pass("REPLACE", type, name, subresource)
    return try await next.replace(
      type, namespace: namespace, name: name, subresource: subresource, object, options: options)
  }

  func patch(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ patch: PatchBody,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    pass("PATCH", type, name, subresource)
    return try await next.patch(
      type, namespace: namespace, name: name, subresource: subresource, patch, options: options)
  }

  @discardableResult
  func delete(
    _ type: ResourceType, namespace: String?, name: String, options: DeleteOptions
  ) async throws(KubernetesError) -> KubernetesObject? {
    pass("DELETE", type, name)
    return try await next.delete(type, namespace: namespace, name: name, options: options)
  }

  func watch(
    _ type: ResourceType, namespace: String?, options: WatchOptions, handle: (WatchEvent) async -> Void
  ) async throws(KubernetesError) {
    try await next.watch(type, namespace: namespace, options: options, handle: handle)
  }

  func podLog(namespace: String, name: String, options: PodLogOptions) async throws(KubernetesError) -> String {
    try await next.podLog(namespace: namespace, name: name, options: options)
  }

  func raw(path: String) async throws(KubernetesError) -> JSONValue { try await next.raw(path: path) }
}

/// The same for JobManagers.
struct KillPointFlink: FlinkGateway {
  let next: any FlinkGateway
  let points: KillPoints

  func clusterConfig(at endpoint: FlinkEndpoint) async throws(FlinkError) -> ClusterConfig {
    try await next.clusterConfig(at: endpoint)
  }

  func jobs(at endpoint: FlinkEndpoint) async throws(FlinkError) -> [JobOverview] { try await next.jobs(at: endpoint) }

  func jobStatus(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> String? {
    try await next.jobStatus(at: endpoint, job: job)
  }

  func checkpoints(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> CheckpointStatistics? {
    try await next.checkpoints(at: endpoint, job: job)
  }

  func exceptions(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [JobExceptionEntry] {
    try await next.exceptions(at: endpoint, job: job)
  }

  func restartCount(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> Int64? {
    try await next.restartCount(at: endpoint, job: job)
  }

  func cancel(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) {
    points.pass("PATCH jobs/cancel")
    try await next.cancel(at: endpoint, job: job)
  }

  func stopWithSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String,
    drain: Bool
  ) async throws(FlinkError) {
    points.pass("POST jobs/stop")
    try await next.stopWithSavepoint(
      at: endpoint, job: job, triggerID: triggerID, targetDirectory: targetDirectory, formatType: formatType,
      drain: drain)
  }

  func triggerSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String
  ) async throws(FlinkError) {
    points.pass("POST jobs/savepoints")
    try await next.triggerSavepoint(
      at: endpoint, job: job, triggerID: triggerID, targetDirectory: targetDirectory, formatType: formatType)
  }

  func savepointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> AsyncOperationResult {
    try await next.savepointResult(at: endpoint, job: job, triggerID: triggerID)
  }

  func triggerCheckpoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, type: String
  ) async throws(FlinkError) {
    points.pass("POST jobs/checkpoints")
    try await next.triggerCheckpoint(at: endpoint, job: job, triggerID: triggerID, type: type)
  }

  func checkpointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> CheckpointTriggerResult {
    try await next.checkpointResult(at: endpoint, job: job, triggerID: triggerID)
  }

  func disposeSavepoint(at endpoint: FlinkEndpoint, path: String) async throws(FlinkError) {
    points.pass("POST savepoint-disposal")
    try await next.disposeSavepoint(at: endpoint, path: path)
  }

  func resourceRequirements(
    at endpoint: FlinkEndpoint, job: String
  ) async throws(FlinkError) -> [String: ParallelismBounds] {
    try await next.resourceRequirements(at: endpoint, job: job)
  }

  func setResourceRequirements(
    at endpoint: FlinkEndpoint, job: String, _ requirements: [String: ParallelismBounds]
  ) async throws(FlinkError) {
    points.pass("PUT jobs/resource-requirements")
    try await next.setResourceRequirements(at: endpoint, job: job, requirements)
  }

  func parallelism(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [String: Int] {
    try await next.parallelism(at: endpoint, job: job)
  }

  func taskManagerCount(at endpoint: FlinkEndpoint) async throws(FlinkError) -> Int {
    try await next.taskManagerCount(at: endpoint)
  }
}
