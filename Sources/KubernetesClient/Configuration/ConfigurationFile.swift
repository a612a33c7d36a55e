internal import Glibc

/// Reads the small files that configuration names.
enum ConfigurationFile {
  /// Larger files are no kubeconfig, certificate or token.
  private static let maximumBytes = 16 << 20

  /// - Parameter what: for the message, for instance "certificate-authority of cluster \"c\"".
  static func read(_ path: String, what: String) throws(ConfigurationError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, what) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while true {
      var chunk = [UInt8](repeating: 0, count: 64 << 10)
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(path, what) }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
      guard bytes.count <= maximumBytes else {
        throw ConfigurationError(problem: "\(what) \(path) is larger than 16 MiB", hint: "name the right file")
      }
    }
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  private static func failure(_ path: String, _ what: String) -> ConfigurationError {
    let code = errno
    let hint =
      switch code {
      case ENOENT: "check the path"
      case EACCES: "check the file's permissions"
      default: "check the file"
      }
    return ConfigurationError(problem: "cannot read \(what) \(path): \(String(cString: strerror(code)))", hint: hint)
  }
}
