internal import Glibc
import KubernetesAPI

struct ContainerLogError: Error, Hashable, CustomStringConvertible {
  let description: String
}

/// Writes a container's output in the format of Kubernetes' log files: `TIME stdout F text`, `P` for a part of a line.
struct ContainerLogWriter {
  /// One file is put aside when it has grown to this, and the one that was put aside before goes.
  static let rotationBytes = 64 * 1024 * 1024
  private static let longestLine = 16 * 1024

  private let path: String
  private var descriptor: CInt
  private var size: Int
  private var line: [UInt8] = []

  init(path: String) throws(ContainerLogError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw ContainerLogError(description: "cannot write the log \(path): \(systemError())")
    }
    size = Int(lseek(descriptor, 0, SEEK_END))
  }

  mutating func append(_ bytes: ArraySlice<UInt8>) {
    var text: [UInt8] = []
    let stamp = Array(Self.now().utf8)
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        Self.add(line, isFull: true, stamp: stamp, to: &text)
        line.removeAll(keepingCapacity: true)
      } else {
        line.append(byte)
        if line.count == Self.longestLine {
          Self.add(line, isFull: false, stamp: stamp, to: &text)
          line.removeAll(keepingCapacity: true)
        }
      }
    }
    writeOut(text)
  }

  /// Writes what is left of a last line without its end, and closes the file.
  mutating func finish() {
    if !line.isEmpty {
      var text: [UInt8] = []
      Self.add(line, isFull: true, stamp: Array(Self.now().utf8), to: &text)
      writeOut(text)
    }
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }

  private static func add(_ line: [UInt8], isFull: Bool, stamp: [UInt8], to text: inout [UInt8]) {
    text += stamp
    text += isFull ? " stdout F ".utf8 : " stdout P ".utf8
    text += line
    text.append(UInt8(ascii: "\n"))
  }

  private mutating func writeOut(_ text: [UInt8]) {
    guard descriptor >= 0 else { return }
    var rest = text[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
        size += count
      } else if errno != EINTR {
        return  // a full disk loses log lines rather than stopping the container
      }
    }
    guard size > Self.rotationBytes else { return }
    _ = rename(path, path + ".old")
    let new = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard new >= 0 else { return }
    close(descriptor)
    descriptor = new
    size = 0
  }

  private static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let milliseconds = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    let digits = String(time.tv_nsec)
    let second = Timestamp(epochMilliseconds: milliseconds).rfc3339Seconds.dropLast()
    return "\(second).\(String(repeating: "0", count: 9 - digits.count))\(digits)Z"
  }
}
