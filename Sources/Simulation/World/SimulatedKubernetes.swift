import InMemoryKubernetes
import KubernetesAPI

/// The operator's way to the simulated API server: where its calls are counted, checked and made to fail.
struct SimulatedKubernetes: KubernetesGateway {
  let world: SimulatedWorld
  let caller: SimulatedCaller

  func list(
    _ type: ResourceType, namespace: String?, options: ListOptions
  ) async throws(KubernetesError) -> ObjectList {
    let json = try read(.list(type, namespace, options))
    return ObjectList(
      items: (json["items"]?.arrayValue ?? []).map { item in
        var item = item
        item["kind"] = .string(type.kind)
        item["apiVersion"] = .string(type.apiVersion)
        return KubernetesObject(served: item)
      }, resourceVersion: json["metadata", "resourceVersion"]?.stringValue ?? "",
      continueToken: json["metadata", "continue"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 })
  }

  func get(
    _ type: ResourceType, namespace: String?, name: String
  ) async throws(KubernetesError) -> KubernetesObject {
    KubernetesObject(served: try read(.get(type, namespace, name)))
  }

  func create(
    _ type: ResourceType, namespace: String?, _ object: JSONValue, options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    KubernetesObject(
      served: try await write(.create(type, namespace, object)) { $0.checkCreate(type, object) })
  }

  func replace(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ object: JSONValue,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    KubernetesObject(served: try await write(.replace(type, namespace, name, subresource, object)))
  }

  func patch(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ patch: PatchBody,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    KubernetesObject(
      served: try await write(.patch(type, namespace, name, subresource, patch)) {
        $0.checkPatch(type, name, subresource, patch.body)
      })
  }

  @discardableResult
  func delete(
    _ type: ResourceType, namespace: String?, name: String, options: DeleteOptions
  ) async throws(KubernetesError) -> KubernetesObject? {
    let json = try await write(.delete(type, namespace, name, options)) {
      $0.checkDelete(type, name, options)
    }
    return json["kind"]?.stringValue == "Status" ? nil : KubernetesObject(served: json)
  }

  func watch(
    _ type: ResourceType, namespace: String?, options: WatchOptions, handle: (WatchEvent) async -> Void
  ) async throws(KubernetesError) {
    throw KubernetesError(attempt: "watch \(type)", cause: .unreachable("the simulation delivers watches itself"))
  }

  func podLog(namespace: String, name: String, options: PodLogOptions) async throws(KubernetesError) -> String { "" }

  func raw(path: String) async throws(KubernetesError) -> JSONValue { [:] }

  // MARK: Faults

  private func read(_ request: KubernetesRequest) throws(KubernetesError) -> JSONValue {
    let answer: Result<JSONValue, KubernetesError> = world.with { state in
      if state.isDead(caller.life) {
        return .failure(KubernetesError(attempt: request.name, cause: .cancelled))
      }
      defer { state.reads += 1 }
      if state.plan.failedReads.contains(state.reads) {
        return .failure(KubernetesError(attempt: request.name, cause: .interrupted("simulated")))
      }
      return Self.send(request, &state)
    }
    return try answer.get()
  }

  private func write(
    _ request: KubernetesRequest, check: (inout SimulatedWorld.State) -> Void = { _ in }
  ) async throws(KubernetesError) -> JSONValue {
    let answer: Result<JSONValue, KubernetesError> = await world.change(request.name, by: caller) { state in
      check(&state)
      return Self.send(request, &state)
    } failure: {
      KubernetesError(attempt: request.name, cause: $0.kubernetesCause)
    }
    return try answer.get()
  }

  private static func send(
    _ request: KubernetesRequest, _ state: inout SimulatedWorld.State
  ) -> Result<JSONValue, KubernetesError> {
    let response = state.server.handle(request.request, at: state.timestamp)
    guard response.status < 400, let json = response.json else { return .failure(response.refusal(request.name)) }
    return .success(json)
  }
}
