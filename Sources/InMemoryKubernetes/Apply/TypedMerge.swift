import KubernetesAPI

/// What apply does with objects: the fields they set, what changed between two, and their merge.
enum TypedMerge {
  struct Problem: Error {
    var message: String
  }

  /// The fields that an applied object sets.
  ///
  /// - Throws: for a field that the type does not have, or two elements of a list with the same key.
  static func fields(of value: JSONValue, _ type: MergeType) throws(Problem) -> FieldSet {
    var set = FieldSet()
    try collect(value, type, [], &set)
    return set
  }

  private static func collect(
    _ value: JSONValue, _ type: MergeType, _ path: [PathElement], _ set: inout FieldSet
  ) throws(Problem) {
    switch value {
    case .object(let object) where type.isGranularObject:
      for (name, member) in object.members {
        let place = path + [.field(name)]
        guard let memberType = type.member(name) else {
          throw Problem(message: "\(place.map(\.shown).joined()): field not declared in schema")
        }
        let isDeclared = if case .fields = type { true } else { false }
        if member.isNull || (member.objectValue?.isEmpty ?? false) || !isDeclared { set.insert(place[...]) }
        try collect(member, memberType, place, &set)
      }
    case .array(let items) where type.isGranularList:
      var seen: Set<PathElement> = []
      for item in items {
        guard let element = type.element(item) else { continue }
        guard seen.insert(element).inserted else {
          throw Problem(message: "\(path.map(\.shown).joined()): duplicate entries for key \(element.shown)")
        }
        let place = path + [element]
        set.insert(place[...])
        try collect(item, type.elementType, place, &set)
      }
    default: set.insert(path[...])
    }
  }

  struct Comparison: Equatable {
    var added = FieldSet()
    var modified = FieldSet()
    var removed = FieldSet()
    var isSame: Bool { added.isEmpty && modified.isEmpty && removed.isEmpty }
  }

  static func compare(_ old: JSONValue, _ new: JSONValue, _ type: MergeType) -> Comparison {
    var result = Comparison()
    compare(old, new, type, [], &result)
    return result
  }

  private static func compare(
    _ old: JSONValue?, _ new: JSONValue?, _ type: MergeType, _ path: [PathElement], _ result: inout Comparison
  ) {
    let oldMembers = old?.objectValue
    let newMembers = new?.objectValue
    let isObject = type.isGranularObject && (oldMembers != nil || newMembers != nil)
    let isList = type.isGranularList && (old?.arrayValue != nil || new?.arrayValue != nil)
    if isObject {
      let names = ((oldMembers?.keys ?? []) + (newMembers?.keys ?? [])).uniqued()
      for name in names {
        compare(
          oldMembers?[name], newMembers?[name], type.member(name) ?? .deduced, path + [.field(name)], &result)
      }
    } else if isList {
      func keyed(_ value: JSONValue?) -> [(PathElement, JSONValue)] {
        (value?.arrayValue ?? []).compactMap { item in type.element(item).map { ($0, item) } }
      }
      let before = keyed(old)
      let after = keyed(new)
      var seen: Set<PathElement> = []
      for (element, _) in before + after where seen.insert(element).inserted {
        compare(
          before.first { $0.0 == element }?.1, after.first { $0.0 == element }?.1, type.elementType, path + [element],
          &result)
      }
    } else if let old, let new, old != new {
      if !path.isEmpty { result.modified.insert(path[...]) }
      return
    }
    guard !path.isEmpty else { return }
    if old == nil, new != nil { result.added.insert(path[...]) }
    if new == nil, old != nil { result.removed.insert(path[...]) }
  }

  /// `applied` laid over `live`.
  static func merge(_ live: JSONValue, _ applied: JSONValue, _ type: MergeType) -> JSONValue {
    switch (live, applied) {
    case (.object(var object), .object(let changes)) where type.isGranularObject:
      for (name, change) in changes.members {
        if let current = object[name] {
          object[name] = merge(current, change, type.member(name) ?? .deduced)
        } else {
          object[name] = change
        }
      }
      return .object(object)
    case (.array(let items), .array(let changes)) where type.isGranularList:
      return .array(mergeLists(items, changes, type))
    default: return applied
    }
  }

  /// Applied elements in their order, those of others before the applied one that follows them in the live list.
  private static func mergeLists(_ live: [JSONValue], _ applied: [JSONValue], _ type: MergeType) -> [JSONValue] {
    let liveElements = live.map { type.element($0) }
    let appliedElements = applied.map { type.element($0) }
    var result: [JSONValue] = []
    var next = 0
    for (index, item) in applied.enumerated() {
      if let place = liveElements.firstIndex(of: appliedElements[index]) {
        while next < place {
          if !appliedElements.contains(liveElements[next]) { result.append(live[next]) }
          next += 1
        }
        next = max(next, place + 1)
        result.append(merge(live[place], item, type.elementType))
      } else {
        // A new element comes after the live ones that were there before, unless applied ones follow.
        let hasLater = appliedElements[(index + 1)...].contains { liveElements.contains($0) }
        if !hasLater {
          while next < live.count {
            if !appliedElements.contains(liveElements[next]) { result.append(live[next]) }
            next += 1
          }
        }
        result.append(item)
      }
    }
    while next < live.count {
      if !appliedElements.contains(liveElements[next]) { result.append(live[next]) }
      next += 1
    }
    return result
  }

  /// The object without the fields that nobody sets any more.
  static func remove(
    _ fields: FieldSet, from value: JSONValue, keeping kept: FieldSet, _ type: MergeType
  ) -> JSONValue {
    switch value {
    case .object(let object) where type.isGranularObject:
      var result: [(String, JSONValue)] = []
      for (name, member) in object.members {
        let element = PathElement.field(name)
        let isKept = kept.reaches([element])
        if fields.members.contains(element) && !isKept { continue }
        guard let child = fields.children[element] else {
          result.append((name, member))
          continue
        }
        let pruned = remove(
          child, from: member, keeping: kept.children[element] ?? FieldSet(), type.member(name) ?? .deduced)
        let isEmptied = pruned.objectValue?.isEmpty ?? pruned.arrayValue?.isEmpty ?? false
        let wasEmpty = member.objectValue?.isEmpty ?? member.arrayValue?.isEmpty ?? false
        if isEmptied && !wasEmpty && !isKept { continue }
        result.append((name, pruned))
      }
      return .object(JSONObject(result))
    case .array(let items) where type.isGranularList:
      return .array(
        items.compactMap { item -> JSONValue? in
          guard let element = type.element(item) else { return item }
          let isKept = kept.reaches([element])
          if fields.members.contains(element) && !isKept { return nil }
          guard let child = fields.children[element] else { return item }
          return remove(child, from: item, keeping: kept.children[element] ?? FieldSet(), type.elementType)
        })
    default: return value
    }
  }
}
