import KubernetesAPI

/// Strategic merge patches: merge patches that know by which key the elements of a list are told apart, with the
/// directives `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…`.
struct StrategicMergePatch: Sendable {
  let catalogue: SchemaCatalogue

  private static let orderPrefix = "$setElementOrder/"
  private static let deletionPrefix = "$deleteFromPrimitiveList/"

  /// - Throws: a 400 for a directive or a list element that cannot be understood.
  func apply(_ patch: JSONValue, to object: JSONValue, structure: String) throws(APIFailure) -> JSONValue {
    try merge(object, patch, .structure(structure))
  }

  private func merge(_ original: JSONValue, _ patch: JSONValue, _ type: FieldType?) throws(APIFailure) -> JSONValue {
    guard let changes = patch.objectValue else { return patch }
    var result = original.objectValue ?? JSONObject()
    if let directive = changes["$patch"]?.stringValue {
      switch directive {
      case "replace": return .object(changes.filter { key, _ in key != "$patch" })
      case "delete": return [:]
      case "merge": break
      default: throw .internalPlain("unknown patch type: \(directive) in map: \(GoMapText.text(patch))")
      }
    }
    if let retained = changes["$retainKeys"]?.arrayValue {
      let keys = Set(retained.compactMap(\.stringValue))
      result = result.filter { key, _ in keys.contains(key) }
    }
    for (key, change) in changes.members {
      if key.hasPrefix(Self.deletionPrefix) {
        let field = String(key.dropFirst(Self.deletionPrefix.count))
        let deleted = change.arrayValue ?? []
        if let items = result[field]?.arrayValue {
          result[field] = .array(items.filter { !deleted.contains($0) })
        }
      }
    }
    for (key, change) in changes.members where !key.hasPrefix("$") {
      let fieldType = self.type(of: key, in: type)
      if change.isNull {
        result[key] = nil
      } else if case .list(let element, let rule) = fieldType, let patchItems = change.arrayValue {
        let order = changes[Self.orderPrefix + key]?.arrayValue
        result[key] = try mergeList(
          result[key]?.arrayValue ?? [], patchItems, element: element, rule: rule, order: order, field: key)
      } else if change.objectValue != nil, let current = result[key], current.objectValue != nil {
        result[key] = try merge(current, change, fieldType)
      } else if change.objectValue != nil {
        result[key] = try merge([:], change, fieldType)
      } else {
        result[key] = change
      }
    }
    // An order may come without any change to the list.
    for (key, order) in changes.members where key.hasPrefix(Self.orderPrefix) {
      let field = String(key.dropFirst(Self.orderPrefix.count))
      guard changes[field] == nil, let items = result[field]?.arrayValue, let order = order.arrayValue,
        case .list(_, let rule) = self.type(of: field, in: type)
      else { continue }
      result[field] = .array(sorted(items, by: order, live: items, rule))
    }
    return .object(result)
  }

  private func type(of field: String, in type: FieldType?) -> FieldType? {
    switch type {
    case .structure(let name): catalogue[name]?[field]?.type
    case .map(let element): element
    default: nil
    }
  }

  private func mergeList(
    _ original: [JSONValue], _ patch: [JSONValue], element: FieldType, rule: ListMerge, order: [JSONValue]?,
    field: String
  ) throws(APIFailure) -> JSONValue {
    switch rule {
    case .atomic: return .array(patch.map(Self.withoutDirectives))
    case .set:
      var result = original
      for item in patch where !result.contains(item) { result.append(item) }
      return .array(sorted(result, by: order ?? patch, live: original, rule))
    case .byKey(let keys):
      guard let key = keys.first else { return .array(patch) }
      if patch.contains(where: { $0["$patch"] == "replace" }) {
        return .array(patch.filter { $0["$patch"] != "replace" }.map(Self.withoutDirectives))
      }
      var result = original
      for item in patch {
        guard let id = item[key] else {
          throw .internalPlain("map: \(GoMapText.text(item)) does not contain declared merge key: \(key)")
        }
        let index = result.firstIndex { $0[key] == id }
        if item["$patch"] == "delete" {
          result.removeAll { $0[key] == id }
        } else if let index {
          result[index] = try merge(result[index], item, element)
        } else {
          result.append(try merge([:], item, element))
        }
      }
      let named = patch.filter { $0["$patch"] == nil }
      return .array(sorted(result, by: order ?? named, live: original, rule))
    }
  }

  /// The elements that the patch orders, in its order, and between them the others where the live list has them.
  private func sorted(
    _ items: [JSONValue], by order: [JSONValue], live: [JSONValue], _ rule: ListMerge
  ) -> [JSONValue] {
    func identity(_ item: JSONValue) -> JSONValue {
      if case .byKey(let keys) = rule, let key = keys.first { return item[key] ?? .null }
      return item
    }
    let wanted = order.map(identity)
    let places = live.map(identity)
    let ordered = items.filter { wanted.contains(identity($0)) }
      .sorted { (wanted.firstIndex(of: identity($0)) ?? 0) < (wanted.firstIndex(of: identity($1)) ?? 0) }
    var rest = items.filter { !wanted.contains(identity($0)) }[...]
    var result: [JSONValue] = []
    for item in ordered {
      // An element that only the server has goes before one that the live list has after it.
      while let other = rest.first, let place = places.firstIndex(of: identity(item)),
        let otherPlace = places.firstIndex(of: identity(other)), otherPlace < place
      {
        result.append(other)
        rest.removeFirst()
      }
      result.append(item)
    }
    return result + rest
  }

  private static func withoutDirectives(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let object):
      .object(object.filter { key, _ in !key.hasPrefix("$") }.mapValues(withoutDirectives))
    case .array(let items): .array(items.map(withoutDirectives))
    default: value
    }
  }
}
