import InMemoryKubernetes
import KubernetesAPI

/// What stands in for the node agent where there is none.
struct NoPodLogs: PodLogSource {
  func openLog(_ request: PodLogRequest) async throws(PodLogError) -> any PodLogReader {
    throw PodLogError(
      APIStatus(
        code: 500, reason: "",
        message: "the node \(request.nodeName) of pod \(request.pod) has no agent here that could be asked for its logs"
      ))
  }
}
