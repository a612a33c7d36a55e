import FlinkController
import FlinkModel
import Testing

@Suite struct ResolverTests {
  private let service = RESTService(namespace: "prod", name: "demo-rest", port: 8081, clusterIP: "10.96.0.7")

  @Test func namesTheServiceInsideOfACluster() throws {
    let endpoint = try ServiceNameResolver().endpoint(of: service)
    #expect(endpoint == FlinkEndpoint(host: "demo-rest.prod", port: 8081))
  }

  @Test func usesTheClusterAddress() throws {
    var encrypted = service
    encrypted.isEncrypted = true
    let endpoint = try ClusterIPResolver().endpoint(of: encrypted)
    #expect(endpoint == FlinkEndpoint(scheme: "https", host: "10.96.0.7", port: 8081))
  }

  @Test(arguments: [nil, "", "None"]) func saysWhenThereIsNoAddress(_ address: String?) {
    var headless = service
    headless.clusterIP = address
    #expect(throws: UnresolvedJobManager.self) { try ClusterIPResolver().endpoint(of: headless) }
  }
}
