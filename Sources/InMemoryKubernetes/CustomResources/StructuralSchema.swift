import KubernetesAPI

/// A structural schema of a CustomResourceDefinition, read once from its JSON.
final class StructuralSchema: Sendable {
  let type: String
  let properties: [(name: String, schema: StructuralSchema)]
  private let propertyIndex: [String: Int]
  /// For maps.
  let additionalProperties: StructuralSchema?
  let items: StructuralSchema?
  let required: [String]
  let enumeration: [JSONValue]?
  let format: String?
  let minimum: JSONValue?
  let maximum: JSONValue?
  let isMinimumExclusive: Bool
  let isMaximumExclusive: Bool
  let multipleOf: JSONValue?
  let minLength: Int64?
  let maxLength: Int64?
  let pattern: String?
  let minItems: Int64?
  let maxItems: Int64?
  let hasUniqueItems: Bool
  let minProperties: Int64?
  let maxProperties: Int64?
  let isNullable: Bool
  let defaultValue: JSONValue?
  let isIntOrString: Bool
  let preservesUnknownFields: Bool
  let isEmbeddedResource: Bool
  /// `set`, `map` or `atomic`.
  let listType: String?
  let listMapKeys: [String]
  let mapType: String?
  let allOf: [StructuralSchema]
  let anyOf: [StructuralSchema]
  let oneOf: [StructuralSchema]
  let not: StructuralSchema?

  init(_ json: JSONValue) {
    type = json["type"]?.stringValue ?? ""
    properties = (json["properties"]?.objectValue?.members ?? []).map { ($0.key, StructuralSchema($0.value)) }
    propertyIndex = Dictionary(
      properties.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    switch json["additionalProperties"] {
    case .object: additionalProperties = json["additionalProperties"].map(StructuralSchema.init)
    case .bool(true): additionalProperties = StructuralSchema(["x-kubernetes-preserve-unknown-fields": true])
    default: additionalProperties = nil
    }
    items = json["items"].map(StructuralSchema.init)
    required = (json["required"]?.arrayValue ?? []).compactMap(\.stringValue)
    enumeration = json["enum"]?.arrayValue
    format = json["format"]?.stringValue
    minimum = json["minimum"]
    maximum = json["maximum"]
    isMinimumExclusive = json["exclusiveMinimum"]?.boolValue ?? false
    isMaximumExclusive = json["exclusiveMaximum"]?.boolValue ?? false
    multipleOf = json["multipleOf"]
    minLength = json["minLength"]?.intValue
    maxLength = json["maxLength"]?.intValue
    pattern = json["pattern"]?.stringValue
    minItems = json["minItems"]?.intValue
    maxItems = json["maxItems"]?.intValue
    hasUniqueItems = json["uniqueItems"]?.boolValue ?? false
    minProperties = json["minProperties"]?.intValue
    maxProperties = json["maxProperties"]?.intValue
    isNullable = json["nullable"]?.boolValue ?? false
    defaultValue = json["default"]
    isIntOrString = json["x-kubernetes-int-or-string"]?.boolValue ?? false
    preservesUnknownFields = json["x-kubernetes-preserve-unknown-fields"]?.boolValue ?? false
    isEmbeddedResource = json["x-kubernetes-embedded-resource"]?.boolValue ?? false
    listType = json["x-kubernetes-list-type"]?.stringValue
    listMapKeys = (json["x-kubernetes-list-map-keys"]?.arrayValue ?? []).compactMap(\.stringValue)
    mapType = json["x-kubernetes-map-type"]?.stringValue
    allOf = (json["allOf"]?.arrayValue ?? []).map(StructuralSchema.init)
    anyOf = (json["anyOf"]?.arrayValue ?? []).map(StructuralSchema.init)
    oneOf = (json["oneOf"]?.arrayValue ?? []).map(StructuralSchema.init)
    not = json["not"].map(StructuralSchema.init)
  }

  func property(_ name: String) -> StructuralSchema? { propertyIndex[name].map { properties[$0].schema } }
}

/// Removal of what a schema does not have, and filling in of what it has defaults for.
struct SchemaShaping {
  /// Paths of what was removed.
  private(set) var pruned: [String] = []

  /// The object without unknown fields; metadata, kind and apiVersion of the object itself are left alone.
  mutating func pruneRoot(_ object: JSONValue, _ schema: StructuralSchema) -> JSONValue {
    prune(object, schema, path: "", isResource: true)
  }

  private static let typeMeta: Set<String> = ["apiVersion", "kind", "metadata"]

  private mutating func prune(
    _ value: JSONValue, _ schema: StructuralSchema, path: String, isResource: Bool
  ) -> JSONValue {
    switch value {
    case .object(let object):
      var result: [(String, JSONValue)] = []
      let isEmbedded = isResource || schema.isEmbeddedResource
      for (key, member) in object.members {
        let memberPath = path.isEmpty ? key : "\(path).\(key)"
        if isEmbedded && Self.typeMeta.contains(key) {
          if key == "metadata" && !path.isEmpty {
            result.append((key, pruneMetadata(member, path: memberPath)))
          } else {
            result.append((key, member))
          }
        } else if let property = schema.property(key) {
          result.append((key, prune(member, property, path: memberPath, isResource: false)))
        } else if let additional = schema.additionalProperties {
          result.append((key, prune(member, additional, path: memberPath, isResource: false)))
        } else if schema.preservesUnknownFields {
          result.append((key, member))
        } else {
          pruned.append(memberPath)
        }
      }
      return .object(JSONObject(result))
    case .array(let items):
      guard let itemSchema = schema.items else { return value }
      return .array(
        items.enumerated().map { prune($1, itemSchema, path: "\(path)[\($0)]", isResource: false) })
    default: return value
    }
  }

  private mutating func pruneMetadata(_ metadata: JSONValue, path: String) -> JSONValue {
    var decoder = SchemaDecoder(catalogue: builtinCatalogue)
    guard metadata.objectValue != nil, let decoded = try? decoder.decode(metadata, as: "ObjectMeta") else {
      return metadata
    }
    pruned += decoder.unknownFields.map { "\(path).\($0)" }
    return decoded
  }

  /// Sets defaults where a field is missing; a null that may not be one is replaced or dropped.
  static func applyDefaults(_ value: JSONValue, _ schema: StructuralSchema) -> JSONValue {
    switch value {
    case .object(var object):
      for (name, property) in schema.properties {
        let current = object[name]
        if let fallback = property.defaultValue, current == nil || (current == .null && !property.isNullable) {
          object[name] = fallback
        } else if current == .null, !property.isNullable, !schema.preservesUnknownFields {
          object[name] = nil
          continue
        }
        if let member = object[name] { object[name] = applyDefaults(member, property) }
      }
      if let additional = schema.additionalProperties {
        for (name, member) in object.members where schema.property(name) == nil {
          if member == .null, !additional.isNullable {
            object[name] = additional.defaultValue
          } else {
            object[name] = applyDefaults(member, additional)
          }
        }
      }
      return .object(object)
    case .array(let items):
      guard let itemSchema = schema.items else { return value }
      return .array(
        items.map { item in
          if item == .null, !itemSchema.isNullable, let fallback = itemSchema.defaultValue { return fallback }
          return applyDefaults(item, itemSchema)
        })
    default: return value
    }
  }
}
