import KubernetesAPI

/// The resource of an established CustomResourceDefinition, in one of its versions.
struct CustomModel: ResourceModel {
  let apiVersion: String
  let kind: String
  let schema: StructuralSchema
  let schemaJSON: JSONValue
  let hasStatus: Bool
  let scalePaths: ScalePaths
  let printer: CustomColumns
  /// The version that objects are stored in.
  let storageAPIVersion: String
  /// `selectableFields`: paths that field selectors may name.
  let selectablePaths: [String: [String]]
  /// What every use of this version is warned with.
  let deprecation: String?

  var isCustom: Bool { true }
  var returnsDeletedObject: Bool { false }
  var allowsUnconditionalUpdate: Bool { false }
  var hasGeneration: Bool { true }
  var createsOnUpdate: Bool { false }
  var orphansByDefault: Bool { false }
  var structureName: String? { nil }
  var mergeType: MergeType { .custom(schema) }
  var columns: [TableColumn] { printer.columns }

  func decode(_ json: JSONValue) throws(DecodeFailure) -> DecodedObject {
    var metadataDecoder = SchemaDecoder(catalogue: builtinCatalogue)
    var object = json
    var unknown: [String] = []
    if let metadata = json["metadata"] {
      guard metadata.objectValue != nil else {
        throw DecodeFailure(
          message: "json: cannot unmarshal \(SchemaDecoder.goKind(metadata)) into Go struct field "
            + ".metadata of type v1.ObjectMeta")
      }
      object["metadata"] = try metadataDecoder.decode(metadata, as: "ObjectMeta")
      unknown += metadataDecoder.unknownFields.map { "metadata.\($0)" }
    }
    var shaping = SchemaShaping()
    object = shaping.pruneRoot(object, schema)
    unknown += shaping.pruned
    return DecodedObject(
      object: Self.ordered(object),
      unknownFields: unknown.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
  }

  /// Members in the order of their names, as the real server writes custom resources.
  private static func ordered(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let object):
      .object(
        JSONObject(
          object.members.map { ($0.key, ordered($0.value)) }
            .sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }))
    case .array(let items): .array(items.map(ordered))
    default: value
    }
  }

  func applyDefaults(_ object: inout JSONValue) {
    object = Self.ordered(SchemaShaping.applyDefaults(object, schema))
  }

  func prepareForCreate(_ object: inout JSONValue) {
    if hasStatus { object["status"] = nil }
    object = Self.ordered(object)
  }

  func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, subresource: String?) {
    if subresource == "status" {
      let status = object["status"]
      object = old
      object["status"] = status
    } else if hasStatus {
      object["status"] = old["status"]
    }
    object = Self.ordered(object)
  }

  func validateCreate(_ object: JSONValue) -> [FieldError] {
    SchemaValidator.validate(object, schema) + scaleErrors(object)
  }

  /// What was stored before its schema became stricter may stay as it is: only what changes must be valid.
  func validateUpdate(_ object: JSONValue, old: JSONValue, subresource: String?) -> [FieldError] {
    SchemaValidator.validate(object, schema).filter { !Ratcheting.isUnchanged($0, object, old) } + scaleErrors(object)
  }

  let isScalable: Bool

  private func scaleErrors(_ object: JSONValue) -> [FieldError] {
    guard isScalable, let replicas = object.value(at: scalePaths.spec)?.intValue, replicas < 0 else { return [] }
    return [
      .invalid(
        "." + scalePaths.spec.joined(separator: "."), JSONValue(replicas), "should be a non-negative integer")
    ]
  }

  /// Everything but metadata and a separate status counts.
  func changesGeneration(_ object: JSONValue, old: JSONValue) -> Bool {
    func counted(_ object: JSONValue) -> JSONValue {
      var object = object
      object["metadata"] = nil
      if hasStatus { object["status"] = nil }
      return object
    }
    return counted(object) != counted(old)
  }

  func nameProblems(_ name: String) -> [String] { Names.subdomainProblems(name) }
  func warnings(_ object: JSONValue) -> [String] { deprecation.map { [$0] } ?? [] }

  func toStorage(_ object: JSONValue) -> JSONValue {
    guard apiVersion != storageAPIVersion else { return object }
    var object = object
    object["apiVersion"] = .string(storageAPIVersion)
    return object
  }

  func fromStorage(_ object: JSONValue) -> JSONValue {
    guard object["apiVersion"]?.stringValue != apiVersion else { return object }
    var object = object
    object["apiVersion"] = .string(apiVersion)
    return object
  }

  func selectableField(_ object: JSONValue, _ field: String) -> String? {
    switch field {
    case "metadata.name": return object["metadata", "name"]?.stringValue ?? ""
    case "metadata.namespace": return object["metadata", "namespace"]?.stringValue ?? ""
    default:
      guard let path = selectablePaths[field] else { return nil }
      switch object.value(at: path) {
      case .string(let text): return text
      case .some(let value) where !value.isNull: return value.text
      default: return ""
      }
    }
  }

  func unsupportedFieldMessage(_ field: String) -> String { "field label not supported: \(field)" }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] { printer.cells(object, at: now) }

  var openAPISchema: JSONValue { schemaJSON }
}
