import FoundationEssentials

/// A kubeconfig with one cluster, one user and one context.
public struct Kubeconfig: Sendable, Hashable {
  /// Name of the cluster, the user and the context.
  public var name: String
  /// For instance `https://127.0.0.1:6443`.
  public var server: String
  public var authorityPEM: String
  public var token: String
  public var namespace: String

  public init(
    name: String = "flink-operator-local", server: String, authorityPEM: String, token: String,
    namespace: String = "default"
  ) {
    self.name = name
    self.server = server
    self.authorityPEM = authorityPEM
    self.token = token
    self.namespace = namespace
  }

  public var yaml: String {
    let authority = Data(authorityPEM.utf8).base64EncodedString()
    return """
      apiVersion: v1
      kind: Config
      current-context: \(name)
      clusters:
      - name: \(name)
        cluster:
          server: \(server)
          certificate-authority-data: \(authority)
      users:
      - name: \(name)
        user:
          token: \(token)
      contexts:
      - name: \(name)
        context:
          cluster: \(name)
          user: \(name)
          namespace: \(namespace)

      """
  }

  /// Writes the file so that readers see the old or the whole new one, readable by the owner only.
  ///
  /// - Throws: `FileError` naming the path.
  public func write(to path: String) throws(FileError) {
    try PrivateFile.write(Array(yaml.utf8), to: path)
  }
}
