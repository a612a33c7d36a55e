import KubernetesAPI

/// How apply looks into a value.
indirect enum MergeType: Sendable {
  /// A scalar, or a map or list that is taken as a whole.
  case leaf
  /// A struct: named fields with types of their own. `open` structs may have others.
  case fields(@Sendable (String) -> MergeType?, open: Bool)
  case map(MergeType)
  /// A list of objects told apart by these members; an element may leave those out that have a default.
  case keyed(MergeType, keys: [String], defaults: [String: JSONValue])
  case set
  /// Not described: objects are looked into, lists are taken as a whole.
  case deduced

  static func builtin(_ structure: String) -> MergeType {
    .fields(
      { name in builtinCatalogue[structure]?[name].map { $0.isAtomic ? .leaf : MergeType($0.type) } }, open: false)
  }

  init(_ type: FieldType) {
    switch type {
    case .structure("LabelSelector"): self = .leaf
    case .structure(let name): self = .builtin(name)
    case .map(let element): self = .map(MergeType(element))
    case .list(let element, .byKey(let keys)):
      self = .keyed(MergeType(element), keys: keys, defaults: keys.contains("protocol") ? ["protocol": "TCP"] : [:])
    case .list(_, .set): self = .set
    case .any: self = .deduced
    default: self = .leaf
    }
  }

  /// A custom resource; its metadata is that of every object.
  static func custom(_ schema: StructuralSchema) -> MergeType {
    .fields(
      { name in
        switch name {
        case "metadata": .builtin("ObjectMeta")
        case "apiVersion", "kind": .leaf
        default: schema.property(name).map { MergeType($0) } ?? (schema.preservesUnknownFields ? .deduced : nil)
        }
      }, open: false)
  }

  init(_ schema: StructuralSchema) {
    if schema.mapType == "atomic" || schema.listType == "atomic" {
      self = .leaf
    } else if schema.type == "array" {
      let items = schema.items
      if schema.listType == "set" {
        self = .set
      } else if schema.listType == "map", let items {
        var defaults: [String: JSONValue] = [:]
        for key in schema.listMapKeys { defaults[key] = items.property(key)?.defaultValue }
        self = .keyed(MergeType(items), keys: schema.listMapKeys, defaults: defaults)
      } else {
        self = .leaf
      }
    } else if !schema.properties.isEmpty {
      let isOpen = schema.preservesUnknownFields
      self = .fields({ name in schema.property(name).map { MergeType($0) } ?? (isOpen ? .deduced : nil) }, open: isOpen)
    } else if let additional = schema.additionalProperties {
      self = .map(MergeType(additional))
    } else {
      self = schema.preservesUnknownFields || schema.type == "object" ? .deduced : .leaf
    }
  }

  /// The type of a member of an object; nil for one that is not declared.
  func member(_ name: String) -> MergeType? {
    switch self {
    case .fields(let lookup, _): lookup(name)
    case .map(let element): element
    case .deduced: .deduced
    default: .leaf
    }
  }

  /// Whether objects of this type are looked into.
  var isGranularObject: Bool {
    switch self {
    case .fields, .map, .deduced: true
    default: false
    }
  }

  /// How an element of a list is named; nil when lists of this type are taken as a whole.
  func element(_ item: JSONValue) -> PathElement? {
    switch self {
    case .set: return .value(item)
    case .keyed(_, let keys, let defaults):
      var key: JSONValue = [:]
      for name in keys { key[name] = item[name] ?? defaults[name] ?? "" }
      return .key(key)
    default: return nil
    }
  }

  var elementType: MergeType { if case .keyed(let type, _, _) = self { type } else { .leaf } }

  var isGranularList: Bool {
    switch self {
    case .set, .keyed: true
    default: false
    }
  }
}
