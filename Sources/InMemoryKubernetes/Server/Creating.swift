import KubernetesAPI

extension InMemoryAPIServer {
  mutating func create(_ request: ResourceRequest, _ context: inout RequestContext) throws(APIFailure) -> APIResponse {
    let parameters = try WriteParameters(context.target, kind: "CreateOptions")
    let body = try context.objectBody(kind: request.type.kind)
    var object = try decode(body, request, parameters, &context)
    let created = try create(&object, request, parameters, .tracked, &context)
    let shown = request.model.fromStorage(created)
    return Self.answer(request.view(shown, format: context.format, at: context.now), status: 201, context.format)
  }

  /// Completes, checks and stores a decoded object.
  mutating func create(
    _ object: inout JSONValue, _ request: ResourceRequest, _ parameters: WriteParameters,
    _ managedFields: ManagedFieldsChange, _ context: inout RequestContext
  ) throws(APIFailure) -> JSONValue {
    let model = request.model
    try checkNamespace(of: &object, request)
    if !(object["metadata", "resourceVersion"]?.stringValue ?? "").isEmpty {
      throw .internalPlain("resourceVersion should not be set on objects to be created")
    }
    model.applyDefaults(&object)
    // Only with a name of its own can an object be refused for its namespace.
    try admitNamespace(request, object)
    try preventEscalation(object, request, context)
    try restrictNode(request, object: object, old: nil, context)
    var metadata = object["metadata"] ?? [:]
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"] {
      metadata[field] = nil
    }
    metadata["uid"] = .string(random.uid())
    metadata["creationTimestamp"] = .string(context.now.seconds)
    metadata["generation"] = model.hasGeneration ? 1 : nil
    if (metadata["name"]?.stringValue ?? "").isEmpty, let prefix = metadata["generateName"]?.stringValue,
      !prefix.isEmpty
    {
      // Names are at most 63 long, so that they also serve as labels.
      metadata["name"] = .string(String(prefix.prefix(58)) + random.suffix(length: 5))
    }
    object["metadata"] = metadata
    let managed: JSONValue? =
      switch managedFields {
      case .tracked:
        trackedFields(old: nil, new: object, request, subresource: nil, parameters, context)
      case .replaced(let json): json
      }
    model.prepareForCreate(&object)
    try admitCreate(&object, request, parameters, &context)
    var attributes = AdmissionAttributes(
      operation: "CREATE", request: request, name: object["metadata", "name"]?.stringValue ?? "", object: object,
      isDryRun: parameters.isDryRun, options: parameters.json(kind: "CreateOptions"))
    if let changed = try mutate(attributes, parameters, &context) { object = changed }

    let name = object["metadata", "name"]?.stringValue ?? ""
    var errors = MetadataRules.validate(
      object, request.type, isCustom: model.isCustom, nameProblems: model.nameProblems)
    errors += model.validateCreate(object)
    if !errors.isEmpty { throw .invalid(request.type, name, errors) }
    attributes.object = object
    try validate(attributes, &context)
    let key = ResourceStore.key(namespace: request.namespace, name: name)
    if let taken = stores[request.definition.storage]?[key] {
      let isPod = request.definition.storage == StorageID(group: "", plural: "pods")
      throw .alreadyExists(
        request.type, name, isBeingDeleted: isPod && taken.metadata.isBeingDeleted)
    }
    try allocate(&object, old: nil, request, parameters)
    for warning in model.warnings(object) { context.warn(warning) }
    if let managed { object.set(managed, at: ["metadata", "managedFields"]) }
    let stored = model.toStorage(object)
    if parameters.isDryRun { return stored }
    let written = store(stored, in: request.definition.storage)
    afterCreate(written, request, at: context.now)
    return written.json
  }

  /// Reads a body as the request's kind.
  ///
  /// - Throws: 400 for another kind, a wrong type or, with strict validation, an unknown field.
  func decode(
    _ body: ParsedBody, _ request: ResourceRequest, _ parameters: WriteParameters, _ context: inout RequestContext
  ) throws(APIFailure) -> JSONValue {
    let type = request.type
    let kind = body.json["kind"]?.stringValue ?? ""
    let apiVersion = body.json["apiVersion"]?.stringValue ?? ""
    var json = body.json
    if request.model.isCustom {
      if !apiVersion.isEmpty && apiVersion != type.apiVersion {
        throw .badRequest(
          "the API version in the data (\(apiVersion)) does not match the expected API version (\(type.apiVersion))")
      }
      if !kind.isEmpty && kind != type.kind {
        throw .invalid(
          group: type.group, kind: kind, name: json["metadata", "name"]?.stringValue ?? "",
          [.invalid("kind", .string(kind), "must be \(type.kind)")])
      }
    } else {
      if !apiVersion.isEmpty && apiVersion != type.apiVersion {
        throw .badRequest(
          "the API version in the data (\(apiVersion)) does not match the expected API version (\(type.apiVersion))")
      }
      if !kind.isEmpty && kind != type.kind {
        let goGroup = type.group.isEmpty ? "core" : String(type.group.prefix { $0 != "." })
        throw .badRequest(
          "\(kind) in version \(goQuoted(type.version)) cannot be handled as a \(type.kind): converting "
            + "(\(type.version).\(kind)) to (\(goGroup).\(type.kind)): unknown conversion")
      }
    }
    json["kind"] = .string(type.kind)
    json["apiVersion"] = .string(type.apiVersion)
    let decoded: DecodedObject
    do throws(DecodeFailure) {
      decoded = try request.model.decode(json)
    } catch {
      throw .badRequest(
        "\(type.kind) in version \(goQuoted(type.version)) cannot be handled as a \(type.kind): \(error.message)")
    }
    let problems =
      (body.repeatedKeys.isEmpty ? [] : [body.repeatedKeys]) + body.duplicates.map { "duplicate field \(goQuoted($0))" }
      + decoded.unknownFields.map { "unknown field \(goQuoted($0))" }
    switch parameters.fieldValidation {
    case .ignore: break
    case .warn: for problem in problems { context.warn(problem) }
    case .strict:
      if !problems.isEmpty {
        throw .badRequest(
          "\(type.kind) in version \(goQuoted(type.version)) cannot be handled as a \(type.kind): strict decoding "
            + "error: \(problems.joined(separator: ", "))")
      }
    }
    return decoded.object
  }

  /// The namespace of the path goes into the object; another one in the body is refused.
  func checkNamespace(of object: inout JSONValue, _ request: ResourceRequest) throws(APIFailure) {
    let given = object["metadata", "namespace"]?.stringValue ?? ""
    if !given.isEmpty && given != request.namespace {
      throw .badRequest("the namespace of the provided object does not match the namespace sent on the request")
    }
    object.set(request.namespace.isEmpty ? nil : .string(request.namespace), at: ["metadata", "namespace"])
  }

  private func admitNamespace(_ request: ResourceRequest, _ object: JSONValue) throws(APIFailure) {
    guard request.type.isNamespaced else { return }
    guard let namespace = stores[StorageID(group: "", plural: "namespaces")]?[request.namespace] else {
      throw .notFound(.namespaces, request.namespace)
    }
    guard namespace.metadata.isBeingDeleted else { return }
    let name = object["metadata", "name"]?.stringValue ?? ""
    var failure = APIFailure.forbidden(
      request.type, name: name,
      "unable to create new content in namespace \(request.namespace) because it is being terminated")
    failure.status.causes = [
      APIStatus.Cause(
        reason: "NamespaceTerminating", message: "namespace \(request.namespace) is being terminated",
        field: "metadata.namespace")
    ]
    throw failure
  }
}
