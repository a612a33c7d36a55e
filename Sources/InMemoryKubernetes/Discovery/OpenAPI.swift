import KubernetesAPI

extension InMemoryAPIServer {
  /// `/openapi/v3` and the documents it lists. The schemas of built-in kinds are open objects: clients that validate by
  /// them (`kubectl --validate`) are then told by the server itself, which answers `fieldValidation` in full.
  func openAPI(_ segments: [String]) -> APIResponse? {
    guard segments.count >= 2, segments[1] == "v3" else { return nil }
    let document: JSONValue
    if segments.count == 2 {
      var paths = JSONObject()
      paths["api/v1"] = ["serverRelativeURL": "/openapi/v3/api/v1?hash=\(hash(of: "v1"))"]
      for group in registry.groups {
        for version in registry.versions(of: group) {
          let path = "apis/\(group)/\(version)"
          paths[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(hash(of: path))")]
        }
      }
      document = ["paths": .object(paths)]
    } else if segments.count == 4, segments[2] == "api" {
      document = openAPIDocument(group: "", version: segments[3])
    } else if segments.count == 5, segments[2] == "apis" {
      document = openAPIDocument(group: segments[3], version: segments[4])
    } else {
      return nil
    }
    return APIResponse(status: 200, headers: [("content-type", "application/json")], content: .json(document))
  }

  private func hash(of path: String) -> String {
    // Changes with the set of resources, as clients cache documents by it.
    var hash: UInt64 = 14_695_981_039_346_656_037
    for byte in (path + registry.keys.map { "\($0.group)/\($0.version)/\($0.plural)" }.joined()).utf8 {
      hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211
    }
    return String(hash, radix: 16, uppercase: true)
  }

  private func openAPIDocument(group: String, version: String) -> JSONValue {
    var schemas = JSONObject()
    var paths = JSONObject()
    for definition in registry.definitions(group: group, version: version) {
      let type = definition.type
      let name = schemaName(type)
      var schema = definition.model.openAPISchema
      schema["x-kubernetes-group-version-kind"] = [kindReference(type)]
      schemas[name] = schema
      let root = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
      let base = type.isNamespaced ? "\(root)/namespaces/{namespace}/\(type.plural)" : "\(root)/\(type.plural)"
      let reference: JSONValue = ["$ref": .string("#/components/schemas/\(name)")]
      paths[base] = ["post": operation(type, "post", reference), "get": operation(type, "list", reference)]
      paths["\(base)/{name}"] = [
        "get": operation(type, "get", reference), "put": operation(type, "put", reference),
        "patch": operation(type, "patch", reference),
      ]
    }
    return [
      "openapi": "3.0.0", "info": ["title": "Kubernetes", "version": "v1.36.2"], "paths": .object(paths),
      "components": ["schemas": .object(schemas)],
    ]
  }

  private func operation(_ type: ResourceType, _ action: String, _ schema: JSONValue) -> JSONValue {
    var operation: JSONValue = [
      "x-kubernetes-action": .string(action), "x-kubernetes-group-version-kind": kindReference(type),
      "responses": ["200": ["description": "OK", "content": ["application/json": ["schema": schema]]]],
    ]
    if action != "get" && action != "list" {
      // The parameter by which kubectl knows that the server validates fields itself.
      operation["parameters"] = [
        ["name": "fieldValidation", "in": "query", "schema": ["type": "string", "uniqueItems": true]],
        ["name": "dryRun", "in": "query", "schema": ["type": "string", "uniqueItems": true]],
        ["name": "fieldManager", "in": "query", "schema": ["type": "string", "uniqueItems": true]],
      ]
    }
    return operation
  }

  private func kindReference(_ type: ResourceType) -> JSONValue {
    ["group": .string(type.group), "version": .string(type.version), "kind": .string(type.kind)]
  }

  private func schemaName(_ type: ResourceType) -> String {
    if type.group.isEmpty { return "io.k8s.api.core.\(type.version).\(type.kind)" }
    let labels = type.group.split(separator: ".").reversed().joined(separator: ".")
    return type.group.contains(".") && !type.group.hasSuffix(".k8s.io")
      ? "\(labels).\(type.version).\(type.kind)"
      : "io.k8s.api.\(type.group.prefix { $0 != "." }).\(type.version).\(type.kind)"
  }
}

extension ResourceModel {
  /// What `/openapi/v3` says of the kind.
  var openAPISchema: JSONValue { ["type": "object", "x-kubernetes-preserve-unknown-fields": true] }
}
