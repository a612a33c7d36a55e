internal import KubernetesAPI

/// A program that makes credentials, as `exec` of a kubeconfig's user describes it.
struct ExecPlugin: Sendable {
  /// For messages: `exec plugin aws of user "dev" in /root/.kube/config`.
  var title: String
  var command: String
  var arguments: [String]
  /// The whole environment, without KUBERNETES_EXEC_INFO.
  var environment: [String: String]
  var installHint: String?
  var apiVersion: String
  /// What the program is told of the cluster, where it wants to know.
  var cluster: JSONValue?
  /// A program that takes longer is ended.
  var timeLimit = Duration.seconds(60)

  static let apiVersions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]

  /// Runs the program; blocks until it has ended.
  func run(timeLimit: Duration? = nil) throws(ConfigurationError) -> ExecAnswer {
    var environment = environment
    environment["KUBERNETES_EXEC_INFO"] = request.text
    let limit = timeLimit ?? self.timeLimit
    let process = PluginProcess(
      command: command, arguments: arguments, environment: environment, timeLimit: limit)
    let output: PluginProcess.Output
    do throws(PluginProcess.Failure) {
      output = try process.run()
    } catch {
      switch error {
      case .notStarted(let why):
        throw ConfigurationError(
          problem: "\(title) cannot be started: \(why)", hint: installHint ?? "install it, or check its path")
      case .tooSlow(let said):
        throw failure("did not end within \(limit.components.seconds) s", said)
      case .tooMuch(let bytes): throw failure("wrote more than \(bytes) bytes", "")
      }
    }
    guard output.status == 0 else { throw failure(output.ending, output.errors) }
    return try ExecAnswer(output.bytes, of: self)
  }

  /// What KUBERNETES_EXEC_INFO says. Nobody sits at a terminal.
  var request: JSONValue {
    var spec: JSONValue = ["interactive": false]
    if let cluster { spec["cluster"] = cluster }
    return ["apiVersion": .string(apiVersion), "kind": "ExecCredential", "spec": spec]
  }

  func failure(_ what: String, _ said: String) -> ConfigurationError {
    let line = said.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let excerpt = line.count > 400 ? "…\(line.suffix(400))" : line
    return ConfigurationError(
      problem: "\(title) \(what)\(excerpt.isEmpty ? "" : ": \(excerpt)")",
      hint: "run it by hand to see why, and log in again where it asks for that")
  }
}

/// What a plugin gave: a token, a client certificate, or both.
struct ExecAnswer: Sendable, Hashable {
  var token: String?
  /// PEM.
  var certificate: String?
  var key: String?
  var expiresAt: Timestamp?

  init(token: String?, certificate: String? = nil, key: String? = nil, expiresAt: Timestamp? = nil) {
    self.token = token
    self.certificate = certificate
    self.key = key
    self.expiresAt = expiresAt
  }

  init(_ bytes: [UInt8], of plugin: ExecPlugin) throws(ConfigurationError) {
    let json: JSONValue
    do throws(JSONError) {
      json = try JSONParser.parse(bytes)
    } catch {
      throw plugin.failure("wrote no ExecCredential", "\(error)")
    }
    guard json["kind"]?.stringValue == "ExecCredential" else {
      throw plugin.failure("wrote no ExecCredential", "its kind is \(json["kind"]?.text ?? "missing")")
    }
    guard json["apiVersion"]?.stringValue == plugin.apiVersion else {
      throw ConfigurationError(
        problem: "\(plugin.title) answers in \(json["apiVersion"]?.stringValue ?? "no apiVersion"), not "
          + "\(plugin.apiVersion)", hint: "set the plugin's version as apiVersion of exec in the kubeconfig")
    }
    let status = json["status"]
    token = Self.text(status?["token"])
    certificate = Self.text(status?["clientCertificateData"])
    key = Self.text(status?["clientKeyData"])
    guard token != nil || certificate != nil || key != nil else {
      throw plugin.failure("gave neither a token nor a client certificate", "")
    }
    guard (certificate == nil) == (key == nil) else {
      throw plugin.failure("gave only one of clientCertificateData and clientKeyData", "")
    }
    switch status?["expirationTimestamp"] {
    case nil, .null: expiresAt = nil
    case let value?:
      guard let text = value.stringValue, let time = Timestamp(rfc3339: text) else {
        throw plugin.failure("gave an expirationTimestamp that is no RFC 3339 time", value.text)
      }
      expiresAt = time
    }
  }

  private static func text(_ value: JSONValue?) -> String? {
    guard let text = value?.stringValue, !text.isEmpty else { return nil }
    return text
  }

  /// The answer as requests carry it.
  func credential(serial: UInt64, of plugin: ExecPlugin) throws(ConfigurationError) -> Credential {
    var credential = Credential(header: token.map { "Bearer \($0)" }, serial: serial)
    if let token, token.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) {
      throw plugin.failure("gave a token with spaces or line breaks in it", "")
    }
    if let certificate, let key {
      credential.certificate = ClusterConfiguration.ClientCertificate(
        chain: try PEM.certificates(Array(certificate.utf8), what: "clientCertificateData of \(plugin.title)"),
        key: try PEM.privateKey(Array(key.utf8), what: "clientKeyData of \(plugin.title)"))
    }
    return credential
  }
}
