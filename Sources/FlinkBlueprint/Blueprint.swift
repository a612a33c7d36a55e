public import FlinkModel
public import KubernetesAPI

/// What a FlinkDeployment becomes in Kubernetes. Pure: the same arguments give the same objects.
///
/// **Owners.** Every object is owned by the FlinkDeployment itself. The Apache operator owns the ConfigMap and the
/// services by the JobManager's Deployment, which must then exist first: a crash in between leaves a JobManager
/// without configuration, and the garbage collector of the old incarnation may take away what the new one has just
/// made. Owned by the resource, the objects can be made in the order in which they are needed (ConfigMap, services,
/// Deployments), each create can be repeated, and what a crash leaves behind goes with the resource.
///
/// **Incarnations.** Objects carry `Blueprint.operationAnnotation`, `.attemptAnnotation` and `.resourceUIDAnnotation`,
/// and, as with the Apache operator, JobManager Deployments and pods the generation they were made from.
public enum Blueprint {
  /// The operation that made the object.
  public static let operationAnnotation = "flink-operator.flink.apache.org/operation"
  /// The number of the incarnation.
  public static let attemptAnnotation = "flink-operator.flink.apache.org/attempt"
  /// UID of the FlinkDeployment: pods are not owned by it directly.
  public static let resourceUIDAnnotation = "flink-operator.flink.apache.org/resource-uid"

  public static let mainContainer = "flink-main-container"
  public static let standaloneType = "flink-standalone-kubernetes"
  public static let nativeType = "flink-native-kubernetes"

  public static func jobManagerDeployment(_ name: String) -> String { name }
  public static func taskManagerDeployment(_ name: String) -> String { "\(name)-taskmanager" }
  public static func internalService(_ name: String) -> String { name }
  public static func restService(_ name: String) -> String { "\(name)-rest" }
  public static func configMap(_ name: String) -> String { "flink-config-\(name)" }
  public static func podTemplateConfigMap(_ name: String) -> String { "pod-template-\(name)" }

  /// The label `type` of a cluster's objects.
  static func type(_ mode: DeploymentMode) -> String { mode == .native ? nativeType : standaloneType }

  /// Labels that find the pods of one component, and nothing else.
  public static func selector(_ name: String, component: Component, mode: DeploymentMode) -> [String: String] {
    ["app": name, "type": type(mode), "component": component.rawValue]
  }

  public enum Component: String, Sendable, Hashable, CaseIterable {
    case jobManager = "jobmanager"
    case taskManager = "taskmanager"
  }

  /// The objects of a cluster: application or session, native or standalone, as `spec` says.
  ///
  /// - Parameters:
  ///   - uid: of the FlinkDeployment.
  ///   - configuration: `OperatorSettings.deployConfiguration`, with the job id under `ConfigurationKey.jobID`.
  ///   - generation: of the spec.
  ///   - operation: by which the objects are made.
  ///   - restore: where the job's state comes from; of no meaning to a session cluster.
  ///   - logFiles: the operator's own logging files by name; where empty, built-in ones are used.
  /// - Throws: `BlueprintError` when a value cannot be expressed in an object. What `Validator` accepts can be, but for
  ///   configuration keys of which one continues the other (`a` and `a.b`) with Flink 2, and for arguments of a native
  ///   job that `flink-conf.yaml` cannot hold.
  public static func cluster(
    name: String, namespace: String, uid: String, spec: FlinkDeploymentSpec, configuration: FlinkConfiguration,
    generation: Int64, operation: OperationMark, restore: RestorePlan = .empty, logFiles: [String: String] = [:]
  ) throws(BlueprintError) -> ClusterObjects {
    do {
      let settings = try ResourceSettings(configuration)
      var plan = ClusterPlan(
        identity: Identity(
          name: name, namespace: namespace, uid: uid, generation: generation, operation: operation,
          mode: spec.effectiveMode),
        spec: spec, configuration: configuration, settings: settings, restore: restore, logFiles: logFiles)
      return try plan.objects()
    } catch {
      throw BlueprintError(error)
    }
  }
}

/// The operation and incarnation by which objects are made.
public struct OperationMark: Sendable, Hashable {
  public var id: String
  public var attempt: Int64

  public init(id: String, attempt: Int64) {
    self.id = id
    self.attempt = attempt
  }

  public init(_ record: OperationRecord) { self.init(id: record.id, attempt: record.attempt) }
}

/// Why a spec cannot be made into objects.
public struct BlueprintError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The field to change.
  public let invalidField: InvalidField

  init(_ invalidField: InvalidField) { self.invalidField = invalidField }

  public var description: String { invalidField.description }
}

/// The objects of one incarnation.
public struct ClusterObjects: Sendable, Hashable {
  public var configMap: JSONValue
  /// Of the TaskManagers that a native JobManager makes; nil where it has no need of one.
  public var podTemplate: JSONValue?
  /// nil for a native cluster with high availability, whose JobManager is found by its metadata.
  public var internalService: JSONValue?
  public var restService: JSONValue
  public var jobManager: JSONValue
  /// nil for a native cluster, whose TaskManagers are pods made by the JobManager.
  public var taskManager: JSONValue?

  /// Each create may be repeated after a crash: the names are fixed, and the annotations tell whose object it is.
  public var inCreationOrder: [(type: ResourceType, object: JSONValue)] {
    let objects: [(ResourceType, JSONValue?)] = [
      (.configMaps, configMap), (.configMaps, podTemplate), (.services, internalService), (.services, restService),
      (.deployments, jobManager), (.deployments, taskManager),
    ]
    return objects.compactMap { type, object in object.map { (type, $0) } }
  }
}

/// Whose objects they are.
struct Identity: Sendable {
  let name: String
  let namespace: String
  let uid: String
  let generation: Int64
  let operation: OperationMark
  let mode: DeploymentMode

  var ownerReferences: JSONValue {
    [
      OwnerReference(
        apiVersion: FlinkDeployment.apiVersion, kind: FlinkDeployment.kind, name: name, uid: uid, isController: false,
        blocksOwnerDeletion: true
      ).json
    ]
  }

  /// On every object of the incarnation, pods included.
  var annotations: [String: String] {
    [
      Blueprint.operationAnnotation: operation.id, Blueprint.attemptAnnotation: "\(operation.attempt)",
      Blueprint.resourceUIDAnnotation: uid,
    ]
  }

  /// Labels of all objects.
  var labels: [String: String] { ["app": name, "type": Blueprint.type(mode)] }

  func metadata(name: String, labels: [String: String], annotations: [String: String]) -> JSONValue {
    [
      "name": .string(name), "namespace": .string(namespace), "labels": JSONValue(labels),
      "annotations": JSONValue(annotations.merging(self.annotations) { $1 }), "ownerReferences": ownerReferences,
    ]
  }
}
