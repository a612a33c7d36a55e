import KubernetesAPI
import Testing

@testable import LocalCluster

@Suite struct ServiceTableTests {
  private func service(_ name: String, address: String, port: Int = 80) -> KubernetesObject {
    KubernetesObject([
      "metadata": ["name": .string(name), "namespace": "ns"],
      "spec": ["clusterIP": .string(address), "ports": [["name": "p", "port": JSONValue(port), "protocol": "TCP"]]],
    ])
  }

  private func slice(_ service: String, _ endpoints: [(String, Bool)]) -> KubernetesObject {
    KubernetesObject([
      "metadata": [
        "name": .string("\(service)-1"), "namespace": "ns", "labels": ["kubernetes.io/service-name": .string(service)],
      ],
      "ports": [["name": "p", "port": 8081]],
      "endpoints": .array(
        endpoints.map { ["addresses": [.string($0.0)], "conditions": ["ready": .bool($0.1)]] }),
    ])
  }

  @Test func onlyReadyPodsGetConnections() {
    var table = ServiceTable()
    table.setServices([service("rest", address: "127.1.128.5")])
    table.setSlices([slice("rest", [("127.1.1.2", true), ("127.1.1.1", false), ("127.1.1.0", true)])])
    #expect(
      table.routes == [
        ServiceRoute(
          listen: .init(address: "127.1.128.5", port: 80),
          targets: [.init(address: "127.1.1.0", port: 8081), .init(address: "127.1.1.2", port: 8081)])
      ])
    #expect(
      table.hostLines(namespace: "ns") == ["127.1.128.5 rest rest.ns rest.ns.svc rest.ns.svc.cluster.local"])
    #expect(table.hostLines(namespace: "other") == ["127.1.128.5 rest.ns rest.ns.svc rest.ns.svc.cluster.local"])
  }

  @Test func aHeadlessNameStandsForReadyPodsOrWhileThereAreNoneForTheOthers() {
    var table = ServiceTable()
    table.setServices([service("jm", address: "None")])
    #expect(table.routes.isEmpty)
    #expect(table.hostLines(namespace: "ns").isEmpty)
    table.setSlices([slice("jm", [("127.1.1.1", false)])])
    #expect(table.hostLines(namespace: "x") == ["127.1.1.1 jm.ns jm.ns.svc jm.ns.svc.cluster.local"])
    table.setSlices([slice("jm", [("127.1.1.1", false), ("127.1.1.2", true)])])
    #expect(table.hostLines(namespace: "x") == ["127.1.1.2 jm.ns jm.ns.svc jm.ns.svc.cluster.local"])
  }

  @Test func anAddressIsUsedAgainLast() throws {
    var pool = PodAddressPool(block: try #require(AddressBlock(number: 9)))
    let first = pool.take()
    let second = pool.take()
    #expect([first, second] == ["127.9.1.1", "127.9.1.2"])
    pool.giveBack("127.9.1.1")
    let third = pool.take()
    #expect(third == "127.9.1.3")
    #expect(pool.usedCount == 2)
    #expect(AddressBlock(number: 0) == nil)
  }
}
