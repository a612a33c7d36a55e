import Glibc

/// A process of our own executable, in its own process group (a Ctrl-C of the terminal reaches only the parent), that
/// notices its parent's death: it holds the reading end of a pipe whose writing end only the parent has.
final class ChildProcess: Sendable {
  /// Where a child finds its pipes.
  static let parentDescriptor: Int32 = 3
  static let reportDescriptor: Int32 = 4

  enum Ending: Sendable, Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    var description: String {
      switch self {
      case .exited(let code): "exited with \(code)"
      case .signalled(let signal): "was ended by signal \(signal)"
      }
    }
  }

  let pid: pid_t
  /// What the child reports with, until it closes it or ends.
  let reportDescriptor: Int32
  private let lifeline: Int32

  private init(pid: pid_t, reportDescriptor: Int32, lifeline: Int32) {
    self.pid = pid
    self.reportDescriptor = reportDescriptor
    self.lifeline = lifeline
  }

  deinit {
    close(lifeline)
    close(reportDescriptor)
  }

  private typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt

  /// `posix_spawn_file_actions_addclosefrom_np`, from glibc 2.34 on; its headers show it to GNU programs only.
  private static let addCloseFrom: AddCloseFrom? = {
    guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else { return nil }
    return unsafeBitCast(symbol, to: AddCloseFrom.self)
  }()

  static func start(executable: String, arguments: [String]) throws(CommandFailure) -> ChildProcess {
    var life: [Int32] = [0, 0]
    var report: [Int32] = [0, 0]
    guard pipe(&life) == 0, pipe(&report) == 0 else {
      throw CommandFailure("cannot make a pipe: \(lastError())", hint: "too many open files? see 'ulimit -n'")
    }
    // Glibc's pipe2 is not imported; nothing else is started while these two calls have not closed the window.
    for end in life + report { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Copies above the target numbers first, so that neither overwrites the other.
    let lifeCopy = fcntl(life[0], F_DUPFD_CLOEXEC, 10)
    let reportCopy = fcntl(report[1], F_DUPFD_CLOEXEC, 10)
    close(life[0])
    close(report[1])
    defer {
      close(lifeCopy)
      close(reportCopy)
    }
    posix_spawn_file_actions_adddup2(&actions, lifeCopy, parentDescriptor)
    posix_spawn_file_actions_adddup2(&actions, reportCopy, Self.reportDescriptor)
    // Sockets of this process are not all closed on exec, and a child that held a copy would keep them open.
    if let addCloseFrom { _ = addCloseFrom(&actions, Self.reportDescriptor + 1) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var noSignals = sigset_t()
    sigemptyset(&noSignals)
    posix_spawnattr_setsigmask(&attributes, &noSignals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

    var argv = ([executable] + arguments).map { strdup($0) } + [nil]
    defer { argv.forEach { free($0) } }
    var pid: pid_t = 0
    let result = posix_spawn(&pid, executable, &actions, &attributes, &argv, environ)
    guard result == 0 else {
      close(life[1])
      close(report[0])
      throw CommandFailure("cannot start \(executable): \(String(cString: strerror(result)))", hint: nil)
    }
    return ChildProcess(pid: pid, reportDescriptor: report[0], lifeline: life[1])
  }

  func signal(_ signal: Int32) { kill(pid, signal) }

  /// Waits on a thread of its own: waitpid blocks.
  func ending() async -> Ending {
    await onThread { [pid] in
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
      return status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
    }
  }

  /// The first line that the child reports; nil when it ended without one.
  func firstReport() async -> String? {
    await onThread { [reportDescriptor] in readLine(from: reportDescriptor) }
  }
}

private func readLine(from descriptor: Int32) -> String? {
  var line: [UInt8] = []
  var byte: UInt8 = 0
  while true {
    let count = read(descriptor, &byte, 1)
    if count == 1 {
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    } else if count == 0 || errno != EINTR {
      return nil
    }
  }
}

/// In a child: returns when the parent has ended.
func parentEnded() async {
  await onThread { _ = readLine(from: ChildProcess.parentDescriptor) }
}

/// In a child: reports a line to the parent.
func reportToParent(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(ChildProcess.reportDescriptor, $0.baseAddress, $0.count) }
}

/// Runs blocking work on a thread of its own, not on one of the few that run tasks.
func onThread<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    let box = Unmanaged.passRetained(ThreadWork { continuation.resume(returning: work()) })
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, box.toOpaque())
    if result == 0 {
      pthread_detach(thread)
    } else {
      // No thread to be had: work here, late rather than never.
      box.takeRetainedValue().run()
    }
  }
}

private final class ThreadWork: Sendable {
  let run: @Sendable () -> Void
  init(run: @escaping @Sendable () -> Void) { self.run = run }
}

func lastError() -> String { String(cString: strerror(errno)) }
