/// A rule without which some fault does harm. Each is registered here so that the simulation can switch it off and show
/// by which plan it is missed; a rule that nothing misses is no guard.
///
/// What looks like a guard and is none, because another one covers it in every case:
/// - That a resource which is shown at an older generation than was acted upon is left alone: one object has both, so that
///   neither can be older than the other, and a decision on an old object is refused by `statusPrecondition`.
/// - That a savepoint whose result cannot be read is not taken for one that never was: it would be asked for again under
///   the same id, which asks for nothing.
/// - That Deployments are deleted after their pods: their names are free when `quorumBeforeStart` shows no pod.
/// - That an effect is not performed again before its result can show: it saves requests; each effect carries an id or a
///   precondition by which doing it twice is doing it once.
/// - That a savepoint is asked of another run of a job under another id: the earlier run's answers went with it.
///
/// To add one: a case with the harm it prevents, `guards.holds(.itsName)` where it is applied (in the core or in the
/// shell), and a scenario in `Simulation` in which `simulate --mutants` catches its absence.
public enum Guard: String, Sendable, Hashable, CaseIterable {
  // MARK: Views of Kubernetes

  /// Status is stored on the version of the resource that was decided on, and on no other; what a write without an answer
  /// has done is read before anything else is decided, and nothing is decided before the watch shows the last own write,
  /// which alone would only save requests (S2, S6, S7).
  case statusPrecondition = "status-precondition"
  /// No incarnation starts before a quorum LIST shows that nothing runs under its name; while it starts, what others have
  /// made there is believed of such a LIST only (S1).
  case quorumBeforeStart = "quorum-before-start"
  /// A JobManager's Deployment counts as lost only by a quorum LIST, never by a view that may be old (S8).
  case quorumBeforeLoss = "quorum-before-loss"

  // MARK: Identity

  /// Deployments that belong to another resource of the same name are not taken for this one's (S6).
  case ownerUID = "owner-uid"
  /// An operation recorded for another resource of the same name authorises nothing (S6).
  case recordUID = "record-uid"
  /// A delete names the object that was seen, not whatever bears its name by then (S6).
  case deletePrecondition = "delete-precondition"
  /// Scaling down names the object that was seen, not whatever bears its name by then (S6).
  case scalePrecondition = "scale-precondition"
  /// An object in the way of a create is not taken over from another owner (S6).
  case foreignObjects = "foreign-objects"
  /// An object that another incarnation made is not taken for this one's (S1, S4).
  case otherIncarnations = "other-incarnations"

  /// HA metadata of jobs that this resource did not start is neither used nor deleted (S6).
  case foreignMetadata = "foreign-metadata"

  // MARK: Order of acts

  /// An effect is performed only after the status that authorises it is stored (S6).
  case storedFirst = "stored-first"
  /// The resource gets its finalizer before anything is made for it (S9).
  case finalizerFirst = "finalizer-first"
  /// A resource is let go only after its pods are gone (S9).
  case podsGoneBeforeRelease = "pods-gone-before-release"

  // MARK: State

  /// Answers of a JobManager count for the incarnation and the request that they are about, and not from before the last
  /// request to it (S8).
  case factsAfterEffect = "facts-after-effect"
  /// The last checkpoint of a job is read only when Flink's REST cache cannot hold an answer from before its end (S4, S8).
  case restCache = "rest-cache"
  /// The checkpoints of a job that has finished are gone, whatever the statistics list (S3, S4).
  case finishedDiscards = "finished-discards"
  /// A lost JobManager whose job had state is not started again from less than the newest point known (S3, S4).
  case stateBeforeRecovery = "state-before-recovery"
  /// A spec change does not give up the state of a job whose JobManager is lost (S3).
  case stateBeforeUpgrade = "state-before-upgrade"
  /// A job is not cancelled for the sake of its last checkpoint before it has completed one (S2).
  case stateBeforeCancel = "state-before-cancel"
  /// A rollback does not give up the state of a job (S3).
  case stateBeforeRollback = "state-before-rollback"
  /// The JobManager of an ended job goes after the last checkpoint is noted (S2).
  case stateBeforeShutdown = "state-before-shutdown"
  /// A JobManager that does not answer may run a job with state (S4, S8).
  case silenceIsUnknown = "silence-is-unknown"
  /// HA metadata that the next start does not use goes before it: else the old job would come back beside the new (S1).
  case supersededMetadata = "superseded-metadata"
  /// A job that goes on from HA metadata gets its new graph: the old one would bring the old spec back.
  case oldJobGraphs = "old-job-graphs"
  /// HA metadata that could not be read may hold the newest checkpoint (S4, S8).
  case metadataUnknown = "metadata-unknown"
  /// A job that Kubernetes started again by its old arguments goes back to the newest point known (S4).
  case regressedRestore = "regressed-restore"
  /// TaskManagers go only after the job is seen to have taken a lower parallelism: it would fail over at once else.
  case workersLast = "workers-last"
  /// A savepoint from which a start may take its state is not disposed of, however old it is (S5).
  case neededSavepoints = "needed-savepoints"
}
