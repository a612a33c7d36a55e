import InMemoryKubernetes
import KubernetesAPI
import Testing

@testable import LocalCluster

/// Reads that ask for a version that is not there yet.
@Suite struct FutureVersionTests {
  private func server(patience: Duration) -> SharedAPIServer {
    let now = Timestamp(epochMilliseconds: 1_790_000_000_000)
    return SharedAPIServer(InMemoryAPIServer(at: now), patience: patience, clock: { now })
  }

  private func next(_ server: SharedAPIServer) async -> UInt64 {
    let list = await server.handle(APIRequest(method: "GET", target: "/api/v1/configmaps"))
    return (list.json?["metadata", "resourceVersion"]?.stringValue.flatMap { UInt64($0) } ?? 0) + 1
  }

  @Test(arguments: [
    "/api/v1/configmaps", "/api/v1/configmaps?resourceVersionMatch=NotOlderThan", "/api/v1/namespaces/default",
  ])
  func aReadWaitsForTheWriteThatMakesIt(_ target: String) async {
    // It would wait for ever, were it not for the write.
    let server = server(patience: .seconds(3600))
    let version = await next(server)
    let mark = target.contains("?") ? "&" : "?"
    async let answer = server.handle(APIRequest(method: "GET", target: "\(target)\(mark)resourceVersion=\(version)"))
    let body: JSONValue = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a"]]
    let created = await server.handle(
      APIRequest(
        method: "POST", target: "/api/v1/namespaces/default/configmaps",
        headers: [("content-type", "application/json")],
        body: .json(body)))
    #expect(created.status == 201)
    #expect(await answer.status == 200)
  }

  @Test func aVersionThatDoesNotComeIsTooLarge() async {
    let answer = await server(patience: .milliseconds(1)).handle(
      APIRequest(method: "GET", target: "/api/v1/configmaps?resourceVersion=999999&resourceVersionMatch=NotOlderThan"))
    #expect(answer.status == 504)
    #expect(
      answer.json?["message"]?.stringValue?.hasPrefix("Timeout: Too large resource version: 999999, current: ") == true)
  }

  @Test func aNamespaceIsAnsweredWhenItIsFurnished() async throws {
    let server = server(patience: .zero)
    let body: JSONValue = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "n"]]
    func create(_ path: String, _ body: JSONValue) -> APIRequest {
      APIRequest(method: "POST", target: path, headers: [("content-type", "application/json")], body: .json(body))
    }
    let (answered, signal) = AsyncStream.makeStream(of: Bool.self)
    let creating = Task {
      _ = await server.handleWithControllers(create("/api/v1/namespaces", body), within: .seconds(3600))
      let seen = await server.handle(
        APIRequest(method: "GET", target: "/api/v1/namespaces/n/configmaps/kube-root-ca.crt"))
      signal.yield(seen.status == 200)
      signal.finish()
    }
    // What its controllers would do, as soon as it is there.
    while await server.handle(APIRequest(method: "GET", target: "/api/v1/namespaces/n")).status != 200 {
      await Task.yield()
    }
    let certificate: JSONValue = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "kube-root-ca.crt"]]
    #expect(await server.handle(create("/api/v1/namespaces/n/configmaps", certificate)).status == 201)
    await creating.value
    for await wasFurnished in answered { #expect(wasFurnished) }
  }

  @Test func anExactVersionIsNotWaitedFor() async {
    let answer = await server(patience: .seconds(3600)).handle(
      APIRequest(method: "GET", target: "/api/v1/configmaps?resourceVersion=999999&resourceVersionMatch=Exact"))
    #expect(answer.status == 504)
  }
}
