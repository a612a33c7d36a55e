import FlinkModel
import KubernetesAPI

/// What is to be taken out of a JobManager's way without being lost.
public struct HATidying: Sendable, Hashable {
  /// The cluster's ConfigMap, where one of the lists is not empty.
  public var cluster: ObjectIdentity?
  /// Jobs whose graph is dropped: the next JobManager brings a new one.
  public var droppedGraphs: [String]
  /// Jobs of others, whose graph is kept under another key.
  public var graphsSetAside: [String]
  /// ConfigMaps of jobs of others.
  public var mapsSetAside: [ObjectIdentity]

  public init(
    cluster: ObjectIdentity? = nil, droppedGraphs: [String] = [], graphsSetAside: [String] = [],
    mapsSetAside: [ObjectIdentity] = []
  ) {
    self.cluster = cluster
    self.droppedGraphs = droppedGraphs
    self.graphsSetAside = graphsSetAside
    self.mapsSetAside = mapsSetAside
  }
}

extension Turn {
  /// What becomes of the metadata that the incarnation before has left.
  enum MetadataFate {
    /// The next start goes on from it.
    case used
    /// The next start, or none, takes its state from elsewhere.
    case superseded
    /// The resource goes.
    case removed
    /// It stays as it is.
    case kept
  }

  /// Brings HA metadata into the state that the next act needs. Nothing of the cluster runs.
  ///
  /// - Parameter operation: the stored one, which authorises it.
  /// - Returns: whether it is in that state; if not, the turn is over.
  mutating func settleMetadata(_ operation: OperationRecord, _ fate: MetadataFate) -> Bool {
    // The jobs of a session cluster have ids of their own, and outlive its JobManager by this metadata.
    let isApplication = (target ?? observation.deployed)?.spec.isApplication ?? true
    if fate == .kept || (!isApplication && fate != .removed) { return true }
    guard case .seen(let metadata, _) = observation.haMetadata else {
      if case .unknown(let why, _) = observation.haMetadata {
        standing = .progressing("ReadingHAMetadata", "waiting for a list of the HA metadata: \(why)")
      }
      wake = WakeUp(after: 1_000, "a list of the HA metadata")
      return false
    }
    let ours = ownJobIDs(operation)
    let foreign = metadata.jobs.filter { !ours.contains($0.jobID) }
    let graphs = metadata.cluster?.graphs ?? []
    let strange = isApplication ? graphs.filter { !ours.contains($0) } : []
    if guards.holds(.foreignMetadata), fate != .removed {
      if !foreign.isEmpty || !strange.isEmpty {
        sayForeign(foreign, strange)
        perform(
          .tidyHAMetadata(
            HATidying(
              cluster: strange.isEmpty ? nil : metadata.cluster?.map, graphsSetAside: strange,
              mapsSetAside: foreign.map(\.map)), operationID: operation.id),
          waitingFor: "the HA metadata of other jobs being set aside")
        return false
      }
    }
    switch fate {
    case .kept: return true
    case .used:
      guard let cluster = metadata.cluster, guards.holds(.oldJobGraphs) else { return true }
      return dropGraphs(graphs.filter { ours.contains($0) }, of: cluster, operation)
    case .superseded, .removed:
      guard guards.holds(.supersededMetadata) else { return true }
      let isOurs = { (job: HAMetadata.Job) in !isApplication || ours.contains(job.jobID) }
      let jobs = guards.holds(.foreignMetadata) ? metadata.jobs.filter(isOurs) : metadata.jobs
      var maps = jobs.map(\.map)
      if let cluster = metadata.cluster {
        if strange.isEmpty, !cluster.holdsOthers {
          maps.append(cluster.map)
        } else if !dropGraphs(graphs.filter { ours.contains($0) }, of: cluster, operation) {
          return false
        }
      }
      if maps.isEmpty { return true }
      perform(
        .deleteHAMetadata(maps, operationID: operation.id), waitingFor: "the end of HA metadata that is superseded")
      standing = .progressing(Self.word(for: operation.kind), "removing HA metadata that the next start does not use")
      return false
    }
  }

  /// Whether there was none.
  private mutating func dropGraphs(
    _ graphs: [String], of cluster: HAMetadata.Cluster, _ operation: OperationRecord
  ) -> Bool {
    if graphs.isEmpty { return true }
    perform(
      .tidyHAMetadata(HATidying(cluster: cluster.map, droppedGraphs: graphs), operationID: operation.id),
      waitingFor: "the old graph of the job being dropped")
    return false
  }

  /// Ids of jobs that this resource has started.
  private func ownJobIDs(_ operation: OperationRecord) -> Set<String> {
    var ids = Set(
      (max(1, operation.attempt - 200)...max(1, operation.attempt)).map {
        Identity.jobID(uid: uid, attempt: $0)
      })
    if operation.attempt > 0 {
      if let recorded = status.jobStatus.jobId { ids.insert(recorded) }
      if let fixed = settings.userJobID { ids.insert(fixed) }
    } else if case .new = record.phase {
    } else if let recorded = status.jobStatus.jobId {
      ids.insert(recorded)
    }
    return ids
  }

  private mutating func sayForeign(_ jobs: [HAMetadata.Job], _ graphs: [String]) {
    let directory = settings.checkpointDirectory ?? "its checkpoint directory"
    let places = jobs.map { job in
      "job \(job.jobID)\(job.latestCheckpoint.map { " (newest checkpoint: \(directory)/\(job.jobID)/chk-\($0))" } ?? "")"
    }
    let others = graphs.filter { id in !jobs.contains { $0.jobID == id } }.map { "job \($0)" }
    note(
      .warning, "ForeignHAMetadata", .operator,
      "Under this name lies HA metadata that this resource did not make; it is set aside, not used: "
        + (places + others).joined(separator: ", "), key: "ForeignHAMetadata: \((places + others).sorted())")
  }
}
