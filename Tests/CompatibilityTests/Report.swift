import Foundation
import Synchronization

/// Lines for `make compat`, which names the file in COMPAT_REPORT: what a passed test has shown.
enum Report {
  private static let lock = Mutex(())

  static func add(_ fields: String...) {
    guard let path = ProcessInfo.processInfo.environment["COMPAT_REPORT"] else { return }
    lock.withLock { _ in
      guard let file = FileHandle(forWritingAtPath: path) else { return }
      file.seekToEndOfFile()
      file.write(Data((fields.joined(separator: "\t") + "\n").utf8))
      try? file.close()
    }
  }
}
