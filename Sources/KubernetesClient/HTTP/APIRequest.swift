internal import KubernetesAPI
internal import NIOHTTP1

/// One request as a value.
struct APIRequest: Sendable {
  var method: HTTPMethod
  /// From the server's root, percent-encoded.
  var path: String
  var query: [(name: String, value: String)] = []
  var contentType: String?
  var body: [UInt8]?
  /// For errors: what the request is for.
  var attempt: String

  /// Path and query.
  var target: String {
    guard !query.isEmpty else { return path }
    return path + "?" + query.map { "\(Self.encode($0.name))=\(Self.encode($0.value))" }.joined(separator: "&")
  }

  /// Percent-encodes all but RFC 3986's unreserved characters.
  static func encode(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(UnicodeScalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return result
  }
}

extension APIRequest {
  /// A request for a collection.
  static func collection(
    _ method: HTTPMethod, _ verb: String, _ type: ResourceType, namespace: String?
  ) -> APIRequest {
    let place = type.isNamespaced ? " in \(namespace.map { "namespace \($0)" } ?? "all namespaces")" : ""
    return APIRequest(method: method, path: path(type, namespace), attempt: "\(verb) \(type)\(place)")
  }

  /// A request for one object, or a part of it.
  static func object(
    _ method: HTTPMethod, _ verb: String, _ type: ResourceType, namespace: String?, name: String,
    subresource: String? = nil
  ) -> APIRequest {
    var path = "\(path(type, namespace))/\(encode(name))"
    if let subresource {
      path += "/\(subresource.split(separator: "/").map { encode(String($0)) }.joined(separator: "/"))"
    }
    let key = ObjectKey(namespace: namespace ?? "", name: name)
    let part = subresource.map { "\($0) of " } ?? ""
    return APIRequest(method: method, path: path, attempt: "\(verb) \(part)\(type) \(key)")
  }

  private static func path(_ type: ResourceType, _ namespace: String?) -> String {
    let root =
      type.group.isEmpty ? "/api/\(encode(type.version))" : "/apis/\(encode(type.group))/\(encode(type.version))"
    guard type.isNamespaced, let namespace else { return "\(root)/\(encode(type.plural))" }
    return "\(root)/namespaces/\(encode(namespace))/\(encode(type.plural))"
  }

  mutating func add(_ name: String, _ value: String?) {
    if let value { query.append((name, value)) }
  }

  mutating func add(_ options: WriteOptions) {
    add("fieldManager", options.fieldManager)
    if options.isDryRun { add("dryRun", "All") }
    add("fieldValidation", options.fieldValidation)
  }

  mutating func set(_ json: JSONValue, contentType: String = "application/json") {
    self.contentType = contentType
    body = json.serialized()
  }
}
