/// Why a JSON patch was not applied: which operation, and what stood in its way.
public struct JSONPatchError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Position in the patch, from 0; nil where the patch as a whole is wrong.
  public let index: Int?
  /// For instance `remove /spec/replicas`.
  public let operation: String
  public let problem: String
  /// The patch itself is wrong (400), as opposed to one that does not fit the document (422).
  public let isMalformed: Bool

  public var description: String {
    guard let index else { return "JSON patch: \(problem)" }
    return "JSON patch operation \(index) (\(operation)): \(problem)"
  }
}

/// JSON patches (RFC 6902), applied as a whole or not at all.
public enum JSONPatch {
  /// Operations in one patch, as in kube-apiserver.
  public static let maximumOperations = 10_000
  /// Bytes that all copies of one patch together may add: a few copies of copies would otherwise fill the memory.
  public static let maximumCopiedBytes = 3 << 20

  /// `document` after all `operations`, which is an array of `add`, `remove`, `replace`, `move`, `copy` and `test`.
  public static func apply(
    _ operations: JSONValue, to document: JSONValue
  ) throws(JSONPatchError) -> JSONValue {
    guard case .array(let list) = operations else { throw malformed("expected an array of operations") }
    guard list.count <= maximumOperations else {
      throw malformed("\(list.count) operations, at most \(maximumOperations) are allowed")
    }
    var result = document
    var copiedBytes = 0
    for (index, json) in list.enumerated() {
      let operation = try Operation(json, index: index)
      try operation.apply(to: &result, copiedBytes: &copiedBytes)
    }
    return result
  }

  private static func malformed(_ problem: String) -> JSONPatchError {
    JSONPatchError(index: nil, operation: "", problem: problem, isMalformed: true)
  }
}

extension JSONPatch {
  private enum Kind {
    case add(JSONValue)
    case remove
    case replace(JSONValue)
    case move(from: JSONPointer)
    case copy(from: JSONPointer)
    case test(JSONValue)
  }

  private struct Operation {
    let index: Int
    let name: String
    let path: JSONPointer
    let kind: Kind

    init(_ json: JSONValue, index: Int) throws(JSONPatchError) {
      func malformed(_ problem: String) -> JSONPatchError {
        let operation = [json["op"]?.stringValue, json["path"]?.stringValue].compactMap(\.self)
        return JSONPatchError(
          index: index, operation: operation.joined(separator: " "), problem: problem, isMalformed: true)
      }
      func pointer(_ member: String) throws(JSONPatchError) -> JSONPointer {
        guard let text = json[member]?.stringValue else { throw malformed("no '\(member)'") }
        guard let pointer = JSONPointer(parsing: text) else { throw malformed("'\(member)' is no JSON pointer") }
        return pointer
      }
      func value() throws(JSONPatchError) -> JSONValue {
        guard let value = json["value"] else { throw malformed("no 'value'") }
        return value
      }
      guard let name = json["op"]?.stringValue else { throw malformed("no 'op'") }
      self.index = index
      self.name = name
      path = try pointer("path")
      switch name {
      case "add": kind = .add(try value())
      case "remove": kind = .remove
      case "replace": kind = .replace(try value())
      case "move": kind = .move(from: try pointer("from"))
      case "copy": kind = .copy(from: try pointer("from"))
      case "test": kind = .test(try value())
      default: throw malformed("unknown operation; expected add, remove, replace, move, copy or test")
      }
    }

    func failure(_ problem: String) -> JSONPatchError {
      JSONPatchError(index: index, operation: "\(name) \(path)", problem: problem, isMalformed: false)
    }

    func apply(to document: inout JSONValue, copiedBytes: inout Int) throws(JSONPatchError) {
      switch kind {
      case .add(let value): try add(value, to: &document)
      case .remove: _ = try remove(path, from: &document)
      case .replace(let value):
        guard !path.tokens.isEmpty else {
          document = value
          return
        }
        guard document[path] != nil else { throw failure("nothing is there to replace") }
        try change(&document, path.tokens[...]) { (parent, token) in
          if case .array(var elements) = parent, let index = JSONValue.arrayIndex(token) {
            parent = .null
            elements[index] = value
            parent = .array(elements)
          } else {
            parent[token] = value
          }
        }
      case .move(let from):
        if from.contains(path) { throw failure("cannot move \(from) into itself") }
        if from == path, document[from] != nil { return }
        let value = try remove(from, from: &document)
        try add(value, to: &document)
      case .copy(let from):
        guard let value = document[from] else { throw failure("nothing is at \(from)") }
        copiedBytes += value.serialized().count
        guard copiedBytes <= JSONPatch.maximumCopiedBytes else {
          throw failure("the patch copies more than \(JSONPatch.maximumCopiedBytes) bytes")
        }
        try add(value, to: &document)
      case .test(let expected):
        guard let found = document[path] else { throw failure("nothing is there") }
        guard found == expected else { throw failure("the value there is another") }
      }
    }

    private func add(_ value: JSONValue, to document: inout JSONValue) throws(JSONPatchError) {
      guard let last = path.tokens.last else {
        document = value
        return
      }
      let parentPath = JSONPointer(tokens: path.tokens.dropLast())
      switch document[parentPath] {
      case .object:
        try change(&document, path.tokens[...]) { (parent, token) in parent[token] = value }
      case .array(let elements):
        let index = last == "-" ? elements.count : JSONValue.arrayIndex(last)
        guard let index else { throw failure("'\(last)' is no array index") }
        guard index <= elements.count else {
          throw failure("index \(index) is out of bounds: the array has \(elements.count) elements")
        }
        try change(&document, path.tokens[...]) { (parent, _) in
          guard case .array(var elements) = parent else { return }
          parent = .null
          elements.insert(value, at: index)
          parent = .array(elements)
        }
      case nil: throw failure("its parent \(parentPath) does not exist")
      default: throw failure("its parent \(parentPath) is neither object nor array")
      }
    }

    private func remove(
      _ place: JSONPointer, from document: inout JSONValue
    ) throws(JSONPatchError) -> JSONValue {
      guard let value = document[place] else { throw failure("nothing is at \(place)") }
      guard !place.tokens.isEmpty else {
        document = .null
        return value
      }
      try change(&document, place.tokens[...]) { (parent, token) in
        if case .array(var elements) = parent, let index = JSONValue.arrayIndex(token) {
          parent = .null
          elements.remove(at: index)
          parent = .array(elements)
        } else {
          parent[token] = nil
        }
      }
      return value
    }

    /// Hands the parent of a place to `body`, having checked before that the place can be reached.
    private func change(
      _ value: inout JSONValue, _ tokens: ArraySlice<String>, _ body: (inout JSONValue, String) -> Void
    ) throws(JSONPatchError) {
      guard let token = tokens.first else { return }
      if tokens.count == 1 {
        body(&value, token)
      } else if case .array(var elements) = value, let index = JSONValue.arrayIndex(token), index < elements.count {
        value = .null
        try change(&elements[index], tokens.dropFirst(), body)
        value = .array(elements)
      } else if var child = value[token] {
        try change(&child, tokens.dropFirst(), body)
        value[token] = child
      } else {
        throw failure("\(token) does not exist")
      }
    }
  }
}
