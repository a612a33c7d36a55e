import Foundation
import KubernetesAPI
import Testing

/// A rendered object held against its file in Resources/goldens. With UPDATE_GOLDENS=<path of that folder> in the
/// environment the files are written instead.
enum GoldenFile {
  static func text(_ path: String) throws -> String {
    let url = Bundle.module.bundleURL.appendingPathComponent("Resources/\(path)")
    return try String(contentsOf: url, encoding: .utf8)
  }

  static func expect(_ value: JSONValue, matches name: String) throws {
    let rendered = pretty(value) + "\n"
    if let folder = ProcessInfo.processInfo.environment["UPDATE_GOLDENS"] {
      try rendered.write(toFile: "\(folder)/\(name).json", atomically: true, encoding: .utf8)
      return
    }
    #expect(rendered == (try text("goldens/\(name).json")), "\(name).json")
  }

  /// Sorted members, one to a line; a multi-line string as a list of its lines, so that it can be read and compared.
  static func pretty(_ value: JSONValue, indent: String = "") -> String {
    let inner = indent + "  "
    switch value {
    case .object(let object) where !object.isEmpty:
      let members = object.members.sorted { $0.key < $1.key }.map {
        "\(inner)\(JSONValue.string($0.key).text): \(pretty($0.value, indent: inner))"
      }
      return "{\n\(members.joined(separator: ",\n"))\n\(indent)}"
    case .array(let elements) where !elements.isEmpty:
      return "[\n\(elements.map { inner + pretty($0, indent: inner) }.joined(separator: ",\n"))\n\(indent)]"
    case .string(let text) where text.contains("\n"):
      return pretty(
        JSONValue(text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)), indent: indent)
    default: return value.text
    }
  }
}
