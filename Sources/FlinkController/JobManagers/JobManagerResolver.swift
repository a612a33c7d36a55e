public import FlinkModel

/// The REST service of a cluster, as far as it is known.
public struct RESTService: Sendable, Hashable {
  public var namespace: String
  public var name: String
  public var port: Int
  public var isEncrypted: Bool
  /// nil where the Service has not been seen or is headless.
  public var clusterIP: String?

  public init(namespace: String, name: String, port: Int, isEncrypted: Bool = false, clusterIP: String? = nil) {
    self.namespace = namespace
    self.name = name
    self.port = port
    self.isEncrypted = isEncrypted
    self.clusterIP = clusterIP
  }

  var scheme: String { isEncrypted ? "https" : "http" }
}

/// Where a cluster's REST service answers from where the operator runs.
public protocol JobManagerResolver: Sendable {
  /// - Throws: `UnresolvedJobManager` as long as there is no address.
  func endpoint(of service: RESTService) throws(UnresolvedJobManager) -> FlinkEndpoint
}

/// Why there is no address yet.
public struct UnresolvedJobManager: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// By the service's DNS name: for an operator inside of the cluster.
public struct ServiceNameResolver: JobManagerResolver {
  public init() {}

  public func endpoint(of service: RESTService) throws(UnresolvedJobManager) -> FlinkEndpoint {
    FlinkEndpoint(scheme: service.scheme, host: "\(service.name).\(service.namespace)", port: service.port)
  }
}

/// By the service's cluster address: for an operator on a machine that reaches service addresses but not the cluster's
/// DNS, such as the local cluster's.
public struct ClusterIPResolver: JobManagerResolver {
  public init() {}

  public func endpoint(of service: RESTService) throws(UnresolvedJobManager) -> FlinkEndpoint {
    guard let address = service.clusterIP, !address.isEmpty, address != "None" else {
      throw UnresolvedJobManager("service \(service.namespace)/\(service.name) has no cluster address yet")
    }
    return FlinkEndpoint(scheme: service.scheme, host: address, port: service.port)
  }
}
