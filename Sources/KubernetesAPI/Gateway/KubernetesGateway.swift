/// A Kubernetes API. `KubernetesClient` speaks HTTP to a server, `InMemoryKubernetes` is one in process.
///
/// Every call has a deadline, the body of the answer included. A namespace of nil means all namespaces in lists and
/// watches, and is what cluster-scoped objects take.
public protocol KubernetesGateway: Sendable {
  /// One page. A quorum read unless `options.resourceVersion` says otherwise.
  func list(_ type: ResourceType, namespace: String?, options: ListOptions) async throws(KubernetesError) -> ObjectList

  func get(_ type: ResourceType, namespace: String?, name: String) async throws(KubernetesError) -> KubernetesObject

  func create(
    _ type: ResourceType, namespace: String?, _ object: JSONValue, options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject

  /// POST to a part of an object, such as the `token` of a service account. What comes back is of another kind.
  func createSubresource(
    _ type: ResourceType, namespace: String?, name: String, subresource: String, _ object: JSONValue
  ) async throws(KubernetesError) -> JSONValue

  /// PUT. `object` carries its name, and the resourceVersion when optimistic locking is wanted.
  func replace(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ object: JSONValue,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject

  func patch(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ patch: PatchBody,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject

  /// The object as it was last (being deleted, or gone), or nil where the server answers with a Status.
  @discardableResult
  func delete(
    _ type: ResourceType, namespace: String?, name: String, options: DeleteOptions
  ) async throws(KubernetesError) -> KubernetesObject?

  /// Streams changes to `handle` one at a time until the server ends the stream (returns), the connection or a frame
  /// breaks (throws), or the task is cancelled. `handle` slows the stream down, it is never buffered without end.
  func watch(
    _ type: ResourceType, namespace: String?, options: WatchOptions, handle: (WatchEvent) async -> Void
  ) async throws(KubernetesError)

  /// A container's log as text.
  func podLog(namespace: String, name: String, options: PodLogOptions) async throws(KubernetesError) -> String

  /// The decoded body of a plain GET, for discovery, `/version` and the like.
  func raw(path: String) async throws(KubernetesError) -> JSONValue
}

extension KubernetesGateway {
  /// For gateways that have no such parts.
  public func createSubresource(
    _ type: ResourceType, namespace: String?, name: String, subresource: String, _ object: JSONValue
  ) async throws(KubernetesError) -> JSONValue {
    throw KubernetesError(
      attempt: "create \(subresource) of \(type) \(ObjectKey(namespace: namespace ?? "", name: name))",
      cause: .unreachable("this gateway cannot create parts of objects"))
  }

  public func create(
    _ type: ResourceType, namespace: String?, _ object: JSONValue
  ) async throws(KubernetesError) -> KubernetesObject {
    try await create(type, namespace: namespace, object, options: WriteOptions())
  }

  public func patch(
    _ type: ResourceType, namespace: String?, name: String, subresource: String? = nil, _ body: PatchBody
  ) async throws(KubernetesError) -> KubernetesObject {
    try await patch(
      type, namespace: namespace, name: name, subresource: subresource, body, options: WriteOptions())
  }

  public func replace(
    _ type: ResourceType, namespace: String?, name: String, subresource: String? = nil, _ object: JSONValue
  ) async throws(KubernetesError) -> KubernetesObject {
    try await replace(
      type, namespace: namespace, name: name, subresource: subresource, object, options: WriteOptions())
  }

  /// All pages of a list, `pageSize` objects a request, begun again when the continue token expires on the way.
  public func listAll(
    _ type: ResourceType, namespace: String?, labelSelector: String? = nil, fieldSelector: String? = nil,
    pageSize: Int = 500
  ) async throws(KubernetesError) -> ObjectList {
    var restarts = 0
    while true {
      var options = ListOptions(labelSelector: labelSelector, fieldSelector: fieldSelector, limit: pageSize)
      var items: [KubernetesObject] = []
      do throws(KubernetesError) {
        while true {
          let page = try await list(type, namespace: namespace, options: options)
          items += page.items
          guard let token = page.continueToken, !token.isEmpty else {
            return ObjectList(items: items, resourceVersion: page.resourceVersion)
          }
          options.continueToken = token
        }
      } catch  where error.isExpired && restarts < 3 {
        restarts += 1
      }
    }
  }
}
