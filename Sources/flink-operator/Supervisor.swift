import ArgumentParser
import Glibc
import KubernetesAPI
import UnixSignals

/// The two children of `local`: the cluster, and the operator as an ordinary client of it, which is started again
/// whenever it dies.
struct Supervisor {
  let command: LocalCommand

  func run() async throws {
    // A child that dies early must not end us by SIGPIPE.
    signal(SIGPIPE, SIG_IGN)
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let executable = try Self.executable()
    let cluster = try ChildProcess.start(
      executable: executable, arguments: ["cluster-process"] + command.local.arguments + command.log.arguments)
    guard let report = await cluster.firstReport(), let ready = try? JSONValue(parsing: report) else {
      let ending = await cluster.ending()
      // Its own line says why.
      if case .exited(let code) = ending, code != 0 { throw ExitCode(code) }
      throw CommandFailure("the local cluster \(ending) before it was ready", hint: "see the lines above")
    }
    say("api: \(ready["server"]?.stringValue ?? "")")
    say("kubeconfig: \(ready["kubeconfig"]?.stringValue ?? "")")
    let operators =
      command.noOperator || command.local.join != nil
      ? nil : OperatorKeeper(executable: executable, arguments: operatorArguments(ready))

    let ending = await withTaskGroup(of: Ended.self) { group in
      group.addTask {
        for await _ in signals { return .bySignal }
        return .bySignal
      }
      group.addTask { .byCluster(await cluster.ending()) }
      if let operators {
        group.addTask {
          await operators.run()
          return .bySignal
        }
      }
      let first = await group.next() ?? .bySignal
      // The operator goes first, so that it does not see the cluster vanish.
      await operators?.stop()
      cluster.signal(SIGTERM)
      group.cancelAll()
      if case .byCluster = first { return first }
      for await other in group { if case .byCluster = other { return other } }
      return first
    }
    switch ending {
    case .bySignal, .byCluster(.exited(0)): return
    case .byCluster(let other):
      throw CommandFailure("the local cluster \(other)", hint: "see the lines above")
    }
  }

  private enum Ended { case bySignal, byCluster(ChildProcess.Ending) }

  private func operatorArguments(_ ready: JSONValue) -> [String] {
    [
      "run", "--kubeconfig", ready["operatorKubeconfig"]?.stringValue ?? "", "--health-address", "127.0.0.1:0",
      "--jobmanager-address", JobManagerAddressing.serviceIP.rawValue, "--end-with-parent",
    ] + command.log.arguments
  }

  private static func executable() throws(CommandFailure) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/exe", &buffer, Int(PATH_MAX))
    guard count > 0 else { throw CommandFailure("cannot find our own executable: \(lastError())", hint: nil) }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// For people and scripts: one line on standard output.
func say(_ line: String) {
  print(line)
  fflush(nil)
}
