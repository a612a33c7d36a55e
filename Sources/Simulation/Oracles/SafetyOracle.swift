import FlinkModel
import InMemoryKubernetes
import KubernetesAPI

/// Watches over the invariants of DESIGN.md 2 from the outside: from what the operator sends and what then runs. It knows
/// nothing of the core; what it needs of the record it reads as a user would, from the API server.
struct SafetyOracle: Sendable {
  /// What a user has asked for with one generation.
  struct Wish: Sendable, Hashable {
    var upgradeMode: String
    var initialPath: String?
    var redeployNonce: String?
    var isStateless: Bool { upgradeMode == "stateless" }
  }

  /// The highest generation made into a Deployment, by UID.
  var generations: [String: Int64] = [:]
  /// The highest attempt of a JobManager Deployment that was created, by UID.
  var attempts: [String: Int64] = [:]
  /// Ids of jobs that have been started.
  var jobIDs: Set<String> = []
  /// By UID and generation.
  var wishes: [String: [Int64: Wish]] = [:]
  /// What the last JobManager Deployment was made for, by cluster.
  var startWish: [String: Wish] = [:]
  /// The same of the one before, where there was one.
  var previousWish: [String: Wish] = [:]
  /// The attempt of the last JobManager Deployment, by cluster.
  var created: [String: Int64] = [:]
  /// The attempt whose job has begun last, by cluster.
  var begun: [String: Int64] = [:]
  /// The life of an operator that has made the last JobManager Deployment, by cluster.
  var creator: [String: Int] = [:]
  /// The life whose call is being performed.
  var acting = 0
  /// Snapshots that JobManagers have told the lives of operators of.
  var told: [Int: Set<String>] = [:]
  /// When snapshots were completed.
  var completed: [String: Int64] = [:]
  /// Snapshots of a lineage that has ended: of a resource that is gone, or given up by its user.
  var given: Set<String> = []
  /// Snapshots that have been in a status.
  var known: Set<String> = []
  /// Clusters whose JobManager went away by itself: what it had not told nobody can know.
  var lost: Set<String> = []
  /// Snapshots that were completed while the only operator stood still in the middle of taking the JobManager away.
  var unheard: Set<String> = []
  /// Clusters whose jobs have run.
  var hadState: Set<String> = []
  /// The highest `observedGeneration`, by UID.
  var observed: [String: Int64] = [:]
  /// The newest snapshot in status, by UID.
  var newestInStatus: [String: String] = [:]
  /// The status as text, by UID, with the version it is of.
  var statusTexts: [String: (version: String, text: String)] = [:]
  /// Ids of snapshots that have been stored.
  var triggers: Set<String> = []
  /// Ids of stops that have been stored.
  var stops: Set<String> = []
  /// Parallelisms that have been stored, each of all vertices.
  var scalings: Set<[String: Int64]> = []
  /// A request goes out that stood still in the process while another operator took over.
  var isLate = false
  var happeningsSeen = 0
  var seenVersion = ""
}

extension SimulatedWorld.State {
  mutating func violate(_ invariant: String, _ what: String) {
    let text = "\(invariant): \(what) (call \(calls.count - 1), t+\((now - 1_800_000_000_000) / 1000)s)"
    if !violations.contains(text) { violations.append(text) }
  }

  mutating func resource(_ name: String) -> JSONValue? {
    request(.get(.flinkDeployments, SimulatedWorld.namespace, name))
  }

  /// To be called after each step.
  mutating func checkWorld() {
    writeHAMetadata()
    var running: [String: Int] = [:]
    for manager in flink.managers.values { running[manager.cluster, default: 0] += 1 }
    for (cluster, count) in running where count > 1 { violate("S1", "\(count) JobManagers of \(cluster) run at once") }
    for path in flink.storage.keys where oracle.completed[path] == nil { oracle.completed[path] = now }
    while oracle.happeningsSeen < flink.happenings.count {
      let happening = flink.happenings[oracle.happeningsSeen]
      oracle.happeningsSeen += 1
      switch happening {
      case .savepoint, .checkpoint: break
      case .continued(let cluster, let jobID, let path, _):
        checkContinued(cluster, jobID, path)
        oracle.begun[cluster] = oracle.created[cluster]
      case .stoppedTwice(let cluster):
        violate("S6", "the job of \(cluster) is asked to stop under another id while it is being stopped")
      case .restarted(let cluster, _) where oracle.begun[cluster] == oracle.created[cluster]:
        oracle.lost.insert(cluster)
      case .restarted(let cluster, _):
        // The same job id and arguments as before, and all the same a start that the operator has authorised.
        checkStart(of: cluster, from: flink.managers.values.first { $0.cluster == cluster }?.job?.restoredPath)
      case .started(let cluster, let jobID, let path, _):
        if !oracle.jobIDs.insert(jobID).inserted { violate("S6", "job id \(jobID) is used for two starts") }
        checkStart(of: cluster, from: path)
      }
    }
    guard server.resourceVersion != oracle.seenVersion else { return }
    oracle.seenVersion = server.resourceVersion
    for resource in list(.flinkDeployments) { checkStatus(of: resource) }
  }

  /// At the end of a run.
  mutating func checkEnd() {
    for resource in list(.flinkDeployments) {
      let isStalled = (resource["status", "conditions"]?.arrayValue ?? []).contains {
        $0["type"]?.stringValue == "Stalled" && $0["status"]?.stringValue == "True"
          && $0["reason"]?.stringValue == "RestorePointUnknown"
      }
      if isStalled, hasMetadata(resource["metadata", "name"]?.stringValue ?? "") {
        violate("L1", "stalled for want of a restore point although there is HA metadata")
      }
      if isStalled, let status = resource["status"]?.text, let point = usable.first(where: { status.contains($0) }) {
        violate("L1", "stalled for want of a restore point although there is \(point)")
      }
      guard let text = resource["metadata", "deletionTimestamp"]?.stringValue, let time = Timestamp(rfc3339: text)
      else { continue }
      if now - time.epochMilliseconds > 360_000 { violate("S9", "a deletion has not come to its end") }
    }
  }
}
