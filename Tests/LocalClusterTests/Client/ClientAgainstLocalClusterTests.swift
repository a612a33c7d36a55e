import KubernetesAPI
import KubernetesClient
import LocalCluster
import Logging
import Testing

/// The operator's own client against the local cluster, over HTTPS and by its kubeconfig.
@Suite struct ClientAgainstLocalClusterTests {
  @Test func callsErrorsAndWatches() async throws {
    try await ClusterBed.with { bed in
      let configuration = try ClusterConfiguration.load(kubeconfigPath: bed.ready.kubeconfigPath, context: nil)
      let client = KubernetesClient(configuration: configuration, logger: Logger(label: "test"))
      do {
        try await use(client)
      } catch {
        await client.shutdown()
        throw error
      }
      await client.shutdown()
    }
  }

  private func use(_ client: KubernetesClient) async throws {
    let list = try await client.listAll(.configMaps, namespace: "default")
    let stream = AsyncStream.makeStream(of: String.self)
    let watching = Task {
      try await client.watch(
        .configMaps, namespace: "default", options: WatchOptions(resourceVersion: list.resourceVersion)
      ) { event in
        switch event {
        case .added(let object): stream.continuation.yield("added \(object.metadata.name)")
        case .modified(let object): stream.continuation.yield("modified \(object.metadata.name)")
        case .deleted(let object): stream.continuation.yield("deleted \(object.metadata.name)")
        case .bookmark, .error: break
        }
      }
    }
    let made = try await client.create(
      .configMaps, namespace: "default",
      ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "made"], "data": ["a": "1"]])
    #expect(!made.metadata.uid.isEmpty)
    let again = await #expect(throws: KubernetesError.self) {
      try await client.create(
        .configMaps, namespace: "default", ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "made"]])
    }
    #expect(again?.isAlreadyExists == true)
    let patched = try await client.patch(
      .configMaps, namespace: "default", name: "made", .merge(["data": ["a": .null, "b": "2"]]))
    #expect(patched.json["data"] == ["b": "2"])
    let listed = try await client.listAll(.configMaps, namespace: nil, pageSize: 1).items.first { $0.key == made.key }
    #expect(listed?.json == patched.json)
    let wrong = await #expect(throws: KubernetesError.self) {
      try await client.delete(.configMaps, namespace: "default", name: "made", options: DeleteOptions(uid: "other"))
    }
    #expect(wrong?.isConflict == true)
    try await client.delete(
      .configMaps, namespace: "default", name: "made", options: DeleteOptions(uid: made.metadata.uid))
    let gone = await #expect(throws: KubernetesError.self) {
      try await client.get(.configMaps, namespace: "default", name: "made")
    }
    #expect(gone?.isNotFound == true)
    var events: [String] = []
    for await event in stream.stream {
      events.append(event)
      if events.count == 3 { break }
    }
    #expect(events == ["added made", "modified made", "deleted made"])
    watching.cancel()
    let ended = await #expect(throws: KubernetesError.self) { try await watching.value }
    #expect(ended?.cause == .cancelled)
  }
}
