internal import KubernetesAPI
internal import YAML

/// One kubeconfig, or several read as one: of entries with the same name, and of settings, the first file's counts.
struct Kubeconfig {
  private var clusters: [Entry] = []
  private var users: [Entry] = []
  private var contexts: [Entry] = []
  private var currentContext: String?
  /// The files that were read, for messages.
  private var files: [String] = []

  /// A named entry and the file it stands in.
  struct Entry {
    var name: String
    var value: JSONValue
    var file: String
    /// For instance `user "admin" in /root/.kube/config`.
    var title: String

    /// A path in the entry, relative to its file.
    func path(_ text: String) -> String {
      guard !text.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return text }
      return file[...slash] + text
    }

    /// A setting that should be text; absent and empty ones are nil.
    func string(_ name: String) throws(ConfigurationError) -> String? {
      switch value[name] {
      case nil, .null, .string(""): return nil
      case .string(let text): return text
      default:
        throw ConfigurationError(problem: "\(title): \(name) is not a string", hint: "put it in quotes")
      }
    }
  }

  /// - Parameter mustExist: whether a missing file is an error although another is there.
  init(paths: [String], mustExist: Bool) throws(ConfigurationError) {
    for path in paths where mustExist || ConfigurationFile.exists(path) {
      try read(path)
      files.append(path)
    }
    guard !files.isEmpty else {
      throw ConfigurationError(
        problem: "no kubeconfig at \(paths.joined(separator: " or "))",
        hint: "give one with --kubeconfig or KUBECONFIG, or start a cluster with 'flink-operator local'")
    }
  }

  private mutating func read(_ path: String) throws(ConfigurationError) {
    let text = String(decoding: try ConfigurationFile.read(path, what: "kubeconfig"), as: UTF8.self)
    let json: JSONValue
    do throws(YAMLError) {
      json = try YAML.parse(text)
    } catch {
      throw ConfigurationError(problem: "kubeconfig \(path) is not YAML: \(error)", hint: "correct the file")
    }
    guard json.isNull || json.objectValue != nil else {
      throw ConfigurationError(problem: "kubeconfig \(path) holds no mapping", hint: "name the right file")
    }
    add(json["clusters"], to: \.clusters, kind: "cluster", path)
    add(json["users"], to: \.users, kind: "user", path)
    add(json["contexts"], to: \.contexts, kind: "context", path)
    if currentContext == nil, let name = json["current-context"]?.stringValue, !name.isEmpty { currentContext = name }
  }

  private mutating func add(
    _ list: JSONValue?, to entries: WritableKeyPath<Kubeconfig, [Entry]>, kind: String, _ file: String
  ) {
    for item in list?.arrayValue ?? [] {
      guard let name = item["name"]?.stringValue, !self[keyPath: entries].contains(where: { $0.name == name }) else {
        continue
      }
      self[keyPath: entries].append(
        Entry(name: name, value: item[kind] ?? [:], file: file, title: "\(kind) \"\(name)\" in \(file)"))
    }
  }

  private var place: String { files.joined(separator: ":") }

  func configuration(
    context name: String?, environment: [String: String]
  ) throws(ConfigurationError) -> ClusterConfiguration {
    let available = contexts.isEmpty ? "it has none" : "it has \(contexts.map(\.name).sorted().joined(separator: ", "))"
    guard let name = name ?? currentContext else {
      throw ConfigurationError(
        problem: "kubeconfig \(place) has no current-context", hint: "name a context: \(available)")
    }
    guard let context = contexts.first(where: { $0.name == name }) else {
      throw ConfigurationError(problem: "kubeconfig \(place) has no context \"\(name)\"", hint: available)
    }
    guard let clusterName = try context.string("cluster"),
      let cluster = clusters.first(where: { $0.name == clusterName })
    else {
      throw ConfigurationError(
        problem: "\(context.title) names a cluster that is not there: \"\(try context.string("cluster") ?? "")\"",
        hint: "the kubeconfig has \(clusters.map(\.name).sorted().joined(separator: ", "))")
    }
    var user: Entry?
    if let userName = try context.string("user") {
      user = users.first { $0.name == userName }
      guard user != nil else {
        throw ConfigurationError(
          problem: "\(context.title) names a user that is not there: \"\(userName)\"",
          hint: "the kubeconfig has \(users.map(\.name).sorted().joined(separator: ", "))")
      }
    }
    guard let server = try cluster.string("server") else {
      throw ConfigurationError(problem: "\(cluster.title) has no server", hint: "set it like https://host:6443")
    }
    let proxy = try cluster.string("proxy-url").map { (text) throws(ConfigurationError) in
      try HTTPProxy(text, of: cluster.title)
    }
    var authorization = try user?.authorization() ?? .none
    if case .none = authorization, let plugin = try user?.execPlugin(cluster: cluster, environment: environment) {
      authorization = .exec(ExecCredentials(plugin))
    }
    return try ClusterConfiguration(
      server: server, namespace: try context.string("namespace") ?? "default",
      origin: "context \"\(name)\" of \(place)", trust: try Self.trust(cluster),
      tlsServerName: try cluster.string("tls-server-name"),
      clientCertificate: try user.flatMap { (user) throws(ConfigurationError) in try user.clientCertificate() },
      authorization: authorization, proxy: proxy)
  }

  private static func trust(_ cluster: Entry) throws(ConfigurationError) -> ClusterConfiguration.Trust {
    let authority = try cluster.material("certificate-authority")
    switch cluster.value["insecure-skip-tls-verify"] {
    case .bool(true):
      guard authority == nil else {
        throw ConfigurationError(
          problem: "\(cluster.title) has both insecure-skip-tls-verify and a certificate authority",
          hint: "remove one of them")
      }
      return .anything
    case nil, .null, .bool(false): break
    default:
      throw ConfigurationError(
        problem: "\(cluster.title): insecure-skip-tls-verify is neither true nor false", hint: "correct it")
    }
    guard let authority else { return .system }
    return .authorities(try PEM.certificates(authority.bytes, what: authority.title))
  }
}
