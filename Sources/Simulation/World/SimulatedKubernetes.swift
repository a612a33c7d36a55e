import InMemoryKubernetes
import KubernetesAPI

/// The operator's way to the simulated API server: where its calls are counted, checked and made to fail.
struct SimulatedKubernetes: KubernetesGateway {
  let world: SimulatedWorld

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
      served: try write(.create(type, namespace, object)) { $0.checkCreate(type, object) })
  }

  func replace(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ object: JSONValue,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    KubernetesObject(served: try write(.replace(type, namespace, name, subresource, object)))
  }

  func patch(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ patch: PatchBody,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    KubernetesObject(
      served: try write(.patch(type, namespace, name, subresource, patch)) {
        $0.checkPatch(type, name, subresource, patch.body)
      })
  }

  @discardableResult
  func delete(
    _ type: ResourceType, namespace: String?, name: String, options: DeleteOptions
  ) async throws(KubernetesError) -> KubernetesObject? {
    let json = try write(.delete(type, namespace, name, options)) {
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
      if state.isCrashed { return .failure(KubernetesError(attempt: request.name, cause: .cancelled)) }
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
  ) throws(KubernetesError) -> JSONValue {
    let answer: Result<JSONValue, KubernetesError> = world.with { state in
      state.change(request.name) { state in
        check(&state)
        return Self.send(request, &state)
      } failure: {
        KubernetesError(attempt: request.name, cause: $0.kubernetesCause)
      }
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

/// How a call fails.
enum CallFailure {
  case cancelled, interrupted, unreachable, serverError, tooManyRequests, conflict

  var kubernetesCause: KubernetesError.Cause {
    switch self {
    case .cancelled: .cancelled
    case .interrupted: .interrupted("simulated")
    case .unreachable: .unreachable("simulated")
    case .serverError:
      .rejected(APIStatus(code: 500, reason: "InternalError", message: "simulated"), retryAfter: nil)
    case .tooManyRequests:
      .rejected(APIStatus(code: 429, reason: "TooManyRequests", message: "simulated"), retryAfter: .seconds(1))
    case .conflict:
      .rejected(APIStatus(code: 409, reason: "Conflict", message: "simulated"), retryAfter: nil)
    }
  }
}

extension SimulatedWorld.State {
  /// One changing call of the operator: counted, and made to fail as the plan says.
  mutating func change<Answer, Failure: Error>(
    _ name: String, _ perform: (inout Self) -> Result<Answer, Failure>, failure: (CallFailure) -> Failure
  ) -> Result<Answer, Failure> {
    if isCrashed { return .failure(failure(.cancelled)) }
    let call = calls.count
    calls.append(name)
    switch plan.fault(at: call) {
    case nil: return perform(&self)
    case .crashBefore:
      isCrashed = true
      return .failure(failure(.cancelled))
    case .crashAfter:
      _ = perform(&self)
      isCrashed = true
      return .failure(failure(.cancelled))
    case .lostReply:
      _ = perform(&self)
      return .failure(failure(.interrupted))
    case .unreachable: return .failure(failure(.unreachable))
    case .serverError: return .failure(failure(.serverError))
    case .tooManyRequests: return .failure(failure(.tooManyRequests))
    case .conflict: return .failure(failure(.conflict))
    case .silence:
      silentUntil = now + 4_000
      return perform(&self)
    case .stalePods:
      podsSilentUntil = now + 15_000
      return perform(&self)
    case .silenceThenCrash:
      silentUntil = now + 4_000
      crashesAfterSilence = true
      return perform(&self)
    }
  }
}
