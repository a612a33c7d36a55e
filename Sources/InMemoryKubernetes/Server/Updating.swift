import KubernetesAPI

extension InMemoryAPIServer {
  /// PUT.
  mutating func replace(
    _ request: ResourceRequest, subresource: String?, _ context: inout RequestContext
  ) throws(APIFailure) -> APIResponse {
    let parameters = try WriteParameters(context.target, kind: "UpdateOptions")
    let body = try context.objectBody(kind: request.type.kind)
    var object = try decode(body, request, parameters, &context)
    try checkName(object, request)
    if stores[request.definition.storage]?[request.key] == nil, subresource == nil, request.model.createsOnUpdate {
      try authorizeCreation(request, context)
      let created = try create(&object, request, parameters, .tracked, &context)
      let shown = request.model.fromStorage(created)
      return Self.answer(request.view(shown, format: context.format, at: context.now), status: 201, context.format)
    }
    let old = try existing(request)
    let uid = object["metadata", "uid"]?.stringValue ?? ""
    if !uid.isEmpty && uid != old.metadata.uid {
      let storage = request.definition.storage
      throw .conflict(
        request.type, request.name,
        "StorageError: invalid object, Code: 4, Key: \(Self.registryPath(storage, isCustom: request.model.isCustom))"
          + "/\(request.key), ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: \(uid), "
          + "UID in object meta: \(old.metadata.uid)")
    }
    let written = try update(object, old: old, request, subresource: subresource, parameters, .tracked, &context)
    let shown = request.model.fromStorage(written)
    return Self.answer(request.view(shown, format: context.format, at: context.now), context.format)
  }

  private static func registryPath(_ storage: StorageID, isCustom: Bool) -> String {
    isCustom ? storage.registryPath : "/registry/\(storage.plural)"
  }

  func checkName(_ object: JSONValue, _ request: ResourceRequest) throws(APIFailure) {
    let name = object["metadata", "name"]?.stringValue ?? ""
    if name.isEmpty {
      throw .badRequest("name must be provided")
    }
    if name != request.name {
      throw .badRequest("the name of the object (\(name)) does not match the name on the URL (\(request.name))")
    }
  }

  /// Completes, checks and stores a new state of an object that exists.
  ///
  /// - Parameter object: decoded, in this version's form.
  /// - Returns: the object as stored.
  mutating func update(
    _ object: JSONValue, old: StoredObject, _ request: ResourceRequest, subresource: String?,
    _ parameters: WriteParameters, _ managedFields: ManagedFieldsChange, _ context: inout RequestContext
  ) throws(APIFailure) -> JSONValue {
    let model = request.model
    let oldObject = model.fromStorage(old.json)
    var object = object
    try checkNamespace(of: &object, request)
    let versionText = object["metadata", "resourceVersion"]?.stringValue ?? ""
    if versionText.isEmpty || versionText == "0" {
      if !model.allowsUnconditionalUpdate {
        throw .invalid(
          group: request.type.group, kind: request.type.qualifiedPlural, name: request.name, qualified: true,
          [.invalid("metadata.resourceVersion", 0, "must be specified for an update")])
      }
    } else {
      guard let given = UInt64(versionText) else {
        throw .internalPlain("strconv.ParseUint: parsing \(goQuoted(versionText)): invalid syntax")
      }
      if given != old.version { throw .modified(request.type, request.name) }
    }
    model.applyDefaults(&object)
    try preventEscalation(object, old: oldObject, request, context)
    try restrictNode(request, object: object, old: oldObject, context)
    var metadata = object["metadata"] ?? [:]
    let oldMetadata = oldObject["metadata"] ?? [:]
    // A single empty entry asks for the managers to be forgotten.
    let isReset = metadata["managedFields"] == [[:]]
    metadata["managedFields"] = oldMetadata["managedFields"]
    metadata["selfLink"] = nil
    metadata["resourceVersion"] = oldMetadata["resourceVersion"]
    metadata["generation"] = oldMetadata["generation"]
    for field in ["uid", "creationTimestamp"] where metadata[field] == nil { metadata[field] = oldMetadata[field] }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] where oldMetadata[field] != nil {
      metadata[field] = oldMetadata[field]
    }
    object["metadata"] = metadata
    var attributes = AdmissionAttributes(
      operation: "UPDATE", request: request, subresource: subresource, name: request.name, object: object,
      old: oldObject, isDryRun: parameters.isDryRun,
      options: parameters.json(kind: context.request.method == "PATCH" ? "PatchOptions" : "UpdateOptions"))
    // Of a change through `scale` the webhooks were shown a Scale.
    let isScaling = request.info.subresource == "scale"
    if !isScaling, let changed = try mutate(attributes, parameters, &context) { object = changed }
    model.prepareForUpdate(&object, old: oldObject, subresource: subresource)
    if model.hasGeneration, subresource != "status", model.changesGeneration(object, old: oldObject) {
      let generation = oldMetadata["generation"]?.intValue ?? 0
      object.set(JSONValue(generation + 1), at: ["metadata", "generation"])
    }
    // The real server checks metadata once for every object and once again for the kind.
    let metadataErrors = MetadataRules.validateUpdate(object, old: oldObject)
    var errors = metadataErrors + metadataErrors
    errors += MetadataRules.validate(
      object, request.type, isCustom: model.isCustom, nameProblems: { _ in [] })
    errors += model.validateUpdate(object, old: oldObject, subresource: subresource)
    if !errors.isEmpty { throw .invalid(request.type, request.name, errors) }
    attributes.object = object
    if !isScaling { try validate(attributes, &context) }
    try allocate(&object, old: oldObject, request, parameters)
    for warning in model.warnings(object) { context.warn(warning) }

    switch managedFields {
    case .replaced(let json): object.set(json, at: ["metadata", "managedFields"])
    case .tracked:
      if isReset {
        object.set(nil, at: ["metadata", "managedFields"])
      } else if object != oldObject {
        let managed = trackedFields(
          old: oldObject, new: object, request, subresource: isScaling ? "scale" : subresource, parameters, context)
        object.set(managed, at: ["metadata", "managedFields"])
      }
    }
    object = model.normalized(object)
    let stored = model.toStorage(object)
    if stored == old.json && !isReleased(object) { return old.json }
    if parameters.isDryRun { return stored }
    if isReleased(object) {
      // The last finalizer is gone: the object goes with this write, which is itself never stored.
      remove(key: request.key, from: request.definition.storage)
      afterDelete(old, request.definition, at: context.now)
      return stored
    }
    let written = store(stored, in: request.definition.storage)
    afterUpdate(written, old: old, request, at: context.now)
    return written.json
  }

  /// Being deleted, and nothing holds it any more.
  func isReleased(_ object: JSONValue) -> Bool {
    object["metadata", "deletionTimestamp"] != nil
      && (object["metadata", "finalizers"]?.arrayValue ?? []).isEmpty
      && (object["metadata", "deletionGracePeriodSeconds"]?.intValue ?? 0) == 0
      && (object["kind"] != "Namespace" || (object["spec", "finalizers"]?.arrayValue ?? []).isEmpty)
  }
}

extension APIFailure {
  /// As `invalid`, where the kind is named with its group already.
  static func invalid(
    group: String, kind: String, name: String, qualified: Bool, _ errors: [FieldError]
  ) -> APIFailure {
    guard qualified else { return .invalid(group: group, kind: kind, name: name, errors) }
    var failure = APIFailure.invalid(group: "", kind: kind, name: name, errors)
    failure.status.detailGroup = group
    failure.status.detailKind = String(kind.prefix { $0 != "." })
    return failure
  }
}
