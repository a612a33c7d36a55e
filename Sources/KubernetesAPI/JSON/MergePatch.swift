extension JSONValue {
  /// The result of applying a merge patch (RFC 7386): null removes a member, objects are merged, all else replaces.
  public func merging(patch: JSONValue) -> JSONValue {
    guard case .object(let changes) = patch else { return patch }
    var result = objectValue ?? JSONObject()
    for (name, change) in changes {
      if change.isNull {
        result[name] = nil
      } else {
        result[name] = (result[name] ?? .null).merging(patch: change)
      }
    }
    return .object(result)
  }
}
