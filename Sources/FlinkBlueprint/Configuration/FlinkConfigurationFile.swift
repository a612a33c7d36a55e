import FlinkModel
import KubernetesAPI

/// The configuration file in a cluster's ConfigMap: `config.yaml`, nested, from Flink 2.0; before that
/// `flink-conf.yaml`, flat.
struct FlinkConfigurationFile {
  let name: String
  private let values: [String: String]
  private let isNested: Bool

  /// Keys that are of this process, or that a pod finds out for itself.
  private static let left: Set<String> = [
    "kubernetes.config.file", "$internal.deployment.config-dir", "rest.bind-address", "jobmanager.bind-host",
    "taskmanager.bind-host", "taskmanager.host",
  ]

  init(_ configuration: FlinkConfiguration, version: FlinkVersion) {
    isNested = version >= .v2_0
    name = isNested ? "config.yaml" : "flink-conf.yaml"
    values = configuration.forCluster.values.filter { !Self.left.contains($0.key) }
  }

  /// - Throws: `InvalidField` for a value that the file cannot hold.
  func text() throws(InvalidField) -> String { try isNested ? nested() : flat() }

  /// Flink reads the value up to the end of the line.
  private func flat() throws(InvalidField) -> String {
    var text = ""
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      if value.contains(where: \.isNewline) {
        throw InvalidField(
          field: "spec.flinkConfiguration[\(key)]", value: value,
          fix: "must be one line: flink-conf.yaml of Flink before 2.0 knows no other")
      }
      text += "\(key): \(value)\n"
    }
    return text
  }

  private indirect enum Node {
    case value(String)
    case map([String: Node])
  }

  private func nested() throws(InvalidField) -> String {
    var root: [String: Node] = [:]
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      try Self.insert(value, key[...].split(separator: ".", omittingEmptySubsequences: false)[...], key, &root)
    }
    var text = ""
    Self.write(root, indent: 0, to: &text)
    return text
  }

  private static func insert(
    _ value: String, _ path: ArraySlice<Substring>, _ key: String, _ map: inout [String: Node]
  ) throws(InvalidField) {
    guard let name = path.first.map(String.init) else { return }
    let overlap = InvalidField(
      field: "spec.flinkConfiguration[\(key)]", value: value,
      fix: "another key is the beginning of this one, which nested YAML cannot hold: use the newer name of either")
    if path.count == 1 {
      if map[name] != nil { throw overlap }
      map[name] = .value(value)
      return
    }
    var child: [String: Node] = [:]
    switch map[name] {
    case .map(let existing): child = existing
    case .value: throw overlap
    case nil: break
    }
    try insert(value, path.dropFirst(), key, &child)
    map[name] = .map(child)
  }

  private static func write(_ map: [String: Node], indent: Int, to text: inout String) {
    for (name, node) in map.sorted(by: { $0.key < $1.key }) {
      text += String(repeating: "  ", count: indent) + scalar(name, isKey: true) + ":"
      switch node {
      case .value(let value): text += " \(scalar(value, isKey: false))\n"
      case .map(let child):
        text += "\n"
        write(child, indent: indent + 1, to: &text)
      }
    }
  }

  private static let words: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]

  /// Plain where the text stays what it is under every YAML version, else in double quotes. Booleans and plain
  /// decimals go unquoted: Flink reads them by their text.
  private static func scalar(_ text: String, isKey: Bool) -> String {
    let isNumber = !text.isEmpty && text.count < 19 && text.allSatisfy { $0.isASCII && $0.isNumber }
    if isNumber, !isKey, text == "0" || text.first != "0" { return text }
    if !isKey, text == "true" || text == "false" { return text }
    let isPlain =
      text.first.map { $0.isASCII && ($0.isLetter || $0 == "$" || $0 == "/") } == true
      && text.last != ":"
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-/:$".contains($0)) }
      && !words.contains(text.lowercased())
    return isPlain ? text : JSONValue.string(text).text
  }
}
