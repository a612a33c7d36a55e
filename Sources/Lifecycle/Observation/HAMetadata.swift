/// The HA ConfigMaps of one cluster, as Flink 1.x and 2.x keep them.
///
/// There is one for the cluster, with the leaders and the graphs of its jobs, and one for each job with pointers to its
/// checkpoints. Flink gives them no owner: whose they are follows from the ids of the jobs that they are about.
public struct HAMetadata: Sendable, Hashable {
  /// The ConfigMap of one job.
  public struct Job: Sendable, Hashable {
    public var jobID: String
    public var map: ObjectIdentity
    /// Ascending.
    public var checkpointIDs: [Int64]
    public var isBeingDeleted: Bool

    public init(jobID: String, map: ObjectIdentity, checkpointIDs: [Int64] = [], isBeingDeleted: Bool = false) {
      self.jobID = jobID
      self.map = map
      self.checkpointIDs = checkpointIDs
      self.isBeingDeleted = isBeingDeleted
    }

    public var latestCheckpoint: Int64? { checkpointIDs.last }
  }

  /// The ConfigMap of the cluster.
  public struct Cluster: Sendable, Hashable {
    public var map: ObjectIdentity
    /// Ids of the jobs that a new JobManager would begin with.
    public var graphs: [String]
    /// It also keeps what was set aside.
    public var holdsOthers: Bool

    public init(map: ObjectIdentity, graphs: [String] = [], holdsOthers: Bool = false) {
      self.map = map
      self.graphs = graphs
      self.holdsOthers = holdsOthers
    }
  }

  public var cluster: Cluster?
  public var jobs: [Job]

  public init(cluster: Cluster? = nil, jobs: [Job] = []) {
    self.cluster = cluster
    self.jobs = jobs
  }

  public static let none = HAMetadata()

  /// What a JobManager of this job would find; nil where it would find nothing.
  public func job(_ id: String?) -> Job? {
    guard let id else { return nil }
    return jobs.first { $0.jobID == id && !$0.isBeingDeleted }
  }
}
