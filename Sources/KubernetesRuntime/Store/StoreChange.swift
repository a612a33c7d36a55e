public import KubernetesAPI

/// What one event or re-list did to a store.
public enum StoreChange: Sendable, Hashable {
  case added(KubernetesObject)
  /// The same object (one UID) in a newer version.
  case updated(old: KubernetesObject, new: KubernetesObject)
  /// Another object (another UID) under the name of one that is gone: the removal was not seen on its own.
  case recreated(old: KubernetesObject, new: KubernetesObject)
  /// The object as it was last.
  case removed(KubernetesObject)

  public var key: ObjectKey { latest.key }

  /// The object now, or as it was last.
  public var latest: KubernetesObject {
    switch self {
    case .added(let object), .removed(let object): object
    case .updated(_, let new), .recreated(_, let new): new
    }
  }

  /// The object whose UID exists no longer.
  public var gone: KubernetesObject? {
    switch self {
    case .removed(let object): object
    case .recreated(let old, _): old
    case .added, .updated: nil
    }
  }
}
