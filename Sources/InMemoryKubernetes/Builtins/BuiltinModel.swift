import KubernetesAPI

/// What one built-in kind does beyond its schema. Everything has a default that does nothing.
protocol KindStrategy: Sendable {
  var returnsDeletedObject: Bool { get }
  var allowsUnconditionalUpdate: Bool { get }
  var createsOnUpdate: Bool { get }
  /// Whether a delete that names no policy leaves the dependents.
  var orphansByDefault: Bool { get }
  var hasGeneration: Bool { get }
  /// Whether `status` is written only through its own subresource.
  var isolatesStatus: Bool { get }
  /// Whether a write to `status` leaves the labels alone.
  var keepsLabelsInStatusWrites: Bool { get }
  var columns: [TableColumn] { get }

  func applyDefaults(_ object: inout JSONValue)
  func prepareForCreate(_ object: inout JSONValue)
  func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, subresource: String?)
  func validate(_ object: JSONValue) -> [FieldError]
  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError]
  func validateStatusUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError]
  func nameProblems(_ name: String) -> [String]
  func warnings(_ object: JSONValue) -> [String]
  func toStorage(_ object: JSONValue) -> JSONValue
  func fromStorage(_ object: JSONValue) -> JSONValue
  func selectableField(_ object: JSONValue, _ field: String) -> String?
  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue]
}

extension KindStrategy {
  var returnsDeletedObject: Bool { false }
  var allowsUnconditionalUpdate: Bool { true }
  var createsOnUpdate: Bool { false }
  var orphansByDefault: Bool { false }
  var hasGeneration: Bool { false }
  var isolatesStatus: Bool { false }
  var keepsLabelsInStatusWrites: Bool { false }
  var columns: [TableColumn] { [.name, TableColumn(name: "Created At")] }

  func applyDefaults(_ object: inout JSONValue) {}
  func prepareForCreate(_ object: inout JSONValue) {}
  func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, subresource: String?) {}
  func validate(_ object: JSONValue) -> [FieldError] { [] }
  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] { validate(object) }
  func validateStatusUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] { [] }
  func nameProblems(_ name: String) -> [String] { Names.subdomainProblems(name) }
  func warnings(_ object: JSONValue) -> [String] { [] }
  func toStorage(_ object: JSONValue) -> JSONValue { object }
  func fromStorage(_ object: JSONValue) -> JSONValue { object }
  func selectableField(_ object: JSONValue, _ field: String) -> String? { nil }
  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    [object["metadata", "name"] ?? .null, object["metadata", "creationTimestamp"] ?? .null]
  }
}

extension TableColumn {
  static let name = TableColumn(
    name: "Name", format: "name",
    description: "Name must be unique within a namespace. Is required when creating resources, although some resources "
      + "may allow a client to request the generation of an appropriate name automatically. Name is primarily intended "
      + "for creation idempotence and configuration definition. Cannot be updated. More info: "
      + "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names")
  static let age = TableColumn(
    name: "Age",
    description:
      "CreationTimestamp is a timestamp representing the server time when this object was created. It is not "
      + "guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is "
      + "represented in RFC3339 form and is in UTC.")
}

/// A built-in kind: a schema and a strategy.
struct BuiltinModel: ResourceModel {
  let schema: String
  let strategy: any KindStrategy
  let apiVersion: String
  let kind: String

  var isCustom: Bool { false }
  var returnsDeletedObject: Bool { strategy.returnsDeletedObject }
  var allowsUnconditionalUpdate: Bool { strategy.allowsUnconditionalUpdate }
  var hasGeneration: Bool { strategy.hasGeneration }
  var createsOnUpdate: Bool { strategy.createsOnUpdate }
  var orphansByDefault: Bool { strategy.orphansByDefault }
  var structureName: String? { schema }
  var mergeType: MergeType { .builtin(schema) }
  var columns: [TableColumn] { strategy.columns }

  func decode(_ json: JSONValue) throws(DecodeFailure) -> DecodedObject {
    var decoder = SchemaDecoder(catalogue: builtinCatalogue)
    var object = try decoder.decode(json, as: schema)
    object["kind"] = .string(kind)
    object["apiVersion"] = .string(apiVersion)
    return DecodedObject(object: object, unknownFields: decoder.unknownFields)
  }

  func applyDefaults(_ object: inout JSONValue) {
    strategy.applyDefaults(&object)
    object = normalized(object)
  }

  func prepareForCreate(_ object: inout JSONValue) {
    if strategy.isolatesStatus { object["status"] = nil }
    strategy.prepareForCreate(&object)
    object = normalized(object)
  }

  func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, subresource: String?) {
    if subresource == "status" {
      if let spec = old["spec"] { object["spec"] = spec }
      if strategy.keepsLabelsInStatusWrites { object.set(old["metadata", "labels"], at: ["metadata", "labels"]) }
    } else if strategy.isolatesStatus {
      object["status"] = old["status"]
    }
    strategy.prepareForUpdate(&object, old: old, subresource: subresource)
    object = normalized(object)
  }

  func validateCreate(_ object: JSONValue) -> [FieldError] { strategy.validate(object) }

  func validateUpdate(_ object: JSONValue, old: JSONValue, subresource: String?) -> [FieldError] {
    subresource == "status"
      ? strategy.validateStatusUpdate(object, old: old) : strategy.validateUpdate(object, old: old)
  }

  /// Most kinds keep what is wanted in `spec`; an EndpointSlice or a webhook configuration keeps it beside.
  func changesGeneration(_ object: JSONValue, old: JSONValue) -> Bool {
    func wanted(_ object: JSONValue) -> JSONObject {
      (object.objectValue ?? JSONObject()).filter { name, _ in
        !["kind", "apiVersion", "metadata", "status"].contains(name)
      }
    }
    return wanted(object) != wanted(old)
  }
  func nameProblems(_ name: String) -> [String] { strategy.nameProblems(name) }
  func warnings(_ object: JSONValue) -> [String] { strategy.warnings(object) }
  func toStorage(_ object: JSONValue) -> JSONValue { strategy.toStorage(object) }
  func fromStorage(_ object: JSONValue) -> JSONValue { strategy.fromStorage(object) }

  func selectableField(_ object: JSONValue, _ field: String) -> String? {
    switch field {
    case "metadata.name": object["metadata", "name"]?.stringValue ?? ""
    case "metadata.namespace": object["metadata", "namespace"]?.stringValue ?? ""
    default: strategy.selectableField(object, field)
    }
  }

  func unsupportedFieldMessage(_ field: String) -> String {
    strategy.selectableField([:], "status.phase") != nil || strategy.selectableField([:], "reason") != nil
      ? "field label not supported: \(field)"
      : "\(goQuoted(field)) is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] { strategy.cells(object, at: now) }
}
