import KubernetesAPI

/// One cause of a 422: a field and what is wrong with it, in the words of the real server.
struct FieldError: Sendable, Hashable, CustomStringConvertible {
  var reason: String
  var field: String
  var message: String

  var description: String { "\(field): \(message)" }

  static func required(_ field: String, _ detail: String = "") -> FieldError {
    FieldError(
      reason: "FieldValueRequired", field: field,
      message: detail.isEmpty ? "Required value" : "Required value: \(detail)")
  }

  static func invalid(_ field: String, _ value: JSONValue?, _ detail: String) -> FieldError {
    FieldError(reason: "FieldValueInvalid", field: field, message: "Invalid value: \(shown(value)): \(detail)")
  }

  static func typeInvalid(_ field: String, _ value: JSONValue?, _ detail: String) -> FieldError {
    FieldError(reason: "FieldValueTypeInvalid", field: field, message: "Invalid value: \(shown(value)): \(detail)")
  }

  static func forbidden(_ field: String, _ detail: String) -> FieldError {
    FieldError(reason: "FieldValueForbidden", field: field, message: "Forbidden: \(detail)")
  }

  static func duplicate(_ field: String, _ value: JSONValue?) -> FieldError {
    FieldError(reason: "FieldValueDuplicate", field: field, message: "Duplicate value: \(shown(value))")
  }

  static func notSupported(_ field: String, _ value: JSONValue?, _ supported: [String]) -> FieldError {
    FieldError(
      reason: "FieldValueNotSupported", field: field,
      message: "Unsupported value: \(shown(value)): supported values: "
        + supported.map(goQuoted).joined(separator: ", "))
  }

  static func tooLong(_ field: String, _ limit: Int) -> FieldError {
    FieldError(
      reason: "FieldValueTooLong", field: field, message: "Too long: may not be more than \(limit) bytes")
  }

  static func tooMany(_ field: String, _ count: Int, _ limit: Int) -> FieldError {
    FieldError(
      reason: "FieldValueTooMany", field: field, message: "Too many: \(count): must have at most \(limit) items")
  }

  static func notFound(_ field: String, _ value: JSONValue?) -> FieldError {
    FieldError(reason: "FieldValueNotFound", field: field, message: "Not found: \(shown(value))")
  }

  private static func shown(_ value: JSONValue?) -> String {
    switch value {
    case nil, .null: "null"
    case .string(let text): goQuoted(text)
    case .some(let value): String(decoding: value.canonicalBytes(), as: UTF8.self)
    }
  }
}

/// Text in double quotes with Go's escapes (`%q`).
func goQuoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case "\r": result += "\\r"
    case "\u{7}": result += "\\a"
    case "\u{8}": result += "\\b"
    case "\u{c}": result += "\\f"
    case "\u{b}": result += "\\v"
    default:
      if scalar.value < 0x20 || scalar.value == 0x7f {
        result += "\\x" + hex(scalar.value, width: 2)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
  }
  return result + "\""
}

func hex(_ value: UInt32, width: Int) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
