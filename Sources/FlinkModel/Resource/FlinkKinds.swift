public import KubernetesAPI

extension ResourceType {
  private static func flink(_ plural: String, _ kind: String) -> ResourceType {
    ResourceType(group: "flink.apache.org", version: "v1beta1", plural: plural, kind: kind)
  }

  public static let flinkSessionJobs = flink("flinksessionjobs", "FlinkSessionJob")
  public static let flinkStateSnapshots = flink("flinkstatesnapshots", "FlinkStateSnapshot")
  public static let flinkBlueGreenDeployments = flink("flinkbluegreendeployments", "FlinkBlueGreenDeployment")
}

/// The kinds of the group `flink.apache.org`.
public enum FlinkKind: String, Sendable, Hashable, CaseIterable {
  case deployment = "FlinkDeployment"
  case sessionJob = "FlinkSessionJob"
  case stateSnapshot = "FlinkStateSnapshot"
  case blueGreenDeployment = "FlinkBlueGreenDeployment"

  public var type: ResourceType {
    switch self {
    case .deployment: .flinkDeployments
    case .sessionJob: .flinkSessionJobs
    case .stateSnapshot: .flinkStateSnapshots
    case .blueGreenDeployment: .flinkBlueGreenDeployments
    }
  }

  /// Whether this version of the operator acts upon objects of the kind. Others are accepted, and told so.
  public var isManaged: Bool { self == .deployment }

  /// The Apache operator's finalizer; blue/green deployments have none.
  public var finalizer: String? {
    self == .blueGreenDeployment ? nil : "\(type.plural).flink.apache.org/finalizer"
  }
}
