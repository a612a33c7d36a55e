import KubernetesAPI
import KubernetesRuntime
import Lifecycle
import Logging

extension FlinkDeploymentReconciler {
  /// What the Events of pods that hang in their preparation say: one short list for each, not again within
  /// `PodWarnings.interval`. A list that fails leaves what was known before.
  func readPodWarnings(_ key: ObjectKey, _ record: Record, _ observation: Observation) async -> Fact<PodWarnings> {
    let now = clock.now()
    let uid = observation.metadata.uid
    let pods = Lifecycle.podsToAskAbout(record, observation, now: now)
    var known = memory(key, uid: uid).podEvents
    guard !pods.isEmpty || !known.isEmpty else { return .unknown(why: "not asked for", since: now) }
    let present = Set(observation.cluster.value?.pods.map(\.uid) ?? [])
    known = known.filter { present.contains($0.key) }
    var failure: String?
    for pod in pods {
      if let before = known[pod.uid], now - before.at < PodWarnings.interval { continue }
      do throws(KubernetesError) {
        let events = try await kubernetes.list(
          .events, namespace: key.namespace,
          options: ListOptions(fieldSelector: "involvedObject.uid=\(pod.uid)", limit: 100))
        known[pod.uid] = (PodProblem(preparation: events.items.map(\.json)), now)
      } catch {
        logger.info("the events of a pod cannot be read", metadata: ["pod": "\(pod.name)", "error": "\(error)"])
        failure = error.description
        known[pod.uid] = (known[pod.uid]?.problem, now)
      }
    }
    update(key, uid: uid) { $0.podEvents = known }
    let problems = known.compactMapValues(\.problem)
    if problems.isEmpty, let failure { return .unknown(why: failure, since: now) }
    return .seen(PodWarnings(problems: problems), at: now)
  }
}
