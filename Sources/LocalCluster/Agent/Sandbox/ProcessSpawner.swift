internal import Glibc
import KubernetesAPI
import Synchronization

/// How a process ended.
struct ProcessExit: Sendable, Hashable {
  /// As a shell tells it: 128 + the signal's number for a process that a signal ended.
  var code: Int
  /// The signal, where one ended it.
  var signal: Int?
}

/// What becomes of a process that was asked for.
enum ProcessEvent: Sendable, Hashable {
  /// It runs. `pid` is the sandboxed process itself as the machine sees it, not bubblewrap.
  case started(pid: Int32)
  case exited(ProcessExit)
  /// It could not be started; nothing else comes.
  case failed(String)
}

struct ProcessRequest: Sendable {
  /// Absolute path.
  var executable: String
  /// Without the program's own name.
  var arguments: [String]
  var environment: [String: String]
  /// Where the output goes; nil throws it away.
  var log: String?
  /// Whether the program is bubblewrap with `--json-status-fd 3`.
  var reportsChild: Bool
  /// Called on the spawner's thread, so it must not wait.
  var onEvent: @Sendable (ProcessEvent) -> Void
}

/// Starts processes, copies their output to logs and reaps them, all on one thread that lives as long as this process.
///
/// bubblewrap's `--die-with-parent` fires when the *thread* that spawned it ends, and threads of a pool end when they
/// like. With this thread, sandboxes live exactly as long as this process, however it ends.
final class ProcessSpawner: Sendable {
  private struct Shared {
    var requests: [ProcessRequest] = []
    var isClosed = false
  }

  private let shared = Mutex(Shared())
  private let wakeReader: CInt
  private let wakeWriter: CInt

  /// - Throws: when the machine gives no descriptor or thread.
  init() throws(SpawnerError) {
    guard let wake = PrivatePipe() else { throw SpawnerError(problem: "pipe: \(systemError())") }
    wakeReader = wake.reader
    wakeWriter = wake.writer
    PrivatePipe.keepInheritedDescriptors()
    var thread = pthread_t()
    let pointer = Unmanaged.passRetained(self).toOpaque()
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let spawner = Unmanaged<ProcessSpawner>.fromOpaque(argument).takeRetainedValue()
        var loop = SpawnerLoop(wakeDescriptor: spawner.wakeReader)
        loop.run { spawner.takeRequests() }
        return nil
      }, pointer)
    guard result == 0 else {
      Unmanaged<ProcessSpawner>.fromOpaque(pointer).release()
      close(wakeReader)
      close(wakeWriter)
      throw SpawnerError(problem: "pthread_create: \(systemError(result))")
    }
    pthread_detach(thread)
  }

  deinit {
    close(wakeReader)
    close(wakeWriter)
  }

  func spawn(_ request: ProcessRequest) {
    let accepted = shared.withLock { shared in
      guard !shared.isClosed else { return false }
      shared.requests.append(request)
      return true
    }
    if accepted { wake() } else { request.onEvent(.failed("the node agent has stopped")) }
  }

  /// Takes no more requests; the thread ends when the last process has ended.
  func shutdown() {
    shared.withLock { $0.isClosed = true }
    wake()
  }

  /// Sends a signal to a process that a `started` event named. A process that has ended already is no error.
  func signal(pid: Int32, _ number: Int32) { _ = Glibc.kill(pid, number) }

  private func wake() {
    var one: UInt8 = 1
    _ = write(wakeWriter, &one, 1)  // fails only when the pipe is full, which wakes too
  }

  private func takeRequests() -> (requests: [ProcessRequest], isClosed: Bool) {
    shared.withLock { shared in
      defer { shared.requests = [] }
      return (shared.requests, shared.isClosed)
    }
  }
}

struct SpawnerError: Error, CustomStringConvertible {
  let problem: String
  var description: String { "cannot start the thread that runs pods: \(problem)" }
}

/// The text of `errno` or of an error number that a call returned.
func systemError(_ number: CInt = errno) -> String { String(cString: strerror(number)) }

/// The spawner's thread: waits for requests, output and ends.
private struct SpawnerLoop {
  private final class Child {
    let pid: pid_t
    let request: ProcessRequest
    var output: CInt
    var status: CInt
    var statusText: [UInt8] = []
    var log: ContainerLogWriter?
    var hasReportedStart = false

    init(pid: pid_t, request: ProcessRequest, output: CInt, status: CInt, log: ContainerLogWriter?) {
      self.pid = pid
      self.request = request
      self.output = output
      self.status = status
      self.log = log
    }
  }

  private let wakeDescriptor: CInt
  private var children: [Child] = []
  private var buffer = [UInt8](repeating: 0, count: 65_536)

  init(wakeDescriptor: CInt) { self.wakeDescriptor = wakeDescriptor }

