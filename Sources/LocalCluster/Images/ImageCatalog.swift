internal import FoundationEssentials

/// Which image names this machine can run, and what stands for each.
///
/// `flink:1.20`, `apache/flink:1.20.5-scala_2.12-java17` and the like stand for the newest fetched distribution of that
/// version; a few names of small images stand for the machine's own shell and tools.
public struct ImageCatalog: Sendable {
  /// The folder of the fetched distributions, one folder per version.
  public let distributions: String
  /// The folder of our example's jar; mounted at `/opt/flink/examples/streaming`.
  public let examples: String

  /// - Parameter cache: the cache folder that `deploy/local/fetch-flink` and `examples/job/build` fill.
  public init(cache: String) {
    distributions = "\(cache)/flink"
    examples = "\(cache)/examples/current"
  }

  /// `FLINK_OPERATOR_CACHE`, or `flink-operator` in `XDG_CACHE_HOME` or `~/.cache`.
  public static func defaultCache(environment: [String: String]) -> String {
    if let cache = environment["FLINK_OPERATOR_CACHE"], !cache.isEmpty { return cache }
    if let cache = environment["XDG_CACHE_HOME"], !cache.isEmpty { return "\(cache)/flink-operator" }
    return "\(environment["HOME"] ?? "/root")/.cache/flink-operator"
  }

  /// What stands for an image.
  public enum Resolution: Sendable, Hashable {
    case flink(home: String, version: String)
    /// The machine's own tools.
    case tools
    /// Nothing. The message names the image and what there is instead.
    case missing(String)
  }

  /// Looks the image up among what is fetched now.
  public func resolve(_ image: String) -> Resolution {
    let versions = fetchedVersions()
    return Self.resolve(image, versions: versions, distributions: distributions)
  }

  /// The versions that are there in full, oldest first.
  public func fetchedVersions() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: distributions)) ?? []  // no folder, no versions
    return names.filter { version in
      Self.numbers(version) != nil
        && FileManager.default.fileExists(atPath: "\(distributions)/\(version)/lib/flink-dist-\(version).jar")
    }.sorted { Self.isOlder($0, $1) }
  }

  static func resolve(_ image: String, versions: [String], distributions: String) -> Resolution {
    let name = ImageName(image)
    switch name.repository {
    case "busybox", "alpine", "debian", "ubuntu", "bash", "registry.k8s.io/pause", "pause",
      "registry.k8s.io/e2e-test-images/busybox":
      return .tools
    case "flink", "apache/flink":
      let wanted = name.tag == "latest" ? "" : String(name.tag.prefix { $0 != "-" })
      let matching = versions.filter { wanted.isEmpty || $0 == wanted || $0.hasPrefix(wanted + ".") }
      if let version = matching.last { return .flink(home: "\(distributions)/\(version)", version: version) }
      return .missing(
        missing(image, versions: versions)
          + "; fetch it with: deploy/local/fetch-flink \(wanted.isEmpty ? "1.20" : wanted)")
    default:
      return .missing(missing(image, versions: versions))
    }
  }

  private static func missing(_ image: String, versions: [String]) -> String {
    let have = versions.isEmpty ? "none" : versions.map { "flink:\($0)" }.joined(separator: ", ")
    return "image \"\(image)\" has no local distribution; this node has \(have), and busybox for plain commands"
  }

  private static func numbers(_ version: String) -> [Int]? {
    let parts = version.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
    return parts.count == 3 && !parts.contains(nil) ? parts.compactMap { $0 } : nil
  }

  private static func isOlder(_ left: String, _ right: String) -> Bool {
    (numbers(left) ?? []).lexicographicallyPrecedes(numbers(right) ?? [])
  }
}

/// An image reference without its registry defaults and digest.
struct ImageName: Sendable, Hashable {
  let repository: String
  /// `latest` where none is given.
  let tag: String

  init(_ text: String) {
    var rest = Substring(text)
    if let at = rest.firstIndex(of: "@") { rest = rest[..<at] }
    let lastSlash = rest.lastIndex(of: "/") ?? rest.startIndex
    if let colon = rest[lastSlash...].lastIndex(of: ":") {
      tag = String(rest[rest.index(after: colon)...])
      rest = rest[..<colon]
    } else {
      tag = "latest"
    }
    for prefix in ["docker.io/", "index.docker.io/", "registry-1.docker.io/", "library/"] where rest.hasPrefix(prefix) {
      rest = rest.dropFirst(prefix.count)
    }
    repository = String(rest)
  }
}
