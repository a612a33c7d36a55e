import KubernetesAPI
import YAML

/// A body read as JSON, with what Go's decoder would have said about it.
struct ParsedBody {
  var json: JSONValue
  /// Paths of member names that occur twice.
  var duplicates: [String]
  /// The same of YAML, in the words of Go's reader; empty where there are none.
  var repeatedKeys = ""
  var text: String
}

func yamlText(_ json: JSONValue) -> String { YAML.write(json) }

extension RequestContext {
  var contentType: String {
    let header = request.header("content-type") ?? ""
    return OutputFormat.trimmed(header.prefix { $0 != ";" })
  }

  /// The body of a create or update.
  ///
  /// - Throws: 413, 415 or 400.
  func objectBody(kind: String) throws(APIFailure) -> ParsedBody {
    let isYAML: Bool
    switch contentType {
    case "", "application/json", "*/*": isYAML = false
    case "application/yaml": isYAML = true
    case Self.protobuf:
      guard let json = protobufBody else { throw .unsupportedMediaType(accepted: OutputFormat.offered) }
      return ParsedBody(json: json, duplicates: [], text: "")
    default: throw .unsupportedMediaType(accepted: OutputFormat.offered)
    }
    let bytes: [UInt8]
    switch request.body {
    case .json(let json): return ParsedBody(json: json, duplicates: [], text: "")
    case .tooLarge: throw .tooLarge
    case .empty: bytes = []
    case .bytes(let given): bytes = given
    }
    guard bytes.count <= InMemoryAPIServer.maximumBodyBytes else { throw .tooLarge }
    func unrecognized(_ why: String) -> APIFailure {
      .badRequest("the object provided is unrecognized (must be of type \(kind)): couldn't get version/kind; \(why)")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let parsed: ParsedBody
    if isYAML {
      do throws(YAMLError) {
        let (json, repeated) = try YAML.parseAsServer(text)
        parsed = ParsedBody(json: json, duplicates: [], repeatedKeys: Self.goWords(repeated), text: text)
      } catch {
        throw unrecognized("yaml: \(error) (\(Self.excerpt(bytes)))")
      }
    } else {
      do throws(JSONError) {
        let (value, duplicates) = try JSONParser.parseReportingDuplicates(bytes)
        parsed = ParsedBody(json: value, duplicates: duplicates.map(\.path), text: text)
      } catch {
        throw unrecognized("json parse error: \(Self.goWords(error, bytes)) (\(Self.excerpt(bytes)))")
      }
    }
    guard parsed.json.objectValue != nil else {
      throw unrecognized(
        "json parse error: json: cannot unmarshal \(SchemaDecoder.goKind(parsed.json)) into Go value of type struct { "
          + #"APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#
          + " (\(Self.excerpt(bytes, isHex: true)))")
    }
    return parsed
  }

  /// The bytes of a patch.
  func patchBytes() throws(APIFailure) -> [UInt8] {
    switch request.body {
    case .json(let json): return json.serialized()
    case .tooLarge: throw .tooLarge
    case .empty: return []
    case .bytes(let bytes):
      guard bytes.count <= InMemoryAPIServer.maximumBodyBytes else { throw .tooLarge }
      return bytes
    }
  }

  /// The beginning of a body, as messages show it.
  private static func excerpt(_ bytes: [UInt8], isHex: Bool = false) -> String {
    if bytes.isEmpty { return "<empty>" }
    let looksLikeText = bytes.first == UInt8(ascii: "{") && !isHex
    if looksLikeText {
      return bytes.count <= 30
        ? String(decoding: bytes, as: UTF8.self) : String(decoding: bytes.prefix(30), as: UTF8.self) + " ..."
    }
    let shown = bytes.prefix(15).map { hex(UInt32($0), width: 2) }.joined()
    return bytes.count <= 15 ? shown : shown + " ..."
  }

  /// What Go's JSON decoder says where ours found a fault.
  static func goWords(_ error: JSONError, _ bytes: [UInt8]) -> String {
    error.offset >= bytes.count
      ? "unexpected end of JSON input"
      : "invalid character \(goCharacter(bytes[error.offset])) looking for beginning of value"
  }

  private static func goWords(_ repeated: [YAML.RepeatedKey]) -> String {
    guard !repeated.isEmpty else { return "" }
    let lines = repeated.map { "\n  line \($0.line): key \(goQuoted($0.name)) already set in map" }
    return "yaml: unmarshal errors:" + lines.joined()
  }

  static func goCharacter(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "'"): #"'\''"#
    case UInt8(ascii: "\""): #"'"'"#
    case 0x20..<0x7f: "'\(Character(UnicodeScalar(byte)))'"
    default: "'\\u\(hex(UInt32(byte), width: 4))'"
    }
  }
}
