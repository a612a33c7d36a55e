import KubernetesAPI

/// Which types an API server serves that can be listed, watched and deleted, each in its preferred version.
enum ResourceDiscovery {
  /// Types that are another view of objects already watched.
  private static let views: Set<String> = ["events.k8s.io/events"]

  static func types(of gateway: any KubernetesGateway) async throws(KubernetesError) -> [ResourceType] {
    var types = resources(try await gateway.raw(path: "/api/v1"), group: "", version: "v1")
    let groups = try await gateway.raw(path: "/apis")["groups"]?.arrayValue ?? []
    for group in groups {
      guard let name = group["name"]?.stringValue, let version = group["preferredVersion", "version"]?.stringValue
      else { continue }
      do throws(KubernetesError) {
        types += resources(try await gateway.raw(path: "/apis/\(name)/\(version)"), group: name, version: version)
      } catch {
        // The last definition of a group may have gone in between.
        guard error.isNotFound else { throw error }
      }
    }
    return types
  }

  static func resources(_ list: JSONValue, group: String, version: String) -> [ResourceType] {
    (list["resources"]?.arrayValue ?? []).compactMap { resource in
      guard let plural = resource["name"]?.stringValue, !plural.contains("/"),
        let kind = resource["kind"]?.stringValue, !views.contains("\(group)/\(plural)")
      else { return nil }
      let verbs = Set((resource["verbs"]?.arrayValue ?? []).compactMap(\.stringValue))
      guard verbs.isSuperset(of: ["list", "watch", "delete"]) else { return nil }
      return ResourceType(
        group: group, version: version, plural: plural, kind: kind,
        isNamespaced: resource["namespaced"]?.boolValue ?? false)
    }
  }
}
