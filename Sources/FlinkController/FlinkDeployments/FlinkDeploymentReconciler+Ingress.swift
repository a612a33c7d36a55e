import FlinkBlueprint
import FlinkModel
import KubernetesAPI
import KubernetesRuntime
import Lifecycle

extension FlinkDeploymentReconciler {
  /// How the Ingress stands to the present spec, by the watch.
  func observeIngress(
    _ resource: FlinkDeployment, _ target: Result<Target, InvalidField>, restPort: Int
  ) -> Fact<IngressFacts> {
    let now = clock.now()
    guard case .success(let target) = target else { return .unknown(why: "the spec is not valid", since: now) }
    let spec = target.spec.ingress
    guard settings.isIngressManaged else { return .seen(spec == nil ? .asWanted : .unmanaged, at: now) }
    guard stores.ingresses.isSynced else {
      return .unknown(why: "the view of Ingresses is not complete yet", since: now)
    }
    let existing = stores.ingresses.get(resource.key)
    let uid = resource.metadata.uid
    switch (spec, existing) {
    case (nil, nil): return .seen(.asWanted, at: now)
    case (nil, let existing?):
      guard existing.metadata.isOwned(by: uid) else { return .seen(.asWanted, at: now) }
      if existing.metadata.isBeingDeleted { return .seen(.asWanted, at: now) }
      return .seen(.unwanted(ObjectIdentity(name: existing.metadata.name, uid: existing.metadata.uid)), at: now)
    case (_?, nil): return .seen(.missing, at: now)
    case (let spec?, let existing?):
      guard existing.metadata.isOwned(by: uid) else { return .seen(.foreign, at: now) }
      let wanted = Blueprint.ingress(
        name: resource.metadata.name, namespace: resource.metadata.namespace, uid: uid, spec: spec, restPort: restPort)
      return .seen(Blueprint.isIngress(existing, madeAs: wanted) ? .asWanted : .outdated, at: now)
    }
  }

  func applyIngress(_ spec: IngressSpec, _ metadata: ObjectMetadata) async throws(KubernetesError) {
    let wanted = Blueprint.ingress(
      name: metadata.name, namespace: metadata.namespace, uid: metadata.uid, spec: spec,
      restPort: memory(metadata.key, uid: metadata.uid).restPort)
    do throws(KubernetesError) {
      _ = try await kubernetes.create(.ingresses, namespace: metadata.namespace, wanted)
    } catch {
      guard error.isAlreadyExists else { throw error }
      let existing = try await kubernetes.get(.ingresses, namespace: metadata.namespace, name: metadata.name)
      guard existing.metadata.isOwned(by: metadata.uid) else { throw error }
      _ = try await kubernetes.patch(
        .ingresses, namespace: metadata.namespace, name: metadata.name,
        .merge(Blueprint.ingressPatch(existing, to: wanted)))
    }
  }

  func removeIngress(_ identity: ObjectIdentity, _ namespace: String) async throws(KubernetesError) {
    do throws(KubernetesError) {
      try await kubernetes.delete(
        .ingresses, namespace: namespace, name: identity.name, options: DeleteOptions(uid: identity.uid))
    } catch {
      if error.isNotFound || error.isConflict { return }
      throw error
    }
  }
}
