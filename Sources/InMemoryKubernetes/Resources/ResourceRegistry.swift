import KubernetesAPI

/// The resources that the server serves: the built-in ones and those of established CustomResourceDefinitions.
struct ResourceRegistry: Sendable {
  struct Key: Hashable, Sendable {
    var group: String
    var version: String
    var plural: String
  }

  private var definitions: [Key: ResourceDefinition] = [:]
  /// In the order of discovery.
  private(set) var keys: [Key] = []
  private(set) var customKeys: Set<Key> = []

  init(builtins: [ResourceDefinition]) {
    for definition in builtins { insert(definition) }
  }

  subscript(group: String, version: String, plural: String) -> ResourceDefinition? {
    definitions[Key(group: group, version: version, plural: plural)]
  }

  mutating func insert(_ definition: ResourceDefinition, isCustom: Bool = false) {
    let type = definition.type
    let key = Key(group: type.group, version: type.version, plural: type.plural)
    if definitions.updateValue(definition, forKey: key) == nil { keys.append(key) }
    if isCustom { customKeys.insert(key) }
  }

  /// Removes a custom resource in all its versions.
  mutating func removeCustom(group: String, plural: String) {
    for key in customKeys where key.group == group && key.plural == plural {
      definitions[key] = nil
      customKeys.remove(key)
      keys.removeAll { $0 == key }
    }
  }

  /// All resources in the order of discovery.
  var all: [ResourceDefinition] { keys.compactMap { definitions[$0] } }

  func definitions(group: String, version: String) -> [ResourceDefinition] {
    keys.filter { $0.group == group && $0.version == version }.compactMap { definitions[$0] }
  }

  /// Group names in the order of discovery, the core group left out.
  var groups: [String] { keys.map(\.group).filter { !$0.isEmpty }.uniqued() }

  func versions(of group: String) -> [String] { keys.filter { $0.group == group }.map(\.version).uniqued() }

  /// The resource that stores objects of a kind, for owner references.
  func definition(apiVersion: String, kind: String) -> ResourceDefinition? {
    all.first { $0.type.apiVersion == apiVersion && $0.type.kind == kind }
  }

  /// One definition for each storage: the one to show its objects with.
  func definition(storage: StorageID) -> ResourceDefinition? { all.first { $0.storage == storage } }
}
