public import InMemoryKubernetes
public import KubernetesAPI

/// The gateway to an in-memory API server in the same process: no sockets, no bytes, the server's own trees.
public final class SharedAPIGateway: KubernetesGateway {
  private let server: SharedAPIServer
  private let user: APIUser
  private let userAgent: String
  private let logs: LogReader?

  /// Reads a container's log, which the server itself does not have.
  public typealias LogReader = @Sendable (PodLogRequest) async throws(KubernetesError) -> String

  /// - Parameters:
  ///   - user: who the requests come from.
  ///   - userAgent: names the field manager of writes that do not say one.
  public init(
    _ server: SharedAPIServer, user: APIUser = .administrator, userAgent: String = "flink-operator",
    logs: LogReader? = nil
  ) {
    self.server = server
    self.user = user
    self.userAgent = userAgent
    self.logs = logs
  }

  public func list(
    _ type: ResourceType, namespace: String?, options: ListOptions
  ) async throws(KubernetesError) -> ObjectList {
    var query = Query()
    query.add("labelSelector", options.labelSelector)
    query.add("fieldSelector", options.fieldSelector)
    query.add("limit", options.limit.map { "\($0)" })
    query.add("continue", options.continueToken)
    query.add("resourceVersion", options.resourceVersion)
    query.add("resourceVersionMatch", options.resourceVersionMatch)
    let json = try await send("list \(type)", "GET", path(type, namespace) + query.text)
    let metadata = json["metadata"]
    return ObjectList(
      items: (json["items"]?.arrayValue ?? []).map { item in
        // Items of a list may leave out what the list says for all of them.
        var item = item
        if item["kind"] == nil { item["kind"] = .string(type.kind) }
        if item["apiVersion"] == nil { item["apiVersion"] = .string(type.apiVersion) }
        return object(item)
      }, resourceVersion: metadata?["resourceVersion"]?.stringValue ?? "",
      continueToken: metadata?["continue"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 })
  }

  public func get(
    _ type: ResourceType, namespace: String?, name: String
  ) async throws(KubernetesError) -> KubernetesObject {
    object(try await send("get \(type) \(place(namespace, name))", "GET", path(type, namespace, name)))
  }

  public func create(
    _ type: ResourceType, namespace: String?, _ object: JSONValue, options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    let name = object["metadata", "name"]?.stringValue ?? object["metadata", "generateName"]?.stringValue ?? ""
    return self.object(
      try await send(
        "create \(type) \(place(namespace, name))", "POST", path(type, namespace) + query(options).text, body: object))
  }

  public func createSubresource(
    _ type: ResourceType, namespace: String?, name: String, subresource: String, _ object: JSONValue
  ) async throws(KubernetesError) -> JSONValue {
    try await send(
      "create \(subresource) of \(type) \(place(namespace, name))", "POST", path(type, namespace, name, subresource),
      body: object)
  }

  public func replace(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ object: JSONValue,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    self.object(
      try await send(
        "replace \(type) \(place(namespace, name, subresource))", "PUT",
        path(type, namespace, name, subresource) + query(options).text, body: object))
  }

  public func patch(
    _ type: ResourceType, namespace: String?, name: String, subresource: String?, _ patch: PatchBody,
    options: WriteOptions
  ) async throws(KubernetesError) -> KubernetesObject {
    var query = query(options)
    if case .apply(_, force: true) = patch { query.add("force", "true") }
    return object(
      try await send(
        "patch \(type) \(place(namespace, name, subresource))", "PATCH",
        path(type, namespace, name, subresource) + query.text, body: patch.body, contentType: patch.contentType))
  }

  @discardableResult
  public func delete(
    _ type: ResourceType, namespace: String?, name: String, options: DeleteOptions
  ) async throws(KubernetesError) -> KubernetesObject? {
    var body: JSONValue = ["apiVersion": "v1", "kind": "DeleteOptions"]
    if let uid = options.uid { body.set(.string(uid), at: ["preconditions", "uid"]) }
    if let version = options.resourceVersion { body.set(.string(version), at: ["preconditions", "resourceVersion"]) }
    if let propagation = options.propagation { body["propagationPolicy"] = .string(propagation.rawValue) }
    if let seconds = options.gracePeriodSeconds { body["gracePeriodSeconds"] = JSONValue(seconds) }
    let json = try await send(
      "delete \(type) \(place(namespace, name))", "DELETE", path(type, namespace, name), body: body)
    return json["kind"]?.stringValue == "Status" ? nil : object(json)
  }

  public func watch(
    _ type: ResourceType, namespace: String?, options: WatchOptions, handle: (WatchEvent) async -> Void
  ) async throws(KubernetesError) {
    var query = Query()
    query.add("watch", "true")
    query.add("allowWatchBookmarks", "true")
    query.add("labelSelector", options.labelSelector)
    query.add("fieldSelector", options.fieldSelector)
    query.add("resourceVersion", options.resourceVersion)
    query.add("timeoutSeconds", "\(max(1, options.timeout.components.seconds))")
    let attempt = "watch \(type)"
    let response = await server.handle(request("GET", path(type, namespace) + query.text))
    guard case .watch(let id) = response.content else { throw refusal(attempt, response) }
    defer { server.closeWatch(id) }
    while true {
      let batch = await server.nextEvents(id)
      if Task.isCancelled { throw KubernetesError(attempt: attempt, cause: .cancelled) }
      for frame in batch.frames { await handle(event(frame)) }
      if batch.isEnded { return }
    }
  }

