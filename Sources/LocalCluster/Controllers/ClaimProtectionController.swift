public import KubernetesAPI

/// Lets a PersistentVolumeClaim that is being deleted go when no pod uses it any more.
public enum ClaimProtectionController {
  public static let claims = ResourceType(
    group: "", version: "v1", plural: "persistentvolumeclaims", kind: "PersistentVolumeClaim")
  public static let finalizer = "kubernetes.io/pvc-protection"
  /// Types that must be listed before a turn.
  public static let types: [ResourceType] = [claims, .pods]

  public static func reconcile(_ key: ObjectKey, in cache: ClusterCache) -> Reconciliation {
    guard let claim = cache.object(claims, key), claim.metadata.isBeingDeleted,
      claim.metadata.finalizers.contains(finalizer)
    else { return .nothing }
    let isUsed = cache.objects(.pods, namespace: key.namespace).contains { pod in
      !PodState(pod).isTerminal && names(of: pod).contains(key.name)
    }
    guard !isUsed else { return .nothing }
    let kept = claim.metadata.finalizers.filter { $0 != finalizer }
    return Reconciliation(writes: [
      .mergePatch(
        claims, key, subresource: nil,
        claim.patch(["metadata": ["finalizers": kept.isEmpty ? .null : JSONValue(kept)]]))
    ])
  }

  /// The claims that a pod mounts.
  static func names(of pod: KubernetesObject) -> [String] {
    (pod.json["spec", "volumes"]?.arrayValue ?? []).compactMap {
      $0["persistentVolumeClaim", "claimName"]?.stringValue
    }
  }
}
