import Foundation
import KubernetesAPI
import KubernetesClient
import Logging
import Synchronization
import Testing

/// Runs `body` with a client of a server and shuts the client down.
func withClient<Result>(
  of server: TestServer, token: String? = nil, limits: KubernetesClient.Limits = .init(),
  _ body: (KubernetesClient) async throws -> Result
) async throws -> Result {
  try await withClient(
    ClusterConfiguration(server: server.address, token: token), limits: limits, body)
}

func withClient<Result>(
  _ configuration: ClusterConfiguration, limits: KubernetesClient.Limits = .init(),
  _ body: (KubernetesClient) async throws -> Result
) async throws -> Result {
  let client = KubernetesClient(configuration: configuration, limits: limits, logger: Logger(label: "test"))
  do {
    let result = try await body(client)
    await client.shutdown()
    return result
  } catch {
    await client.shutdown()
    throw error
  }
}

/// A folder that is removed again.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(path: "kubernetes-client-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await body(folder.path())
}

func write(_ text: String, to path: String) throws {
  try FileManager.default.createDirectory(
    at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
  try text.write(toFile: path, atomically: true, encoding: .utf8)
}

/// Values collected from several tasks.
final class Collected<Value: Sendable>: Sendable {
  private let values = Mutex<[Value]>([])
  var all: [Value] { values.withLock { $0 } }
  var count: Int { values.withLock { $0.count } }
  func append(_ value: Value) { values.withLock { $0.append(value) } }
}

extension KubernetesError {
  var isUnreachable: Bool { if case .unreachable = cause { true } else { false } }
  var isInterrupted: Bool { if case .interrupted = cause { true } else { false } }
  var isUndecodable: Bool { if case .undecodable = cause { true } else { false } }
}
