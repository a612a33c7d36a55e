import KubernetesAPI

extension InMemoryAPIServer {
  /// The `scale` subresource: replicas and nothing else, of whatever can be scaled.
  mutating func scale(_ request: ResourceRequest, _ context: inout RequestContext) throws(APIFailure) -> APIResponse {
    let old = try existing(request)
    let object = request.model.fromStorage(old.json)
    let paths = request.model.scalePaths
    let current = try scaleObject(object, request, paths)
    switch request.info.verb {
    case .get: return Self.answer(current, context.format)
    case .update, .patch: break
    default: throw .methodNotAllowed
    }
    let isPatch = request.info.verb == .patch
    let parameters = try WriteParameters(context.target, kind: isPatch ? "PatchOptions" : "UpdateOptions")
    var wanted: JSONValue
    if isPatch {
      let form = try patchForm(request, context)
      let patch = try PatchForm.parse(try context.patchBytes(), form)
      switch form {
      case .merge: wanted = mergePatched(current, patch)
      case .json: wanted = try LenientJSONPatch.apply(patch, to: current)
      case .strategic:
        wanted = try StrategicMergePatch(catalogue: builtinCatalogue).apply(patch, to: current, structure: "Scale")
      case .apply: throw .unsupportedMediaType(accepted: [PatchForm.json, .merge, .strategic].map(\.rawValue))
      }
    } else {
      wanted = try context.objectBody(kind: "Scale").json
    }
    wanted = try Self.decodedScale(wanted)
    var attributes = AdmissionAttributes(
      operation: "UPDATE", request: request, subresource: "scale", name: request.name, object: wanted, old: current,
      isDryRun: parameters.isDryRun, options: parameters.json(kind: isPatch ? "PatchOptions" : "UpdateOptions"))
    if let changed = try mutate(attributes, parameters, &context) { wanted = try Self.decodedScale(changed) }
    let version = wanted["metadata", "resourceVersion"]?.stringValue ?? ""
    if !version.isEmpty && version != old.metadata.resourceVersion {
      throw .modified(request.type, request.name)
    }
    let replicas = wanted["spec", "replicas"]?.intValue ?? 0
    if replicas < 0 && !request.model.isCustom {
      throw .invalid(
        group: "autoscaling", kind: "Scale", name: request.name,
        [.invalid("spec.replicas", JSONValue(replicas), "must be greater than or equal to 0")])
    }
    attributes.object = wanted
    try validate(attributes, &context)
    var changed = object
    changed.set(JSONValue(replicas), at: paths.spec)
    let written = try update(changed, old: old, request, subresource: nil, parameters, .tracked, &context)
    let shown = try scaleObject(request.model.fromStorage(written), request, paths)
    return Self.answer(shown, context.format)
  }

  private static func decodedScale(_ json: JSONValue) throws(APIFailure) -> JSONValue {
    var decoder = SchemaDecoder(catalogue: builtinCatalogue)
    do throws(DecodeFailure) {
      var scale = try decoder.decode(json, as: "Scale")
      scale["kind"] = "Scale"
      scale["apiVersion"] = "autoscaling/v1"
      return scale
    } catch {
      throw .badRequest("Scale in version \"v1\" cannot be handled as a Scale: \(error.message)")
    }
  }

  private func scaleObject(
    _ object: JSONValue, _ request: ResourceRequest, _ paths: ScalePaths
  ) throws(APIFailure) -> JSONValue {
    var metadata: JSONValue = [:]
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
      metadata[field] = object["metadata", field]
    }
    let replicas = object.value(at: paths.spec)?.intValue
    if replicas == nil && request.model.isCustom {
      throw .internalError(
        "the spec replicas field \(goQuoted("." + paths.spec.joined(separator: "."))) does not exist")
    }
    var spec: JSONValue = [:]
    if let replicas, replicas != 0 { spec["replicas"] = JSONValue(replicas) }
    var status: JSONValue = ["replicas": JSONValue(object.value(at: paths.status)?.intValue ?? 0)]
    let selector: String
    if request.model.isCustom {
      selector = paths.selector.flatMap { object.value(at: $0)?.stringValue } ?? ""
    } else {
      selector = PodTemplates.selectorText(object["spec", "selector"])
    }
    if !selector.isEmpty { status["selector"] = .string(selector) }
    return ["kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status]
  }
}

/// Where an object keeps its replicas.
struct ScalePaths: Sendable {
  var spec = ["spec", "replicas"]
  var status = ["status", "replicas"]
  var selector: [String]?
}