  mutating func run(takeRequests: () -> (requests: [ProcessRequest], isClosed: Bool)) {
    var isClosed = false
    while !(isClosed && children.isEmpty) {
      var entries = [pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0)]
      for child in children {
        entries.append(pollfd(fd: child.output, events: Int16(POLLIN), revents: 0))
        entries.append(pollfd(fd: child.status, events: Int16(POLLIN), revents: 0))
      }
      guard poll(&entries, nfds_t(entries.count), -1) >= 0 else { continue }
      if entries[0].revents != 0 {
        _ = read(wakeDescriptor, &buffer, buffer.count)
      }
      for (index, child) in children.enumerated() {
        if entries[1 + 2 * index].revents != 0 { readOutput(child) }
        if entries[2 + 2 * index].revents != 0 { readStatus(child) }
      }
      children.removeAll { $0.status < 0 }
      let new = takeRequests()
      isClosed = new.isClosed
      for request in new.requests { start(request) }
    }
  }

  private mutating func start(_ request: ProcessRequest) {
    var log: ContainerLogWriter?
    if let path = request.log {
      do throws(ContainerLogError) { log = try ContainerLogWriter(path: path) } catch {
        return request.onEvent(.failed(error.description))
      }
    }
    guard let output = PrivatePipe() else { return request.onEvent(.failed("pipe: \(systemError())")) }
    guard let status = PrivatePipe() else {
      output.close()
      return request.onEvent(.failed("pipe: \(systemError())"))
    }
    let (pid, problem) = Self.spawn(request, output: output.writer, status: status.writer)
    close(output.writer)
    close(status.writer)
    if let problem {
      close(output.reader)
      close(status.reader)
      return request.onEvent(.failed("\(request.executable): \(problem)"))
    }
    let child = Child(pid: pid, request: request, output: output.reader, status: status.reader, log: log)
    children.append(child)
    if !request.reportsChild {
      child.hasReportedStart = true
      request.onEvent(.started(pid: pid))
    }
  }

  private typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt

  /// `posix_spawn_file_actions_addclosefrom_np`, from glibc 2.34 on; its headers show it to GNU programs only.
  private static let addCloseFrom: AddCloseFrom? = {
    guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else { return nil }
    return unsafeBitCast(symbol, to: AddCloseFrom.self)
  }()

  /// POSIX_SPAWN_SETSID, which glibc's headers show to GNU programs only.
  private static let newSession: Int16 = 0x80

  /// The descriptors of the new process: 0 is /dev/null, 1 and 2 the output, 3 the status.
  private static func spawn(_ request: ProcessRequest, output: CInt, status: CInt) -> (pid_t, String?) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    posix_spawn_file_actions_adddup2(&actions, status, 3)
    // Sockets of this process are not all closed on exec, and a pod that held a copy would keep connections open.
    if let addCloseFrom {
      _ = addCloseFrom(&actions, 4)
    } else {
      PrivatePipe.keepInheritedDescriptors()
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    // A session of its own: Ctrl-C in a terminal is for us, who stop pods in order.
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | Self.newSession)

    var arguments = ([request.executable] + request.arguments).map { strdup($0) } + [nil]
    var environment = request.environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in arguments + environment { free(pointer) } }
    var pid: pid_t = 0
    let result = posix_spawn(&pid, request.executable, &actions, &attributes, &arguments, &environment)
    return (pid, result == 0 ? nil : systemError(result))
  }

  private mutating func readOutput(_ child: Child) {
    guard child.output >= 0 else { return }
    while true {
      let count = read(child.output, &buffer, buffer.count)
      if count > 0 {
        child.log?.append(buffer[..<count])
      } else if count < 0, errno == EINTR {
        continue
      } else if count < 0, errno == EAGAIN {
        return
      } else {
        close(child.output)
        child.output = -1
        return
      }
    }
  }

  private mutating func readStatus(_ child: Child) {
    while child.status >= 0 {
      let count = read(child.status, &buffer, buffer.count)
      if count > 0 {
        child.statusText += buffer[..<count]
        reportStart(child)
      } else if count < 0, errno == EINTR {
        continue
      } else if count < 0, errno == EAGAIN {
        return
      } else {
        reap(child)
      }
    }
  }

  private func reportStart(_ child: Child) {
    guard child.request.reportsChild, !child.hasReportedStart, let line = lines(child).first,
      let pid = try? JSONValue(parsing: line)["child-pid"]?.intValue  // half a line is no JSON yet
    else { return }
    child.hasReportedStart = true
    child.request.onEvent(.started(pid: Int32(pid)))
  }

  private func lines(_ child: Child) -> [[UInt8]] {
    child.statusText.split(separator: UInt8(ascii: "\n")).map(Array.init)
  }

  /// The status pipe has ended: nobody of the sandbox is left.
  private mutating func reap(_ child: Child) {
    close(child.status)
    child.status = -1
    var status: CInt = 0
    while waitpid(child.pid, &status, 0) < 0, errno == EINTR {}
    readOutput(child)
    if child.output >= 0 {
      close(child.output)
      child.output = -1
    }
    child.log?.finish()
    let signal = status & 0x7f
    // bubblewrap hands on a signal that ended its child as 128 + the signal, like a shell.
    var exit = ProcessExit(code: Int((status >> 8) & 0xff))
    if signal != 0 {
      exit = ProcessExit(code: 128 + Int(signal), signal: Int(signal))
    }
    child.request.onEvent(.exited(exit))
  }
}

/// A pipe that other programs do not inherit and whose reader does not wait.
private struct PrivatePipe {
  let reader: CInt
  let writer: CInt

  /// Nil with `errno` set when the machine gives none.
  init?() {
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    reader = ends[0]
    writer = ends[1]
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(reader, F_SETFL, O_NONBLOCK)
  }

  func close() {
    Glibc.close(reader)
    Glibc.close(writer)
  }

  /// Closes on exec everything that is open now and has not said so itself, standard streams aside.
  static func keepInheritedDescriptors() {
    guard let directory = opendir("/proc/self/fd") else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let descriptor = CInt(name), descriptor > 2 else { continue }
      let flags = fcntl(descriptor, F_GETFD)
      if flags >= 0, flags & FD_CLOEXEC == 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
    }
  }
}
