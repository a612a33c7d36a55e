/// A kind of resource as the API server addresses it.
public struct ResourceType: Sendable, Hashable, CustomStringConvertible {
  /// Empty for the core group.
  public let group: String
  public let version: String
  /// Lower case plural, as in request paths.
  public let plural: String
  public let kind: String
  public let isNamespaced: Bool

  public init(group: String, version: String, plural: String, kind: String, isNamespaced: Bool = true) {
    self.group = group
    self.version = version
    self.plural = plural
    self.kind = kind
    self.isNamespaced = isNamespaced
  }

  public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
  /// `deployments.apps`, `pods`: the way Kubernetes' messages name it.
  public var qualifiedPlural: String { group.isEmpty ? plural : "\(plural).\(group)" }
  public var description: String { qualifiedPlural }
}

extension ResourceType {
  private static func core(_ plural: String, _ kind: String, namespaced: Bool = true) -> ResourceType {
    ResourceType(group: "", version: "v1", plural: plural, kind: kind, isNamespaced: namespaced)
  }

  public static let pods = core("pods", "Pod")
  public static let services = core("services", "Service")
  public static let endpoints = core("endpoints", "Endpoints")
  public static let configMaps = core("configmaps", "ConfigMap")
  public static let secrets = core("secrets", "Secret")
  public static let serviceAccounts = core("serviceaccounts", "ServiceAccount")
  public static let events = core("events", "Event")
  public static let namespaces = core("namespaces", "Namespace", namespaced: false)
  public static let nodes = core("nodes", "Node", namespaced: false)
  public static let deployments = ResourceType(group: "apps", version: "v1", plural: "deployments", kind: "Deployment")
  public static let replicaSets = ResourceType(group: "apps", version: "v1", plural: "replicasets", kind: "ReplicaSet")
  public static let endpointSlices = ResourceType(
    group: "discovery.k8s.io", version: "v1", plural: "endpointslices", kind: "EndpointSlice")
  public static let leases = ResourceType(
    group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease")
  public static let ingresses = ResourceType(
    group: "networking.k8s.io", version: "v1", plural: "ingresses", kind: "Ingress")
  public static let customResourceDefinitions = ResourceType(
    group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions",
    kind: "CustomResourceDefinition", isNamespaced: false)
  public static let flinkDeployments = ResourceType(
    group: "flink.apache.org", version: "v1beta1", plural: "flinkdeployments", kind: "FlinkDeployment")
}
