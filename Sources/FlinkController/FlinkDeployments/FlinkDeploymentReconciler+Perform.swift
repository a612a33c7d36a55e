import FlinkBlueprint
import FlinkModel
import KubernetesAPI
import KubernetesRuntime
import Lifecycle

/// An effect that was not carried out, or not to its end.
enum EffectError: Error {
  case refused(String)
  case kubernetes(KubernetesError)

  var outcome: EffectOutcome.Result {
    switch self {
    case .refused(let why): .failed(why)
    case .kubernetes(let error): error.isAmbiguous ? .ambiguous(error.description) : .failed(error.description)
    }
  }
}

extension FlinkDeploymentReconciler {
  /// Carries out one effect whose authority has been checked.
  func perform(_ effect: Effect, _ metadata: ObjectMetadata) async -> EffectOutcome.Result {
    do throws(EffectError) {
      switch effect {
      case .setFinalizer: try await setFinalizers(metadata, metadata.finalizers + [FlinkDeployment.finalizer])
      case .removeFinalizer:
        try await setFinalizers(metadata, metadata.finalizers.filter { $0 != FlinkDeployment.finalizer })
      case .createIncarnation(let incarnation): try await create(incarnation, metadata)
      case .scaleDown(let objects, _):
        for object in objects { try await scaleDown(object, metadata.namespace) }
      case .scaleTaskManagers(let object, let replicas, _):
        try await scale(object, to: replicas, metadata.namespace)
      case .deleteDeployments(let objects, _):
        for object in objects { try await delete(object, metadata.namespace) }
      case .deleteHAMetadata(let maps, _): try await deleteHAMetadata(maps, metadata.namespace)
      case .tidyHAMetadata(let tidying, let operation):
        try await tidyHAMetadata(tidying, metadata.namespace, operation: operation)
      case .stopWithSavepoint, .cancelJob, .triggerSavepoint, .triggerCheckpoint, .disposeSavepoint, .boundParallelism:
        return await ask(effect, metadata)
      case .applyIngress(let spec, _):
        do { try await applyIngress(spec, metadata) } catch { throw .kubernetes(error) }
      case .removeIngress(let identity):
        do { try await removeIngress(identity, metadata.namespace) } catch { throw .kubernetes(error) }
      }
      return .succeeded
    } catch {
      return error.outcome
    }
  }

  // MARK: The resource

  private func setFinalizers(_ metadata: ObjectMetadata, _ finalizers: [String]) async throws(EffectError) {
    do throws(KubernetesError) {
      let stored = try await kubernetes.patch(
        .flinkDeployments, namespace: metadata.namespace, name: metadata.name,
        .merge([
          "metadata": [
            "uid": .string(metadata.uid), "resourceVersion": .string(metadata.resourceVersion),
            "finalizers": JSONValue(finalizers),
          ]
        ]))
      ledger.recordWrite(uid: metadata.uid, resourceVersion: stored.metadata.resourceVersion)
    } catch {
      if error.isNotFound { return }
      if error.isAmbiguous { ledger.recordAmbiguous(uid: metadata.uid) }
      throw .kubernetes(error)
    }
  }

  // MARK: Creation

  /// Each object by a create that may be repeated: one that exists already must be ours.
  private func create(_ incarnation: Incarnation, _ metadata: ObjectMetadata) async throws(EffectError) {
    for (type, object) in try objects(of: incarnation, metadata).inCreationOrder {
      do throws(KubernetesError) {
        _ = try await kubernetes.create(type, namespace: metadata.namespace, object)
      } catch {
        guard error.isAlreadyExists else { throw .kubernetes(error) }
        try await reuse(type, object, incarnation, metadata)
      }
    }
  }

  private func objects(
    of incarnation: Incarnation, _ metadata: ObjectMetadata
  ) throws(EffectError) -> ClusterObjects {
    let spec = incarnation.spec
    do {
      let scoped = try settings.scoped(namespace: metadata.namespace, flinkVersion: spec.flinkVersion)
      var configuration = try scoped.deployConfiguration(
        for: spec, name: metadata.name, namespace: metadata.namespace)
      if spec.job != nil { configuration[ConfigurationKey.jobID] = incarnation.jobID }
      return try Blueprint.cluster(
        name: metadata.name, namespace: metadata.namespace, uid: metadata.uid, spec: spec,
        configuration: configuration, generation: incarnation.generation,
        operation: OperationMark(id: incarnation.operationID, attempt: incarnation.attempt),
        restore: incarnation.restorePlan)
    } catch {
      throw .refused("\(error)")
    }
  }

