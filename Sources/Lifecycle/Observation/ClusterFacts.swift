import FlinkModel
public import KubernetesAPI

/// Marks on the objects of an incarnation, besides the Apache operator's generation annotation.
public enum IncarnationAnnotation {
  /// Id of the operation that authorised the object.
  public static let operation = "flink-operator.flink.apache.org/operation"
  /// Number of the incarnation.
  public static let attempt = "flink-operator.flink.apache.org/attempt"
  /// On a FlinkDeployment, by a person: the value names the operation that may go on although old pods cannot be
  /// confirmed to be gone.
  public static let assumePodsGone = "flink-operator.flink.apache.org/assume-pods-gone"
}

public enum ClusterComponent: String, Sendable, Hashable {
  case jobManager = "jobmanager"
  case taskManager = "taskmanager"
}

/// A JobManager or TaskManager Deployment as decisions need it.
public struct DeploymentFacts: Sendable, Hashable {
  public var name: String
  public var uid: String
  public var component: ClusterComponent?
  public var ownerUIDs: [String]
  public var operationID: String?
  public var attempt: Int64?
  /// The Apache operator's annotation.
  public var generation: Int64?
  public var isBeingDeleted: Bool
  public var desiredReplicas: Int64
  public var availableReplicas: Int64
  /// No pod of it has ever been available, by its `Available` condition.
  public var hasNeverBeenAvailable: Bool
  /// Why pods cannot be created (`ReplicaFailure`/`FailedCreate`).
  public var creationFailure: String?

  public init(
    name: String, uid: String, component: ClusterComponent?, ownerUIDs: [String] = [], operationID: String? = nil,
    attempt: Int64? = nil, generation: Int64? = nil, isBeingDeleted: Bool = false, desiredReplicas: Int64 = 1,
    availableReplicas: Int64 = 0, hasNeverBeenAvailable: Bool = false, creationFailure: String? = nil
  ) {
    self.name = name
    self.uid = uid
    self.component = component
    self.ownerUIDs = ownerUIDs
    self.operationID = operationID
    self.attempt = attempt
    self.generation = generation
    self.isBeingDeleted = isBeingDeleted
    self.desiredReplicas = desiredReplicas
    self.availableReplicas = availableReplicas
    self.hasNeverBeenAvailable = hasNeverBeenAvailable
    self.creationFailure = creationFailure
  }

  public init(_ object: KubernetesObject) {
    let metadata = object.metadata
    let json = object.json
    let conditions = json["status", "conditions"]?.arrayValue ?? []
    let available = conditions.first { $0["type"]?.stringValue == "Available" }
    let failure = conditions.first {
      $0["type"]?.stringValue == "ReplicaFailure" && $0["status"]?.stringValue == "True"
        && $0["reason"]?.stringValue == "FailedCreate"
    }
    self.init(
      name: metadata.name, uid: metadata.uid,
      component: metadata.labels["component"].flatMap(ClusterComponent.init(rawValue:)),
      ownerUIDs: metadata.ownerReferences.map(\.uid),
      operationID: metadata.annotations[IncarnationAnnotation.operation],
      attempt: metadata.annotations[IncarnationAnnotation.attempt].flatMap { Int64($0) },
      generation: metadata.annotations[FlinkDeployment.generationAnnotation].flatMap { Int64($0) },
      isBeingDeleted: metadata.isBeingDeleted, desiredReplicas: json["spec", "replicas"]?.intValue ?? 1,
      availableReplicas: json["status", "availableReplicas"]?.intValue ?? 0,
      hasNeverBeenAvailable: available.map {
        $0["status"]?.stringValue == "False" && $0["lastTransitionTime"]?.stringValue == metadata.creationTimestamp
      } ?? true,
      creationFailure: failure.map { $0["message"]?.stringValue ?? "pods cannot be created" })
  }
}

/// A JobManager or TaskManager pod as decisions need it.
public struct PodFacts: Sendable, Hashable {
  public var name: String
  public var uid: String
  public var component: ClusterComponent?
  /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
  public var phase: String
  public var isBeingDeleted: Bool
  public var nodeName: String?
  /// Of all containers together.
  public var restarts: Int64
  public var problem: PodProblem?
  /// Epoch milliseconds.
  public var createdAt: Int64?
  /// It hangs before its containers, or has not had the time to make them.
  public var isBeingPrepared = false
  /// When a container of it that has run came to its last end, by the node's clock, in epoch milliseconds (Kubernetes
  /// tells whole seconds); nil where none has ended.
  public var lastEndAt: Int64?
  /// The last failure of a container.
  public var failure: ContainerFailure?

  public init(
    name: String, uid: String, component: ClusterComponent?, phase: String, isBeingDeleted: Bool = false,
    nodeName: String? = nil, restarts: Int64 = 0, problem: PodProblem? = nil
  ) {
    self.name = name
    self.uid = uid
    self.component = component
    self.phase = phase
    self.isBeingDeleted = isBeingDeleted
    self.nodeName = nodeName
    self.restarts = restarts
    self.problem = problem
  }

  public init(_ object: KubernetesObject) {
    let metadata = object.metadata
    let json = object.json
    let statuses = json["status", "containerStatuses"]?.arrayValue ?? []
    self.init(
      name: metadata.name, uid: metadata.uid,
      component: metadata.labels["component"].flatMap(ClusterComponent.init(rawValue:)),
      phase: json["status", "phase"]?.stringValue ?? "Pending", isBeingDeleted: metadata.isBeingDeleted,
      nodeName: json["spec", "nodeName"]?.stringValue,
      restarts: statuses.reduce(0) { $0 + ($1["restartCount"]?.intValue ?? 0) }, problem: PodProblem(of: json))
    createdAt = metadata.creationTimestamp.flatMap { Timestamp(rfc3339: $0)?.epochMilliseconds }
    isBeingPrepared = Self.isBeingPrepared(json)
    lastEndAt =
      statuses.flatMap { [$0["state", "terminated"], $0["lastState", "terminated"]] }
      .compactMap { $0?["finishedAt"]?.stringValue.flatMap { Timestamp(rfc3339: $0)?.epochMilliseconds } }
      .max()
    failure = statuses.compactMap(Self.failure(of:)).first
  }

  private static func failure(of container: JSONValue) -> ContainerFailure? {
    let present = container["state", "terminated", "exitCode"]?.intValue
    guard let code = present ?? container["lastState", "terminated", "exitCode"]?.intValue, code != 0 else {
      return nil
    }
    return ContainerFailure(
      container: container["name"]?.stringValue ?? "", restarts: container["restartCount"]?.intValue ?? 0,
      isRunningAgain: container["state", "running"] != nil)
  }

  /// Its containers have ended and will not be started again.
  public var hasEnded: Bool { phase == "Succeeded" || phase == "Failed" }
}

/// The Deployments and pods that carry a cluster's name, whoever owns them.
public struct ClusterFacts: Sendable, Hashable {
  public var deployments: [DeploymentFacts]
  public var pods: [PodFacts]

  public init(deployments: [DeploymentFacts] = [], pods: [PodFacts] = []) {
    self.deployments = deployments
    self.pods = pods
  }

  /// No Deployment, and no pod that may still run something.
  public var isEmpty: Bool { deployments.isEmpty && runningPods.isEmpty }

  public var runningPods: [PodFacts] { pods.filter { !$0.hasEnded } }

  public func deployment(_ component: ClusterComponent, ownedBy uid: String) -> DeploymentFacts? {
    deployments.first { $0.component == component && $0.ownerUIDs.contains(uid) }
  }
}
