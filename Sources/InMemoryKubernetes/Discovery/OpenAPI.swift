import KubernetesAPI

extension InMemoryAPIServer {
  /// `/openapi/v3` and the documents it lists, and what `kubectl` needs of `/openapi/v2`; nil for other paths.
  func openAPI(_ segments: [String]) -> APIResponse? {
    if segments.count == 2, segments[1] == "v2" {
      return APIResponse(
        status: 200, headers: [("content-type", OpenAPIv2.contentType)],
        content: .bytes(OpenAPIv2.document(registry.all.map(\.type))))
    }
    guard segments.count >= 2, segments[1] == "v3" else { return nil }
    if segments.count == 2 {
      var paths = JSONObject()
      paths["api/v1"] = ["serverRelativeURL": .string("/openapi/v3/api/v1?hash=\(hash(of: "v1"))")]
      for group in registry.groups {
        for version in registry.versions(of: group) {
          let path = "apis/\(group)/\(version)"
          paths[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(hash(of: path))")]
        }
      }
      return APIResponse(
        status: 200, headers: [("content-type", "text/plain; charset=utf-8")], content: .json(["paths": .object(paths)])
      )
    }
    let document: JSONValue
    if segments.count == 4, segments[2] == "api", segments[3] == "v1" {
      document = openAPIDocument(group: "", version: segments[3])
    } else if segments.count == 5, segments[2] == "apis", registry.versions(of: segments[3]).contains(segments[4]) {
      document = openAPIDocument(group: segments[3], version: segments[4])
    } else {
      return nil
    }
    return APIResponse(status: 200, headers: [("content-type", "application/json")], content: .json(document))
  }

  private func hash(of path: String) -> String {
    // Changes with what the document describes: clients cache documents by it.
    let definitions = store(StorageID(.customResourceDefinitions)).objects(namespace: nil)
      .filter { path.hasPrefix("apis/\($0.json["spec", "group"]?.stringValue ?? "")/") }
      .map { "\($0.metadata.name)/\($0.metadata.generation)/\($0.metadata.uid)" }
    var hash: UInt64 = 14_695_981_039_346_656_037
    for byte in (path + definitions.joined(separator: " ")).utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
    return String(hash, radix: 16, uppercase: true)
  }

  private func openAPIDocument(group: String, version: String) -> JSONValue {
    var schemas = OpenAPISchemas(catalogue: builtinCatalogue)
    var paths = JSONObject()
    for definition in registry.definitions(group: group, version: version) {
      let type = definition.type
      let name: String
      if let structure = definition.model.structureName, let schema = builtinCatalogue[structure] {
        name = "\(schema.package).\(type.kind)"
        schemas.add(structure: structure, as: name)
      } else {
        name = group.split(separator: ".").reversed().joined(separator: ".") + ".\(version).\(type.kind)"
        schemas.add(custom: definition.model.openAPISchema, as: name)
      }
      schemas.set("x-kubernetes-group-version-kind", [kindReference(type)], of: name)
      let root = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
      let base = type.isNamespaced ? "\(root)/namespaces/{namespace}/\(type.plural)" : "\(root)/\(type.plural)"
      let reference: JSONValue = ["$ref": .string("#/components/schemas/\(name)")]
      let isCustom = definition.model.isCustom
      func operation(_ action: String) -> JSONValue {
        self.operation(type, action, reference, isCustom: isCustom)
      }
      paths[base] = ["get": operation("list"), "post": operation("post")]
      paths["\(base)/{name}"] = ["get": operation("get"), "put": operation("put"), "patch": operation("patch")]
    }
    return [
      "openapi": "3.0.0", "info": ["title": "Kubernetes", "version": "v1.36.2"], "paths": .object(paths),
      "components": ["schemas": .object(schemas.schemas)],
    ]
  }

  private func operation(_ type: ResourceType, _ action: String, _ schema: JSONValue, isCustom: Bool) -> JSONValue {
    let content: JSONValue = ["schema": schema]
    var operation: JSONValue = [
      "x-kubernetes-action": .string(action), "x-kubernetes-group-version-kind": kindReference(type),
      "responses": ["200": ["description": "OK", "content": ["application/json": content]]],
    ]
    guard action != "get" && action != "list" else { return operation }
    // By these parameters kubectl knows what the server does itself.
    operation["parameters"] = .array(
      OpenAPIv2.writeParameters.map { name in
        ["name": .string(name), "in": "query", "schema": ["type": "string", "uniqueItems": true]]
      })
    var bodies = JSONObject()
    if action == "patch" {
      let forms: [PatchForm] = isCustom ? [.json, .merge, .apply] : [.json, .merge, .strategic, .apply]
      for form in forms { bodies[form.rawValue] = ["schema": ["type": "object"]] }
    } else {
      bodies["application/json"] = content
    }
    operation["requestBody"] = ["content": .object(bodies)]
    return operation
  }

  private func kindReference(_ type: ResourceType) -> JSONValue {
    ["group": .string(type.group), "version": .string(type.version), "kind": .string(type.kind)]
  }
}

extension ResourceModel {
  /// What OpenAPI says of the kind.
  var openAPISchema: JSONValue { ["type": "object", "x-kubernetes-preserve-unknown-fields": true] }
}

/// The `components.schemas` of a document: the kinds and everything they are made of.
struct OpenAPISchemas {
  let catalogue: SchemaCatalogue
  private(set) var schemas = JSONObject()

