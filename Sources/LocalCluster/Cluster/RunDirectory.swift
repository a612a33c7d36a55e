import Glibc

/// The folder of one running local cluster: `lock`, `api/` (kubeconfigs) and `pods/` (the node agent's).
///
/// The lock is held as long as the process lives, however it ends. What an instance left that no longer lives is taken
/// over together with its folder.
final class RunDirectory: Sendable {
  let path: String
  private let lock: Int32

  var apiPath: String { path + "/api" }
  var podsPath: String { path + "/pods" }

  /// Takes a folder, made if it is not there.
  ///
  /// - Throws: `RunDirectoryError.inUse` when a living instance has it.
  init(path: String) throws(RunDirectoryError) {
    self.path = path
    var parent = ""
    for part in path.split(separator: "/") {
      parent += "/" + part
      guard mkdir(parent, 0o700) == 0 || errno == EEXIST else {
        throw .file(FileError(attempt: "make the folder", path: parent, code: errno))
      }
    }
    let lockPath = path + "/lock"
    lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard lock >= 0 else { throw .file(FileError(attempt: "open", path: lockPath, code: errno)) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(lock)
      throw code == EWOULDBLOCK ? .inUse(path: path) : .file(FileError(attempt: "lock", path: lockPath, code: code))
    }
  }

  deinit { close(lock) }

  /// Makes the folders of a fresh instance.
  func prepare() throws(RunDirectoryError) {
    for folder in [apiPath, podsPath] {
      guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
        throw .file(FileError(attempt: "make the folder", path: folder, code: errno))
      }
    }
  }

  /// Removes everything but the lock.
  func clear() throws(FileError) {
    for name in try FileTree.entries(of: path) where name != "lock" { try FileTree.remove(path + "/" + name) }
  }

  /// Removes the folder with everything in it. The lock is given up when the value goes.
  func remove() throws(FileError) { try FileTree.remove(path) }

  /// The folder for the instance with an address block: in `XDG_RUNTIME_DIR` or `/tmp`.
  static func defaultPath(block: UInt8, environment: [String: String]) -> String {
    let base = environment["XDG_RUNTIME_DIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
    return "\(base)/flink-operator/local-\(block)"
  }
}

/// Why a run directory cannot be had.
public enum RunDirectoryError: Error, Sendable, Hashable, CustomStringConvertible {
  case inUse(path: String)
  case file(FileError)

  public var description: String {
    switch self {
    case .inUse(let path):
      "\(path) belongs to a local cluster that is running; stop it, or name another folder with --run-directory"
    case .file(let error): error.description
    }
  }
}

/// Removing folders.
enum FileTree {
  static func entries(of path: String) throws(FileError) -> [String] {
    guard let directory = opendir(path) else { throw FileError(attempt: "read the folder", path: path, code: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Removes a file, or a folder with everything in it; symbolic links are removed, not followed.
  static func remove(_ path: String) throws(FileError) {
    if unlink(path) == 0 || errno == ENOENT { return }
    guard errno == EISDIR || errno == EPERM else { throw FileError(attempt: "remove", path: path, code: errno) }
    // Containers may have made folders that their owner may not write to.
    _ = chmod(path, 0o700)
    for name in try entries(of: path) { try remove(path + "/" + name) }
    guard rmdir(path) == 0 || errno == ENOENT else {
      throw FileError(attempt: "remove the folder", path: path, code: errno)
    }
  }
}
