public import KubernetesAPI

/// YAML as Kubernetes' tools read and write it.
///
/// Plain scalars: `true`/`false`, `null`/`~`/nothing, integers (decimal, 0x, 0o, 0b, and octal with a leading zero as in
/// `defaultMode: 0644`) and floats, each in the spellings of YAML; everything else, `yes` and `on` among it, and every
/// quoted scalar is a string. Anchors, aliases and merge keys (`<<`) are understood.
public enum YAML {
  /// The one document of a text; null for an empty one.
  ///
  /// - Throws: for what is not YAML, a second document, a repeated key, a value that JSON has not (`.inf`), aliases that
  ///   expand to more than 8 MiB, or more than 512 levels.
  public static func parse(_ text: String) throws(YAMLError) -> JSONValue {
    let reader = YAMLReader(text)
    guard let first = try reader.nextDocument() else { return .null }
    guard let second = try reader.nextDocument() else { return first.value }
    throw YAMLError(problem: "expected a single document", line: second.line, column: second.column)
  }

  /// A key that a mapping has had before.
  public struct RepeatedKey: Sendable, Hashable {
    public let name: String
    /// From 1.
    public let line: Int
  }

  /// The one document of a text as Kubernetes' API server reads it: `yes`, `no`, `on`, `off`, `y` and `n` are booleans,
  /// keys included, and a repeated key has its last value and is told.
  public static func parseAsServer(_ text: String) throws(YAMLError) -> (JSONValue, repeatedKeys: [RepeatedKey]) {
    let reader = YAMLReader(text, isServer: true)
    guard let first = try reader.nextDocument() else { return (.null, []) }
    guard let second = try reader.nextDocument() else { return (first.value, reader.repeatedKeys) }
    throw YAMLError(problem: "expected a single document", line: second.line, column: second.column)
  }

  /// The documents of a text, without the empty ones that separators and comments leave.
  public static func parseAll(_ text: String) throws(YAMLError) -> [JSONValue] {
    let reader = YAMLReader(text)
    var documents: [JSONValue] = []
    while let document = try reader.nextDocument() {
      if !document.value.isNull { documents.append(document.value) }
    }
    return documents
  }

  /// A document in block style that ends with a new line. Members keep their order; strings that would be read as
  /// something else, by YAML 1.1 readers too, are quoted; texts of several lines become literal blocks.
  public static func write(_ value: JSONValue) -> String {
    var writer = YAMLWriter()
    writer.document(value)
    return writer.text
  }
}

/// Why a text is not YAML that can be used.
public struct YAMLError: Error, Sendable, Hashable, CustomStringConvertible {
  public let problem: String
  /// From 1.
  public let line: Int
  /// In characters, from 1.
  public let column: Int

  public init(problem: String, line: Int, column: Int) {
    self.problem = problem
    self.line = line
    self.column = column
  }

  public var description: String { "line \(line), column \(column): \(problem)" }
}
