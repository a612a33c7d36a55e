import KubernetesAPI

/// One step of a path into an object, as managedFields names fields.
enum PathElement: Sendable, Hashable {
  case field(String)
  /// An element of a list of objects, by the members that tell it apart.
  case key(JSONValue)
  /// An element of a set.
  case value(JSONValue)
  case index(Int)

  /// `f:name`, `k:{"name":"main"}`, `v:"x"`, `i:0`.
  var serialized: String {
    switch self {
    case .field(let name): "f:" + name
    case .key(let key): "k:" + String(decoding: key.canonicalBytes(), as: UTF8.self)
    case .value(let value): "v:" + String(decoding: value.canonicalBytes(), as: UTF8.self)
    case .index(let index): "i:\(index)"
    }
  }

  init?(serialized text: String) {
    let rest = String(text.dropFirst(2))
    func json() -> JSONValue? {
      do throws(JSONError) { return try JSONValue(parsing: rest) } catch { return nil }
    }
    switch text.prefix(2) {
    case "f:": self = .field(rest)
    case "k:":
      guard let key = json() else { return nil }
      self = .key(key)
    case "v:":
      guard let value = json() else { return nil }
      self = .value(value)
    case "i:":
      guard let index = Int(rest) else { return nil }
      self = .index(index)
    default: return nil
    }
  }

  /// As conflicts name it: `.name`, `[name="main"]`, `[="x"]`, `[0]`.
  var shown: String {
    switch self {
    case .field(let name): return "." + name
    case .key(let key):
      let members = (key.objectValue?.members ?? []).sorted { $0.key < $1.key }
      let parts = members.map { "\($0.key)=\(String(decoding: $0.value.canonicalBytes(), as: UTF8.self))" }
      return "[\(parts.joined(separator: ","))]"
    case .value(let value): return "[=\(String(decoding: value.canonicalBytes(), as: UTF8.self))]"
    case .index(let index): return "[\(index)]"
    }
  }
}

/// A set of fields of an object.
struct FieldSet: Sendable, Equatable {
  private(set) var members: Set<PathElement> = []
  private(set) var children: [PathElement: FieldSet] = [:]

  var isEmpty: Bool { members.isEmpty && children.isEmpty }

  mutating func insert(_ path: ArraySlice<PathElement>) {
    guard let first = path.first else { return }
    if path.count == 1 {
      members.insert(first)
    } else {
      children[first, default: FieldSet()].insert(path.dropFirst())
    }
  }

  func contains(_ path: ArraySlice<PathElement>) -> Bool {
    guard let first = path.first else { return false }
    return path.count == 1 ? members.contains(first) : children[first]?.contains(path.dropFirst()) ?? false
  }

  /// Whether a path or anything below it is in the set.
  func reaches(_ path: ArraySlice<PathElement>) -> Bool {
    guard let first = path.first else { return !isEmpty }
    if path.count == 1 && members.contains(first) { return true }
    return children[first]?.reaches(path.dropFirst()) ?? false
  }

  func union(_ other: FieldSet) -> FieldSet {
    var result = self
    result.members.formUnion(other.members)
    for (element, child) in other.children {
      result.children[element] = result.children[element]?.union(child) ?? child
    }
    return result
  }

  func subtracting(_ other: FieldSet) -> FieldSet {
    var result = FieldSet()
    result.members = members.subtracting(other.members)
    for (element, child) in children {
      let rest = other.children[element].map { child.subtracting($0) } ?? child
      if !rest.isEmpty { result.children[element] = rest }
    }
    return result
  }

  func intersection(_ other: FieldSet) -> FieldSet {
    var result = FieldSet()
    result.members = members.intersection(other.members)
    for (element, child) in children {
      guard let match = other.children[element] else { continue }
      let common = child.intersection(match)
      if !common.isEmpty { result.children[element] = common }
    }
    return result
  }

  /// The set without everything at and below a top-level field.
  func without(field name: String) -> FieldSet {
    var result = self
    result.members.remove(.field(name))
    result.children[.field(name)] = nil
    return result
  }

  /// The set without the fields of metadata that belong to the server.
  var withoutSystemFields: FieldSet {
    var result = without(field: "apiVersion").without(field: "kind")
    result.members.remove(.field("metadata"))
    guard var metadata = result.children[.field("metadata")] else { return result }
    for name in [
      "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "managedFields",
      "deletionTimestamp", "deletionGracePeriodSeconds",
    ] { metadata = metadata.without(field: name) }
    result.children[.field("metadata")] = metadata.isEmpty ? nil : metadata
    return result
  }

  /// All paths, in a fixed order.
  var paths: [[PathElement]] {
    let elements = members.union(children.keys).sorted { $0.serialized < $1.serialized }
    return elements.flatMap { element -> [[PathElement]] in
      (members.contains(element) ? [[element]] : [])
        + (children[element]?.paths ?? []).map { [element] + $0 }
    }
  }

  // MARK: - fieldsV1

  var json: JSONValue {
    var object = JSONObject()
    for element in members.union(children.keys).sorted(by: { $0.serialized < $1.serialized }) {
      var value: JSONValue = [:]
      if let child = children[element] {
        if members.contains(element) { value["."] = [:] }
        for (key, item) in child.json.objectValue?.members ?? [] { value[key] = item }
      }
      object[element.serialized] = value
    }
    return .object(object)
  }

  init() {}

  /// Reads `fieldsV1`; names that cannot be read are left out.
  init(json: JSONValue) {
    for (key, value) in json.objectValue?.members ?? [] where key != "." {
      guard let element = PathElement(serialized: key) else { continue }
      let isLeaf = value.objectValue?.isEmpty ?? true
      if isLeaf || value["."] != nil { members.insert(element) }
      let child = FieldSet(json: value)
      if !child.isEmpty { children[element] = child }
    }
  }
}
