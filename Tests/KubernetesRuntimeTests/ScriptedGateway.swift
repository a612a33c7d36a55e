import KubernetesAPI
import KubernetesRuntime
import Synchronization

/// A gateway that answers from scripts, one entry a call, and remembers what it was asked. A script that has run out
/// blocks until the task is cancelled.
final class ScriptedGateway: KubernetesGateway {
  enum WatchStep: Sendable {
    case event(WatchEvent)
    case fail(KubernetesError)
    /// Goes on only when the task is cancelled.
    case hang
  }

  struct Script: Sendable {
    var lists: [Result<ObjectList, KubernetesError>] = []
    var watches: [[WatchStep]] = []
    var creates: [KubernetesError?] = []
    var gets: [Result<KubernetesObject, KubernetesError>] = []
    var patches: [KubernetesError?] = []
    /// Whether creations fail in a cancelled task, as over a network.
    var refusesWhenCancelled = false
    /// Calls in their order, in words.
    var calls: [String] = []
    var bodies: [JSONValue] = []
  }

  let script: Mutex<Script>
  init(_ script: Script = Script()) { self.script = Mutex(script) }

  var calls: [String] { script.withLock { $0.calls } }
  var bodies: [JSONValue] { script.withLock { $0.bodies } }

  static let ended = KubernetesError(attempt: "test", cause: .cancelled)

  private func hang() async {
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(1)) }
  }

  func list(
    _ type: ResourceType, namespace: String?, options: ListOptions
  ) async throws(KubernetesError) -> ObjectList {
    let answer = script.withLock { script in
      script.calls.append("list \(options.continueToken ?? "-") limit \(options.limit ?? 0)")
      return script.lists.isEmpty ? nil : script.lists.removeFirst()
    }
    guard let answer else {
      await hang()
      throw Self.ended
    }
    return try answer.get()
  }

  func watch(
    _ type: ResourceType, namespace: String?, options: WatchOptions, handle: (WatchEvent) async -> Void
  ) async throws(KubernetesError) {
    let steps = script.withLock { script in
      script.calls.append("watch \(options.resourceVersion ?? "-")")
      return script.watches.isEmpty ? [.hang] : script.watches.removeFirst()
    }
    for step in steps {
      switch step {
      case .event(let event): await handle(event)
      case .fail(let error): throw error
      case .hang:
        await hang()
        throw Self.ended
      }
    }
  }

  func get(_ type: ResourceType, namespace: String?, name: String) async throws(KubernetesError) -> KubernetesObject {
    let answer = script.withLock { script in
      script.calls.append("get \(name)")
      return script.gets.isEmpty ? .failure(rejected(404, "NotFound")) : script.gets.removeFirst()
    }
    return try answer.get()
  }

  func create(
    _ type: ResourceType, namespace: String?, _ object: JSONValue, options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    if Task.isCancelled, script.withLock({ $0.refusesWhenCancelled }) { throw Self.ended }
    let failure = script.withLock { script in
      script.calls.append("create \(object["metadata", "name"]?.stringValue ?? "")")
      script.bodies.append(object)
      return script.creates.isEmpty ? nil : script.creates.removeFirst()
    }
    if let failure { throw failure }
    return KubernetesObject(object)
  }

  func patch(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ patch: PatchBody,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    let failure = script.withLock { script in
      script.calls.append("patch \(name)")
      script.bodies.append(patch.body)
      return script.patches.isEmpty ? nil : script.patches.removeFirst()
    }
    if let failure { throw failure }
    return KubernetesObject(patch.body)
  }

  func replace(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ object: JSONValue,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject { throw Self.ended }

  func delete(
    _ type: ResourceType, namespace: String?, name: String, options: DeleteOptions
  ) async throws(KubernetesError) -> KubernetesObject? { throw Self.ended }

  func podLog(namespace: String, name: String, options: PodLogOptions) async throws(KubernetesError) -> String {
    throw Self.ended
  }

  func raw(path: String) async throws(KubernetesError) -> JSONValue { throw Self.ended }
}
