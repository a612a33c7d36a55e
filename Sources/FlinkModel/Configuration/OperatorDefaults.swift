import KubernetesAPI
import YAML

/// The operator's own Flink configuration: the lowest layer of every resource's configuration.
public struct OperatorDefaults: Sendable, Hashable {
  public let values: [String: String]

  public init(_ values: [String: String] = [:]) { self.values = values }

  /// Reads `config.yaml`: nested or flat YAML.
  ///
  /// - Throws: `InvalidField` with the place in the text.
  public init(configYAML text: String) throws(InvalidField) {
    let json: JSONValue
    do {
      json = try YAML.parse(text)
    } catch {
      throw InvalidField(field: "config.yaml", value: nil, fix: "cannot be read: \(error)")
    }
    switch json {
    case .null: values = [:]
    case .object(let object): values = FlattenedConfiguration.flatten(object)
    default: throw InvalidField(field: "config.yaml", value: nil, fix: "must be a map of configuration keys")
    }
  }

  /// Reads `flink-conf.yaml`: lines of `key: value`, `#` begins a comment. Lines of another form are ignored, as by
  /// Flink.
  public init(flinkConf text: String) {
    var values: [String: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let content = MemoryText.trim(String(line.prefix { $0 != "#" }))
      guard let colon = content.range(of: ": ") else { continue }
      let key = MemoryText.trim(String(content[..<colon.lowerBound]))
      let value = MemoryText.trim(String(content[colon.upperBound...]))
      if !key.isEmpty, !value.isEmpty { values[key] = value }
    }
    self.values = values
  }

  /// The same with the keys of `other` on top.
  public func overlaid(with other: OperatorDefaults) -> OperatorDefaults {
    OperatorDefaults(values.merging(other.values) { $1 })
  }

  private static let prefix = "kubernetes.operator.default-configuration."

  /// The defaults for resources of one namespace and Flink version: the plain keys, then those of the namespace, then
  /// those of this version or of an older one marked `+` (newer over older), then those of exactly this version.
  public func configuration(namespace: String, flinkVersion: FlinkVersion?) -> FlinkConfiguration {
    var configuration = FlinkConfiguration(values)
    configuration.overlay(FlinkConfiguration(values).strippingPrefix("\(Self.prefix)namespace.\(namespace)."))
    guard let flinkVersion else { return configuration }

    var open: [(FlinkVersion, [String: String])] = []
    let versionPrefix = "\(Self.prefix)flink-version."
    let versions = Set(
      values.keys.filter { $0.hasPrefix(versionPrefix) }.compactMap { key in
        key.dropFirst(versionPrefix.count).split(separator: ".").first.map(String.init)
      })
    for word in versions where word.hasSuffix("+") {
      guard let version = FlinkVersion(String(word.dropLast())), version <= flinkVersion else { continue }
      open.append((version, FlinkConfiguration(values).strippingPrefix("\(versionPrefix)\(word).")))
    }
    for (_, values) in open.sorted(by: { $0.0 < $1.0 }) { configuration.overlay(values) }
    configuration.overlay(FlinkConfiguration(values).strippingPrefix("\(versionPrefix)\(flinkVersion)."))
    return configuration
  }
}

extension String {
  /// The first place where `needle` stands.
  func range(of needle: String) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
      start = index(after: start)
    }
    return nil
  }
}
