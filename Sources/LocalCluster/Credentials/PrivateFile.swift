import Glibc

/// An operation on a file that failed, and why.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
  /// For instance "write".
  public let attempt: String
  public let path: String
  /// `errno` after the call that failed.
  public let code: Int32

  public init(attempt: String, path: String, code: Int32) {
    self.attempt = attempt
    self.path = path
    self.code = code
  }

  public var description: String {
    "cannot \(attempt) \(path): \(String(cString: strerror(code)))"
  }
}

/// Files that only their owner reads.
enum PrivateFile {
  /// Replaces `path` in one step by a file of mode 0600.
  static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    let temporary = "\(path).\(getpid()).new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError(attempt: "create", path: temporary, code: errno) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
      }
      if count < 0 {
        if errno == EINTR { continue }
        let code = errno
        close(descriptor)
        unlink(temporary)
        throw FileError(attempt: "write", path: temporary, code: code)
      }
      written += count
    }
    close(descriptor)
    guard rename(temporary, path) == 0 else {
      let code = errno
      unlink(temporary)
      throw FileError(attempt: "replace", path: path, code: code)
    }
  }
}
