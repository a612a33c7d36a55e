import Foundation
import Logging
import Testing

@testable import LocalCluster

/// A local cluster for one test.
struct ClusterBed {
  let ready: LocalClusterReady
  let folder: String

  var port: Int { ready.server.split(separator: ":").last.flatMap { Int($0) } ?? 0 }

  /// Runs `body` against a cluster without an agent, which is stopped afterwards.
  static func with(
    _ change: (inout LocalClusterOptions) -> Void = { _ in }, _ body: (ClusterBed) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    var options = LocalClusterOptions(
      runDirectory: folder.path + "/run", kubeconfigPath: folder.path + "/kubeconfig", runsAgent: false)
    change(&options)
    var logger = Logger(label: "test")
    logger.logLevel = .warning
    let cluster = LocalCluster(options: options, logger: logger)
    let (stream, continuation) = AsyncStream.makeStream(of: LocalClusterReady.self)
    let running = Task {
      defer { continuation.finish() }
      try await cluster.run { continuation.yield($0) }
    }
    var iterator = stream.makeAsyncIterator()
    guard let ready = await iterator.next() else { return try await running.value }
    do {
      try await body(ClusterBed(ready: ready, folder: folder.path))
    } catch {
      running.cancel()
      try await running.value
      throw error
    }
    running.cancel()
    try await running.value
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/run"))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/kubeconfig"))
  }

  var token: String {
    get throws { try field("token") }
  }

  var authorityPEM: String {
    get throws {
      String(decoding: try #require(Data(base64Encoded: field("certificate-authority-data"))), as: UTF8.self)
    }
  }

  private func field(_ name: String) throws -> String {
    let text = try String(contentsOfFile: ready.kubeconfigPath, encoding: .utf8)
    let line = try #require(text.split(separator: "\n").first { $0.contains("\(name): ") })
    return String(line.split(separator: " ").last ?? "")
  }

  // MARK: kubectl

  static let kubectl: String? = {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").map { "\($0)/kubectl" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  /// The `kubectl` to use instead of the first one of `PATH`.
  @TaskLocal static var chosenKubectl: String?

  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  /// Runs `kubectl` against the cluster.
  func kubectl(_ arguments: String..., input: String? = nil) async throws -> Outcome {
    try await run(arguments, input: input)
  }

  private func run(_ arguments: [String], input: String?) async throws -> Outcome {
    let executable = try #require(Self.chosenKubectl ?? Self.kubectl)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = ["--kubeconfig", ready.kubeconfigPath, "--cache-dir", folder + "/cache"] + arguments
    var environment = ProcessInfo.processInfo.environment
    environment["HOME"] = folder
    process.environment = environment
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    let inputPipe = Pipe()
    process.standardInput = input == nil ? FileHandle.nullDevice : inputPipe
    return try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        do {
          try process.run()
          if let input {
            inputPipe.fileHandleForWriting.write(Data(input.utf8))
            try inputPipe.fileHandleForWriting.close()
          }
          let text = output.fileHandleForReading.readDataToEndOfFile()
          let complaints = errors.fileHandleForReading.readDataToEndOfFile()
          process.waitUntilExit()
          continuation.resume(
            returning: Outcome(
              status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
              errors: String(decoding: complaints, as: UTF8.self)))
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }

  /// Runs `kubectl` and expects it to succeed; returns what it printed.
  func kubectlSucceeds(
    _ arguments: String..., input: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    try await kubectlSucceeds(arguments, input: input, sourceLocation: sourceLocation)
  }

  func kubectlSucceeds(
    _ arguments: [String], input: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let outcome = try await run(arguments, input: input)
    #expect(
      outcome.status == 0, "kubectl \(arguments.joined(separator: " ")): \(outcome.errors)",
      sourceLocation: sourceLocation)
    return outcome.output
  }
}
