/// One object as the API server sent it: metadata decoded, the rest kept as bytes and parsed on demand.
///
/// 10,000 FlinkDeployments cost 90 MB this way and 340 MB as trees; one parse costs about 60 µs.
public struct KubernetesObject: Sendable {
  public let metadata: ObjectMetadata
  private let storage: Storage

  private enum Storage: Sendable {
    case bytes([UInt8])
    case tree(JSONValue)
  }

  /// An object from a tree.
  public init(_ json: JSONValue) {
    metadata = ObjectMetadata(json: json["metadata"])
    storage = .tree(json)
  }

  /// An object from the server's bytes, kept without `metadata.managedFields`. One pass: only metadata is decoded.
  ///
  /// Of repeated member names the last counts, as in Kubernetes' own clients.
  /// - Throws: `JSONError` when the bytes are not one JSON object.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    self.init(scanned: try ObjectScanner.object(bytes))
  }

  init(scanned: ObjectScanner.Found) {
    metadata = scanned.metadata
    storage = .bytes(scanned.bytes)
  }

  /// The whole object. Bytes were checked when they came in.
  public var json: JSONValue {
    switch storage {
    case .tree(let json): json
    case .bytes(let bytes): (try? JSONParser.parseKeepingLast(bytes)) ?? .null
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

extension KubernetesObject: Hashable {
  /// Objects are equal when their contents are, however they are held.
  public static func == (left: KubernetesObject, right: KubernetesObject) -> Bool {
    if case .bytes(let a) = left.storage, case .bytes(let b) = right.storage, a == b { return true }
    return left.metadata == right.metadata && left.json == right.json
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(metadata) }
}