  init(catalogue: SchemaCatalogue) { self.catalogue = catalogue }

  mutating func set(_ key: String, _ value: JSONValue, of name: String) { schemas[name]?[key] = value }

  mutating func add(custom schema: JSONValue, as name: String) {
    var schema = schema
    schema.set(["type": "string"], at: ["properties", "apiVersion"])
    schema.set(["type": "string"], at: ["properties", "kind"])
    schema.set(reference("ObjectMeta"), at: ["properties", "metadata"])
    schemas[name] = schema
    add(structure: "ObjectMeta")
  }

  private mutating func add(structure: String) {
    guard let schema = catalogue[structure] else { return }
    add(structure: structure, as: "\(schema.package).\(structure)")
  }

  mutating func add(structure: String, as name: String) {
    guard let schema = catalogue[structure], schemas[name] == nil else { return }
    schemas[name] = [:]
    var properties = JSONObject()
    var required: [String] = []
    for field in schema.fields {
      var property = property(field.type)
      property["description"] = .string("\(field.name) of \(structure)")
      switch field.type {
      case .list(_, .byKey(let keys)):
        property["x-kubernetes-list-type"] = "map"
        property["x-kubernetes-list-map-keys"] = JSONValue(keys)
        property["x-kubernetes-patch-merge-key"] = .string(keys[0])
        property["x-kubernetes-patch-strategy"] = field.retainsKeys ? "merge,retainKeys" : "merge"
      case .list(_, .set):
        property["x-kubernetes-list-type"] = "set"
        property["x-kubernetes-patch-strategy"] = "merge"
      case .list(_, .atomic): property["x-kubernetes-list-type"] = "atomic"
      default:
        if field.retainsKeys { property["x-kubernetes-patch-strategy"] = "retainKeys" }
        if field.isAtomic, case .map = field.type { property["x-kubernetes-map-type"] = "atomic" }
      }
      properties[field.name] = property
      let isNested = if case .structure = field.type { true } else { false }
      if field.presence == .null || field.presence == .always && !isNested { required.append(field.name) }
    }
    var json: JSONValue = [
      "type": "object", "description": .string("\(structure) as the API server reads it."),
      "properties": .object(properties),
    ]
    if structure == "DeploymentSpec" || structure == "ReplicaSetSpec" || structure == "StatefulSetSpec" {
      required += ["template"]
    }
    if !required.isEmpty { json["required"] = JSONValue(required.uniqued().sorted()) }
    schemas[name] = json
  }

  private func reference(_ structure: String) -> JSONValue {
    ["allOf": [["$ref": .string("#/components/schemas/\(catalogue[structure]?.package ?? "").\(structure)")]]]
  }

  private mutating func property(_ type: FieldType) -> JSONValue {
    switch type {
    case .string: return ["type": "string"]
    case .bool: return ["type": "boolean"]
    case .int32: return ["type": "integer", "format": "int32"]
    case .int64: return ["type": "integer", "format": "int64"]
    case .bytes: return ["type": "string", "format": "byte"]
    case .time, .microTime: return ["type": "string", "format": "date-time"]
    case .quantity: return ["oneOf": [["type": "string"], ["type": "number"]]]
    case .intOrString: return ["format": "int-or-string", "oneOf": [["type": "integer"], ["type": "string"]]]
    case .any: return ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
    case .map(let element): return ["type": "object", "additionalProperties": property(element)]
    case .list(let element, _): return ["type": "array", "items": property(element)]
    case .structure(let name):
      add(structure: name)
      return reference(name)
    }
  }
}
