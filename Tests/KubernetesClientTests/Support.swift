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

/// A port of 127.0.0.1 that refuses connections: it is taken, and nobody listens, so that nobody else can.
func withRefusingPort<Result>(_ body: (Int) async throws -> Result) async throws -> Result {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = inet_addr("127.0.0.1")
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
      bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
    }
  }
  try #require(result == 0)
  return try await body(Int(UInt16(bigEndian: address.sin_port)))
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
