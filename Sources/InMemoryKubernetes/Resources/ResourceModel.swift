import KubernetesAPI

/// How objects of one resource are read, completed, checked and shown.
protocol ResourceModel: Sendable {
  /// Objects of a custom resource differ from built-in ones in many small ways.
  var isCustom: Bool { get }
  /// Whether a delete answers with the object instead of a Status.
  var returnsDeletedObject: Bool { get }
  var allowsUnconditionalUpdate: Bool { get }
  var hasGeneration: Bool { get }
  /// Whether a PUT to a name that does not exist creates the object.
  var createsOnUpdate: Bool { get }
  /// Whether a delete that names no policy leaves the dependents.
  var orphansByDefault: Bool { get }

  /// Brings a body into the resource's form. Fields that it does not have are dropped and named.
  func decode(_ json: JSONValue) throws(DecodeFailure) -> DecodedObject
  /// Fills in what is not set.
  func applyDefaults(_ object: inout JSONValue)
  /// Clears what a client may not set in a new object.
  func prepareForCreate(_ object: inout JSONValue)
  /// Takes from `old` what this write may not change.
  func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, subresource: String?)
  func validateCreate(_ object: JSONValue) -> [FieldError]
  func validateUpdate(_ object: JSONValue, old: JSONValue, subresource: String?) -> [FieldError]
  /// Whether the difference of two objects counts as a new generation.
  func changesGeneration(_ object: JSONValue, old: JSONValue) -> Bool
  func nameProblems(_ name: String) -> [String]
  /// Warnings that a write is answered with.
  func warnings(_ object: JSONValue) -> [String]

  /// From this version's form to the stored one and back.
  func toStorage(_ object: JSONValue) -> JSONValue
  func fromStorage(_ object: JSONValue) -> JSONValue

  /// The value of a field that field selectors may name, nil for other fields.
  func selectableField(_ object: JSONValue, _ field: String) -> String?
  func unsupportedFieldMessage(_ field: String) -> String
  var columns: [TableColumn] { get }
  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue]

  /// The schema that strategic merge patches follow; nil where they are not accepted.
  var structureName: String? { get }
  var scalePaths: ScalePaths { get }
  var openAPISchema: JSONValue { get }
  /// How apply looks into objects.
  var mergeType: MergeType { get }
}

struct DecodedObject {
  var object: JSONValue
  /// `unknown field "spec.x"`, in the order the real server names them.
  var unknownFields: [String]
}

struct TableColumn: Sendable, Hashable {
  var name: String
  var type = "string"
  var format = ""
  var description = ""
  var priority = 0

  var json: JSONValue {
    [
      "name": .string(name), "type": .string(type), "format": .string(format), "description": .string(description),
      "priority": JSONValue(priority),
    ]
  }
}

struct SubresourceDefinition: Sendable, Hashable {
  var name: String
  var verbs: [String]
  /// Of the body; the resource's own where empty.
  var kind = ""
  var group = ""
  var version = ""
}

/// One version of one resource.
struct ResourceDefinition: Sendable {
  static let allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

  var type: ResourceType
  var singular: String
  var listKind: String
  var shortNames: [String] = []
  var categories: [String] = []
  var verbs: [String] = ResourceDefinition.allVerbs
  var storage: StorageID
  var subresources: [SubresourceDefinition] = []
  var model: any ResourceModel

  func subresource(_ name: String) -> SubresourceDefinition? { subresources.first { $0.name == name } }
}

extension ResourceModel {
  var scalePaths: ScalePaths { ScalePaths() }
}

extension ResourceModel {
  /// An object that was decoded before and changed by the server itself, brought into its form again.
  func normalized(_ object: JSONValue) -> JSONValue {
    do throws(DecodeFailure) { return try decode(object).object } catch { return object }
  }
}
