import KubernetesAPI

extension ResourceRequest {
  /// An object as this request wants to see it.
  func view(_ object: JSONValue, format: OutputFormat, at now: GoTime) -> JSONValue {
    switch format.view {
    case .object: object
    case .metadata: Self.metadataOnly(object)
    case .table(let apiVersion):
      table(
        [object], apiVersion: apiVersion, metadata: ["resourceVersion": object["metadata", "resourceVersion"] ?? ""],
        format: format, showsColumns: true, at: now)
    }
  }

  static func metadataOnly(_ object: JSONValue) -> JSONValue {
    [
      "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] ?? [:],
    ]
  }

  func listView(
    _ objects: [JSONValue], metadata: JSONValue, format: OutputFormat, at now: GoTime
  ) -> JSONValue {
    switch format.view {
    case .object:
      let items = model.isCustom ? objects : objects.map(Self.withoutType)
      return [
        "kind": .string(definition.listKind), "apiVersion": .string(type.apiVersion), "metadata": metadata,
        "items": .array(items),
      ]
    case .metadata:
      return [
        "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "items": .array(objects.map(Self.metadataOnly)),
      ]
    case .table(let apiVersion):
      return table(
        objects, apiVersion: apiVersion, metadata: metadata, format: format, showsColumns: true, at: now)
    }
  }

  /// Items of built-in lists carry neither kind nor apiVersion.
  static func withoutType(_ object: JSONValue) -> JSONValue {
    guard let members = object.objectValue else { return object }
    return .object(members.filter { key, _ in key != "kind" && key != "apiVersion" })
  }

  func table(
    _ objects: [JSONValue], apiVersion: String, metadata: JSONValue, format: OutputFormat, showsColumns: Bool,
    at now: GoTime
  ) -> JSONValue {
    let rows = objects.map { object -> JSONValue in
      let shown: JSONValue =
        switch format.includeObject {
        case "None": .null
        case "Object": object
        default: Self.metadataOnly(object)
        }
      return ["cells": .array(model.cells(object, at: now)), "object": shown]
    }
    return [
      "kind": "Table", "apiVersion": .string(apiVersion), "metadata": metadata,
      "columnDefinitions": showsColumns ? .array(model.columns.map(\.json)) : .null, "rows": .array(rows),
    ]
  }
}

/// Ages as `kubectl` shows them: `5s`, `3m20s`, `2d4h`.
func humanDuration(from start: GoTime?, to end: GoTime) -> String {
  guard let start else { return "<unknown>" }
  let seconds = (end.epochMicroseconds - start.epochMicroseconds) / 1_000_000
  if seconds < -1 { return "<invalid>" }
  if seconds < 0 { return "0s" }
  if seconds < 120 { return "\(seconds)s" }
  let minutes = seconds / 60
  if minutes < 10 { return seconds % 60 == 0 ? "\(minutes)m" : "\(minutes)m\(seconds % 60)s" }
  if minutes < 180 { return "\(minutes)m" }
  let hours = seconds / 3600
  if hours < 8 { return minutes % 60 == 0 ? "\(hours)h" : "\(hours)h\(minutes % 60)m" }
  if hours < 48 { return "\(hours)h" }
  if hours < 192 { return hours % 24 == 0 ? "\(hours / 24)d" : "\(hours / 24)d\(hours % 24)h" }
  let days = hours / 24
  if days < 365 * 2 { return "\(days)d" }
  let years = days / 365
  if years < 8 { return days % 365 == 0 ? "\(years)y" : "\(years)y\(days % 365)d" }
  return "\(years)y"
}

/// The age of an object, for tables.
func age(of object: JSONValue, at now: GoTime) -> JSONValue {
  .string(humanDuration(from: object["metadata", "creationTimestamp"]?.stringValue.flatMap { GoTime($0) }, to: now))
}
