import Foundation
import KubernetesAPI
import KubernetesClient
import Logging
import Testing
import YAML

/// One `flink-operator local` of this build, with real Flink, shared by the tests of a process; each test works in a
/// namespace of its own.
final class LocalInstance: @unchecked Sendable {
  // Sendable: every stored property is set once in init.
  let process: Process
  let runDirectory: URL
  let kubeconfig: String
  let client: KubernetesClient
  private let scratch: URL
  private let output: OutputLines

  /// Starts an instance and waits until it serves.
  static func start(
    extraArguments: [String] = [], environment: [String: String] = [:]
  ) async throws -> LocalInstance {
    let scratch = FileManager.default.temporaryDirectory
      .appendingPathComponent("flink-operator-e2e-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    let kubeconfig = scratch.appendingPathComponent("kubeconfig").path
    let runDirectory = scratch.appendingPathComponent("run")
    let log = scratch.appendingPathComponent("local.log")
    guard FileManager.default.createFile(atPath: log.path, contents: nil) else {
      throw Unexpected("cannot make \(log.path)")
    }

    let process = Process()
    process.executableURL = Self.binary
    process.arguments =
      ["local", "--kubeconfig", kubeconfig, "--run-dir", runDirectory.path, "--log-level", "debug"] + extraArguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    process.standardInput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: log)
    let output = OutputLines()
    process.standardOutput = output.pipe
    try process.run()
    output.begin()
    do {
      let wantsOperator = !extraArguments.contains("--no-operator")
      try await eventually("the local cluster serves; its log: \(log.path)", within: .seconds(60)) {
        guard process.isRunning else { throw Unexpected("flink-operator local ended: \(tail(log))") }
        return output.lines.contains { $0.hasPrefix(wantsOperator ? "operator: pid" : "kubeconfig:") }
      }
      let configuration = try ClusterConfiguration.load(kubeconfigPath: kubeconfig, context: nil)
      let client = KubernetesClient(configuration: configuration, logger: Logger(label: "e2e"))
      return LocalInstance(
        process: process, runDirectory: runDirectory, kubeconfig: kubeconfig, client: client, scratch: scratch,
        output: output)
    } catch {
      process.terminate()
      throw error
    }
  }

  private init(
    process: Process, runDirectory: URL, kubeconfig: String, client: KubernetesClient, scratch: URL,
    output: OutputLines
  ) {
    self.process = process
    self.runDirectory = runDirectory
    self.kubeconfig = kubeconfig
    self.client = client
    self.scratch = scratch
    self.output = output
  }

  /// The pid of the operator that runs now.
  var operatorPID: pid_t {
    get throws {
      let line = output.lines.last { $0.hasPrefix("operator: pid ") }
      guard let pid = line.flatMap({ pid_t($0.dropFirst("operator: pid ".count)) }) else {
        throw Unexpected("no operator pid was printed")
      }
      return pid
    }
  }

  /// Starts an instance, runs `body` on it and ends it, after a failure too. An end in order is part of the test.
  static func with(
    extraArguments: [String] = [], environment: [String: String] = [:],
    _ body: (LocalInstance) async throws -> Void
  ) async throws {
    let instance = try await start(extraArguments: extraArguments, environment: environment)
    do {
      try await body(instance)
    } catch {
      _ = try? await instance.stop()
      throw error
    }
    #expect(try await instance.stop() == 0)
    try instance.removeScratch()
  }

  var logTail: String { tail(scratch.appendingPathComponent("local.log")) }

  /// Ends it as a user would and returns its exit status; what is left of its processes and files is the caller's to
  /// check before `removeScratch()`.
  func stop() async throws -> Int32 {
    await client.shutdown()
    process.terminate()
    try await eventually("flink-operator local ends after SIGTERM", within: .seconds(60)) { !process.isRunning }
    return process.terminationStatus
  }

  func removeScratch() throws { try FileManager.default.removeItem(at: scratch) }

  /// Runs kubectl and gives its standard output; a failure shows its standard error.
  @discardableResult
  func kubectl(_ arguments: String..., input: String? = nil, expectFailure: Bool = false) async throws -> String {
    try await runTool("kubectl", ["--kubeconfig", kubeconfig] + arguments, input: input, expectFailure: expectFailure)
  }

  /// The flink-operator beside this test bundle.
  static let binary: URL = {
    if let named = ProcessInfo.processInfo.environment["FLINK_OPERATOR_BINARY"] { return URL(fileURLWithPath: named) }
    let link = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    var folder = URL(fileURLWithPath: link).deletingLastPathComponent()
    for _ in 0..<4 {
      let candidate = folder.appendingPathComponent("flink-operator")
      if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
      folder = folder.deletingLastPathComponent()
    }
    return repository.appendingPathComponent(".build/debug/flink-operator")
  }()

  static let repository = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}

/// What a test did not expect, in words.
struct Unexpected: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The lines that a process printed so far.
final class OutputLines: Sendable {
  let pipe = Pipe()
  private let state = LockedLines()

  var lines: [String] { state.lines }

  func begin() {
    pipe.fileHandleForReading.readabilityHandler = { [state] handle in
      let data = handle.availableData
      if data.isEmpty {
        handle.readabilityHandler = nil
      } else {
        state.append(String(decoding: data, as: UTF8.self))
      }
    }
  }
}

private final class LockedLines: @unchecked Sendable {
  private let lock = NSLock()
  private var text = ""
  var lines: [String] { lock.withLock { text.split(separator: "\n").map(String.init) } }
  func append(_ more: String) { lock.withLock { text += more } }
}

/// Awaits a condition, looking every 100 ms; throws `what` when the time is over.
func eventually(
  _ what: @autoclosure () -> String, within limit: Duration, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    if ContinuousClock.now > deadline { throw Unexpected("not within \(limit): \(what())") }
    try await Task.sleep(for: .milliseconds(100))
  }
}

func runTool(
  _ tool: String, _ arguments: [String], input: String? = nil, expectFailure: Bool = false
) async throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [tool] + arguments
  let out = Pipe()
  let err = Pipe()
  process.standardOutput = out
  process.standardError = err
  let stdin = Pipe()
  process.standardInput = input == nil ? FileHandle.nullDevice : stdin
  try process.run()
  if let input {
    stdin.fileHandleForWriting.write(Data(input.utf8))
    try stdin.fileHandleForWriting.close()
  }
  async let errors = read(err)
  let output = await read(out)
  let errorText = await errors
  process.waitUntilExit()
  let succeeded = process.terminationStatus == 0
  if succeeded == expectFailure {
    throw Unexpected("\(tool) \(arguments.joined(separator: " ")): status \(process.terminationStatus): \(errorText)")
  }
  return expectFailure ? errorText : output
}

private func read(_ pipe: Pipe) async -> String {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread {
      continuation.resume(returning: String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self))
    }
  }
}

func tail(_ file: URL, lines: Int = 30) -> String {
  let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
  return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
}
