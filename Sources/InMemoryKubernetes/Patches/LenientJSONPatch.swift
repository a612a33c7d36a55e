import KubernetesAPI

/// JSON patches as kube-apiserver applies them: RFC 6902, but replacing a member that is not there adds it.
enum LenientJSONPatch {
  static let maximumOperations = 10_000

  /// - Throws: the 422 without details that the real server answers any failing operation with.
  static func apply(_ patch: JSONValue, to document: JSONValue) throws(APIFailure) -> JSONValue {
    let operations = patch.arrayValue ?? []
    guard operations.count <= maximumOperations else {
      throw APIFailure(
        code: 413, reason: "RequestEntityTooLarge",
        message: "The allowed maximum operations in a JSON patch is \(maximumOperations), got \(operations.count)")
    }
    var document = document
    for operation in operations {
      guard try perform(operation, on: &document) else { throw refused }
    }
    return document
  }

  private static let refused = APIFailure(
    code: 422, reason: "Invalid", message: "the server rejected our request due to an error in our request",
    hasEmptyDetails: true)

  /// Whether the operation could be done.
  private static func perform(_ operation: JSONValue, on document: inout JSONValue) throws(APIFailure) -> Bool {
    guard let name = operation["op"]?.stringValue, let path = operation["path"]?.stringValue,
      let pointer = pointer(path)
    else { return false }
    switch name {
    case "add":
      guard let value = operation["value"] else { return false }
      return add(value, at: pointer[...], in: &document, isReplacing: false)
    case "replace":
      guard let value = operation["value"] else { return false }
      return add(value, at: pointer[...], in: &document, isReplacing: true)
    case "remove": return remove(pointer[...], from: &document) != nil
    case "move":
      guard let from = operation["from"]?.stringValue.flatMap(Self.pointer),
        let value = remove(from[...], from: &document)
      else { return false }
      return add(value, at: pointer[...], in: &document, isReplacing: false)
    case "copy":
      guard let from = operation["from"]?.stringValue.flatMap(Self.pointer), let value = value(from[...], in: document)
      else { return false }
      return add(value, at: pointer[...], in: &document, isReplacing: false)
    case "test":
      let expected = operation["value"] ?? .null
      return (value(pointer[...], in: document) ?? .null) == expected
    default: return false
    }
  }

  private static func pointer(_ path: String) -> [String]? {
    if path.isEmpty { return [] }
    guard path.hasPrefix("/") else { return nil }
    return path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
      String($0).replacing("~1", with: "/").replacing("~0", with: "~")
    }
  }

  private static func value(_ pointer: ArraySlice<String>, in document: JSONValue) -> JSONValue? {
    guard let key = pointer.first else { return document }
    switch document {
    case .object(let object): return object[key].flatMap { value(pointer.dropFirst(), in: $0) }
    case .array(let items):
      guard let index = index(key, items.count), index < items.count else { return nil }
      return value(pointer.dropFirst(), in: items[index])
    default: return nil
    }
  }

  private static func add(
    _ value: JSONValue, at pointer: ArraySlice<String>, in document: inout JSONValue, isReplacing: Bool
  ) -> Bool {
    guard let key = pointer.first else {
      document = value
      return true
    }
    let rest = pointer.dropFirst()
    switch document {
    case .object(var object):
      if rest.isEmpty {
        object[key] = value
      } else {
        guard var child = object[key], add(value, at: rest, in: &child, isReplacing: isReplacing) else { return false }
        object[key] = child
      }
      document = .object(object)
      return true
    case .array(var items):
      if rest.isEmpty {
        if isReplacing {
          guard let index = index(key, items.count), index < items.count else { return false }
          items[index] = value
        } else if key == "-" {
          items.append(value)
        } else {
          guard let index = index(key, items.count), index <= items.count else { return false }
          items.insert(value, at: index)
        }
      } else {
        guard let index = index(key, items.count), index < items.count,
          add(value, at: rest, in: &items[index], isReplacing: isReplacing)
        else { return false }
      }
      document = .array(items)
      return true
    default: return false
    }
  }

  private static func remove(_ pointer: ArraySlice<String>, from document: inout JSONValue) -> JSONValue? {
    guard let key = pointer.first else { return nil }
    let rest = pointer.dropFirst()
    switch document {
    case .object(var object):
      guard var child = object[key] else { return nil }
      let removed: JSONValue?
      if rest.isEmpty {
        removed = child
        object[key] = nil
      } else {
        removed = remove(rest, from: &child)
        object[key] = child
      }
      if removed != nil { document = .object(object) }
      return removed
    case .array(var items):
      guard let index = index(key, items.count), index < items.count else { return nil }
      let removed = rest.isEmpty ? items.remove(at: index) : remove(rest, from: &items[index])
      if removed != nil { document = .array(items) }
      return removed
    default: return nil
    }
  }

  /// An array index; negative ones count from the end, as the real server's library takes them.
  private static func index(_ text: String, _ count: Int) -> Int? {
    guard let index = Int(text) else { return nil }
    let position = index < 0 ? count + index : index
    return position >= 0 ? position : nil
  }
}
