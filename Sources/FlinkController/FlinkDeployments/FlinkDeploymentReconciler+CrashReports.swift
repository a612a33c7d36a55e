import KubernetesAPI
import KubernetesRuntime
import Lifecycle
import Logging

extension FlinkDeploymentReconciler {
  /// Reads the end of the log of a container that failed, once for each failure.
  func readCrashReports(
    _ key: ObjectKey, _ record: Record, _ observation: Observation
  ) async -> [String: CrashReport] {
    let uid = observation.metadata.uid
    var known = memory(key, uid: uid).crashReports
    let pods = Lifecycle.podsToReadLogOf(record, observation)
    guard !pods.isEmpty || !known.isEmpty else { return [:] }
    let present = Set(observation.cluster.value?.pods.map(\.uid) ?? [])
    known = known.filter { present.contains($0.key) }
    for pod in pods {
      guard let failure = pod.failure, known[pod.uid]?.restarts != failure.restarts else { continue }
      do throws(KubernetesError) {
        let log = try await kubernetes.podLog(
          namespace: key.namespace, name: pod.name,
          options: PodLogOptions(
            container: failure.container, isPrevious: failure.isRunningAgain, tailLines: Lifecycle.crashLogLines,
            limitBytes: 1 << 20))
        known[pod.uid] = CrashReport(restarts: failure.restarts, log: log)
      } catch {
        // The pod's status has the last words; the log of a node that does not answer is not asked for again.
        logger.info("the log of a pod cannot be read", metadata: ["pod": "\(pod.name)", "error": "\(error)"])
        known[pod.uid] = CrashReport(restarts: failure.restarts, log: "")
      }
    }
    let reports = known
    update(key, uid: uid) { $0.crashReports = reports }
    return reports
  }
}
