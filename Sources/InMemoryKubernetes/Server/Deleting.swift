import KubernetesAPI

extension InMemoryAPIServer {
  mutating func delete(_ request: ResourceRequest, _ context: inout RequestContext) throws(APIFailure) -> APIResponse {
    let parameters = try DeleteParameters(context)
    try admitDelete(request, parameters, &context)
    if request.model.orphansByDefault, parameters.propagationPolicy == nil, parameters.orphanDependents == nil {
      context.warn(
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or "
          + "set propagationPolicy=Orphan to suppress this warning")
    }
    let (object, isGone) = try delete(request, parameters, at: context.now)
    if isGone && !request.model.returnsDeletedObject && !Self.answersWithObject(request) {
      return Self.answer(Self.deleted(object, request.type), context.format)
    }
    let shown = request.model.fromStorage(object)
    return Self.answer(request.view(shown, format: context.format, at: context.now), context.format)
  }

  /// Asks the webhooks about a delete.
  private mutating func admitDelete(
    _ request: ResourceRequest, _ parameters: DeleteParameters, _ context: inout RequestContext
  ) throws(APIFailure) {
    guard hasWebhooks || context.user.groups.contains(Self.nodesGroup) else { return }
    let old = try existing(request)
    try restrictNode(request, object: nil, old: old.json, context)
    try checkPreconditions(old, request.type, parameters)
    let attributes = AdmissionAttributes(
      operation: "DELETE", request: request, name: request.name, old: request.model.fromStorage(old.json),
      isDryRun: parameters.isDryRun, options: parameters.json)
    _ = try mutate(attributes, WriteParameters(), &context)
    try validate(attributes, &context)
  }

  /// Kinds whose deletion goes through finalizers of their own, however fast that is.
  private static func answersWithObject(_ request: ResourceRequest) -> Bool {
    request.definition.storage == StorageID(.namespaces)
      || request.definition.storage == StorageID(.customResourceDefinitions)
  }

  private static func deleted(_ object: JSONValue, _ type: ResourceType) -> JSONValue {
    var details: JSONValue = ["name": object["metadata", "name"] ?? ""]
    if !type.group.isEmpty { details["group"] = .string(type.group) }
    details["kind"] = .string(type.plural)
    details["uid"] = object["metadata", "uid"]
    return ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": details]
  }

  /// Deletes an object, or marks it where a finalizer or a grace period holds it.
  ///
  /// - Returns: the object as it is now or was last, in stored form, and whether it is gone.
  mutating func delete(
    _ request: ResourceRequest, _ parameters: DeleteParameters, at now: GoTime
  ) throws(APIFailure) -> (JSONValue, isGone: Bool) {
    let old = try existing(request)
    let storage = request.definition.storage
    try checkPreconditions(old, request.type, parameters)
    var object = old.json
    let finalizers = finalizers(object, request, parameters)
    let grace = graceSeconds(object, storage, parameters)
    let isHeld = !finalizers.isEmpty || grace > 0 || isNamespaceHeld(object, storage)
    if old.metadata.isBeingDeleted {
      // A second delete may shorten the grace period, nothing else.
      let current = object["metadata", "deletionGracePeriodSeconds"]?.intValue ?? 0
      if isHeld && grace >= current && finalizers == Self.finalizers(object) { return (object, false) }
    }
    guard isHeld else {
      if parameters.isDryRun { return (marked(object, finalizers, grace: 0, at: now), true) }
      let last = remove(key: request.key, from: storage)
      afterDelete(old, request.definition, at: now)
      var shown = last?.json ?? old.json
      if storage == StorageID(.pods) { shown = marked(shown, finalizers, grace: 0, at: now) }
      return (shown, true)
    }
    object = marked(object, finalizers, grace: grace, at: now)
    if storage == StorageID(.namespaces) {
      object.set("Terminating", at: ["status", "phase"])
      object.set(nil, at: ["metadata", "deletionGracePeriodSeconds"])
    }
    if object == old.json || parameters.isDryRun { return (object, false) }
    let written = store(object, in: storage)
    afterUpdate(written, old: old, request, at: now)
    return (written.json, false)
  }

  private func checkPreconditions(
    _ object: StoredObject, _ type: ResourceType, _ parameters: DeleteParameters
  ) throws(APIFailure) {
    let subject = type.group.isEmpty ? type.kind : "\(type.kind).\(type.group)"
    func failed(_ why: String) -> APIFailure {
      APIFailure(
        code: 409, reason: "Conflict",
        message: "Operation cannot be fulfilled on \(subject) \(goQuoted(object.metadata.name)): \(why)",
        name: object.metadata.name, group: type.group, kind: type.kind)
    }
    if let uid = parameters.uid, uid != object.metadata.uid {
      throw failed(
        "the UID in the precondition (\(uid)) does not match the UID in record (\(object.metadata.uid)). The object "
          + "might have been deleted and then recreated")
    }
    if let version = parameters.resourceVersion, version != object.metadata.resourceVersion {
      throw failed(
        "the ResourceVersion in the precondition (\(version)) does not match the ResourceVersion in record "
          + "(\(object.metadata.resourceVersion)). The object might have been modified")
    }
  }

