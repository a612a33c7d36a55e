import KubernetesAPI
import YAML

/// What a write does to `metadata.managedFields`.
enum ManagedFieldsChange: Sendable {
  /// The writer takes what it changes.
  case tracked
  /// Worked out already, by an apply.
  case replaced(JSONValue?)
}

extension InMemoryAPIServer {
  /// Server-side apply: the object gets the fields of the patch, loses those that this manager no longer sends and
  /// nobody else manages, and is refused where another manager has set something else.
  mutating func apply(
    _ bytes: [UInt8], _ request: ResourceRequest, subresource: String?, _ parameters: WriteParameters,
    _ context: inout RequestContext
  ) throws(APIFailure) -> APIResponse {
    guard let name = parameters.fieldManager, !name.isEmpty else {
      throw .invalid(
        group: "meta.k8s.io", kind: "PatchOptions", name: "",
        [.required("fieldManager", "is required for apply patch")])
    }
    let patch = try appliedObject(bytes, request)
    let manager = FieldManagers.Manager(
      name: name, operation: "Apply", apiVersion: request.type.apiVersion, subresource: subresource ?? "")
    let fields = ownable(try declaredFields(of: patch, request), request, subresource: subresource)
    guard let old = stores[request.definition.storage]?[request.key] else {
      guard subresource == nil else { throw .notFound(request.type, request.name) }
      return try applyNew(patch, fields, manager, request, parameters, &context)
    }
    let live = request.model.fromStorage(old.json)
    try checkVersion(of: patch, old, request)
    var managers = FieldManagers(live["metadata", "managedFields"])
    if managers.entries.isEmpty { managers = beforeFirstApply(live, request, context) }
    let before = managers
    let last = managers.entries[manager]
    managers.entries[manager] = FieldManagers.Entry(fields: fields, time: last?.time)

    let type = request.model.mergeType
    var merged = TypedMerge.merge(live, laidOver(patch, request, subresource: subresource), type)
    let kept = managers.allFields
    merged = TypedMerge.remove((last?.fields ?? FieldSet()).subtracting(kept), from: merged, keeping: kept, type)
    merged.set(nil, at: ["metadata", "managedFields"])
    var object = try decode(ParsedBody(json: merged, duplicates: [], text: ""), request, parameters, &context)
    request.model.applyDefaults(&object)
    var comparable = live
    comparable.set(nil, at: ["metadata", "managedFields"])
    let comparison = TypedMerge.compare(comparable, object, type)
    let conflicts = managers.conflicts(comparison, with: manager)
    if !conflicts.isEmpty && !parameters.isForced { throw .applyConflict(conflicts) }
    managers.apply(comparison, by: manager)
    if !comparison.isSame { managers.entries[manager]?.time = context.now.seconds }
    let change = managers == before && comparison.isSame ? live["metadata", "managedFields"] : managers.json
    object.set(live["metadata", "resourceVersion"], at: ["metadata", "resourceVersion"])
    let written = try update(
      object, old: old, request, subresource: subresource, parameters, .replaced(change), &context)
    let shown = request.model.fromStorage(written)
    return Self.answer(request.view(shown, format: context.format, at: context.now), context.format)
  }

  private func appliedObject(_ bytes: [UInt8], _ request: ResourceRequest) throws(APIFailure) -> JSONValue {
    let patch: JSONValue
    do throws(YAMLError) {
      patch = try YAML.parseAsServer(String(decoding: bytes, as: UTF8.self)).0
    } catch {
      throw .badRequest("error decoding YAML: \(error)")
    }
    let apiVersion = patch["apiVersion"]?.stringValue ?? ""
    let kind = patch["kind"]?.stringValue ?? ""
    if apiVersion.isEmpty || kind.isEmpty {
      let version = apiVersion.contains("/") ? apiVersion : "/\(apiVersion)"
      throw .badRequest("invalid object type: \(version), Kind=\(kind)")
    }
    if patch["metadata", "managedFields"] != nil { throw .badRequest("metadata.managedFields must be nil") }
    var named = patch
    if named["metadata", "name"] == nil { named.set(.string(request.name), at: ["metadata", "name"]) }
    try checkName(named, request)
    return named
  }

  private func declaredFields(of patch: JSONValue, _ request: ResourceRequest) throws(APIFailure) -> FieldSet {
    do throws(TypedMerge.Problem) {
      return try TypedMerge.fields(of: patch, request.model.mergeType)
    } catch {
      let type = request.type
      let namespace = patch["metadata", "namespace"]?.stringValue ?? ""
      throw .internalPlain(
        "failed to create typed patch object (\(namespace)/\(request.name); \(type.group)/\(type.version), "
          + "Kind=\(type.kind)): \(error.message)")
    }
  }

