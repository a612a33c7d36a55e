public import KubernetesAPI

/// A FlinkDeployment as read from the API server.
public struct FlinkDeployment: Sendable, Hashable {
  public static let apiVersion = "flink.apache.org/v1beta1"
  public static let kind = "FlinkDeployment"
  /// The Apache operator's finalizer, so that either operator can finish what the other began.
  public static let finalizer = "flinkdeployments.flink.apache.org/finalizer"
  /// On JobManager Deployments and pods: the generation of the spec they were made from.
  public static let generationAnnotation = "flinkdeployment.flink.apache.org/generation"
  /// Resources with this label set to `true` are the Apache operator's health canaries.
  public static let canaryLabel = "flink.apache.org/canary"

  public var metadata: ObjectMetadata
  /// A failure where a field has a type that cannot be read.
  public var spec: Result<FlinkDeploymentSpec, InvalidField>
  public var status: FlinkDeploymentStatus

  public init(
    metadata: ObjectMetadata, spec: Result<FlinkDeploymentSpec, InvalidField>,
    status: FlinkDeploymentStatus = FlinkDeploymentStatus()
  ) {
    self.metadata = metadata
    self.spec = spec
    self.status = status
  }

  /// Never fails: what cannot be read of the spec is in `spec`, of the status it counts as absent.
  public init(_ object: KubernetesObject) {
    let json = object.json
    metadata = object.metadata
    do {
      spec = .success(try FlinkDeploymentSpec(json: json["spec"]))
    } catch {
      spec = .failure(error)
    }
    status = FlinkDeploymentStatus(json: json["status"])
  }

  public var key: ObjectKey { metadata.key }

  public var isCanary: Bool { metadata.labels[Self.canaryLabel]?.lowercased() == "true" }

  /// The reference that JobManager and TaskManager Deployments carry.
  public var ownerReference: OwnerReference {
    OwnerReference(
      apiVersion: Self.apiVersion, kind: Self.kind, name: metadata.name, uid: metadata.uid, isController: false,
      blocksOwnerDeletion: true)
  }
}
