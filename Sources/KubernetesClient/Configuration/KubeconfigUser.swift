internal import FoundationEssentials
internal import KubernetesAPI

extension Kubeconfig.Entry {
  /// Bytes that stand in the entry itself (`name-data`, Base64) or in a file (`name`); the former count first.
  func material(_ name: String) throws(ConfigurationError) -> (bytes: [UInt8], title: String)? {
    if let text = try string("\(name)-data") {
      guard let data = Data(base64Encoded: text.filter { !$0.isWhitespace }) else {
        throw ConfigurationError(
          problem: "\(title): \(name)-data is not Base64", hint: "encode the file with 'base64 -w0'")
      }
      return (Array(data), "\(title): \(name)-data")
    }
    guard let path = try string(name) else { return nil }
    let bytes = try ConfigurationFile.read(self.path(path), what: "\(name) of \(title):")
    return (bytes, "\(title): \(self.path(path))")
  }

  func clientCertificate() throws(ConfigurationError) -> ClusterConfiguration.ClientCertificate? {
    let certificate = try material("client-certificate")
    let key = try material("client-key")
    switch (certificate, key) {
    case (nil, nil): return nil
    case (let certificate?, let key?):
      return ClusterConfiguration.ClientCertificate(
        chain: try PEM.certificates(certificate.bytes, what: certificate.title),
        key: try PEM.privateKey(key.bytes, what: key.title))
    case (_?, nil):
      throw ConfigurationError(problem: "\(title) has a client-certificate without a client-key", hint: "add the key")
    case (nil, _?):
      throw ConfigurationError(
        problem: "\(title) has a client-key without a client-certificate", hint: "add the certificate")
    }
  }

  func authorization() throws(ConfigurationError) -> ClusterConfiguration.Authorization {
    if let provider = value["auth-provider"], !provider.isNull {
      throw ConfigurationError(
        problem: "\(title) uses auth-provider, which Kubernetes has removed",
        hint: "use an exec plugin, a token or a client certificate")
    }
    for name in ["as", "as-uid"] where try string(name) != nil {
      throw ConfigurationError(
        problem: "\(title) impersonates (\(name)), which is not supported", hint: "use a context of that user itself")
    }
    if let file = try string("tokenFile") {
      let path = path(file)
      _ = try ConfigurationFile.read(path, what: "tokenFile of \(title):")
      return .tokenFile(path)
    }
    if let token = try string("token") { return .token(token) }
    if let name = try string("username") { return .basic(user: name, password: try string("password") ?? "") }
    return .none
  }
}
