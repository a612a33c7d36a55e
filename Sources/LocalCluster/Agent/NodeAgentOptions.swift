public import KubernetesAPI

/// How a node agent runs its pods.
public struct NodeAgentOptions: Sendable {
  /// The name of the Node that it registers, and the `spec.nodeName` of the pods it runs.
  public var nodeName: String
  /// Absolute path of the folder that holds the pods' files. Everything in it belongs to the agent.
  public var directory: String
  /// The loopback addresses of this instance.
  public var addresses: AddressBlock
  /// Which image names the node can run.
  public var images: ImageCatalog
  /// Where pods find the API server, in `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`; nil leaves both out.
  public var apiServer: APIServerAddress?
  /// The PEM text that pods find as `ca.crt` beside their service account token.
  public var certificateAuthority: String
  /// A bearer token for a service account; nil where there is none to give.
  public var serviceAccountToken: @Sendable (ServiceAccountTokenRequest) async -> String?
  /// The first and the longest wait before a container that ended is started again; each wait doubles the one before.
  public var restartBackoff: (first: Duration, longest: Duration)
  /// The first and the longest wait before a missing image is looked for again.
  public var imageBackoff: (first: Duration, longest: Duration)
  public var heartbeatInterval: Duration
  /// JVM flags for Flink's processes, for quick starts on few cores. `FLINK_LOCAL_JVM_FLAGS` in a pod overrides them.
  public var jvmFlags: String
  /// How many pods the Node says it can hold.
  public var podCapacity: Int

  public init(
    nodeName: String = "local", directory: String, addresses: AddressBlock, images: ImageCatalog,
    apiServer: APIServerAddress? = nil, certificateAuthority: String = "",
    serviceAccountToken: @escaping @Sendable (ServiceAccountTokenRequest) async -> String? = { _ in nil }
  ) {
    self.nodeName = nodeName
    self.directory = directory
    self.addresses = addresses
    self.images = images
    self.apiServer = apiServer
    self.certificateAuthority = certificateAuthority
    self.serviceAccountToken = serviceAccountToken
    restartBackoff = (.seconds(10), .seconds(300))
    imageBackoff = (.seconds(10), .seconds(300))
    heartbeatInterval = .seconds(10)
    jvmFlags = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    podCapacity = 250
  }
}

public struct APIServerAddress: Sendable, Hashable {
  public var host: String
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }
}

public struct ServiceAccountTokenRequest: Sendable, Hashable {
  public var serviceAccount: ObjectKey
  public var podName: String
  public var podUID: String
  /// Empty for the API server's own audience.
  public var audience: String
}
