import KubernetesAPI

extension InMemoryAPIServer {
  private static let cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io"

  /// Accepts the names of a definition and serves it; what the real server's controllers do shortly after a write.
  mutating func establish(_ name: String, at now: GoTime) {
    let definitions = StorageID(.customResourceDefinitions)
    guard var object = stores[definitions]?[name]?.json else { return }
    let names = object["spec", "names"] ?? [:]
    let group = object["spec", "group"]?.stringValue ?? ""
    let conflict = nameConflict(names, group: group)
    var conditions = object["status", "conditions"]?.arrayValue ?? []
    func set(_ type: String, _ status: String, _ reason: String, _ message: String) {
      var condition: JSONValue = [
        "type": .string(type), "status": .string(status), "lastTransitionTime": .string(now.seconds),
        "reason": .string(reason), "message": .string(message),
      ]
      if let index = conditions.firstIndex(where: { $0["type"] == .string(type) }) {
        if conditions[index]["status"] == .string(status) {
          condition["lastTransitionTime"] = conditions[index]["lastTransitionTime"]
        }
        conditions[index] = condition
      } else {
        conditions.append(condition)
      }
    }
    if let conflict {
      set("NamesAccepted", "False", conflict.reason, conflict.message)
      if conditions.first(where: { $0["type"] == "Established" })?["status"] != "True" {
        set("Established", "False", "NotAccepted", "not all names are accepted")
      }
    } else {
      set("NamesAccepted", "True", "NoConflicts", "no conflicts found")
      set("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
      object.set(names, at: ["status", "acceptedNames"])
    }
    object.set(.array(conditions), at: ["status", "conditions"])
    let storage = (object["spec", "versions"]?.arrayValue ?? []).first { $0["storage"]?.boolValue == true }?["name"]
    var stored = object["status", "storedVersions"]?.arrayValue ?? []
    if let storage, !stored.contains(storage) { stored.append(storage) }
    object.set(.array(stored), at: ["status", "storedVersions"])
    var finalizers = (object["metadata", "finalizers"]?.arrayValue ?? []).compactMap(\.stringValue)
    if !finalizers.contains(Self.cleanupFinalizer) { finalizers.append(Self.cleanupFinalizer) }
    object.set(JSONValue(finalizers), at: ["metadata", "finalizers"])
    if let definition = registry.definition(storage: definitions) { object = definition.model.normalized(object) }
    store(object, in: definitions)
    if conflict == nil { serve(object) }
  }

  /// The first name that another resource of the group has.
  private func nameConflict(_ names: JSONValue, group: String) -> (reason: String, message: String)? {
    let others = registry.all.filter { $0.type.group == group && $0.type.plural != names["plural"]?.stringValue }
    let resources = Set(others.flatMap { [$0.type.plural, $0.singular] + $0.shortNames })
    let kinds = Set(others.flatMap { [$0.type.kind, $0.listKind] })
    let taken = (names["shortNames"]?.arrayValue ?? []).compactMap(\.stringValue).filter(resources.contains)
    for (field, reason, used) in [
      ("singular", "SingularConflict", resources), ("shortNames", "ShortNamesConflict", resources),
      ("kind", "KindConflict", kinds), ("listKind", "ListKindConflict", kinds),
    ] {
      if field == "shortNames" {
        guard !taken.isEmpty else { continue }
        let texts = taken.map { "\(goQuoted($0)) is already in use" }
        return (reason, texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]")
      }
      if let name = names[field]?.stringValue, used.contains(name) {
        return (reason, "\(goQuoted(name)) is already in use")
      }
    }
    return nil
  }

  /// Puts the served versions of a definition into the registry.
  private mutating func serve(_ definition: JSONValue) {
    let spec = definition["spec"] ?? [:]
    let group = spec["group"]?.stringValue ?? ""
    let names = spec["names"] ?? [:]
    let plural = names["plural"]?.stringValue ?? ""
    let kind = names["kind"]?.stringValue ?? ""
    let versions = spec["versions"]?.arrayValue ?? []
    let storageVersion = versions.first { $0["storage"]?.boolValue == true }?["name"]?.stringValue ?? ""
    registry.removeCustom(group: group, plural: plural)
    let storage = StorageID(group: group, plural: plural)
    if stores[storage] == nil {
      stores[storage] = ResourceStore(createdAt: version, historyLength: options.historyLength)
    }
    for version in VersionOrder.sorted(versions.filter { $0["served"]?.boolValue == true }) {
      let name = version["name"]?.stringValue ?? ""
      let type = ResourceType(
        group: group, version: name, plural: plural, kind: kind, isNamespaced: spec["scope"] == "Namespaced")
      let subresources = version["subresources"]
      var definitions: [SubresourceDefinition] = []
      let verbs = ["get", "patch", "update"]
      if subresources?["status"] != nil { definitions.append(SubresourceDefinition(name: "status", verbs: verbs)) }
      var scalePaths = ScalePaths()
      if let scale = subresources?["scale"] {
        definitions.append(
          SubresourceDefinition(name: "scale", verbs: verbs, kind: "Scale", group: "autoscaling", version: "v1"))
        func path(_ field: String) -> [String]? {
          scale[field]?.stringValue.map { $0.split(separator: ".").map(String.init) }
        }
        scalePaths.spec = path("specReplicasPath") ?? scalePaths.spec
        scalePaths.status = path("statusReplicasPath") ?? scalePaths.status
        scalePaths.selector = path("labelSelectorPath")
      }
      let schema = version["schema", "openAPIV3Schema"] ?? ["x-kubernetes-preserve-unknown-fields": true]
      var selectable: [String: [String]] = [:]
      for field in version["selectableFields"]?.arrayValue ?? [] {
        let path = (field["jsonPath"]?.stringValue ?? "").split(separator: ".").map(String.init)
        selectable[path.joined(separator: ".")] = path
      }
      registry.insert(
        ResourceDefinition(
          type: type, singular: names["singular"]?.stringValue ?? kind.lowercased(),
          listKind: names["listKind"]?.stringValue ?? kind + "List",
          shortNames: (names["shortNames"]?.arrayValue ?? []).compactMap(\.stringValue),
          categories: (names["categories"]?.arrayValue ?? []).compactMap(\.stringValue), storage: storage,
          subresources: definitions,
          model: CustomModel(
            apiVersion: type.apiVersion, kind: kind, schema: StructuralSchema(schema), schemaJSON: schema,
            hasStatus: subresources?["status"] != nil, scalePaths: scalePaths,
            printer: CustomColumns(version["additionalPrinterColumns"]?.arrayValue ?? []),
            storageAPIVersion: "\(group)/\(storageVersion)", selectablePaths: selectable,
            deprecation: version["deprecated"]?.boolValue == true
              ? version["deprecationWarning"]?.stringValue ?? "\(type.apiVersion) \(kind) is deprecated" : nil,
            isScalable: subresources?["scale"] != nil)),
        isCustom: true)
    }
    let served = registry
    closeWatches(of: storage) { watch in
      let type = watch.request.type
      return served[type.group, type.version, type.plural] == nil
    }
  }

  /// Deletes the instances of a definition that is being deleted; with the last one it goes itself.
  mutating func terminateDefinition(_ name: String, at now: GoTime) {
    let definitions = StorageID(.customResourceDefinitions)
    guard let object = stores[definitions]?[name] else { return }
    let group = object.json["spec", "group"]?.stringValue ?? ""
    let plural = object.json["spec", "names", "plural"]?.stringValue ?? ""
    let storage = StorageID(group: group, plural: plural)
    if let definition = registry.definition(storage: storage) {
      for instance in store(storage).objects(namespace: nil) where !instance.metadata.isBeingDeleted {
        let info = RequestInfo(instance: instance.metadata, type: definition.type)
        // An instance that cannot be deleted keeps the definition.
        _ = try? delete(ResourceRequest(info: info, definition: definition), DeleteParameters(), at: now)
      }
    }
    guard store(storage).isEmpty, var remaining = stores[definitions]?[name]?.json else { return }
    registry.removeCustom(group: group, plural: plural)
    closeWatches(of: storage) { _ in true }
    stores[storage] = nil
    var finalizers = (remaining["metadata", "finalizers"]?.arrayValue ?? []).compactMap(\.stringValue)
    finalizers.removeAll { $0 == Self.cleanupFinalizer }
    remaining.set(finalizers.isEmpty ? nil : JSONValue(finalizers), at: ["metadata", "finalizers"])
    if finalizers.isEmpty {
      remove(key: name, from: definitions)
    } else if remaining != stores[definitions]?[name]?.json {
      store(remaining, in: definitions)
    }
  }
}

extension RequestInfo {
  /// A deletion of one object by the server itself.
  init(instance: ObjectMetadata, type: ResourceType) {
    verb = .delete
    group = type.group
    version = type.version
    namespace = instance.namespace.isEmpty ? nil : instance.namespace
    plural = type.plural
    name = instance.name
    subresource = nil
    remainder = []
  }
}

/// Kubernetes' order of versions: stable before beta before alpha, higher numbers first, other names last.
enum VersionOrder {
  static func sorted(_ versions: [JSONValue]) -> [JSONValue] {
    versions.sorted { precedes($0["name"]?.stringValue ?? "", $1["name"]?.stringValue ?? "") }
  }

  private static func precedes(_ left: String, _ right: String) -> Bool {
    switch (rank(left), rank(right)) {
    case (let left?, let right?): left.lexicographicallyPrecedes(right)
    case (nil, nil): left < right
    case (let left, _): left != nil
    }
  }

  /// Smaller is earlier; nil for names that are no versions.
  private static func rank(_ name: String) -> [Int]? {
    guard name.hasPrefix("v") else { return nil }
    var rest = name.dropFirst()
    let major = rest.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int(major) else { return nil }
    rest = rest.dropFirst(major.count)
    if rest.isEmpty { return [0, -number] }
    for (stage, word) in [(1, "beta"), (2, "alpha")] where rest.hasPrefix(word) {
      return Int(rest.dropFirst(word.count)).map { [stage, -number, -$0] }
    }
    return nil
  }
}
