public import KubernetesAPI

/// Deletes what has lost its owners, and carries foreground and orphaning deletions through.
public enum GarbageCollector {
  public static let foregroundFinalizer = "foregroundDeletion"
  public static let orphanFinalizer = "orphan"

  /// What to do about the object of one UID.
  ///
  /// - Parameters:
  ///   - type: gives the resource type that an owner reference means; nil for one the server does not serve.
  public static func reconcile(
    uid: String, in cache: ClusterCache, type: (OwnerReference) -> ResourceType?
  ) -> Reconciliation {
    guard let place = cache.reference(uid: uid), let object = cache.object(place.type, place.key) else {
      return .nothing
    }
    let metadata = object.metadata
    if metadata.isBeingDeleted {
      if metadata.finalizers.contains(orphanFinalizer) { return orphaning(object, place, in: cache) }
      if metadata.finalizers.contains(foregroundFinalizer) { return foreground(object, place, in: cache) }
      return .nothing
    }
    return judgement(of: object, place, in: cache, type: type)
  }

  /// The UIDs whose turn comes because of a change.
  public static func affected(by change: CacheChange, in cache: ClusterCache) -> [String] {
    guard let new = change.new else {
      // Gone: its dependents have lost an owner, its owners may have been waiting for it.
      guard let old = change.old else { return [] }
      return cache.dependents(of: old.metadata.uid).compactMap { cache.object($0.type, $0.key)?.metadata.uid }
        + waiting(old.metadata.ownerReferences, in: cache)
    }
    var uids: [String] = []
    let metadata = new.metadata
    let isNews =
      change.old == nil || change.old?.metadata.uid != metadata.uid
      || change.old?.metadata.ownerReferences != metadata.ownerReferences
    if isNews, !metadata.ownerReferences.isEmpty { uids.append(metadata.uid) }
    if metadata.isBeingDeleted,
      metadata.finalizers.contains(where: { [foregroundFinalizer, orphanFinalizer].contains($0) })
    {
      uids.append(metadata.uid)
    }
    if let old = change.old, old.metadata.uid != metadata.uid {
      uids += cache.dependents(of: old.metadata.uid).compactMap { cache.object($0.type, $0.key)?.metadata.uid }
    }
    // A reference to an owner that is going away may have been taken off.
    if let old = change.old, isNews { uids += waiting(old.metadata.ownerReferences, in: cache) }
    return uids
  }

  private static func waiting(_ owners: [OwnerReference], in cache: ClusterCache) -> [String] {
    owners.map(\.uid).filter { uid in
      guard let owner = cache.object(uid: uid)?.metadata else { return false }
      return owner.isBeingDeleted
        && owner.finalizers.contains { $0 == foregroundFinalizer || $0 == orphanFinalizer }
    }
  }

  /// An object that is there: do its owners still hold it?
  private static func judgement(
    of object: KubernetesObject, _ place: ObjectReference, in cache: ClusterCache,
    type: (OwnerReference) -> ResourceType?
  ) -> Reconciliation {
    let metadata = object.metadata
    guard !metadata.ownerReferences.isEmpty else { return .nothing }
    var solid: [OwnerReference] = []
    var absent: [OwnerReference] = []
    var leaving: [OwnerReference] = []
    var lookups: [ControllerLookup] = []
    for owner in metadata.ownerReferences {
      if let known = cache.object(uid: owner.uid) {
        let isLeaving =
          known.metadata.isBeingDeleted && known.metadata.finalizers.contains(foregroundFinalizer)
        if isLeaving { leaving.append(owner) } else { solid.append(owner) }
      } else if cache.isGone(uid: owner.uid) {
        absent.append(owner)
      } else if let type = type(owner) {
        let namespace = type.isNamespaced ? metadata.namespace : ""
        lookups.append(.owner(type, ObjectKey(namespace: namespace, name: owner.name), uid: owner.uid))
      } else {
        // Nobody can say whether an owner of an unknown kind exists: it holds what it owns.
        solid.append(owner)
      }
    }
    guard lookups.isEmpty else { return Reconciliation(lookups: lookups) }
    if !solid.isEmpty {
      let dropped = absent + leaving
      guard !dropped.isEmpty else { return .nothing }
      return Reconciliation(writes: [withoutOwners(Set(dropped.map(\.uid)), object, place)])
    }
    var policy = PropagationPolicy.background
    if metadata.finalizers.contains(orphanFinalizer) {
      policy = .orphan
    } else if metadata.finalizers.contains(foregroundFinalizer)
      || (!leaving.isEmpty && !cache.dependents(of: metadata.uid).isEmpty)
    {
      policy = .foreground
    }
    return Reconciliation(writes: [
      .delete(
        place.type, place.key,
        DeleteOptions(uid: metadata.uid, resourceVersion: metadata.resourceVersion, propagation: policy))
    ])
  }

  /// An owner that waits for those of its dependents that block it.
  private static func foreground(
    _ object: KubernetesObject, _ place: ObjectReference, in cache: ClusterCache
  ) -> Reconciliation {
    let uid = object.metadata.uid
    let dependents = cache.dependents(of: uid).compactMap { reference in
      cache.object(reference.type, reference.key).map { (reference, $0) }
    }
    let isBlocked = dependents.contains { _, dependent in
      dependent.metadata.ownerReferences.contains { $0.uid == uid && $0.blocksOwnerDeletion }
    }
    var writes: [ControllerWrite] = []
    for (reference, dependent) in dependents where !dependent.metadata.isBeingDeleted {
      let others = dependent.metadata.ownerReferences.filter { $0.uid != uid && !cache.isGone(uid: $0.uid) }
      if others.isEmpty {
        let hasOwn = !cache.dependents(of: dependent.metadata.uid).isEmpty
        writes.append(
          .delete(
            reference.type, reference.key,
            DeleteOptions(uid: dependent.metadata.uid, propagation: hasOwn ? .foreground : .background)))
      } else {
        writes.append(withoutOwners([uid], dependent, reference))
      }
    }
    if !isBlocked { writes.append(withoutFinalizer(foregroundFinalizer, object, place)) }
    return Reconciliation(writes: writes)
  }

  /// An owner that sets its dependents free before it goes.
  private static func orphaning(
    _ object: KubernetesObject, _ place: ObjectReference, in cache: ClusterCache
  ) -> Reconciliation {
    let writes = cache.dependents(of: object.metadata.uid).compactMap { reference in
      cache.object(reference.type, reference.key).map {
        withoutOwners([object.metadata.uid], $0, reference)
      }
    }
    return Reconciliation(
      writes: writes.isEmpty ? [withoutFinalizer(orphanFinalizer, object, place)] : writes)
  }

  private static func withoutOwners(
    _ uids: Set<String>, _ object: KubernetesObject, _ place: ObjectReference
  ) -> ControllerWrite {
    let kept = (object.json["metadata", "ownerReferences"]?.arrayValue ?? []).filter { owner in
      !(owner["uid"]?.stringValue.map(uids.contains) ?? false)
    }
    return .mergePatch(
      place.type, place.key, subresource: nil,
      object.patch(["metadata": ["ownerReferences": kept.isEmpty ? .null : .array(kept)]]))
  }

  private static func withoutFinalizer(
    _ finalizer: String, _ object: KubernetesObject, _ place: ObjectReference
  ) -> ControllerWrite {
    let kept = object.metadata.finalizers.filter { $0 != finalizer }
    return .mergePatch(
      place.type, place.key, subresource: nil,
      object.patch(["metadata": ["finalizers": kept.isEmpty ? .null : JSONValue(kept)]]))
  }
}