  /// An object of this name exists: it is this incarnation's own, or one that outlives incarnations and follows the
  /// spec, or it is in the way.
  private func reuse(
    _ type: ResourceType, _ object: JSONValue, _ incarnation: Incarnation, _ metadata: ObjectMetadata
  ) async throws(EffectError) {
    let name = object["metadata", "name"]?.stringValue ?? ""
    do throws(KubernetesError) {
      let existing = try await kubernetes.get(type, namespace: metadata.namespace, name: name)
      guard existing.metadata.isOwned(by: metadata.uid) || !guards.holds(.foreignObjects) else {
        throw KubernetesError(
          attempt: "create \(type) \(name)",
          cause: .rejected(
            APIStatus(
              code: 409, reason: "AlreadyExists",
              message: "it exists and does not belong to this resource: delete it, or rename the FlinkDeployment"),
            retryAfter: nil))
      }
      let operation = existing.metadata.annotations[Blueprint.operationAnnotation]
      if operation == incarnation.operationID, !existing.metadata.isBeingDeleted { return }
      if !guards.holds(.otherIncarnations) { return }
      let attempt = existing.metadata.annotations[Blueprint.attemptAnnotation].flatMap { Int64($0) } ?? 0
      guard type != .deployments, attempt <= incarnation.attempt, !existing.metadata.isBeingDeleted else {
        throw KubernetesError(
          attempt: "create \(type) \(name)",
          cause: .rejected(
            APIStatus(
              code: 409, reason: "AlreadyExists",
              message: "it exists, made by operation \(operation ?? "unknown") (incarnation \(attempt))"),
            retryAfter: nil))
      }
      _ = try await kubernetes.patch(
        type, namespace: metadata.namespace, name: name, .merge(Self.update(existing, to: object)))
    } catch {
      throw .kubernetes(error)
    }
  }

  /// The merge patch that makes a ConfigMap or Service what it is to be.
  static func update(_ existing: KubernetesObject, to object: JSONValue) -> JSONValue {
    let json = existing.json
    var patch: JSONObject = [
      "metadata": [
        "uid": .string(existing.metadata.uid), "resourceVersion": .string(existing.metadata.resourceVersion),
        "labels": object["metadata", "labels"] ?? [:], "annotations": object["metadata", "annotations"] ?? [:],
        "ownerReferences": object["metadata", "ownerReferences"] ?? [],
      ]
    ]
    if let data = object["data"]?.objectValue {
      var change = data
      for (key, _) in json["data"]?.objectValue ?? [:] where !data.contains(key) { change[key] = .null }
      patch["data"] = .object(change)
    }
    if let spec = object["spec"]?.objectValue {
      // The address is given once.
      patch["spec"] = .object(spec.filter { key, _ in key != "clusterIP" })
    }
    return .object(patch)
  }

  // MARK: Removal

  private func scaleDown(_ object: ObjectIdentity, _ namespace: String) async throws(EffectError) {
    do throws(KubernetesError) {
      _ = try await kubernetes.patch(
        .deployments, namespace: namespace, name: object.name,
        .merge([
          "metadata": guards.holds(.scalePrecondition) ? ["uid": .string(object.uid)] : [:], "spec": ["replicas": 0],
        ]))
    } catch {
      // Gone, or another one: the object that was meant does not run any more.
      if error.isNotFound || error.isConflict { return }
      throw .kubernetes(error)
    }
  }

  private func scale(_ object: ObjectIdentity, to replicas: Int, _ namespace: String) async throws(EffectError) {
    do throws(KubernetesError) {
      _ = try await kubernetes.patch(
        .deployments, namespace: namespace, name: object.name, subresource: "scale",
        .merge(["metadata": ["uid": .string(object.uid)], "spec": ["replicas": JSONValue(replicas)]]))
    } catch {
      throw .kubernetes(error)
    }
  }

  private func delete(_ object: ObjectIdentity, _ namespace: String) async throws(EffectError) {
    do throws(KubernetesError) {
      try await kubernetes.delete(
        .deployments, namespace: namespace, name: object.name,
        options: DeleteOptions(
          uid: guards.holds(.deletePrecondition) ? object.uid : nil, propagation: settings.clusterDeletion))
    } catch {
      if error.isNotFound || error.isConflict { return }
      throw .kubernetes(error)
    }
  }

  // MARK: The JobManager

  private func ask(_ effect: Effect, _ metadata: ObjectMetadata) async -> EffectOutcome.Result {
    let endpoint: FlinkEndpoint
    do throws(UnresolvedJobManager) {
      endpoint = try self.endpoint(metadata.key, memory(metadata.key, uid: metadata.uid))
    } catch {
      return .failed(error.description)
    }
    do throws(FlinkError) {
      switch effect {
      case .stopWithSavepoint(let job, let request, let format, let drains, _):
        try await flink.stopWithSavepoint(
          at: endpoint, job: job, triggerID: request.triggerID, targetDirectory: request.targetDirectory,
          formatType: format.rawValue, drain: drains)
      case .cancelJob(let job, _):
        try await flink.cancel(at: endpoint, job: job)
      case .triggerSavepoint(let job, let request, let format, _):
        try await flink.triggerSavepoint(
          at: endpoint, job: job, triggerID: request.triggerID, targetDirectory: request.targetDirectory,
          formatType: format.rawValue)
      case .triggerCheckpoint(let job, let trigger, let type, _):
        try await flink.triggerCheckpoint(at: endpoint, job: job, triggerID: trigger, type: type.rawValue)
      case .boundParallelism(let job, let bounds, _):
        try await flink.setResourceRequirements(at: endpoint, job: job, bounds)
      case .disposeSavepoint(let path, _):
        try await flink.disposeSavepoint(at: endpoint, path: path)
      default:
        return .failed("not a request to a JobManager")
      }
      return .succeeded
    } catch {
      if case .boundParallelism = effect, error.isRefusal { return .refused(error.description) }
      return if case .interrupted = error { .ambiguous(error.description) } else { .failed(error.description) }
    }
  }
}
