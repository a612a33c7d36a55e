/// How a local cluster is set up.
public struct LocalClusterOptions: Sendable {
  /// Absolute path of the instance's folder. Nil takes `${XDG_RUNTIME_DIR or /tmp}/flink-operator/local-<N>`, where N is
  /// the number of the instance's address block 127.N.0.0/16.
  public var runDirectory: String?
  /// The loopback address to serve the API on.
  public var listenAddress: String
  /// 0 takes any port that is free.
  public var port: Int
  /// Where to write the administrator's kubeconfig besides the run directory. Removed at the end.
  public var kubeconfigPath: String?
  /// The block 127.N.0.0/16 for pods and Services; nil takes the first that is free.
  public var addressBlock: UInt8?
  /// The folder with fetched Flink distributions and the example jar; nil for the default one.
  public var cacheDirectory: String?
  /// Whether Deployments, ReplicaSets, endpoints, namespaces and garbage collection are looked after.
  public var runsControllers: Bool
  /// Whether there is a node whose agent runs pods.
  public var runsAgent: Bool
  /// The name of the Node.
  public var nodeName = "local"
  /// YAML documents of objects that are there from the start: CRDs, roles, service accounts.
  public var manifests: [String]
  /// YAML documents of the operator's account and roles, in its namespace `flink-operator`. It has no other rights.
  public var operatorManifests: [String]
  /// The environment of the process, for the default folders.
  public var environment: [String: String]

  public init(
    runDirectory: String? = nil, listenAddress: String = "127.0.0.1", port: Int = 0, kubeconfigPath: String? = nil,
    addressBlock: UInt8? = nil, cacheDirectory: String? = nil, runsControllers: Bool = true, runsAgent: Bool = true,
    manifests: [String] = [], operatorManifests: [String] = [], environment: [String: String] = [:]
  ) {
    self.runDirectory = runDirectory
    self.listenAddress = listenAddress
    self.port = port
    self.kubeconfigPath = kubeconfigPath
    self.addressBlock = addressBlock
    self.cacheDirectory = cacheDirectory
    self.runsControllers = runsControllers
    self.runsAgent = runsAgent
    self.manifests = manifests
    self.operatorManifests = operatorManifests
    self.environment = environment
  }
}

/// A local cluster that answers requests.
public struct LocalClusterReady: Sendable, Hashable {
  /// For instance `https://127.0.0.1:40123`.
  public let server: String
  /// An administrator's.
  public let kubeconfigPath: String
  public let operatorKubeconfigPath: String
  public let runDirectory: String
  /// N of 127.N.0.0/16.
  public let addressBlock: UInt8
}

/// Why a local cluster does not start or does not go on.
public enum LocalClusterError: Error, Sendable, CustomStringConvertible {
  case noAddressBlock(String)
  case runDirectory(RunDirectoryError)
  case credentials(CredentialsError)
  case file(FileError)
  case front(FrontError)
  case manifest(String)
  case agent(String)

  public var description: String {
    switch self {
    case .noAddressBlock(let why): why
    case .runDirectory(let error): error.description
    case .credentials(let error): error.description
    case .file(let error): error.description
    case .front(let error): error.description
    case .manifest(let why): "cannot set the cluster up: \(why)"
    case .agent(let why): "the node agent ended: \(why)"
    }
  }
}
