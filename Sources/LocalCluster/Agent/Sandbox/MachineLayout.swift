import FoundationEssentials
internal import Glibc

/// The parts of this machine that sandboxes show.
struct MachineLayout: Sendable {
  var bubblewrap: String
  var nsenter: String?
  /// Paths that are links into `/usr` on merged systems.
  var links: [(path: String, target: String)]
  var directories: [String]
  var javaHome: String?

  /// Whether a path is in one of the shown folders.
  func covers(_ path: String) -> Bool { directories.contains { path == $0 || path.hasPrefix($0 + "/") } }

  /// Looks at the machine.
  static func detect(environment: [String: String]) throws(NodeAgentError) -> MachineLayout {
    let path = environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    guard let bubblewrap = program("bwrap", path: path) else {
      throw NodeAgentError("pods need bubblewrap and there is no bwrap in PATH (Debian: apt install bubblewrap)")
    }
    var layout = MachineLayout(
      bubblewrap: bubblewrap, nsenter: program("nsenter", path: path), links: [], directories: ["/usr"])
    for name in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
      if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: name) {  // throws where it is no link
        layout.links.append((name, target))
      } else if FileManager.default.fileExists(atPath: name) {
        layout.directories.append(name)
      }
    }
    // Nothing of /etc that is secret.
    let parts = [
      "alternatives", "ssl", "pki", "ca-certificates", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "passwd", "group",
      "nsswitch.conf", "localtime", "timezone", "resolv.conf", "protocols", "services", "mime.types", "java-8-openjdk",
      "java-11-openjdk", "java-17-openjdk", "java-21-openjdk", "java-25-openjdk", "java", "fonts", "profile",
      "bash.bashrc",
    ]
    layout.directories += parts.map { "/etc/\($0)" }.filter { FileManager.default.fileExists(atPath: $0) }
    if let home = environment["JAVA_HOME"].nonEmpty, access("\(home)/bin/java", X_OK) == 0 {
      layout.javaHome = realPath(home) ?? home
    } else if let java = program("java", path: path).flatMap(realPath), java.hasSuffix("/bin/java") {
      layout.javaHome = String(java.dropLast("/bin/java".count))
    }
    return layout
  }

  private static func program(_ name: String, path: String) -> String? {
    path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

/// Why the node agent cannot run, in one line with a hint.
public struct NodeAgentError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
