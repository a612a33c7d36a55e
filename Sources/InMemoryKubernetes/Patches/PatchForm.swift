import KubernetesAPI

/// The media types of PATCH.
enum PatchForm: String, Sendable {
  case json = "application/json-patch+json"
  case merge = "application/merge-patch+json"
  case strategic = "application/strategic-merge-patch+json"
  case apply = "application/apply-patch+yaml"

  init?(contentType: String) { self.init(rawValue: contentType) }

  /// - Throws: a 400 in the words of Go's decoder.
  static func parse(_ bytes: [UInt8], _ form: PatchForm) throws(APIFailure) -> JSONValue {
    let patch: JSONValue
    do throws(JSONError) {
      patch = try JSONValue(parsing: bytes)
    } catch {
      throw .badRequest("error decoding patch: \(RequestContext.goWords(error, bytes))")
    }
    switch form {
    case .json:
      guard patch.arrayValue != nil else {
        throw .badRequest(
          "error decoding patch: json: cannot unmarshal \(SchemaDecoder.goKind(patch)) into Go value of type "
            + "[]handlers.jsonPatchOp")
      }
    case .merge, .strategic:
      guard patch.objectValue != nil else {
        throw .badRequest(
          "error decoding patch: json: cannot unmarshal \(SchemaDecoder.goKind(patch)) into Go value of type "
            + "map[string]interface {}")
      }
    case .apply: break
    }
    return patch
  }
}

/// RFC 7386.
func mergePatched(_ target: JSONValue, _ patch: JSONValue) -> JSONValue {
  guard let changes = patch.objectValue else { return patch }
  var result = target.objectValue ?? JSONObject()
  for (key, change) in changes.members {
    if change.isNull {
      result[key] = nil
    } else {
      result[key] = mergePatched(result[key] ?? .null, change)
    }
  }
  return .object(result)
}

/// Go's `%v` of decoded JSON: `map[a:1 b:[x y]]`.
enum GoMapText {
  static func text(_ value: JSONValue) -> String {
    switch value {
    case .null: "<nil>"
    case .bool(let value): value ? "true" : "false"
    case .number: value.text
    case .string(let text): text
    case .array(let items): "[\(items.map(text).joined(separator: " "))]"
    case .object(let object):
      "map["
        + object.members.sorted { $0.key < $1.key }.map { "\($0.key):\(text($0.value))" }.joined(separator: " ")
        + "]"
    }
  }
}
