import KubernetesAPI
import YAML

extension InMemoryAPIServer {
  /// Server-side apply. Fields are not yet owned by managers: an apply creates the object or is merged into it by the
  /// rules of its lists.
  mutating func apply(
    _ bytes: [UInt8], _ request: ResourceRequest, subresource: String?, _ parameters: WriteParameters,
    _ context: inout RequestContext
  ) throws(APIFailure) -> APIResponse {
    guard let manager = parameters.fieldManager, !manager.isEmpty else {
      throw .invalid(
        group: "meta.k8s.io", kind: "PatchOptions", name: "",
        [.required("fieldManager", "is required for apply patch")])
    }
    let patch: JSONValue
    do throws(YAMLError) {
      patch = try YAML.parse(String(decoding: bytes, as: UTF8.self))
    } catch {
      throw .badRequest("error decoding YAML: \(error)")
    }
    guard let old = stores[request.definition.storage]?[request.key] else {
      guard subresource == nil else { throw .notFound(request.type, request.name) }
      let body = ParsedBody(json: patch, duplicates: [], text: "")
      var object = try decode(body, request, parameters, &context)
      try checkName(object, request)
      let created = try create(&object, request, parameters, &context)
      let shown = request.model.fromStorage(created)
      return Self.answer(request.view(shown, format: context.format, at: context.now), status: 201, context.format)
    }
    let current = request.model.fromStorage(old.json)
    let merged: JSONValue
    if let structure = request.model.structureName {
      merged = try StrategicMergePatch(catalogue: builtinCatalogue).apply(patch, to: current, structure: structure)
    } else {
      merged = mergePatched(current, patch)
    }
    let object = try decode(
      ParsedBody(json: merged, duplicates: [], text: ""), request, parameters, &context)
    try checkName(object, request)
    let written = try update(object, old: old, request, subresource: subresource, parameters, &context)
    let shown = request.model.fromStorage(written)
    return Self.answer(request.view(shown, format: context.format, at: context.now), context.format)
  }
}
