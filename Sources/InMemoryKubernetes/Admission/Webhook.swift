import KubernetesAPI

/// One webhook of a configuration, and which requests it wants to see.
struct Webhook: Sendable {
  let json: JSONValue

  var name: String { json["name"]?.stringValue ?? "" }
  var ignoresFailure: Bool { json["failurePolicy"] == "Ignore" }
  var isReinvoked: Bool { json["reinvocationPolicy"] == "IfNeeded" }
  var timeoutSeconds: Int { json["timeoutSeconds"]?.intValue.map { Int(clamping: $0) } ?? 10 }
  var matchesEquivalents: Bool { json["matchPolicy"] != "Exact" }
  var hasSideEffects: Bool { json["sideEffects"] != "None" && json["sideEffects"] != "NoneOnDryRun" }

  /// Whether a rule names the operation on this version of the resource.
  func matches(operation: String, _ type: ResourceType, subresource: String) -> Bool {
    (json["rules"]?.arrayValue ?? []).contains { rule in
      func has(_ field: String, _ value: String) -> Bool {
        (rule[field]?.arrayValue ?? []).contains { $0.stringValue == "*" || $0.stringValue == value }
      }
      let scope = rule["scope"]?.stringValue ?? "*"
      guard has("operations", operation), has("apiGroups", type.group), has("apiVersions", type.version),
        scope == "*" || (scope == "Namespaced") == type.isNamespaced
      else { return false }
      return (rule["resources"]?.arrayValue ?? []).contains {
        Self.names($0.stringValue ?? "", type.plural, subresource)
      }
    }
  }

  /// `pods`, `pods/log`, `pods/*` (`pods`, too), `*/log`, `*` and `*/*`.
  private static func names(_ pattern: String, _ plural: String, _ subresource: String) -> Bool {
    let parts = pattern.split(separator: "/", maxSplits: 1).map(String.init)
    guard let first = parts.first, first == "*" || first == plural else { return false }
    guard parts.count == 2 else { return subresource.isEmpty }
    return parts[1] == "*" || parts[1] == subresource
  }

  /// Whether the selectors choose the request.
  ///
  /// - Parameter namespace: the labels that `namespaceSelector` looks at; nil for what is in no namespace.
  func selects(namespace: JSONValue?, object: JSONValue?, old: JSONValue?) -> Bool {
    if let namespace, !Self.matches(json["namespaceSelector"], namespace) { return false }
    let selector = json["objectSelector"]
    return [object, old].contains { $0.map { Self.matches(selector, $0["metadata", "labels"] ?? [:]) } ?? false }
  }

  private static func matches(_ selector: JSONValue?, _ labels: JSONValue) -> Bool {
    guard let selector, selector.objectValue?.isEmpty == false else { return true }
    let values = (labels.objectValue ?? JSONObject()).members.compactMap { key, value in
      value.stringValue.map { (key, $0) }
    }
    do throws(SelectorError) {
      return try LabelSelector(json: selector).matches(Dictionary(values) { first, _ in first })
    } catch {
      return false
    }
  }
}
