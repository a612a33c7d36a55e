import Synchronization

extension AgentEnvironment {
  /// Runs a command inside a running container; true when it ends with 0 in time.
  func execute(_ command: [String], pid: Int32?, timeout: Duration) async -> Bool {
    guard let pid, let nsenter = machine.nsenter, !command.isEmpty else { return false }
    let (events, continuation) = AsyncStream.makeStream(of: ProcessEvent.self)
    spawner.spawn(
      ProcessRequest(
        executable: nsenter, arguments: ["-t", "\(pid)", "-m", "-u", "-i", "-p", "--"] + command,
        environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root"], log: nil, reportsChild: false,
        onEvent: { event in
          continuation.yield(event)
          if case .started = event { return }
          continuation.finish()
        }))
    let child = ExecChild()
    return await withTaskGroup(of: Bool?.self) { group in
      group.addTask {
        for await event in events {
          switch event {
          case .started(let pid): child.pid.withLock { $0 = pid }
          case .exited(let exit): return exit.code == 0
          case .failed: return false
          }
        }
        return nil
      }
      group.addTask {
        do { try await Task.sleep(for: timeout) } catch { return nil }
        return false
      }
      let result = await group.next() ?? nil
      group.cancelAll()
      if result != true, let pid = child.pid.withLock({ $0 }) { spawner.signal(pid: pid, ProcessSignal.kill) }
      return result ?? false
    }
  }
}

/// The process of a command that runs.
private final class ExecChild: Sendable {
  let pid = Mutex<Int32?>(nil)
}