  private static func finalizers(_ object: JSONValue) -> [String] {
    (object["metadata", "finalizers"]?.arrayValue ?? []).compactMap(\.stringValue)
  }

  /// The finalizers after this delete: the propagation policy adds or takes away the collector's own.
  private func finalizers(
    _ object: JSONValue, _ request: ResourceRequest, _ parameters: DeleteParameters
  ) -> [String] {
    var finalizers = Self.finalizers(object)
    switch (parameters.propagationPolicy, parameters.orphanDependents) {
    case ("Foreground", _):
      finalizers.removeAll { $0 == "orphan" }
      if !finalizers.contains("foregroundDeletion") { finalizers.append("foregroundDeletion") }
    case ("Orphan", _), (nil, true):
      finalizers.removeAll { $0 == "foregroundDeletion" }
      if !finalizers.contains("orphan") { finalizers.append("orphan") }
    case ("Background", _), (nil, false):
      finalizers.removeAll { $0 == "orphan" || $0 == "foregroundDeletion" }
    case (nil, nil) where request.model.orphansByDefault && !finalizers.contains("foregroundDeletion"):
      if !finalizers.contains("orphan") { finalizers.append("orphan") }
    default: break
    }
    return finalizers
  }

  /// How long a pod may take to stop; everything else goes at once.
  private func graceSeconds(_ object: JSONValue, _ storage: StorageID, _ parameters: DeleteParameters) -> Int64 {
    guard storage == StorageID(.pods) else { return 0 }
    let phase = object["status", "phase"]?.stringValue ?? ""
    let isBound = !(object["spec", "nodeName"]?.stringValue ?? "").isEmpty
    guard isBound, phase != "Succeeded", phase != "Failed" else { return 0 }
    if let asked = parameters.gracePeriodSeconds { return max(0, asked) }
    // A pod that is being deleted keeps its period unless another is asked for.
    return object["metadata", "deletionGracePeriodSeconds"]?.intValue
      ?? object["spec", "terminationGracePeriodSeconds"]?.intValue ?? 30
  }

  private func isNamespaceHeld(_ object: JSONValue, _ storage: StorageID) -> Bool {
    storage == StorageID(.namespaces) && !(object["spec", "finalizers"]?.arrayValue ?? []).isEmpty
  }

  private func marked(_ object: JSONValue, _ finalizers: [String], grace: Int64, at now: GoTime) -> JSONValue {
    var object = object
    var metadata = object["metadata"] ?? [:]
    let isFirst = metadata["deletionTimestamp"] == nil
    let ends = GoTime(epochMicroseconds: now.epochMicroseconds + grace * 1_000_000)
    let shortens = grace < metadata["deletionGracePeriodSeconds"]?.intValue ?? 0
    if isFirst || shortens {
      metadata["deletionTimestamp"] = .string(ends.seconds)
      metadata["deletionGracePeriodSeconds"] = JSONValue(grace)
    }
    metadata["finalizers"] = finalizers.isEmpty ? nil : JSONValue(finalizers)
    if isFirst, let generation = metadata["generation"]?.intValue, generation > 0 {
      metadata["generation"] = JSONValue(generation + 1)
    }
    object["metadata"] = metadata
    return object
  }

  mutating func deleteCollection(
    _ request: ResourceRequest, _ context: inout RequestContext
  ) throws(APIFailure) -> APIResponse {
    let query = try ListQuery(context.target, request, isWatch: false)
    let parameters = try DeleteParameters(context)
    var items: [JSONValue] = []
    func single(_ object: StoredObject) -> ResourceRequest {
      var one = request
      one.info.name = object.metadata.name
      one.info.namespace = object.metadata.namespace.isEmpty ? nil : object.metadata.namespace
      return one
    }
    let chosen = store(request.definition.storage).objects(namespace: query.namespace).filter {
      query.filter.matches($0, request.model)
    }
    // All are asked about before the first one goes.
    for object in chosen { try admitDelete(single(object), parameters, &context) }
    for object in chosen {
      let one = single(object)
      // Another deletion may have taken this one along.
      guard stores[request.definition.storage]?[one.key] != nil else { continue }
      _ = try delete(one, parameters, at: context.now)
      items.append(request.model.fromStorage(object.json))
    }
    let metadata: JSONValue = ["resourceVersion": .string(String(version))]
    let view = request.listView(items, metadata: metadata, format: context.format, at: context.now)
    return Self.answer(view, context.format)
  }
}
