public import Lifecycle

extension Mutant {
  /// Where the absence of each guard shows: tried first, and all that `make sim-mutants` tries.
  public static let known: [Guard: [PlanFamily]] = [
    .statusPrecondition: [
      PlanFamily("change-of-mind", .frozen, at: "store status")
    ],
    .quorumBeforeStart: [PlanFamily("edit-soon", .stalePods, at: "create deployments")],
    .quorumBeforeLoss: [PlanFamily("deploy", .staleDeployments, .staleRestart)],
    .ownerUID: [PlanFamily("name-taken-by-a-deployment")],
    .recordUID: [PlanFamily("restored-from-backup"), PlanFamily("restored-from-backup-of-an-upgrade")],
    .deletePrecondition: [PlanFamily("scale-stateless", .frozen, at: "delete deployments")],
    .scalePrecondition: [PlanFamily("scale-stateless", .frozen, at: "patch deployments")],
    .foreignObjects: [PlanFamily("name-taken")],
    .otherIncarnations: [PlanFamily("image-savepoint")],
    .foreignMetadata: [PlanFamily("ha-metadata-of-another")],
    .storedFirst: [PlanFamily("image-savepoint", .serverError, at: "store status")],
    .finalizerFirst: [PlanFamily("deploy")],
    .podsGoneBeforeRelease: [PlanFamily("delete", .podsLinger)],
    .factsAfterEffect: [PlanFamily("failed-savepoint-then-success")],
    .restCache: [
      PlanFamily("upgrade-after-checkpoint", shifts: true), PlanFamily("scale-last-state", shifts: true),
    ],
    .finishedDiscards: [PlanFamily("finished-job-then-upgrade")],
    .stateBeforeRecovery: [PlanFamily("jobmanager-lost-retained")],
    .stateBeforeUpgrade: [PlanFamily("jobmanager-lost-with-an-edit")],
    .stateBeforeCancel: [PlanFamily("last-state-before-a-checkpoint", shifts: true)],
    .stateBeforeRollback: [PlanFamily("rollback-savepoint-image")],
    .stateBeforeShutdown: [PlanFamily("failed-job-shuts-down-then-upgrade")],
    .silenceIsUnknown: [PlanFamily("upgrade-while-savepoint", .flinkUnreachable)],
    .supersededMetadata: [PlanFamily("ha-stateless")],
    .oldJobGraphs: [PlanFamily("ha-last-state")],
    .metadataUnknown: [PlanFamily("ha-last-state", failedReads: true)],
    .regressedRestore: [PlanFamily("jobmanager-restarts-with-state")],
    .workersLast: [PlanFamily("scale-adaptive")],
    .neededSavepoints: [PlanFamily("savepoints-after-upgrade")],
  ]
}
