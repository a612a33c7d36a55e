import FlinkController
import FlinkModel
import KubernetesAPI
import Synchronization

/// An API server that takes every deletion and notes it, and refuses the rest.
final class DeletionsOnly: KubernetesGateway {
  private let noted = Mutex<[DeleteOptions]>([])
  var deletions: [DeleteOptions] { noted.withLock { $0 } }

  private let refusal = KubernetesError(
    attempt: "test", cause: .rejected(APIStatus(code: 405, reason: "MethodNotAllowed", message: ""), retryAfter: nil))

  func delete(
    _ type: ResourceType, namespace: String?, name: String, options: DeleteOptions
  ) async throws(KubernetesError) -> KubernetesObject? {
    noted.withLock { $0.append(options) }
    return nil
  }

  func list(_ type: ResourceType, namespace: String?, options: ListOptions) async throws(KubernetesError) -> ObjectList
  { throw refusal }
  func get(_ type: ResourceType, namespace: String?, name: String) async throws(KubernetesError) -> KubernetesObject {
    throw refusal
  }
  func create(
    _ type: ResourceType, namespace: String?, _ object: JSONValue, options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject { throw refusal }
  func replace(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ object: JSONValue,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject { throw refusal }
  func patch(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ patch: PatchBody,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject { throw refusal }
  func watch(
    _ type: ResourceType, namespace: String?, options: WatchOptions, handle: (WatchEvent) async -> Void
  ) async throws(KubernetesError) { throw refusal }
  func podLog(namespace: String, name: String, options: PodLogOptions) async throws(KubernetesError) -> String {
    throw refusal
  }
  func raw(path: String) async throws(KubernetesError) -> JSONValue { throw refusal }
}

/// No JobManager can be reached, but for what some tell of their jobs.
struct NoFlink: FlinkGateway, JobManagerResolver {
  var told: @Sendable (FlinkEndpoint) -> [JobOverview]? = { _ in nil }
  private var refusal: FlinkError { .unreachable("there is none") }

  func endpoint(of service: RESTService) throws(UnresolvedJobManager) -> FlinkEndpoint {
    throw UnresolvedJobManager("there is none")
  }
  func clusterConfig(at endpoint: FlinkEndpoint) async throws(FlinkError) -> ClusterConfig { throw refusal }
  func jobs(at endpoint: FlinkEndpoint) async throws(FlinkError) -> [JobOverview] {
    guard let jobs = told(endpoint) else { throw refusal }
    return jobs
  }
  func checkpoints(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> CheckpointStatistics? {
    throw refusal
  }
  func exceptions(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [JobExceptionEntry] {
    throw refusal
  }
  func restartCount(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> Int64? { throw refusal }
  func cancel(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) { throw refusal }
  func stopWithSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String,
    drain: Bool
  ) async throws(FlinkError) { throw refusal }
  func triggerSavepoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, targetDirectory: String?, formatType: String
  ) async throws(FlinkError) { throw refusal }
  func savepointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> AsyncOperationResult { throw refusal }
  func triggerCheckpoint(
    at endpoint: FlinkEndpoint, job: String, triggerID: String, type: String
  ) async throws(FlinkError) { throw refusal }
  func checkpointResult(
    at endpoint: FlinkEndpoint, job: String, triggerID: String
  ) async throws(FlinkError) -> CheckpointTriggerResult { throw refusal }
  func disposeSavepoint(at endpoint: FlinkEndpoint, path: String) async throws(FlinkError) { throw refusal }
  func resourceRequirements(
    at endpoint: FlinkEndpoint, job: String
  ) async throws(FlinkError) -> [String: ParallelismBounds] { throw refusal }
  func setResourceRequirements(
    at endpoint: FlinkEndpoint, job: String, _ requirements: [String: ParallelismBounds]
  ) async throws(FlinkError) { throw refusal }
  func parallelism(at endpoint: FlinkEndpoint, job: String) async throws(FlinkError) -> [String: Int] { throw refusal }
  func taskManagerCount(at endpoint: FlinkEndpoint) async throws(FlinkError) -> Int { throw refusal }
}
