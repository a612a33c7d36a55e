import KubernetesAPI

/// `metadata.managedFields`: who set which fields of an object.
struct FieldManagers: Sendable, Equatable {
  struct Manager: Sendable, Hashable {
    var name: String
    /// `Apply` or `Update`.
    var operation: String
    var apiVersion: String
    var subresource: String

    /// As conflicts name it.
    var shown: String {
      goQuoted(name) + (subresource.isEmpty ? "" : " with subresource \(goQuoted(subresource))")
        + (operation == "Update" ? " using \(apiVersion)" : "")
    }
  }

  struct Entry: Sendable, Equatable {
    var fields: FieldSet
    var time: String?
  }

  var entries: [Manager: Entry] = [:]

  init() {}

  init(_ json: JSONValue?) {
    for item in json?.arrayValue ?? [] {
      let manager = Manager(
        name: item["manager"]?.stringValue ?? "", operation: item["operation"]?.stringValue ?? "",
        apiVersion: item["apiVersion"]?.stringValue ?? "", subresource: item["subresource"]?.stringValue ?? "")
      guard !manager.operation.isEmpty else { continue }
      entries[manager] = Entry(fields: FieldSet(json: item["fieldsV1"] ?? [:]), time: item["time"]?.stringValue)
    }
  }

  /// nil where nobody manages anything.
  var json: JSONValue? {
    if entries.isEmpty { return nil }
    let sorted = entries.sorted { left, right in
      let (a, b) = (left.key, right.key)
      return (a.operation, left.value.time ?? "", a.name, a.apiVersion, a.subresource)
        < (b.operation, right.value.time ?? "", b.name, b.apiVersion, b.subresource)
    }
    return .array(
      sorted.map { manager, entry in
        var json: JSONValue = [
          "manager": .string(manager.name), "operation": .string(manager.operation),
          "apiVersion": .string(manager.apiVersion),
        ]
        if let time = entry.time { json["time"] = .string(time) }
        json["fieldsType"] = "FieldsV1"
        json["fieldsV1"] = entry.fields.json
        if !manager.subresource.isEmpty { json["subresource"] = .string(manager.subresource) }
        return json
      })
  }

  /// The fields that anybody manages.
  var allFields: FieldSet { entries.values.reduce(FieldSet()) { $0.union($1.fields) } }

  /// Notes a plain write: its manager takes what it changed from the others.
  mutating func update(_ comparison: TypedMerge.Comparison, by manager: Manager, at time: String) {
    let taken = comparison.added.union(comparison.modified).withoutSystemFields
    take(taken, removed: comparison.removed, by: manager)
    let before = entries[manager]
    let fields = (before?.fields ?? FieldSet()).subtracting(comparison.removed).union(taken).withoutSystemFields
    if fields.isEmpty {
      entries[manager] = nil
    } else {
      entries[manager] = Entry(fields: fields, time: before?.fields == fields ? before?.time : time)
    }
  }

  private mutating func take(_ fields: FieldSet, removed: FieldSet, by manager: Manager) {
    for (other, entry) in entries where other != manager {
      let rest = entry.fields.subtracting(fields).subtracting(removed)
      entries[other] = rest.isEmpty ? nil : Entry(fields: rest, time: entry.time)
    }
  }

  /// Who else manages fields that an apply changes.
  func conflicts(_ comparison: TypedMerge.Comparison, with manager: Manager) -> [(Manager, FieldSet)] {
    let changed = comparison.added.union(comparison.modified)
    return entries.filter { $0.key != manager }
      .map { ($0.key, $0.value.fields.intersection(changed)) }.filter { !$0.1.isEmpty }
      .sorted { ($0.0.name, $0.0.subresource) < ($1.0.name, $1.0.subresource) }
  }

  /// Notes an apply that went through.
  mutating func apply(_ comparison: TypedMerge.Comparison, by manager: Manager) {
    take(comparison.added.union(comparison.modified), removed: comparison.removed, by: manager)
    if entries[manager]?.fields.isEmpty == true { entries[manager] = nil }
  }
}

extension APIFailure {
  static func applyConflict(_ conflicts: [(FieldManagers.Manager, FieldSet)]) -> APIFailure {
    let all = conflicts.flatMap { manager, fields in fields.paths.map { (manager, $0.map(\.shown).joined()) } }
    let text: String
    if all.count == 1 {
      text = "conflict with \(all[0].0.shown): \(all[0].1)"
    } else {
      text = conflicts.map { manager, fields in
        "conflicts with \(manager.shown):\n"
          + fields.paths.map { "- \($0.map(\.shown).joined())" }.joined(separator: "\n")
      }.joined(separator: "\n")
    }
    return APIFailure(
      code: 409, reason: "Conflict",
      message: "Apply failed with \(all.count) conflict\(all.count == 1 ? "" : "s"): \(text)",
      causes: all.map { manager, path in
        APIStatus.Cause(reason: "FieldManagerConflict", message: "conflict with \(manager.shown)", field: path)
      })
  }
}