  public func podLog(
    namespace: String, name: String, options: PodLogOptions
  ) async throws(KubernetesError) -> String {
    var query = Query()
    query.add("container", options.container)
    query.add("previous", options.isPrevious ? "true" : nil)
    query.add("tailLines", options.tailLines.map { "\($0)" })
    query.add("limitBytes", options.limitBytes.map { "\($0)" })
    let attempt = "read the log of pod \(namespace)/\(name)"
    let response = await server.handle(request("GET", path(.pods, namespace, name, "log") + query.text))
    if case .podLog(let log) = response.content {
      guard let logs else {
        throw KubernetesError(attempt: attempt, cause: .unreachable("no node agent is connected to this gateway"))
      }
      return try await logs(log)
    }
    guard response.status < 400 else { throw refusal(attempt, response) }
    return String(decoding: response.bodyBytes, as: UTF8.self)
  }

  public func raw(path: String) async throws(KubernetesError) -> JSONValue {
    try await send("get \(path)", "GET", path)
  }

  // MARK: Requests

  private func send(
    _ attempt: String, _ method: String, _ target: String, body: JSONValue? = nil,
    contentType: String = "application/json"
  ) async throws(KubernetesError) -> JSONValue {
    if Task.isCancelled { throw KubernetesError(attempt: attempt, cause: .cancelled) }
    let response = await server.handle(request(method, target, body: body, contentType: contentType))
    guard response.status < 400 else { throw refusal(attempt, response) }
    guard let json = json(response) else {
      throw KubernetesError(attempt: attempt, cause: .undecodable("the answer is not JSON"))
    }
    return json
  }

  private func request(
    _ method: String, _ target: String, body: JSONValue? = nil, contentType: String = "application/json"
  ) -> APIRequest {
    var headers = [(name: "accept", value: "application/json"), (name: "user-agent", value: userAgent)]
    if body != nil { headers.append((name: "content-type", value: contentType)) }
    return APIRequest(
      method: method, target: target, headers: headers, identity: .user(user), body: body.map { .json($0) } ?? .empty)
  }

  private func json(_ response: APIResponse) -> JSONValue? {
    if let json = response.json { return json }
    do throws(JSONError) { return try JSONParser.parse(response.bodyBytes) } catch { return nil }
  }

  private func refusal(_ attempt: String, _ response: APIResponse) -> KubernetesError {
    let status = APIStatus(json: json(response) ?? [:], fallbackCode: response.status)
    let retryAfter = response.header("retry-after").flatMap { Int64($0) }.map { Duration.seconds($0) }
    return KubernetesError(attempt: attempt, cause: .rejected(status, retryAfter: retryAfter))
  }

  private func event(_ frame: WatchFrame) -> WatchEvent {
    switch frame.type {
    case "ADDED": return .added(object(frame.object))
    case "MODIFIED": return .modified(object(frame.object))
    case "DELETED": return .deleted(object(frame.object))
    case "BOOKMARK":
      let metadata = frame.object["metadata"]
      return .bookmark(
        resourceVersion: metadata?["resourceVersion"]?.stringValue ?? "",
        isInitialEventsEnd: metadata?["annotations"]?["k8s.io/initial-events-end"]?.stringValue == "true")
    default: return .error(APIStatus(json: frame.object, fallbackCode: 500))
    }
  }

  /// Objects come without managedFields, as from the client over HTTP.
  private func object(_ json: JSONValue) -> KubernetesObject {
    guard json["metadata", "managedFields"] != nil else { return KubernetesObject(json) }
    var json = json
    json.set(nil, at: ["metadata", "managedFields"])
    return KubernetesObject(json)
  }

  // MARK: Paths

  private func path(
    _ type: ResourceType, _ namespace: String?, _ name: String? = nil, _ subresource: String? = nil
  ) -> String {
    var path = type.group.isEmpty ? "/api/\(type.version)" : "/apis/\(type.group)/\(type.version)"
    if type.isNamespaced, let namespace { path += "/namespaces/\(Query.encoded(namespace))" }
    path += "/\(type.plural)"
    if let name { path += "/\(Query.encoded(name))" }
    if let subresource { path += "/\(subresource)" }
    return path
  }

  private func query(_ options: WriteOptions) -> Query {
    var query = Query()
    query.add("fieldManager", options.fieldManager)
    query.add("fieldValidation", options.fieldValidation)
    if options.isDryRun { query.add("dryRun", "All") }
    return query
  }

  private func place(_ namespace: String?, _ name: String, _ subresource: String? = nil) -> String {
    (namespace.map { "\($0)/" } ?? "") + name + (subresource.map { "/\($0)" } ?? "")
  }
}

/// The query of a request target.
private struct Query {
  private var parts: [String] = []

  var text: String { parts.isEmpty ? "" : "?" + parts.joined(separator: "&") }

  mutating func add(_ name: String, _ value: String?) {
    if let value { parts.append("\(name)=\(Self.encoded(value))") }
  }

  /// Percent-encodes everything but unreserved characters.
  static func encoded(_ text: String) -> String {
    let hex = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
