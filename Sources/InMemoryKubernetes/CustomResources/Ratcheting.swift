import KubernetesAPI

/// Errors of an update that the object had before it.
enum Ratcheting {
  /// Whether the value that an error is about is as it was.
  static func isUnchanged(_ error: FieldError, _ object: JSONValue, _ old: JSONValue) -> Bool {
    guard var path = steps(error.field) else { return false }
    // A member that is missing is an error of what it is missing in.
    if error.reason == "FieldValueRequired" { path = path.dropLast() }
    // So is an item that occurs twice.
    if error.reason == "FieldValueDuplicate" { path = path.dropLast() }
    guard let value = value(of: object, path), let before = self.value(of: old, path) else { return false }
    return value == before
  }

  private enum Step {
    case member(String)
    case item(Int)
  }

  /// `spec.list[0].name` in steps; nil for what is not a path.
  private static func steps(_ field: String) -> [Step]? {
    var steps: [Step] = []
    for part in field.split(separator: ".") {
      let pieces = part.split(separator: "[")
      guard let name = pieces.first else { return nil }
      steps.append(.member(String(name)))
      for piece in pieces.dropFirst() {
        guard piece.hasSuffix("]"), let index = Int(piece.dropLast()) else { return nil }
        steps.append(.item(index))
      }
    }
    return steps
  }

  private static func value(of object: JSONValue, _ path: some Sequence<Step>) -> JSONValue? {
    var value = object
    for step in path {
      switch step {
      case .member(let name):
        guard let member = value[name] else { return nil }
        value = member
      case .item(let index):
        guard let items = value.arrayValue, items.indices.contains(index) else { return nil }
        value = items[index]
      }
    }
    return value
  }
}