  private func checkVersion(
    of patch: JSONValue, _ old: StoredObject, _ request: ResourceRequest
  ) throws(APIFailure) {
    let version = patch["metadata", "resourceVersion"]?.stringValue ?? ""
    if !version.isEmpty && version != old.metadata.resourceVersion { throw .modified(request.type, request.name) }
    let uid = patch["metadata", "uid"]?.stringValue ?? ""
    if !uid.isEmpty && uid != old.metadata.uid {
      throw .conflict(
        request.type, request.name,
        "uid mismatch: the provided object specified uid \(uid), and no "
          + "existing object was found")
    }
  }

  /// What a manager can own through this resource: not the status of the main one, not the spec of `status`.
  func ownable(_ fields: FieldSet, _ request: ResourceRequest, subresource: String?) -> FieldSet {
    let fields = fields.withoutSystemFields
    if subresource == "status" { return fields.without(field: "spec") }
    return request.definition.subresource("status") == nil ? fields : fields.without(field: "status")
  }

  private func laidOver(_ patch: JSONValue, _ request: ResourceRequest, subresource: String?) -> JSONValue {
    var patch = patch
    if subresource == "status" {
      patch["spec"] = nil
    } else if request.definition.subresource("status") != nil {
      patch["status"] = nil
    }
    for field in ["resourceVersion", "uid", "creationTimestamp"] { patch.set(nil, at: ["metadata", field]) }
    return patch
  }

  /// Everything that was written before anybody applied belongs to one manager, so that it is not lost.
  private func beforeFirstApply(
    _ live: JSONValue, _ request: ResourceRequest, _ context: RequestContext
  ) -> FieldManagers {
    var managers = FieldManagers()
    let comparison = TypedMerge.compare(emptyObject(request), live, request.model.mergeType)
    let fields = ownable(comparison.added.union(comparison.modified), request, subresource: nil)
    guard !fields.isEmpty else { return managers }
    managers.entries[
      FieldManagers.Manager(
        name: "before-first-apply", operation: "Update", apiVersion: request.type.apiVersion, subresource: "")] =
      FieldManagers.Entry(fields: fields, time: context.now.seconds)
    return managers
  }

  private mutating func applyNew(
    _ patch: JSONValue, _ fields: FieldSet, _ manager: FieldManagers.Manager, _ request: ResourceRequest,
    _ parameters: WriteParameters, _ context: inout RequestContext
  ) throws(APIFailure) -> APIResponse {
    let body = ParsedBody(
      json: laidOver(patch, request, subresource: nil), duplicates: [], text: "")
    var object = try decode(body, request, parameters, &context)
    var managers = FieldManagers()
    managers.entries[manager] = FieldManagers.Entry(fields: fields, time: context.now.seconds)
    try authorizeCreation(request, context)
    let created = try create(&object, request, parameters, .replaced(fields.isEmpty ? nil : managers.json), &context)
    let shown = request.model.fromStorage(created)
    return Self.answer(request.view(shown, format: context.format, at: context.now), status: 201, context.format)
  }

  /// The object of a kind before anything is set.
  func emptyObject(_ request: ResourceRequest) -> JSONValue {
    let bare: JSONValue = [
      "kind": .string(request.type.kind), "apiVersion": .string(request.type.apiVersion), "metadata": [:],
    ]
    do throws(DecodeFailure) { return try request.model.decode(bare).object } catch { return bare }
  }

  /// `managedFields` after a plain write.
  func trackedFields(
    old: JSONValue?, new: JSONValue, _ request: ResourceRequest, subresource: String?, _ parameters: WriteParameters,
    _ context: RequestContext
  ) -> JSONValue? {
    guard options.tracksFieldManagers else { return nil }
    var managers = FieldManagers(old?["metadata", "managedFields"])
    // What was never tracked is left alone until somebody applies.
    if old != nil && managers.entries.isEmpty { return nil }
    func plain(_ object: JSONValue) -> JSONValue {
      var object = object
      object.set(nil, at: ["metadata", "managedFields"])
      return object
    }
    var comparison = TypedMerge.compare(
      old.map(plain) ?? emptyObject(request), plain(new), request.model.mergeType)
    comparison.added = ownable(comparison.added, request, subresource: subresource)
    comparison.modified = ownable(comparison.modified, request, subresource: subresource)
    let agent = context.request.header("user-agent") ?? "unknown"
    let name = parameters.fieldManager.flatMap { $0.isEmpty ? nil : $0 } ?? String(agent.prefix { $0 != "/" })
    managers.update(
      comparison,
      by: FieldManagers.Manager(
        name: name, operation: "Update", apiVersion: request.type.apiVersion, subresource: subresource ?? ""),
      at: context.now.seconds)
    return managers.json
  }
}
