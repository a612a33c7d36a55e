/// One object as the API server sent it: metadata decoded, the rest kept as bytes and parsed on demand.
///
/// 10,000 FlinkDeployments cost 90 MB this way and 340 MB as trees; one parse costs about 60 µs.
public struct KubernetesObject: Sendable, Hashable {
  public let metadata: ObjectMetadata
  private let storage: Storage

  private enum Storage: Sendable, Hashable {
    case bytes([UInt8])
    case tree(JSONValue)
  }

  /// An object from a tree.
  public init(_ json: JSONValue) {
    metadata = ObjectMetadata(json: json["metadata"])
    storage = .tree(json)
  }

  /// An object from the server's bytes, kept without `metadata.managedFields`.
  ///
  /// - Throws: `JSONError` when the bytes are not one JSON object.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    var json = try JSONValue(parsing: bytes)
    guard json.objectValue != nil else { throw JSONError(problem: "expected an object", offset: 0) }
    if json["metadata", "managedFields"] != nil {
      json.set(nil, at: ["metadata", "managedFields"])
      storage = .bytes(json.serialized())
    } else {
      storage = .bytes(bytes)
    }
    metadata = ObjectMetadata(json: json["metadata"])
  }

  /// The whole object. Bytes were checked when they came in.
  public var json: JSONValue {
    switch storage {
    case .tree(let json): json
    case .bytes(let bytes): (try? JSONValue(parsing: bytes)) ?? .null
    }
  }

  /// The same object held as bytes, for a store.
  public var compacted: KubernetesObject {
    switch storage {
    case .bytes: self
    case .tree(let json): (try? KubernetesObject(parsing: json.serialized())) ?? self
    }
  }

  public var key: ObjectKey { metadata.key }
}
