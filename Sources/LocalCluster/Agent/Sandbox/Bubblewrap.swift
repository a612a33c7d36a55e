import FoundationEssentials

/// One place of the machine shown at a path of a sandbox.
struct SandboxMount: Sendable, Hashable {
  var source: String
  var path: String
  var isReadOnly: Bool
}

/// What one container's sandbox is made of, and the bubblewrap command line for it.
struct Sandbox: Sendable {
  enum Content: Sendable, Hashable {
    case tools
    /// A Flink distribution at `/opt/flink`, with our example jar.
    case flink(home: String, examples: String)
  }

  var content: Content
  /// A folder of this container alone, for what it may write: `tmp`, `log`, `conf`.
  var scratch: String
  /// The folder that holds `hosts`, renewed by renaming; it is the folder that is shown, as a renamed file would stay
  /// the old one.
  var hostsDirectory: String
  /// The folder with our `docker-entrypoint.sh` and its companions.
  var entrypoints: String
  var hostname: String
  var workingDirectory: String
  /// Volumes. Where the paths of two are one in the other, the outer one comes first.
  var mounts: [SandboxMount]
  /// The path in the sandbox and the file on the machine that take the termination message.
  var terminationLog: SandboxMount
  var javaHome: String?
  var command: [String]

  /// Where the folder of the hosts file is in a sandbox.
  static let hostsPath = "/run/flink-operator"
  static let entrypointPath = "/opt/flink-local"

  /// bubblewrap's arguments. Descriptor 3 takes its status.
  func arguments(machine: MachineLayout) -> [String] {
    var arguments = [
      "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", hostname, "--as-pid-1", "--die-with-parent",
      "--json-status-fd", "3",
    ]
    // An empty root with chosen parts of the machine: a read-only copy of the whole could hold no new mount points.
    for (path, target) in machine.links { arguments += ["--symlink", target, path] }
    for path in machine.directories { arguments += ["--ro-bind", path, path] }
    if let javaHome, !machine.covers(javaHome) { arguments += ["--ro-bind", javaHome, javaHome] }
    arguments += [
      "--proc", "/proc", "--dev", "/dev", "--dir", "/run", "--dir", "/var/tmp", "--dir", "/root", "--dir", "/mnt",
    ]
    arguments += ["--bind", "\(scratch)/tmp", "/tmp"]
    arguments += ["--ro-bind", hostsDirectory, Self.hostsPath]
    arguments += ["--symlink", "\(Self.hostsPath)/hosts", "/etc/hosts"]
    arguments += ["--ro-bind", entrypoints, Self.entrypointPath]
    arguments += ["--symlink", "\(Self.entrypointPath)/docker-entrypoint.sh", "/docker-entrypoint.sh"]
    if case .flink(let home, let examples) = content { arguments += flinkArguments(home: home, examples: examples) }
    for mount in mounts.sorted(by: { $0.path < $1.path }) {
      arguments += [mount.isReadOnly ? "--ro-bind" : "--bind", mount.source, mount.path]
    }
    arguments += ["--bind", terminationLog.source, terminationLog.path]
    arguments += ["--chdir", workingDirectory, "--"]
    return arguments + command
  }

  private func flinkArguments(home: String, examples: String) -> [String] {
    var arguments = ["--ro-bind", "\(home)/bin", "/opt/flink/bin"]
    // Jar by jar, so that volumes can add to these folders.
    for folder in ["lib", "opt", "plugins"] {
      arguments += ["--dir", "/opt/flink/\(folder)"]
      // A folder may be missing.
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(home)/\(folder)")) ?? []
      for name in names.sorted() {
        arguments += ["--ro-bind", "\(home)/\(folder)/\(name)", "/opt/flink/\(folder)/\(name)"]
      }
    }
    arguments += ["--bind", "\(scratch)/log", "/opt/flink/log"]
    arguments += ["--ro-bind", "\(home)/conf", "/opt/flink-local-conf"]
    if !mounts.contains(where: { $0.path == "/opt/flink/conf" }) {
      arguments += ["--bind", "\(scratch)/conf", "/opt/flink/conf"]
    }
    if FileManager.default.fileExists(atPath: examples) {
      arguments += ["--ro-bind", examples, "/opt/flink/examples/streaming"]
    }
    return arguments
  }
}
