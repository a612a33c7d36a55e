import Foundation
import KubernetesAPI
import KubernetesClient
import NIOHTTP1
import Testing

@Suite struct TLSTests {
  /// Runs a server with TLS and a client by a kubeconfig with these settings; the certificates lie in `pki/`.
  static func call(
    cluster: String, user: String, asksClients: Bool = false,
    certificates: Result<TestCertificates, any Error> = TestCertificates.shared
  ) async throws -> (error: KubernetesError?, requests: [TestRequest]) {
    let certificates = try certificates.get()
    let tls = try certificates.serverConfiguration(asksClients: asksClients)
    return try await withFolder { folder in
      try write(certificates.authority, to: "\(folder)/pki/ca.crt")
      try write(certificates.client, to: "\(folder)/pki/client.crt")
      try write(certificates.clientKey, to: "\(folder)/pki/client.key")
      return try await TestServer.run(tls: tls, handler: { $1.answer(json: ["ok": true]) }) { server in
        try write(
          """
          current-context: x
          clusters: [{name: c, cluster: {server: "\(server.address)", \(cluster)}}]
          users: [{name: u, user: {\(user)}}]
          contexts: [{name: x, context: {cluster: c, user: u}}]
          """, to: "\(folder)/config")
        let configuration = try ClusterConfiguration.load(kubeconfigPath: "\(folder)/config", context: nil)
        return try await withClient(configuration) { client in
          do throws(KubernetesError) {
            _ = try await client.patch(.pods, namespace: "n", name: "p", .merge([:]))
            return (nil, server.requests)
          } catch {
            return (error, server.requests)
          }
        }
      }
    }
  }

  @Test func filesRelativeToTheKubeconfig() async throws {
    let result = try await Self.call(
      cluster: "certificate-authority: pki/ca.crt",
      user: "client-certificate: pki/client.crt, client-key: pki/client.key", asksClients: true)
    #expect(result.error == nil)
    #expect(result.requests.first?.hasClientCertificate == true)
  }

  @Test func inlineData() async throws {
    let certificates = try TestCertificates.shared.get()
    func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
    let result = try await Self.call(
      cluster: "certificate-authority-data: \(base64(certificates.authority))",
      user:
        "client-certificate-data: \(base64(certificates.client)), client-key-data: \(base64(certificates.clientKey))",
      asksClients: true)
    #expect(result.error == nil)
    #expect(result.requests.first?.hasClientCertificate == true)
  }

  @Test func anUntrustedServerIsNotTalkedTo() async throws {
    let result = try await Self.call(cluster: "insecure-skip-tls-verify: false", user: "token: t")
    let error = try #require(result.error)
    #expect(error.isUnreachable && !error.isAmbiguous)
    #expect(error.description.contains("is not trusted; check certificate-authority in the kubeconfig"))
    #expect(result.requests.isEmpty)
  }

  @Test func insecureByRequest() async throws {
    let result = try await Self.call(cluster: "insecure-skip-tls-verify: true", user: "token: t")
    #expect(result.error == nil)
    #expect(result.requests.first?.headers.first(name: "authorization") == "Bearer t")
  }

  @Test func tlsServerName() async throws {
    let named = try await Self.call(
      cluster: "certificate-authority: pki/ca.crt, tls-server-name: api.test", user: "token: t",
      certificates: TestCertificates.named)
    #expect(named.error == nil)
    #expect(named.requests.first?.headers.first(name: "host")?.hasPrefix("127.0.0.1:") == true)
    let wrong = try await Self.call(
      cluster: "certificate-authority: pki/ca.crt, tls-server-name: other.test", user: "token: t",
      certificates: TestCertificates.named)
    let error = try #require(wrong.error)
    #expect(error.isUnreachable)
    #expect(error.description.contains("set tls-server-name in the kubeconfig"), "\(error)")
  }

  @Test func aCertificateForAnotherNameIsRefused() async throws {
    let result = try await Self.call(
      cluster: "certificate-authority: pki/ca.crt", user: "token: t", certificates: TestCertificates.named)
    #expect(result.error?.isUnreachable == true)
    #expect(result.requests.isEmpty)
  }

  @Test func watchesOverTLS() async throws {
    let certificates = try TestCertificates.shared.get()
    let handler: TestServer.Handler = { _, responder in
      responder.head(200)
      for byte in WatchTests.stream.utf8 { responder.chunk([byte]) }
      responder.end()
    }
    try await TestServer.run(tls: certificates.serverConfiguration(), handler: handler) { server in
      let configuration = try ClusterConfiguration(
        server: server.address, certificateAuthority: Array(certificates.authority.utf8))
      try await withClient(configuration) { client in
        var events: [WatchEvent] = []
        try await client.watch(.pods, namespace: nil, options: WatchOptions()) { events.append($0) }
        #expect(WatchTests.names(events) == ["+a", "~ä", "-a"])
      }
    }
  }
}
