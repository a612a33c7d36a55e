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
        .configMaps, namespace: "default",
        // What every namespace has may come in the middle.
        options: WatchOptions(fieldSelector: "metadata.name=made", resourceVersion: list.resourceVersion)
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

  /// The two kinds of patches that need the server's knowledge: of list keys, and of who owns what.
  @Test func strategicAndApplyPatches() async throws {
    try await ClusterBed.with { bed in
      let configuration = try ClusterConfiguration.load(kubeconfigPath: bed.ready.kubeconfigPath, context: nil)
      let client = KubernetesClient(configuration: configuration, logger: Logger(label: "test"))
      do {
        try await patchStrategically(client)
        try await apply(client)
      } catch {
        await client.shutdown()
        throw error
      }
      await client.shutdown()
    }
  }

  private func patchStrategically(_ client: KubernetesClient) async throws {
    func container(_ name: String, _ image: String) -> JSONValue {
      ["name": .string(name), "image": .string("example.invalid/\(image)")]
    }
    _ = try await client.create(
      .pods, namespace: "default",
      [
        "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p"],
        "spec": ["containers": [container("a", "a:1"), container("b", "b:1")]],
      ])
    func images(_ pod: KubernetesObject) -> [String?] {
      ["a", "b"].map { name in
        pod.json["spec"]?["containers"]?.arrayValue?.first { $0["name"] == .string(name) }?["image"]?.stringValue
      }
    }
    let strategic = try await client.patch(
      .pods, namespace: "default", name: "p",
      .strategicMerge(["spec": ["containers": [container("b", "b:2")]]]))
    #expect(images(strategic) == ["example.invalid/a:1", "example.invalid/b:2"], "lists are merged by their keys")
    let merged = await #expect(throws: KubernetesError.self) {
      try await client.patch(
        .pods, namespace: "default", name: "p", .merge(["spec": ["containers": [container("b", "b:3")]]]))
    }
    #expect(merged?.isInvalid == true, "a merge patch would take a container away")
  }

  private func apply(_ client: KubernetesClient) async throws {
    func apply(_ manager: String, _ data: JSONValue, force: Bool = false) async throws -> KubernetesObject {
      try await client.patch(
        .configMaps, namespace: "default", name: "applied", subresource: nil,
        .apply(
          ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "applied"], "data": data], force: force),
        options: WriteOptions(fieldManager: manager))
    }
    #expect(try await apply("one", ["a": "1", "b": "1"]).json["data"] == ["a": "1", "b": "1"])
    #expect(try await apply("two", ["c": "2"]).json["data"] == ["a": "1", "b": "1", "c": "2"])
    let conflict = await #expect(throws: KubernetesError.self) { try await apply("two", ["a": "2", "c": "2"]) }
    #expect(conflict?.isConflict == true)
    #expect(try await apply("two", ["a": "2", "c": "2"], force: true).json["data"] == ["a": "2", "b": "1", "c": "2"])
    #expect(try await apply("one", ["b": "1"]).json["data"] == ["a": "2", "b": "1", "c": "2"], "it is another's now")
    #expect(try await apply("two", ["c": "2"]).json["data"] == ["b": "1", "c": "2"])
  }
}
