import Foundation
import KubernetesClient
import Testing

@Suite struct ConfigurationTests {
  static let minimal = """
    apiVersion: v1
    kind: Config
    current-context: dev
    clusters:
    - name: c
      cluster: {server: "https://one:6443/"}
    - name: d
      cluster: {server: "https://two/prefix"}
    users:
    - name: u
      user: {token: secret}
    contexts:
    - name: dev
      context: {cluster: c, user: u, namespace: team}
    - name: prod
      context: {cluster: d}
    """

  @Test func choosesTheContext() async throws {
    try await withFolder { folder in
      try write(Self.minimal, to: "\(folder)/config")
      let dev = try ClusterConfiguration.load(kubeconfigPath: "\(folder)/config", context: nil)
      #expect(dev.server == "https://one:6443")
      #expect(dev.namespace == "team")
      #expect(dev.origin == "context \"dev\" of \(folder)/config")
      let prod = try ClusterConfiguration.load(kubeconfigPath: "\(folder)/config", context: "prod")
      #expect(prod.server == "https://two/prefix")
      #expect(prod.namespace == "default")
    }
  }

  @Test func mergesSeveralFiles() async throws {
    try await withFolder { folder in
      try write(
        "current-context: dev\nclusters: [{name: c, cluster: {server: 'https://first'}}]", to: "\(folder)/a")
      try write(Self.minimal, to: "\(folder)/b")
      let environment = ["KUBECONFIG": "\(folder)/missing:\(folder)/a:\(folder)/b"]
      let merged = try ClusterConfiguration.load(kubeconfigPath: nil, context: nil, environment: environment)
      #expect(merged.server == "https://first")
      #expect(merged.namespace == "team")
      let error = #expect(throws: ConfigurationError.self) {
        try ClusterConfiguration.load(kubeconfigPath: "\(folder)/missing:\(folder)/b", context: nil)
      }
      #expect(error?.problem == "cannot read kubeconfig \(folder)/missing: No such file or directory")
    }
  }

  @Test(arguments: [
    ("clusters: [", "is not YAML: line 2, column 1"),
    ("[]", "holds no mapping; name the right file"),
    ("contexts: []", "has no current-context; name a context: it has none"),
    (
      "current-context: x\ncontexts: [{name: b, context: {}}, {name: a, context: {}}]",
      "has no context \"x\"; it has a, b"
    ),
    ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", "names a cluster that is not there: \"c\""),
    (
      "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, cluster: {}}]",
      "has no server; set it like https://host:6443"
    ),
    (
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        + "clusters: [{name: c, cluster: {server: 'https://h'}}]", "names a user that is not there: \"u\""
    ),
  ])
  func brokenFiles(text: String, message: String) async throws {
    try await withFolder { folder in
      try write(text, to: "\(folder)/config")
      let error = try #require(
        #expect(throws: ConfigurationError.self) {
          try ClusterConfiguration.load(kubeconfigPath: "\(folder)/config", context: nil)
        })
      #expect(error.description.contains(message), "\(error)")
      #expect(!error.description.contains("\n"))
    }
  }

  @Test(arguments: [
    ("server: 'ftp://h'", "token: t", "is not an http or https address"),
    ("server: 'https://'", "token: t", "is not an http or https address"),
    (
      "server: 'https://h', proxy-url: 'p:3128'", "token: t",
      "proxy-url is not an address; write it like http://host:3128"
    ),
    ("server: 'https://h', proxy-url: '//'", "token: t", "cluster \"c\" in"),
    (
      "server: 'https://h', proxy-url: 'socks5://p:1080'", "token: t",
      "proxy-url names a SOCKS proxy (socks5), which is not supported; use an HTTP proxy, like http://host:3128"
    ),
    ("server: 'https://h', proxy-url: 'https://p'", "token: t", "proxy-url has the scheme https"),
    (
      "server: 'https://h', certificate-authority: ca.crt", "token: t",
      "cannot read certificate-authority of cluster \"c\""
    ),
    ("server: 'https://h', certificate-authority-data: '%%'", "token: t", "certificate-authority-data is not Base64"),
    (
      "server: 'https://h', certificate-authority-data: aGVsbG8=", "token: t",
      "certificate-authority-data holds no readable PEM certificate"
    ),
    ("server: 'https://h', insecure-skip-tls-verify: 'yes'", "token: t", "is neither true nor false"),
    ("server: 'https://h'", "auth-provider: {name: gcp}", "uses auth-provider, which Kubernetes has removed"),
    ("server: 'https://h'", "exec: {command: aws}", "has no apiVersion; set it to client.authentication.k8s.io/v1 or"),
    (
      "server: 'https://h'", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1alpha1}",
      "has apiVersion client.authentication.k8s.io/v1alpha1, which is not supported"
    ),
    ("server: 'https://h'", "exec: {apiVersion: client.authentication.k8s.io/v1}", "has no command; name the program"),
    (
      "server: 'https://h'", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}",
      "exec of user \"u\" in"
    ),
    (
      "server: 'https://h'", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}",
      "has no interactiveMode; set it to Never"
    ),
    (
      "server: 'https://h'",
      "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}",
      "has interactiveMode Always, but we have no terminal"
    ),
    (
      "server: 'https://h'", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1, args: [1]}",
      "args is not a list of strings"
    ),
    (
      "server: 'https://h'",
      "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1, env: [{name: A}]}",
      "an entry of env has no name, or a value that is not a string"
    ),
    ("server: 'https://h'", "client-certificate-data: aGVsbG8=", "has a client-certificate without a client-key"),
    ("server: 'https://h'", "client-key-data: aGVsbG8=", "has a client-key without a client-certificate"),
    (
      "server: 'https://h'", "client-certificate-data: aGVsbG8=, client-key-data: aGVsbG8=",
      "client-certificate-data holds no readable PEM certificate"
    ),
    ("server: 'https://h'", "tokenFile: nowhere", "cannot read tokenFile of user \"u\""),
    ("server: 'https://h'", "token: 12", "token is not a string"),
    ("server: 'https://h'", "as: root, token: t", "impersonates (as)"),
  ])
  func brokenEntries(cluster: String, user: String, message: String) async throws {
    try await withFolder { folder in
      try write(
        """
        current-context: x
        clusters: [{name: c, cluster: {\(cluster)}}]
        users: [{name: u, user: {\(user)}}]
        contexts: [{name: x, context: {cluster: c, user: u}}]
        """, to: "\(folder)/config")
      let error = try #require(
        #expect(throws: ConfigurationError.self) {
          try ClusterConfiguration.load(kubeconfigPath: "\(folder)/config", context: nil)
        })
      #expect(error.description.contains(message), "\(error)")
      #expect(!error.description.contains("\n"))
    }
  }

  @Test func noKubeconfigAtAll() {
    let error = #expect(throws: ConfigurationError.self) {
      try ClusterConfiguration.automatic(kubeconfigPath: nil, context: nil, environment: ["HOME": "/nonexistent"])
    }
    #expect(error?.problem == "no kubeconfig at /nonexistent/.kube/config")
  }

  @Test func inCluster() async throws {
    try await withFolder { folder in
      let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
      try write("t\n", to: "\(folder)/token")
      try write("apps\n", to: "\(folder)/namespace")
      let missing = #expect(throws: ConfigurationError.self) {
        try ClusterConfiguration.inCluster(environment: environment, serviceAccountDirectory: folder)
      }
      #expect(
        missing?.problem == "cannot read cluster certificate authority \(folder)/ca.crt: No such file or directory")
      try write(TestCertificates.shared.get().authority, to: "\(folder)/ca.crt")
      let configuration = try ClusterConfiguration.inCluster(
        environment: environment, serviceAccountDirectory: folder)
      #expect(configuration.server == "https://[fd00::1]:443")
      #expect(configuration.namespace == "apps")
      #expect(throws: ConfigurationError.self) { try ClusterConfiguration.inCluster(environment: [:]) }
    }
  }
}
