import KubernetesAPI

/// The merging of pod templates.
enum PodTemplate {
  /// The common template with the component's own on top. Objects merge member by member; lists element by element,
  /// or, where asked and where every element on both sides has a name, by name.
  static func merged(_ common: JSONValue?, _ specific: JSONValue?, byName: Bool) -> JSONValue {
    switch (common, specific) {
    case (let common?, let specific?): merge(common, specific, byName)
    case (let one?, nil), (nil, let one?): one
    case (nil, nil): [:]
    }
  }

  private static func merge(_ base: JSONValue, _ top: JSONValue, _ byName: Bool) -> JSONValue {
    switch (base, top) {
    case (_, .null): return base
    case (.object(var result), .object(let top)):
      for (key, value) in top {
        result[key] = result[key].map { merge($0, value, byName) } ?? value
      }
      return .object(result)
    case (.array(let base), .array(let top)):
      return .array(byName && haveNames(base + top) ? mergeByName(base, top) : mergeByIndex(base, top, byName))
    default: return top
    }
  }

  private static func haveNames(_ elements: [JSONValue]) -> Bool {
    elements.allSatisfy { $0["name"]?.stringValue != nil }
  }

  private static func mergeByName(_ base: [JSONValue], _ top: [JSONValue]) -> [JSONValue] {
    var result = base
    for element in top {
      if let index = result.firstIndex(where: { $0["name"] == element["name"] }) {
        result[index] = merge(result[index], element, true)
      } else {
        result.append(element)
      }
    }
    return result
  }

  private static func mergeByIndex(_ base: [JSONValue], _ top: [JSONValue], _ byName: Bool) -> [JSONValue] {
    var result = base
    for (index, element) in top.enumerated() {
      if index < result.count {
        result[index] = merge(result[index], element, byName)
      } else {
        result.append(element)
      }
    }
    return result
  }
}
