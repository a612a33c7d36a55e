import FlinkModel
import KubernetesAPI

/// What snapshots of a job that goes on must hold to.
extension SimulatedWorld.State {
  private mutating func jobStatus(_ cluster: String) -> JSONValue? {
    request(.get(.flinkDeployments, SimulatedWorld.namespace, cluster))?["status", "jobStatus"]
  }

  /// - Parameter field: the member of `jobStatus` that names the request.
  mutating func checkTrigger(_ cluster: String, _ trigger: String, _ field: String) {
    // A request that was authorised and comes late: a snapshot too many of a job that goes on takes nothing away.
    if oracle.triggers.contains(trigger) { return }
    if jobStatus(cluster)?[field]?["triggerId"]?.stringValue != trigger {
      violate("S6", "a snapshot is asked for with trigger id \(trigger), which is not stored")
    }
  }

  mutating func checkDisposal(_ cluster: String, _ path: String) {
    // A request that comes late, for what is gone, takes nothing away.
    if flink.storage[path] == nil { return }
    let history = jobStatus(cluster)?["savepointInfo"]?["savepointHistory"]?.arrayValue ?? []
    let newest = history.last?["location"]?.stringValue
    if newest == nil || newest == path { violate("S5", "the newest savepoint, \(path), is disposed of") }
    if !history.contains(where: { $0["location"]?.stringValue == path }) {
      violate("S6", "\(path) is disposed of, which the record does not know")
    }
    // What a user has given up is no other one.
    let others = usable.filter { $0 != path }.compactMap { flink.storage[$0] }
    if let count = flink.storage[path], !others.contains(where: { $0 >= count }) {
      violate("S5", "the last usable restore point, \(path), is disposed of")
    }
    for manager in flink.managers.values where manager.cluster == cluster {
      if manager.argument("--fromSavepoint") == path {
        violate("S5", "\(path) is disposed of, from which the JobManager would start again")
      }
    }
  }
}
