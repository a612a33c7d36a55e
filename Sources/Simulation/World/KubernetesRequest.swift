import InMemoryKubernetes
import KubernetesAPI

/// A request to the in-memory API server, with the name under which it appears in traces.
struct KubernetesRequest {
  let name: String
  let request: APIRequest

  private init(
    _ name: String, _ method: String, _ target: String, body: JSONValue? = nil,
    contentType: String = "application/json"
  ) {
    self.name = name
    var headers = [(name: "accept", value: "application/json"), (name: "user-agent", value: "flink-operator")]
    if body != nil { headers.append((name: "content-type", value: contentType)) }
    request = APIRequest(
      method: method, target: target, headers: headers, body: body.map { .json($0) } ?? .empty)
  }

  private static func path(
    _ type: ResourceType, _ namespace: String?, _ name: String? = nil, _ subresource: String? = nil
  ) -> String {
    var path = type.group.isEmpty ? "/api/\(type.version)" : "/apis/\(type.group)/\(type.version)"
    if type.isNamespaced, let namespace { path += "/namespaces/\(namespace)" }
    path += "/\(type.plural)"
    if let name { path += "/\(name)" }
    if let subresource { path += "/\(subresource)" }
    return path
  }

  private static func query(_ parts: [(String, String?)]) -> String {
    let set = parts.compactMap { name, value in value.map { "\(name)=\(encoded($0))" } }
    return set.isEmpty ? "" : "?" + set.joined(separator: "&")
  }

  private static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return result
  }

  static func list(_ type: ResourceType, _ namespace: String?, _ options: ListOptions) -> KubernetesRequest {
    let query = query([
      ("labelSelector", options.labelSelector), ("fieldSelector", options.fieldSelector),
      ("limit", options.limit.map { "\($0)" }), ("continue", options.continueToken),
    ])
    return KubernetesRequest("list \(type)", "GET", path(type, namespace) + query)
  }

  static func watch(_ type: ResourceType, _ namespace: String?, _ labelSelector: String?, from version: String)
    -> KubernetesRequest
  {
    let query = query([
      ("watch", "true"), ("allowWatchBookmarks", "true"), ("labelSelector", labelSelector),
      ("resourceVersion", version), ("timeoutSeconds", "100000"),
    ])
    return KubernetesRequest("watch \(type)", "GET", path(type, namespace) + query)
  }

  static func get(_ type: ResourceType, _ namespace: String?, _ name: String) -> KubernetesRequest {
    KubernetesRequest("get \(type) \(name)", "GET", path(type, namespace, name))
  }

  static func create(_ type: ResourceType, _ namespace: String?, _ object: JSONValue) -> KubernetesRequest {
    KubernetesRequest(
      "create \(type) \(object["metadata", "name"]?.stringValue ?? "")", "POST", path(type, namespace), body: object)
  }

  static func replace(
    _ type: ResourceType, _ namespace: String?, _ name: String, _ subresource: String?, _ object: JSONValue
  ) -> KubernetesRequest {
    KubernetesRequest(
      "replace \(type) \(name)\(subresource.map { "/\($0)" } ?? "")", "PUT", path(type, namespace, name, subresource),
      body: object)
  }

  static func patch(
    _ type: ResourceType, _ namespace: String?, _ name: String, _ subresource: String?, _ patch: PatchBody
  ) -> KubernetesRequest {
    KubernetesRequest(
      "patch \(type) \(name)\(subresource.map { "/\($0)" } ?? "")", "PATCH",
      path(type, namespace, name, subresource), body: patch.body, contentType: patch.contentType)
  }

  static func delete(
    _ type: ResourceType, _ namespace: String?, _ name: String, _ options: DeleteOptions = DeleteOptions()
  ) -> KubernetesRequest {
    var body: JSONValue = ["apiVersion": "v1", "kind": "DeleteOptions"]
    if let uid = options.uid { body.set(.string(uid), at: ["preconditions", "uid"]) }
    if let propagation = options.propagation { body["propagationPolicy"] = .string(propagation.rawValue) }
    if let seconds = options.gracePeriodSeconds { body["gracePeriodSeconds"] = JSONValue(seconds) }
    return KubernetesRequest("delete \(type) \(name)", "DELETE", path(type, namespace, name), body: body)
  }
}

extension APIResponse {
  /// The error that a client makes of a refusal.
  func refusal(_ attempt: String) -> KubernetesError {
    let body = json ?? (try? JSONValue(parsing: bodyBytes)) ?? [:]
    return KubernetesError(
      attempt: attempt, cause: .rejected(APIStatus(json: body, fallbackCode: status), retryAfter: nil))
  }
}

extension KubernetesObject {
  /// As it comes to clients: without managedFields.
  init(served json: JSONValue) {
    var json = json
    json.set(nil, at: ["metadata", "managedFields"])
    self.init(json)
  }
}
