import KubernetesAPI

/// The type of a field of a built-in kind, as its Go type behaves in JSON.
indirect enum FieldType: Sendable {
  case string
  case bool
  case int32
  case int64
  /// Base64 text.
  case bytes
  /// Whole seconds, RFC 3339; null when not set.
  case time
  case microTime
  case quantity
  case intOrString
  /// Anything, kept as it is.
  case any
  case map(FieldType)
  case list(FieldType, ListMerge)
  /// A struct, by its name in the catalogue.
  case structure(String)
}

/// How a list is merged by strategic merge patches and server-side apply.
enum ListMerge: Sendable, Equatable {
  /// Replaced as a whole.
  case atomic
  /// A set of scalars.
  case set
  /// Objects, told apart by `keys`; strategic merge patches use the first key only.
  case byKey([String])
}

struct FieldSchema: Sendable {
  /// What is written when the field is not set.
  enum Presence: Sendable {
    /// `omitempty`: nothing, and nothing either for the empty value.
    case omitted
    /// A pointer: nothing, but an empty value that was given is kept.
    case pointer
    /// The empty value of the type.
    case always
    /// A pointer without `omitempty`: null.
    case null
  }

  var name: String
  var type: FieldType
  var presence: Presence
  /// `patchStrategy: retainKeys` of strategic merge patches.
  var retainsKeys = false
  /// A map or struct that server-side apply takes as a whole.
  var isAtomic = false
}

struct StructureSchema: Sendable {
  var name: String
  /// As Go messages call the type: `v1.ObjectMeta`.
  var goName: String
  /// Where OpenAPI has it: `io.k8s.api.core.v1`.
  var package: String
  var fields: [FieldSchema]
  private let index: [String: Int]

  init(name: String, goName: String, package: String, fields: [FieldSchema]) {
    self.name = name
    self.goName = goName
    self.package = package
    self.fields = fields
    index = Dictionary(fields.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func fieldIndex(_ name: String) -> Int? { index[name] }
  subscript(name: String) -> FieldSchema? { index[name].map { fields[$0] } }
}

/// The structs of the built-in kinds, read from a compact text:
///
///     PodSpec: nodeName string; containers [Container]@name always; replicas *int32; data map<string>
///
/// One struct a line, fields separated by `;`. A type is `string`, `bool`, `int32`, `int64`, `bytes`, `time`,
/// `microtime`, `quantity`, `intorstring`, `any`, `map<T>`, `[T]` or a struct's name; `*` in front marks a pointer.
/// A struct without `*` is always written, as Go does it. A list may be followed by `@key` or `@key+key` (merged by these
/// keys) or `@set`; `always` writes the empty value, `retain` is the patch strategy retainKeys, `atomic` keeps apply from
/// looking inside. `package` begins the structs of an OpenAPI package.
struct SchemaCatalogue: Sendable {
  private(set) var structures: [String: StructureSchema] = [:]

  init(_ texts: [String]) {
    for text in texts {
      var package = ""
      for line in text.split(separator: "\n") {
        if let range = line.firstRange(of: "package ") {
          package = Self.trimmed(line[range.upperBound...])
          continue
        }
        let halves = line.split(separator: ":", maxSplits: 1)
        guard halves.count == 2 else { continue }
        let name = Self.trimmed(halves[0])
        let fields = halves[1].split(separator: ";").compactMap { Self.field(Self.trimmed($0)) }
        structures[name] = StructureSchema(name: name, goName: "v1.\(name)", package: package, fields: fields)
      }
    }
  }

  subscript(name: String) -> StructureSchema? { structures[name] }

  private static func field(_ text: String) -> FieldSchema? {
    let words = text.split(separator: " ").map(String.init)
    guard words.count >= 2 else { return nil }
    var typeText = words[1][...]
    var presence = FieldSchema.Presence.omitted
    if typeText.hasPrefix("*") {
      presence = .pointer
      typeText = typeText.dropFirst()
    }
    let type = Self.type(typeText)
    if case .structure = type, presence == .omitted { presence = .always }
    if words.dropFirst(2).contains("always") { presence = presence == .pointer ? .null : .always }
    if words.dropFirst(2).contains("omit") { presence = .omitted }
    return FieldSchema(
      name: words[0], type: type, presence: presence, retainsKeys: words.dropFirst(2).contains("retain"),
      isAtomic: words.dropFirst(2).contains("atomic"))
  }

  private static func type(_ text: Substring) -> FieldType {
    if text.hasPrefix("["), let close = text.lastIndex(of: "]") {
      let element = type(text[text.index(after: text.startIndex)..<close])
      let suffix = text[text.index(after: close)...]
      let merge: ListMerge =
        suffix.isEmpty
        ? .atomic
        : suffix == "@set" ? .set : .byKey(suffix.dropFirst().split(separator: "+").map(String.init))
      return .list(element, merge)
    }
    if text.hasPrefix("map<") { return .map(type(text.dropFirst(4).dropLast())) }
    return switch text {
    case "string": .string
    case "bool": .bool
    case "int32": .int32
    case "int64": .int64
    case "bytes": .bytes
    case "time": .time
    case "microtime": .microTime
    case "quantity": .quantity
    case "intorstring": .intOrString
    case "any": .any
    default: .structure(String(text))
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
