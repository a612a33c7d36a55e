internal import Glibc

/// A program that is run for what it writes: bounded in time and output, with no input.
struct PluginProcess {
  struct Output {
    var bytes: [UInt8]
    /// What it wrote to standard error, its end where that is long.
    var errors: String
    /// As `waitpid` gives it.
    var status: Int32

    var ending: String {
      status & 0x7f == 0 ? "exited with \((status >> 8) & 0xff)" : "was ended by signal \(status & 0x7f)"
    }
  }

  enum Failure: Error {
    case notStarted(String)
    case tooSlow(errors: String)
    case tooMuch(bytes: Int)
  }

  /// A path, or a name to look up in PATH.
  var command: String
  var arguments: [String]
  var environment: [String: String]
  var timeLimit: Duration
  var maximumBytes = 1 << 20

  private static let maximumErrorBytes = 16 << 10

  /// Blocks until the program has ended, or was ended. What it leaves running keeps nobody waiting.
  func run() throws(Failure) -> Output {
    let deadline = ContinuousClock.now + timeLimit
    var child = try start()
    defer { child.close() }
    var output = Output(bytes: [], errors: "", status: 0)
    var errors: [UInt8] = []
    while true {
      // Asked before reading: what it wrote before it ended is then read below.
      let hasEnded = child.hasEnded(&output.status)
      child.wait(milliseconds: hasEnded ? 0 : 50)
      child.output.read { output.bytes += $0 }
      child.errors.read { errors += $0 }
      if errors.count > 2 * Self.maximumErrorBytes { errors.removeFirst(errors.count - Self.maximumErrorBytes) }
      if output.bytes.count > maximumBytes {
        if !hasEnded { child.end() }
        throw .tooMuch(bytes: maximumBytes)
      }
      if hasEnded { break }
      if ContinuousClock.now >= deadline {
        child.end()
        throw .tooSlow(errors: String(decoding: errors.suffix(Self.maximumErrorBytes), as: UTF8.self))
      }
    }
    output.errors = String(decoding: errors.suffix(Self.maximumErrorBytes), as: UTF8.self)
    return output
  }

  private typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt

  /// `posix_spawn_file_actions_addclosefrom_np`, from glibc 2.34 on: it also closes what another thread opens while
  /// the program is being started. The headers show it to GNU programs only.
  private static let addCloseFrom: AddCloseFrom? = {
    guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else { return nil }
    return unsafeBitCast(symbol, to: AddCloseFrom.self)
  }()

  /// For an older glibc, as of now; where they cannot be listed a plugin inherits what is not marked close-on-exec.
  private static func openDescriptors() -> [Int32] {
    guard let folder = opendir("/proc/self/fd") else { return [] }
    defer { closedir(folder) }
    var result: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let descriptor = Int32(name) { result.append(descriptor) }
    }
    return result
  }

  /// In a process group of its own, so that all of it can be ended, with default signals.
  private func start() throws(Failure) -> PluginChild {
    let output = try Pipe.make()
    let errors: Pipe
    do throws(Failure) {
      errors = try Pipe.make()
    } catch {
      output.close()
      throw error
    }
    defer {
      Glibc.close(output.writing)
      Glibc.close(errors.writing)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output.writing, 1)
    posix_spawn_file_actions_adddup2(&actions, errors.writing, 2)
    // Not all of our sockets are closed by themselves, and what a plugin leaves running would keep them open.
    if let addCloseFrom = Self.addCloseFrom {
      _ = addCloseFrom(&actions, 3)
    } else {
      for descriptor in Self.openDescriptors() where descriptor > 2 {
        posix_spawn_file_actions_addclose(&actions, descriptor)
      }
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var noSignals = sigset_t()
    sigemptyset(&noSignals)
    posix_spawnattr_setsigmask(&attributes, &noSignals)
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for signal in [SIGPIPE, SIGTERM, SIGINT] { sigaddset(&defaults, signal) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var argv = ([command] + arguments).map { strdup($0) } + [nil]
    var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in argv + envp { free(text) } }
    var pid: pid_t = 0
    let result = posix_spawnp(&pid, command, &actions, &attributes, &argv, &envp)
    guard result == 0 else {
      Glibc.close(output.reading)
      Glibc.close(errors.reading)
      throw .notStarted(String(cString: strerror(result)))
    }
    return PluginChild(
      pid: pid, output: OpenEnd(descriptor: output.reading), errors: OpenEnd(descriptor: errors.reading))
  }
}

private struct Pipe {
  var reading: Int32
  var writing: Int32

  /// Above the standard descriptors, which a process may have closed; reading does not block.
  static func make() throws(PluginProcess.Failure) -> Pipe {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .notStarted("no pipe: \(String(cString: strerror(errno)))") }
    let pair = Pipe(reading: fcntl(ends[0], F_DUPFD_CLOEXEC, 10), writing: fcntl(ends[1], F_DUPFD_CLOEXEC, 10))
    let code = errno
    Glibc.close(ends[0])
    Glibc.close(ends[1])
    guard pair.reading >= 0, pair.writing >= 0, fcntl(pair.reading, F_SETFL, O_NONBLOCK) == 0 else {
      pair.close()
      throw .notStarted("no pipe: \(String(cString: strerror(code)))")
    }
    return pair
  }

  func close() {
    for end in [reading, writing] where end >= 0 { Glibc.close(end) }
  }
}

/// The reading end of a pipe.
private struct OpenEnd {
  let descriptor: Int32
  private(set) var isAtEnd = false

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Reads what is there, at most 1 MiB at a time.
  mutating func read(_ take: (ArraySlice<UInt8>) -> Void) {
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    for _ in 0..<16 where !isAtEnd {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count > 0 {
        take(chunk[..<count])
      } else if count == 0 {
        isAtEnd = true
      } else if errno != EINTR {
        // Nothing there now; other errors do not happen to a pipe.
        return
      }
    }
  }
}

private struct PluginChild {
  let pid: pid_t
  var output: OpenEnd
  var errors: OpenEnd

  func hasEnded(_ status: inout Int32) -> Bool {
    let result = waitpid(pid, &status, WNOHANG)
    return result == pid || (result < 0 && errno == ECHILD)
  }

  /// Until there is something to read.
  func wait(milliseconds: Int32) {
    // poll passes over negative descriptors: an end that was reached would end every wait at once. Where both were,
    // the process is about to end.
    let isDone = output.isAtEnd && errors.isAtEnd
    var ends = [
      pollfd(fd: output.isAtEnd ? -1 : output.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: errors.isAtEnd ? -1 : errors.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    poll(&ends, 2, isDone ? min(milliseconds, 2) : milliseconds)
  }

  func end() {
    kill(-pid, SIGKILL)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
  }

  func close() {
    Glibc.close(output.descriptor)
    Glibc.close(errors.descriptor)
  }
}
