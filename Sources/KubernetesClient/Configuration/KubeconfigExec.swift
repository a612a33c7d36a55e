internal import FoundationEssentials
internal import KubernetesAPI

extension Kubeconfig.Entry {
  /// The program that makes this user's credentials; nil for a user without one.
  ///
  /// - Parameter environment: what the program inherits.
  func execPlugin(
    cluster: Kubeconfig.Entry, environment: [String: String]
  ) throws(ConfigurationError) -> ExecPlugin? {
    guard let json = value["exec"], !json.isNull else { return nil }
    var exec = self
    exec.value = json
    exec.title = "exec of \(title)"
    let versions = ExecPlugin.apiVersions.joined(separator: " or ")
    guard let apiVersion = try exec.string("apiVersion") else {
      throw ConfigurationError(problem: "\(exec.title) has no apiVersion", hint: "set it to \(versions)")
    }
    guard ExecPlugin.apiVersions.contains(apiVersion) else {
      throw ConfigurationError(
        problem: "\(exec.title) has apiVersion \(apiVersion), which is not supported",
        hint: "set it to \(versions), and update the plugin where it does not know them")
    }
    guard let command = try exec.string("command") else {
      throw ConfigurationError(problem: "\(exec.title) has no command", hint: "name the program")
    }
    try exec.checkInteraction(apiVersion)
    return ExecPlugin(
      title: "exec plugin \(command) of \(title)", command: command.contains("/") ? path(command) : command,
      arguments: try exec.arguments(), environment: try exec.environment(over: environment),
      installHint: try exec.string("installHint")?.split(whereSeparator: \.isWhitespace).joined(separator: " "),
      apiVersion: apiVersion,
      cluster: json["provideClusterInfo"]?.boolValue == true ? try cluster.execInformation() : nil)
  }

  /// Mandatory in v1. We run where nobody can answer questions.
  private func checkInteraction(_ apiVersion: String) throws(ConfigurationError) {
    switch try string("interactiveMode") {
    case "Never", "IfAvailable": return
    case nil where apiVersion != ExecPlugin.apiVersions[0]: return
    case nil:
      throw ConfigurationError(
        problem: "\(title) has no interactiveMode", hint: "set it to Never, IfAvailable or Always")
    case "Always":
      throw ConfigurationError(
        problem: "\(title) has interactiveMode Always, but we have no terminal to ask at",
        hint: "use a plugin that can run with interactiveMode Never or IfAvailable")
    case let other?:
      throw ConfigurationError(
        problem: "\(title) has interactiveMode \(other)", hint: "set it to Never, IfAvailable or Always")
    }
  }

  private func arguments() throws(ConfigurationError) -> [String] {
    guard let list = value["args"], !list.isNull else { return [] }
    let texts = list.arrayValue?.compactMap(\.stringValue)
    guard let texts, texts.count == list.arrayValue?.count else {
      throw ConfigurationError(problem: "\(title): args is not a list of strings", hint: "put each in quotes")
    }
    return texts
  }

  private func environment(over inherited: [String: String]) throws(ConfigurationError) -> [String: String] {
    var result = inherited
    for item in value["env"]?.arrayValue ?? [] {
      guard let name = item["name"]?.stringValue, !name.isEmpty, !name.contains("="),
        let value = item["value"]?.stringValue
      else {
        throw ConfigurationError(
          problem: "\(title): an entry of env has no name, or a value that is not a string",
          hint: "write entries like {name: AWS_PROFILE, value: \"dev\"}")
      }
      result[name] = value
    }
    return result
  }

  /// What a plugin is told of a cluster.
  private func execInformation() throws(ConfigurationError) -> JSONValue {
    var information: JSONValue = [:]
    for name in ["server", "tls-server-name", "proxy-url"] {
      if let text = try string(name) { information[name] = .string(text) }
    }
    if value["insecure-skip-tls-verify"]?.boolValue == true { information["insecure-skip-tls-verify"] = true }
    if let authority = try material("certificate-authority") {
      information["certificate-authority-data"] = .string(Data(authority.bytes).base64EncodedString())
    }
    let extensions = value["extensions"]?.arrayValue ?? []
    if let own = extensions.first(where: { $0["name"]?.stringValue == "client.authentication.k8s.io/exec" }) {
      information["config"] = own["extension"] ?? .null
    }
    return information
  }
}
