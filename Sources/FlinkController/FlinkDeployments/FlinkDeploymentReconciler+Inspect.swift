public import KubernetesAPI
import KubernetesRuntime
import Lifecycle
import Logging

extension FlinkDeploymentReconciler {
  /// Adds what is known of pods beside their statuses, and notes what is worth reading. Whether there is something new
  /// to read.
  func addPodNotes(to observation: inout Observation, _ key: ObjectKey, _ record: Record) -> Bool {
    let now = clock.elapsed()
    let inspections = Lifecycle.inspections(record, observation, now: clock.now())
    let present = Set(observation.cluster.value?.pods.map(\.uid) ?? [])
    var isNew = false
    let uid = observation.metadata.uid
    update(key, uid: uid) { isNew = $0.podNotes.want(inspections, present: present, now: now) }
    let notes = memory(key, uid: uid).podNotes
    observation.podWarnings = notes.warnings(at: clock.now())
    observation.crashReports = notes.reports
    return isNew
  }

  /// Reads what is wanted about the pods of one resource, beside its turns: a node that hangs answers late or never.
  /// Whether a turn would see something new.
  public func inspect(_ key: ObjectKey) async -> Bool {
    guard let uid = stores.resources.get(key)?.metadata.uid else { return false }
    let wanted = memory(key, uid: uid).podNotes.wanted
    for inspection in wanted {
      switch inspection {
      case .events(_, let pod):
        var events: [JSONValue]?
        do throws(KubernetesError) {
          events = try await kubernetes.list(
            .events, namespace: key.namespace,
            options: ListOptions(fieldSelector: "involvedObject.uid=\(pod)", limit: 100)
          ).items.map(\.json)
        } catch {
          logger.info("the events of a pod cannot be read", metadata: ["key": "\(key)", "error": "\(error)"])
        }
        let read = events
        let now = clock.elapsed()
        update(key, uid: uid) { $0.podNotes.note(events: read, of: pod, now: now) }
      case .log(let name, let pod, let failure):
        var log: String?
        do throws(KubernetesError) {
          log = try await kubernetes.podLog(
            namespace: key.namespace, name: name,
            options: PodLogOptions(
              container: failure.container, isPrevious: failure.isRunningAgain, tailLines: PodInspection.logLines,
              limitBytes: 1 << 20))
        } catch {
          logger.info("the log of a pod cannot be read", metadata: ["key": "\(key)", "error": "\(error)"])
        }
        let read = log
        update(key, uid: uid) { $0.podNotes.note(log: read, of: failure, in: pod) }
      }
    }
    return !wanted.isEmpty
  }
}
