public import KubernetesAPI

/// One write that a controller asks for.
public enum ControllerWrite: Sendable, Hashable {
  case create(ResourceType, namespace: String?, JSONValue)
  /// A merge patch of the object or of a subresource. It carries the resourceVersion it was computed from.
  case mergePatch(ResourceType, ObjectKey, subresource: String?, JSONValue)
  /// The whole object with its resourceVersion.
  case replace(ResourceType, ObjectKey, subresource: String?, JSONValue)
  case delete(ResourceType, ObjectKey, DeleteOptions)
}

/// Something a controller must see on the server itself, because its cache may lag behind, before it goes on.
public enum ControllerLookup: Sendable, Hashable {
  /// Whether the owner of that UID is there.
  case owner(ResourceType, ObjectKey, uid: String)
  /// Whether a namespace (of that UID) holds anything of these types.
  case contents(namespace: String, uid: String, [ResourceType])
}

/// What a controller decided to do about one object.
public struct Reconciliation: Sendable, Hashable {
  /// To be made in this order, up to the first that fails.
  public var writes: [ControllerWrite] = []
  public var lookups: [ControllerLookup] = []
  /// When to look again although nothing has changed.
  public var wakeAt: Timestamp?

  public init(writes: [ControllerWrite] = [], lookups: [ControllerLookup] = [], wakeAt: Timestamp? = nil) {
    self.writes = writes
    self.lookups = lookups
    self.wakeAt = wakeAt
  }

  public static let nothing = Reconciliation()
}

extension KubernetesObject {
  /// The one owner that manages the object.
  var controllerReference: OwnerReference? { metadata.ownerReferences.first { $0.isController } }

  /// A merge patch of this version of the object.
  func patch(_ changes: JSONValue) -> JSONValue {
    var patch = changes
    patch.set(.string(metadata.resourceVersion), at: ["metadata", "resourceVersion"])
    return patch
  }
}

extension LabelSelector {
  /// A selector the API server has accepted; nil for one it would not have.
  init?(accepted json: JSONValue) {
    do throws(SelectorError) { try self.init(json: json) } catch { return nil }
  }
}
