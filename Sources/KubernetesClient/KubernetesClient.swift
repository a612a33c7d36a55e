public import KubernetesAPI
public import Logging
internal import NIOHTTP1

/// A Kubernetes API over HTTP/1.1 or HTTP/2, whichever the server prefers.
///
/// Every call ends within `Limits.callTimeout`, its answer's body included. Nothing is retried but what is certain to
/// do no harm: a read whose kept-alive connection closed under it, and a request refused with 401 when the token file
/// holds another token by then.
public final class KubernetesClient: KubernetesGateway {
  /// Bounds for what a server may take and send.
  public struct Limits: Sendable {
    /// For a whole call; for a watch, until its stream is open.
    public var callTimeout: Duration = .seconds(30)
    /// For a connection, and for waiting for a free one.
    public var connectTimeout: Duration = .seconds(10)
    public var maximumAnswerBytes = 256 << 20
    /// One watch frame.
    public var maximumFrameBytes = 64 << 20
    public var userAgent = "flink-operator"

    public init() {}
  }

  private let transport: HTTPTransport
  private let limits: Limits

  /// Opens no connection yet.
  public init(configuration: ClusterConfiguration, limits: Limits = Limits(), logger: Logger) {
    self.limits = limits
    transport = HTTPTransport(configuration, limits: limits, logger: logger)
  }

  /// Closes all connections; calls and watches under way fail.
  public func shutdown() async { await transport.shutdown() }

  public func list(
    _ type: ResourceType, namespace: String?, options: ListOptions
  ) async throws(KubernetesError) -> ObjectList {
    var request = APIRequest.collection(.GET, "list", type, namespace: namespace)
    request.add("labelSelector", options.labelSelector)
    request.add("fieldSelector", options.fieldSelector)
    request.add("limit", options.limit.map(String.init))
    request.add("continue", options.continueToken)
    request.add("resourceVersion", options.resourceVersion)
    request.add("resourceVersionMatch", options.resourceVersionMatch)
    let answer = try await transport.answer(to: request)
    return try decode(request) { () throws(JSONError) in try ObjectList(parsing: answer.body, of: type) }
  }

  public func get(
    _ type: ResourceType, namespace: String?, name: String
  ) async throws(KubernetesError) -> KubernetesObject {
    try await object(APIRequest.object(.GET, "get", type, namespace: namespace, name: name))
  }

  public func create(
    _ type: ResourceType, namespace: String?, _ object: JSONValue, options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    var request = APIRequest.collection(.POST, "create", type, namespace: namespace)
    let name = object["metadata", "name"]?.stringValue ?? object["metadata", "generateName"]?.stringValue ?? ""
    request.attempt = "create \(type) \(ObjectKey(namespace: namespace ?? "", name: name))"
    request.add(options)
    request.set(object)
    return try await self.object(request)
  }

  public func createSubresource(
    _ type: ResourceType, namespace: String?, name: String, subresource: String, _ object: JSONValue
  ) async throws(KubernetesError) -> JSONValue {
    var request = APIRequest.object(
      .POST, "create", type, namespace: namespace, name: name, subresource: subresource)
    request.set(object)
    return try await self.object(request).json
  }

  public func replace(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ object: JSONValue,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    var request = APIRequest.object(
      .PUT, "replace", type, namespace: namespace, name: name, subresource: subresource)
    request.add(options)
    request.set(object)
    return try await self.object(request)
  }

  public func patch(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ patch: PatchBody,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    var request = APIRequest.object(
      .PATCH, "patch", type, namespace: namespace, name: name, subresource: subresource)
    request.add(options)
    if case .apply(_, let force) = patch {
      request.attempt = request.attempt.replacing("patch", with: "apply", maxReplacements: 1)
      request.add("force", force ? "true" : "false")
    }
    request.set(patch.body, contentType: patch.contentType)
    return try await object(request)
  }

  @discardableResult
  public func delete(
    _ type: ResourceType, namespace: String?, name: String, options: DeleteOptions
  ) async throws(KubernetesError) -> KubernetesObject? {
    var request = APIRequest.object(.DELETE, "delete", type, namespace: namespace, name: name)
    var body: JSONValue = ["kind": "DeleteOptions", "apiVersion": "v1"]
    if let uid = options.uid { body.set(.string(uid), at: ["preconditions", "uid"]) }
    if let version = options.resourceVersion { body.set(.string(version), at: ["preconditions", "resourceVersion"]) }
    if let propagation = options.propagation { body["propagationPolicy"] = .string(propagation.rawValue) }
    if let seconds = options.gracePeriodSeconds { body["gracePeriodSeconds"] = JSONValue(seconds) }
    request.set(body)
    let object = try await object(request)
    let json = object.json
    return json["kind"]?.stringValue == "Status" && json["apiVersion"]?.stringValue == "v1" ? nil : object
  }

  public func watch(
    _ type: ResourceType, namespace: String?, options: WatchOptions, handle: (WatchEvent) async -> Void
  ) async throws(KubernetesError) {
    var request = APIRequest.collection(.GET, "watch", type, namespace: namespace)
    request.add("watch", "true")
    request.add("allowWatchBookmarks", "true")
    request.add("labelSelector", options.labelSelector)
    request.add("fieldSelector", options.fieldSelector)
    request.add("resourceVersion", options.resourceVersion)
    request.add("timeoutSeconds", String(max(1, options.timeout.components.seconds)))
    let handoff = WatchHandoff()
    let reader = WatchReader(
      transport: transport, request: request, idleTimeout: options.idleTimeout,
      maximumFrameBytes: limits.maximumFrameBytes, handoff: handoff)
    let error = await withTaskGroup(of: KubernetesError?.self) { group in
      group.addTask {
        let error = await reader.run()
        handoff.finish()
        return error
      }
      while !Task.isCancelled, let events = await handoff.next() {
        for event in events where !Task.isCancelled { await handle(event) }
      }
      handoff.close()
      return await group.next() ?? nil
    }
    if Task.isCancelled { throw KubernetesError(attempt: request.attempt, cause: .cancelled) }
    if let error { throw error }
  }

  public func podLog(
    namespace: String, name: String, options: PodLogOptions
  ) async throws(KubernetesError) -> String {
    var request = APIRequest.object(
      .GET, "get", .pods, namespace: namespace, name: name, subresource: "log")
    request.add("container", options.container)
    if options.isPrevious { request.add("previous", "true") }
    request.add("tailLines", options.tailLines.map(String.init))
    request.add("limitBytes", options.limitBytes.map(String.init))
    return String(decoding: try await transport.answer(to: request).body, as: UTF8.self)
  }

  public func raw(path: String) async throws(KubernetesError) -> JSONValue {
    let request = APIRequest(method: .GET, path: path.hasPrefix("/") ? path : "/\(path)", attempt: "get \(path)")
    let answer = try await transport.answer(to: request)
    return try decode(request) { () throws(JSONError) in try JSONParser.parse(answer.body) }
  }

  private func object(_ request: APIRequest) async throws(KubernetesError) -> KubernetesObject {
    let answer = try await transport.answer(to: request)
    return try decode(request) { () throws(JSONError) in try KubernetesObject(parsing: answer.body) }
  }

  private func decode<Value>(
    _ request: APIRequest, _ body: () throws(JSONError) -> Value
  ) throws(KubernetesError) -> Value {
    do throws(JSONError) {
      return try body()
    } catch {
      throw KubernetesError(attempt: request.attempt, cause: .undecodable("\(error)"))
    }
  }
}
