internal import FoundationEssentials
internal import Glibc
internal import NIOSSL

/// How to reach one cluster and as whom.
public struct ClusterConfiguration: Sendable {
  /// The API server's address: scheme, host, port, and a path where it is not at the root; no slash at the end.
  public let server: String
  /// The namespace for requests that name none.
  public let namespace: String
  /// Where this comes from, for messages: `context "dev" of /root/.kube/config`.
  public let origin: String

  var trust: Trust
  /// The name to expect in the server's certificate instead of the address's host.
  var tlsServerName: String?
  var clientCertificate: ClientCertificate?
  var authorization: Authorization
  /// The proxy between us and the server.
  var proxy: HTTPProxy?

  /// Which server certificates are believed.
  enum Trust: Sendable {
    case system
    case authorities([NIOSSLCertificate])
    /// Any: `insecure-skip-tls-verify`.
    case anything
  }

  struct ClientCertificate: Sendable {
    var chain: [NIOSSLCertificate]
    var key: NIOSSLPrivateKey
  }

  /// What goes into the Authorization header.
  enum Authorization: Sendable {
    case none
    case token(String)
    /// Read again as it is rotated.
    case tokenFile(String)
    case basic(user: String, password: String)
    /// Made by a program; a client certificate too.
    case exec(ExecCredentials)
  }

  init(
    server: String, namespace: String, origin: String, trust: Trust, tlsServerName: String? = nil,
    clientCertificate: ClientCertificate? = nil, authorization: Authorization, proxy: HTTPProxy? = nil
  ) throws(ConfigurationError) {
    let trimmed = String(server.reversed().drop { $0 == "/" }.reversed())
    guard let url = URL(string: trimmed), let scheme = url.scheme, ["http", "https"].contains(scheme.lowercased()),
      let host = url.host(), !host.isEmpty, url.query() == nil, url.user() == nil
    else {
      throw ConfigurationError(
        problem: "\(origin): server \"\(server)\" is not an http or https address",
        hint: "write it like https://host:6443")
    }
    self.server = trimmed
    self.namespace = namespace
    self.origin = origin
    self.trust = trust
    self.tlsServerName = tlsServerName
    self.clientCertificate = clientCertificate
    self.authorization = authorization
    self.proxy = proxy
  }

  /// A cluster that is known without a file.
  ///
  /// - Parameter certificateAuthority: PEM; nil trusts the system's authorities.
  public init(
    server: String, namespace: String = "default", token: String? = nil, certificateAuthority: [UInt8]? = nil
  ) throws(ConfigurationError) {
    var trust = Trust.system
    if let certificateAuthority {
      trust = .authorities(try PEM.certificates(certificateAuthority, what: "certificate authority of \(server)"))
    }
    try self.init(
      server: server, namespace: namespace, origin: server, trust: trust,
      authorization: token.map(Authorization.token) ?? .none)
  }
}

extension ClusterConfiguration {
  /// The cluster this process should work with: that of `kubeconfigPath` where one is given, else of `KUBECONFIG` where
  /// it is set, else the one this process runs in, else that of `~/.kube/config`.
  ///
  /// - Parameter context: chooses from the kubeconfig; it is an error together with the in-cluster configuration.
  public static func automatic(
    kubeconfigPath: String?, context: String?, environment: [String: String]
  ) throws(ConfigurationError) -> ClusterConfiguration {
    let hasKubeconfig = kubeconfigPath != nil || environment["KUBECONFIG"]?.isEmpty == false
    guard !hasKubeconfig, context == nil, environment["KUBERNETES_SERVICE_HOST"]?.isEmpty == false else {
      return try load(kubeconfigPath: kubeconfigPath, context: context, environment: environment)
    }
    return try inCluster(environment: environment)
  }

  /// The cluster of a kubeconfig.
  ///
  /// - Parameters:
  ///   - kubeconfigPath: one file, or several with colons between them; nil for `KUBECONFIG`, or `~/.kube/config`.
  ///   - context: nil for the file's current context.
  public static func load(
    kubeconfigPath: String?, context: String?, environment: [String: String]? = nil
  ) throws(ConfigurationError) -> ClusterConfiguration {
    let environment = environment ?? ProcessInfo.processInfo.environment
    let kubeconfig: Kubeconfig
    if let kubeconfigPath, !kubeconfigPath.isEmpty {
      kubeconfig = try Kubeconfig(paths: Self.paths(kubeconfigPath), mustExist: true)
    } else if let list = environment["KUBECONFIG"], !list.isEmpty {
      kubeconfig = try Kubeconfig(paths: Self.paths(list), mustExist: false)
    } else {
      let home = environment["HOME"] ?? "/root"
      kubeconfig = try Kubeconfig(paths: ["\(home)/.kube/config"], mustExist: false)
    }
    return try kubeconfig.configuration(context: context, environment: environment)
  }

  private static func paths(_ list: String) -> [String] { list.split(separator: ":").map(String.init) }

  /// The cluster this pod runs in, as its service account.
  ///
  /// - Parameter serviceAccountDirectory: where the kubelet mounts token, authority and namespace.
  public static func inCluster(
    environment: [String: String]? = nil,
    serviceAccountDirectory: String = "/var/run/secrets/kubernetes.io/serviceaccount"
  ) throws(ConfigurationError) -> ClusterConfiguration {
    let environment = environment ?? ProcessInfo.processInfo.environment
    guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
      let port = environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty
    else {
      throw ConfigurationError(
        problem: "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set",
        hint: "give a kubeconfig")
    }
    let tokenFile = "\(serviceAccountDirectory)/token"
    _ = try ConfigurationFile.read(tokenFile, what: "service account token")
    let authorityFile = "\(serviceAccountDirectory)/ca.crt"
    let authority = try ConfigurationFile.read(authorityFile, what: "cluster certificate authority")
    let namespaceFile = "\(serviceAccountDirectory)/namespace"
    var namespace = "default"
    if ConfigurationFile.exists(namespaceFile) {
      let bytes = try ConfigurationFile.read(namespaceFile, what: "service account namespace")
      let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
      if !text.isEmpty { namespace = text }
    }
    return try ClusterConfiguration(
      server: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)", namespace: namespace,
      origin: "in-cluster configuration",
      trust: .authorities(try PEM.certificates(authority, what: authorityFile)), authorization: .tokenFile(tokenFile))
  }
}
