import KubernetesAPI

/// A rule of a Role or ClusterRole.
struct AccessRule: Sendable, Hashable {
  var verbs: [String]
  var apiGroups: [String] = []
  var resources: [String] = []
  var resourceNames: [String] = []
  var nonResourceURLs: [String] = []

  init(verbs: [String], apiGroups: [String] = [], resources: [String] = [], nonResourceURLs: [String] = []) {
    self.verbs = verbs
    self.apiGroups = apiGroups
    self.resources = resources
    self.nonResourceURLs = nonResourceURLs
  }

  init(json: JSONValue) {
    func texts(_ name: String) -> [String] { (json[name]?.arrayValue ?? []).compactMap(\.stringValue) }
    verbs = texts("verbs")
    apiGroups = texts("apiGroups")
    resources = texts("resources")
    resourceNames = texts("resourceNames")
    nonResourceURLs = texts("nonResourceURLs")
  }

  /// Members that are empty are left out.
  var json: JSONValue {
    var json: JSONValue = ["verbs": JSONValue(verbs)]
    for (name, values) in [
      ("apiGroups", apiGroups), ("resources", resources), ("resourceNames", resourceNames),
      ("nonResourceURLs", nonResourceURLs),
    ] where !values.isEmpty { json[name] = JSONValue(values) }
    return json
  }

  func allows(verb: String, _ target: AccessRequest.Target) -> Bool {
    guard verbs.contains("*") || verbs.contains(verb) else { return false }
    switch target {
    case .path(let path): return nonResourceURLs.contains { Self.path($0, covers: path) }
    case .resource(let group, let resource, _, let name):
      guard apiGroups.contains("*") || apiGroups.contains(group) else { return false }
      guard resourceNames.isEmpty || (!name.isEmpty && resourceNames.contains(name)) else { return false }
      if resources.contains("*") || resources.contains(resource) { return true }
      // `*/scale` is that subresource of every resource.
      guard let slash = resource.firstIndex(of: "/") else { return false }
      return resources.contains("*" + resource[slash...])
    }
  }

  private static func path(_ pattern: String, covers path: String) -> Bool {
    pattern == "*" || pattern == path || (pattern.hasSuffix("*") && path.hasPrefix(pattern.dropLast()))
  }

  /// The rule in pieces that allow one thing each.
  var pieces: [AccessRule] {
    var result: [AccessRule] = []
    for verb in verbs {
      for url in nonResourceURLs { result.append(AccessRule(verbs: [verb], nonResourceURLs: [url])) }
      for group in apiGroups {
        for resource in resources {
          var piece = AccessRule(verbs: [verb], apiGroups: [group], resources: [resource])
          if resourceNames.isEmpty { result.append(piece) }
          for name in resourceNames {
            piece.resourceNames = [name]
            result.append(piece)
          }
        }
      }
    }
    return result
  }

  /// Whether this rule allows what a piece does. Wildcards in a piece are covered by wildcards only.
  func covers(_ piece: AccessRule) -> Bool {
    let verb = piece.verbs.first ?? ""
    if let url = piece.nonResourceURLs.first { return allows(verb: verb, .path(url)) }
    return allows(
      verb: verb,
      .resource(
        group: piece.apiGroups.first ?? "", resource: piece.resources.first ?? "", namespace: "",
        name: piece.resourceNames.first ?? ""))
  }

  /// As refusals show it.
  var description: String {
    func list(_ name: String, _ values: [String]) -> String? {
      values.isEmpty ? nil : "\(name):[\(values.map(goQuoted).joined(separator: ", "))]"
    }
    return "{"
      + [
        list("APIGroups", apiGroups), list("Resources", resources), list("NonResourceURLs", nonResourceURLs),
        list("ResourceNames", resourceNames), list("Verbs", verbs),
      ].compactMap { $0 }.joined(separator: ", ") + "}"
  }
}
