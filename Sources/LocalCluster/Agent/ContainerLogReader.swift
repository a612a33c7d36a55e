internal import Glibc
import InMemoryKubernetes
import KubernetesAPI

/// One line of a container's log file.
struct LogLine {
  var time: ArraySlice<UInt8>
  var isFull: Bool
  var text: ArraySlice<UInt8>

  /// Nil for what is no line of such a file.
  init?(_ line: ArraySlice<UInt8>) {
    let space = UInt8(ascii: " ")
    guard let first = line.firstIndex(of: space) else { return nil }
    let rest = line[(first + 1)...]
    guard let second = rest.firstIndex(of: space) else { return nil }
    let afterStream = rest[(second + 1)...]
    guard let third = afterStream.firstIndex(of: space) else { return nil }
    time = line[..<first]
    isFull = afterStream[..<third].elementsEqual([UInt8(ascii: "F")])
    text = afterStream[(third + 1)...]
  }
}

/// The end of a log, for termination messages.
enum LogTail {
  static func text(path: String, lines: Int, bytes: Int) -> String {
    var file = LogFile(path: path)
    defer { file.close() }
    var result: [UInt8] = []
    file.seekBack(lines: lines)
    while let chunk = file.read() {
      for line in chunk {
        guard let line = LogLine(line[...]) else { continue }
        result += line.text
        if line.isFull { result.append(UInt8(ascii: "\n")) }
      }
    }
    return String(decoding: result.suffix(bytes), as: UTF8.self)
  }
}

/// Reads a log file line by line, across its rotation.
struct LogFile {
  private let path: String
  private var descriptor: CInt = -1
  private var inode: UInt64 = 0
  private var rest: [UInt8] = []

  init(path: String) {
    self.path = path
    reopen()
  }

  mutating func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  private mutating func reopen() {
    close()
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    var info = stat()
    if descriptor >= 0, fstat(descriptor, &info) == 0 { inode = UInt64(info.st_ino) }
  }

  /// Moves to where the last `lines` lines begin.
  mutating func seekBack(lines: Int) {
    guard descriptor >= 0 else { return }
    var position = Int(lseek(descriptor, 0, SEEK_END))
    var found = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while position > 0 {
      let count = min(position, buffer.count)
      position -= count
      guard pread(descriptor, &buffer, count, position) == count else { break }
      for index in stride(from: count - 1, through: 0, by: -1) where buffer[index] == UInt8(ascii: "\n") {
        found += 1
        if found > lines {
          lseek(descriptor, position + index + 1, SEEK_SET)
          return
        }
      }
    }
    lseek(descriptor, 0, SEEK_SET)
  }

  /// The next whole lines without their ends; nil when there are no more for now.
  mutating func read() -> [[UInt8]]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      guard descriptor >= 0 else {
        reopen()
        if descriptor < 0 { return nil }
        continue
      }
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count <= 0 {
        var info = stat()
        guard stat(path, &info) == 0, UInt64(info.st_ino) != inode else { return nil }
        reopen()
        continue
      }
      rest += buffer[..<count]
      var lines: [[UInt8]] = []
      var start = rest.startIndex
      while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
        lines.append(Array(rest[start..<end]))
        start = end + 1
      }
      rest.removeFirst(start)
      if !lines.isEmpty { return lines }
    }
  }
}

/// One reader of `kubectl logs`.
actor ContainerLogReader: PodLogReader {
  private let request: PodLogRequest
  private var file: LogFile
  private let isLive: @Sendable () async -> Bool
  private let since: Timestamp?
  private var left: Int
  private var hasEnded = false
  private var isAtLineStart = true

  init(
    path: String, request: PodLogRequest, now: Timestamp, isLive: @escaping @Sendable () async -> Bool
  ) {
    self.request = request
    self.isLive = isLive
    file = LogFile(path: path)
    if let lines = request.tailLines { file.seekBack(lines: lines) }
    since = request.sinceTime.flatMap(Timestamp.init(rfc3339:)) ?? request.sinceSeconds.map { now - .seconds($0) }
    left = request.limitBytes ?? .max
  }

  deinit { file.close() }

  func next() async -> [UInt8]? {
    while left > 0, !hasEnded {
      // Asked before reading: what a container wrote before it ended is then read.
      let goesOn = request.isFollowing ? await isLive() : false
      if let lines = file.read() {
        let text = render(lines)
        if text.isEmpty { continue }
        left -= text.count
        return text
      }
      guard goesOn, !Task.isCancelled else { break }
      do { try await Task.sleep(for: .milliseconds(150)) } catch { break }
    }
    hasEnded = true
    return nil
  }

  private func render(_ lines: [[UInt8]]) -> [UInt8] {
    var result: [UInt8] = []
    for bytes in lines {
      guard let line = LogLine(bytes[...]) else { continue }
      if let since, let time = Timestamp(rfc3339: String(decoding: line.time, as: UTF8.self)), time < since { continue }
      if request.hasTimestamps, isAtLineStart {
        result += line.time
        result.append(UInt8(ascii: " "))
      }
      result += line.text
      if line.isFull { result.append(UInt8(ascii: "\n")) }
      isAtLineStart = line.isFull
    }
    return Array(result.prefix(left))
  }
}
