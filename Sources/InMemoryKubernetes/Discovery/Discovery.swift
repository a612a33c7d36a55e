import KubernetesAPI

extension InMemoryAPIServer {
  /// The documents that tell what is served; nil for other paths.
  func discovery(_ context: RequestContext) throws(APIFailure) -> APIResponse? {
    let segments = context.target.segments
    let isReading = context.request.method == "GET" || context.request.method == "HEAD"
    let document: JSONValue
    switch (segments.first, segments.count) {
    case (nil, _): document = ["paths": JSONValue(rootPaths)]
    case ("version", 1): document = Self.versionInfo
    case ("api", 1):
      if let response = aggregated(context, groups: [""]) { return isReading ? response : nil }
      document = ["kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []]
    case ("apis", 1):
      if let response = aggregated(context, groups: registry.groups) { return isReading ? response : nil }
      document = [
        "kind": "APIGroupList", "apiVersion": "v1", "groups": .array(registry.groups.map(groupDocument)),
      ]
    case ("api", 2):
      guard segments[1] == "v1" else { throw .pageNotFound }
      document = resourceList(group: "", version: "v1")
    case ("apis", 2):
      guard registry.groups.contains(segments[1]) else { throw .pageNotFound }
      var group = groupDocument(segments[1])
      group["kind"] = "APIGroup"
      group["apiVersion"] = "v1"
      document = group
    case ("apis", 3):
      guard registry.versions(of: segments[1]).contains(segments[2]) else { throw .pageNotFound }
      document = resourceList(group: segments[1], version: segments[2])
    case ("openapi", _):
      guard let response = openAPI(segments) else { throw .pageNotFound }
      return response
    default: return nil
    }
    guard isReading else { throw .methodNotAllowed }
    return APIResponse(status: 200, headers: [("content-type", "application/json")], content: .json(document))
  }

  /// Of the release whose behaviour is reproduced; clients decide by it what they may ask for.
  private static let versionInfo: JSONValue = [
    "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35", "gitVersion": "v1.36.2", "gitCommit": "98b35193b2ac7a23a673325f5e9b830ecd5ba406",
    "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.26.6", "compiler": "gc",
    "platform": "linux/amd64",
  ]

  private var rootPaths: [String] {
    ["/api", "/api/v1", "/apis"]
      + registry.groups.flatMap { group in
        ["/apis/\(group)"] + registry.versions(of: group).map { "/apis/\(group)/\($0)" }
      } + ["/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]
  }

  private func groupDocument(_ group: String) -> JSONValue {
    let versions = registry.versions(of: group).map { version -> JSONValue in
      ["groupVersion": .string("\(group)/\(version)"), "version": .string(version)]
    }
    return ["name": .string(group), "versions": .array(versions), "preferredVersion": versions.first ?? [:]]
  }

  private func resourceList(group: String, version: String) -> JSONValue {
    var resources: [JSONValue] = []
    if group.isEmpty {
      resources.append([
        "name": "bindings", "singularName": "binding", "namespaced": true, "kind": "Binding", "verbs": ["create"],
      ])
    }
    for definition in registry.definitions(group: group, version: version) {
      let type = definition.type
      var entry: JSONValue = [
        "name": .string(type.plural), "singularName": .string(definition.singular),
        "namespaced": .bool(type.isNamespaced), "kind": .string(type.kind), "verbs": JSONValue(verbs(definition)),
      ]
      if !definition.shortNames.isEmpty { entry["shortNames"] = JSONValue(definition.shortNames) }
      if !definition.categories.isEmpty { entry["categories"] = JSONValue(definition.categories) }
      entry["storageVersionHash"] = .string(storageHash(type))
      resources.append(entry)
      for subresource in definition.subresources {
        var entry: JSONValue = [
          "name": .string("\(type.plural)/\(subresource.name)"), "singularName": "",
          "namespaced": .bool(type.isNamespaced),
        ]
        if !subresource.group.isEmpty {
          entry["group"] = .string(subresource.group)
          entry["version"] = .string(subresource.version)
        }
        entry["kind"] = .string(subresource.kind.isEmpty ? type.kind : subresource.kind)
        entry["verbs"] = JSONValue(subresource.verbs)
        resources.append(entry)
      }
    }
    return [
      "kind": "APIResourceList", "apiVersion": "v1",
      "groupVersion": .string(group.isEmpty ? version : "\(group)/\(version)"), "resources": .array(resources),
    ]
  }

  /// Custom resources list their verbs in another order, as the real server does.
  private func verbs(_ definition: ResourceDefinition) -> [String] {
    definition.model.isCustom
      ? ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"] : definition.verbs
  }

  private func storageHash(_ type: ResourceType) -> String {
    var hash: UInt64 = 14_695_981_039_346_656_037
    for byte in "\(type.group)/\(type.version)/\(type.kind)".utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
    return Base64.encode((0..<8).map { UInt8(truncatingIfNeeded: hash >> UInt64($0 * 8)) })
  }

  // MARK: - Aggregated discovery

  /// The whole of discovery in one document, where the client accepts it.
  private func aggregated(_ context: RequestContext, groups: [String]) -> APIResponse? {
    for range in OutputFormat.parse(accept: context.request.header("accept") ?? "") {
      guard range.type == "application/json" || range.type == "*/*" else { continue }
      guard range.parameters["as"] == "APIGroupDiscoveryList", range.parameters["g"] == "apidiscovery.k8s.io",
        let version = range.parameters["v"], version == "v2" || version == "v2beta1"
      else {
        if range.parameters["as"] == nil { return nil }
        continue
      }
      let document: JSONValue = [
        "kind": "APIGroupDiscoveryList", "apiVersion": .string("apidiscovery.k8s.io/\(version)"), "metadata": [:],
        "items": .array(groups.map(aggregatedGroup)),
      ]
      let type = "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
      return APIResponse(
        status: 200, headers: [("content-type", type), ("vary", "Accept")], content: .json(document))
    }
    return nil
  }

  private func aggregatedGroup(_ group: String) -> JSONValue {
    let metadata: JSONValue = group.isEmpty ? [:] : ["name": .string(group)]
    let versions = registry.versions(of: group).map { version -> JSONValue in
      var resources = registry.definitions(group: group, version: version).map(aggregatedResource)
      if group.isEmpty {
        resources.insert(
          [
            "resource": "bindings", "responseKind": ["group": "", "version": "", "kind": "Binding"],
            "scope": "Namespaced", "singularResource": "binding", "verbs": ["create"],
          ], at: 0)
      }
      return ["version": .string(version), "resources": .array(resources), "freshness": "Current"]
    }
    return ["metadata": metadata, "versions": .array(versions)]
  }

  private func aggregatedResource(_ definition: ResourceDefinition) -> JSONValue {
    let type = definition.type
    let isCustom = definition.model.isCustom
    func responseKind(_ group: String, _ version: String, _ kind: String) -> JSONValue {
      ["group": .string(group), "version": .string(version), "kind": .string(kind)]
    }
    let own =
      isCustom ? responseKind(type.group, type.version, type.kind) : responseKind("", "", type.kind)
    var entry: JSONValue = [
      "resource": .string(type.plural), "responseKind": own,
      "scope": type.isNamespaced ? "Namespaced" : "Cluster", "singularResource": .string(definition.singular),
      "verbs": JSONValue(verbs(definition)),
    ]
    if !definition.shortNames.isEmpty { entry["shortNames"] = JSONValue(definition.shortNames) }
    if !definition.categories.isEmpty { entry["categories"] = JSONValue(definition.categories) }
    if !definition.subresources.isEmpty {
      entry["subresources"] = .array(
        definition.subresources.map { subresource in
          let kind =
            subresource.kind.isEmpty
            ? own : responseKind(subresource.group, subresource.version, subresource.kind)
          return [
            "subresource": .string(subresource.name), "responseKind": kind, "verbs": JSONValue(subresource.verbs),
          ]
        })
    }
    return entry
  }
}
