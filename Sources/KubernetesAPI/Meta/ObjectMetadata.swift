/// The name of an object within its resource type.
public struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Empty for cluster-scoped objects.
  public let namespace: String
  public let name: String

  public init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  public var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }

  public static func < (left: ObjectKey, right: ObjectKey) -> Bool {
    (left.namespace, left.name) < (right.namespace, right.name)
  }
}

public struct OwnerReference: Sendable, Hashable {
  public var apiVersion: String
  public var kind: String
  public var name: String
  public var uid: String
  public var isController: Bool
  public var blocksOwnerDeletion: Bool

  public init(
    apiVersion: String, kind: String, name: String, uid: String, isController: Bool = false,
    blocksOwnerDeletion: Bool = false
  ) {
    self.apiVersion = apiVersion
    self.kind = kind
    self.name = name
    self.uid = uid
    self.isController = isController
    self.blocksOwnerDeletion = blocksOwnerDeletion
  }

  public init(json: JSONValue) {
    self.init(
      apiVersion: json["apiVersion"]?.stringValue ?? "", kind: json["kind"]?.stringValue ?? "",
      name: json["name"]?.stringValue ?? "", uid: json["uid"]?.stringValue ?? "",
      isController: json["controller"]?.boolValue ?? false,
      blocksOwnerDeletion: json["blockOwnerDeletion"]?.boolValue ?? false)
  }

  public var json: JSONValue {
    [
      "apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(name), "uid": .string(uid),
      "controller": .bool(isController), "blockOwnerDeletion": .bool(blocksOwnerDeletion),
    ]
  }
}

/// The part of `metadata` that controllers act upon.
public struct ObjectMetadata: Sendable, Hashable {
  public var name: String
  public var namespace: String
  public var uid: String
  public var resourceVersion: String
  /// 0 where the kind has none.
  public var generation: Int64
  public var labels: [String: String]
  public var annotations: [String: String]
  public var ownerReferences: [OwnerReference]
  public var finalizers: [String]
  /// RFC 3339, as the server wrote it.
  public var creationTimestamp: String?
  public var deletionTimestamp: String?

  public init(
    name: String, namespace: String = "", uid: String = "", resourceVersion: String = "", generation: Int64 = 0,
    labels: [String: String] = [:], annotations: [String: String] = [:], ownerReferences: [OwnerReference] = [],
    finalizers: [String] = [], creationTimestamp: String? = nil, deletionTimestamp: String? = nil
  ) {
    self.name = name
    self.namespace = namespace
    self.uid = uid
    self.resourceVersion = resourceVersion
    self.generation = generation
    self.labels = labels
    self.annotations = annotations
    self.ownerReferences = ownerReferences
    self.finalizers = finalizers
    self.creationTimestamp = creationTimestamp
    self.deletionTimestamp = deletionTimestamp
  }

  /// Reads an object's `metadata` member; absent fields are empty.
  public init(json: JSONValue?) {
    self.init(
      name: json?["name"]?.stringValue ?? "", namespace: json?["namespace"]?.stringValue ?? "",
      uid: json?["uid"]?.stringValue ?? "", resourceVersion: json?["resourceVersion"]?.stringValue ?? "",
      generation: json?["generation"]?.intValue ?? 0, labels: json?["labels"]?.objectValue?.strings ?? [:],
      annotations: json?["annotations"]?.objectValue?.strings ?? [:],
      ownerReferences: (json?["ownerReferences"]?.arrayValue ?? []).map(OwnerReference.init(json:)),
      finalizers: (json?["finalizers"]?.arrayValue ?? []).compactMap(\.stringValue),
      creationTimestamp: json?["creationTimestamp"]?.stringValue,
      deletionTimestamp: json?["deletionTimestamp"]?.stringValue)
  }

  public var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }
  public var isBeingDeleted: Bool { deletionTimestamp != nil }

  public func isOwned(by uid: String) -> Bool { ownerReferences.contains { $0.uid == uid } }
}
