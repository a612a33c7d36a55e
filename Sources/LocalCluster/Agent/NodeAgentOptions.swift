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
  /// The first and the longest wait before a container that ended is started again; each wait doubles the one before.
  public var restartBackoff: (first: Duration, longest: Duration)
  /// The first and the longest wait before a missing image is looked for again.
  public var imageBackoff: (first: Duration, longest: Duration)
  public var heartbeatInterval: Duration
  /// JVM flags for Flink's processes, for quick starts on few cores. `FLINK_LOCAL_JVM_FLAGS` in a pod overrides them.
  public var jvmFlags: String
  /// Whether the addresses of all Services are this machine's, and not only those of `addresses`.
  public var servesAllServices: Bool
  /// How many pods the Node says it can hold.
  public var podCapacity: Int

  public init(
    nodeName: String = "local", directory: String, addresses: AddressBlock, images: ImageCatalog,
    apiServer: APIServerAddress? = nil, certificateAuthority: String = ""
  ) {
    self.nodeName = nodeName
    self.directory = directory
    self.addresses = addresses
    self.images = images
    self.apiServer = apiServer
    self.certificateAuthority = certificateAuthority
    restartBackoff = (.seconds(10), .seconds(300))
    imageBackoff = (.seconds(10), .seconds(300))
    heartbeatInterval = .seconds(10)
    jvmFlags = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    servesAllServices = false
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

  /// From an address such as `https://127.0.0.1:6443`; nil where it names no host. IPv6 hosts are in brackets.
  public init?(url: String) {
    guard let scheme = url.firstRange(of: "://") else { return nil }
    let authority = url[scheme.upperBound...].prefix { $0 != "/" }
    let isSecure = url.hasPrefix("https")
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      host = String(authority[authority.index(after: authority.startIndex)..<end])
      port = Int(authority[authority.index(after: end)...].dropFirst()) ?? (isSecure ? 443 : 80)
    } else {
      let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
      host = String(parts.first ?? "")
      port = parts.count > 1 ? Int(parts[1]) ?? 443 : isSecure ? 443 : 80
    }
    if host.isEmpty { return nil }
  }
}
