public import FlinkModel

/// An object, and no other that may come to bear its name.
public struct ObjectIdentity: Sendable, Hashable, CustomStringConvertible {
  public var name: String
  public var uid: String

  public init(name: String, uid: String) {
    self.name = name
    self.uid = uid
  }

  public var description: String { "\(name)(\(uid))" }
}

/// One JobManager Deployment with all that belongs to it, to be created.
public struct Incarnation: Sendable, Hashable {
  public var operationID: String
  public var attempt: Int64
  public var generation: Int64
  public var jobID: String
  /// The spec as authorised: that of the record, not the present one.
  public var spec: FlinkDeploymentSpec
  public var restorePlan: RestorePlan

  public init(
    operationID: String, attempt: Int64, generation: Int64, jobID: String, spec: FlinkDeploymentSpec,
    restorePlan: RestorePlan
  ) {
    self.operationID = operationID
    self.attempt = attempt
    self.generation = generation
    self.jobID = jobID
    self.spec = spec
    self.restorePlan = restorePlan
  }
}

/// One act upon the world. A decision has at most one.
public enum Effect: Sendable, Hashable {
  case setFinalizer
  /// The resource is let go.
  case removeFinalizer
  case createIncarnation(Incarnation)
  /// Replicas to 0.
  case scaleDown([ObjectIdentity], operationID: String)
  case deleteDeployments([ObjectIdentity], operationID: String)
  /// The HA ConfigMaps of a cluster whose job does not go on from them.
  case deleteHAMetadata([ObjectIdentity], operationID: String)
  /// Takes out of a JobManager's way what it is not to go on from, without deleting a checkpoint's pointer.
  case tidyHAMetadata(HATidying, operationID: String)
  case stopWithSavepoint(
    jobID: String, request: SavepointRequest, format: SavepointFormatType, drains: Bool, operationID: String)
  case cancelJob(jobID: String, operationID: String)
  /// The Ingress is made what the spec of this generation asks for.
  case applyIngress(IngressSpec, generation: Int64)
  case removeIngress(ObjectIdentity)
  /// The job goes on.
  case triggerSavepoint(jobID: String, request: SavepointRequest, format: SavepointFormatType, operationID: String)
  case triggerCheckpoint(jobID: String, triggerID: String, type: CheckpointFormatType, operationID: String)
  /// Through the scale subresource only.
  case scaleTaskManagers(ObjectIdentity, replicas: Int, operationID: String)
  /// Flink may choose the parallelism of the job's vertices within these bounds.
  case boundParallelism(jobID: String, [String: ParallelismBounds], operationID: String)
  /// A savepoint is removed from storage.
  case disposeSavepoint(path: String, operationID: String)

  public enum Safety: Sendable, Hashable {
    /// Doing it twice is the same as once.
    case idempotent
    /// Doing it twice is refused or harmless by an id or precondition it carries.
    case guarded
    /// What it takes away does not come back.
    case irreversible
  }

  public var safety: Safety {
    switch self {
    case .setFinalizer, .applyIngress, .boundParallelism: .idempotent
    case .tidyHAMetadata, .scaleTaskManagers: .guarded
    case .createIncarnation, .scaleDown, .stopWithSavepoint, .triggerSavepoint, .triggerCheckpoint: .guarded
    case .removeFinalizer, .deleteDeployments, .deleteHAMetadata, .cancelJob, .removeIngress, .disposeSavepoint:
      .irreversible
    }
  }

  /// The stored operation without which the effect must not happen; nil where it needs none.
  public var requiredOperation: String? {
    switch self {
    case .setFinalizer, .removeFinalizer: nil
    // It holds nothing that could be lost, and follows the present spec.
    case .applyIngress, .removeIngress: nil
    case .createIncarnation(let incarnation): incarnation.operationID
    case .scaleDown(_, let operation), .deleteDeployments(_, let operation), .deleteHAMetadata(_, let operation),
      .tidyHAMetadata(_, let operation),
      .stopWithSavepoint(_, _, _, _, let operation), .cancelJob(_, let operation),
      .triggerSavepoint(_, _, _, let operation), .triggerCheckpoint(_, _, _, let operation),
      .disposeSavepoint(_, let operation), .scaleTaskManagers(_, _, let operation),
      .boundParallelism(_, _, let operation):
      operation
    }
  }

  /// Two effects with one identity are the same act.
  public var identity: String {
    switch self {
    case .setFinalizer: "set finalizer"
    case .removeFinalizer: "remove finalizer"
    case .createIncarnation(let incarnation): "create incarnation \(incarnation.attempt) (\(incarnation.operationID))"
    case .scaleDown(let objects, let operation): "scale down \(Self.list(objects)) (\(operation))"
    case .deleteDeployments(let objects, let operation): "delete \(Self.list(objects)) (\(operation))"
    case .deleteHAMetadata(let maps, let operation): "delete HA metadata \(Self.list(maps)) (\(operation))"
    case .tidyHAMetadata(let tidying, let operation):
      "tidy HA metadata \((tidying.droppedGraphs + tidying.graphsSetAside).joined(separator: ", ")) "
        + "\(Self.list(tidying.mapsSetAside)) (\(operation))"
    case .stopWithSavepoint(let job, let request, _, _, _): "stop \(job) with savepoint \(request.triggerID)"
    case .cancelJob(let job, let operation): "cancel \(job) (\(operation))"
    case .applyIngress(_, let generation): "apply Ingress of generation \(generation)"
    case .removeIngress(let object): "delete Ingress \(object)"
    case .triggerSavepoint(let job, let request, _, _): "take savepoint \(request.triggerID) of \(job)"
    case .triggerCheckpoint(let job, let trigger, _, _): "take checkpoint \(trigger) of \(job)"
    case .scaleTaskManagers(let object, let replicas, _): "scale \(object) to \(replicas)"
    case .boundParallelism(let job, let bounds, _):
      "bound parallelism of \(job): "
        + bounds.sorted { $0.key < $1.key }.map { "\($0.key.prefix(8)) \($0.value.lower)-\($0.value.upper)" }
        .joined(separator: ", ")
    case .disposeSavepoint(let path, _): "dispose of savepoint \(path)"
    }
  }

  private static func list(_ objects: [ObjectIdentity]) -> String {
    objects.map(\.description).sorted().joined(separator: ", ")
  }

  /// Whether it takes Deployments away.
  public var isDeletion: Bool { if case .deleteDeployments = self { true } else { false } }

  /// Whether it is sent to the JobManager: answers read before it are out of date.
  public var concernsJobManager: Bool {
    switch self {
    case .stopWithSavepoint, .cancelJob, .triggerSavepoint, .triggerCheckpoint, .boundParallelism: true
    default: false
    }
  }
}
