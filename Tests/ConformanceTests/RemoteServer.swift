import AsyncHTTPClient
import Foundation
import KubernetesAPI
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import YAML

/// How a server is reached over HTTPS, from the current context of a kubeconfig.
struct RemoteCluster: Sendable {
  let server: String
  let token: String?
  /// With the administrator's certificate, if that is how they are known.
  let client: HTTPClient
  let anonymousClient: HTTPClient

  init(kubeconfig path: String) throws {
    let config = try YAML.parse(try String(contentsOfFile: path, encoding: .utf8))
    func entry(_ list: String, _ member: String, _ name: JSONValue?) throws -> JSONValue {
      let found = config[list]?.arrayValue?.first { $0["name"] == name }?[member]
      guard let found else { throw ReplayProblem("\(path) has no \(member) \(name?.text ?? "for the context")") }
      return found
    }
    let context = try entry("contexts", "context", config["current-context"])
    let cluster = try entry("clusters", "cluster", context["cluster"])
    let user = try entry("users", "user", context["user"])
    func bytes(_ json: JSONValue, _ name: String) throws -> [UInt8]? {
      if let data = json["\(name)-data"]?.stringValue {
        guard let bytes = Data(base64Encoded: data) else { throw ReplayProblem("\(path): \(name)-data is not base64") }
        return Array(bytes)
      }
      return try json[name]?.stringValue.map { Array(try Data(contentsOf: URL(fileURLWithPath: $0))) }
    }
    server = cluster["server"]?.stringValue ?? ""
    token = user["token"]?.stringValue
    var tls = TLSConfiguration.makeClientConfiguration()
    if let authority = try bytes(cluster, "certificate-authority") {
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authority))
    }
    if cluster["insecure-skip-tls-verify"] == true { tls.certificateVerification = .none }
    anonymousClient = Self.client(tls)
    if let certificate = try bytes(user, "client-certificate"), let key = try bytes(user, "client-key") {
      tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(certificate).map { .certificate($0) }
      tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
    }
    client = Self.client(tls)
  }

  private static func client(_ tls: TLSConfiguration) -> HTTPClient {
    var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 200
    configuration.httpVersion = .http1Only
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  func shutdown() async throws {
    try await client.shutdown()
    try await anonymousClient.shutdown()
  }

  func execute(_ request: ReplayRequest, within timeout: TimeAmount) async throws(ReplayProblem) -> HTTPClientResponse {
    var outgoing = HTTPClientRequest(url: server + request.target)
    outgoing.method = HTTPMethod(rawValue: request.method)
    for (name, value) in request.headers { outgoing.headers.add(name: name, value: value) }
    if request.isAdministrator, let token, request.headers["authorization"] == nil {
      outgoing.headers.add(name: "authorization", value: "Bearer \(token)")
    }
    if let body = request.body { outgoing.body = .bytes(body) }
    do {
      return try await (request.isAdministrator ? client : anonymousClient).execute(outgoing, timeout: timeout)
    } catch {
      throw ReplayProblem("\(request.method) \(request.target): \(error)")
    }
  }
}

/// One scenario's use of a server over HTTPS. Time is real.
final class RemoteServer: ReplayServer {
  private let cluster: RemoteCluster
  private var watches: [String: RemoteWatch] = [:]
  private var webhooks: [ObjectIdentifier: any Channel] = [:]

  init(_ cluster: RemoteCluster) { self.cluster = cluster }

  var milliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  func wait(milliseconds: Int64) async { try? await Task.sleep(for: .milliseconds(milliseconds)) }

  func send(_ request: ReplayRequest) async throws(ReplayProblem) -> ReplayAnswer {
    let response = try await cluster.execute(request, within: .seconds(60))
    return try await answer(response, request)
  }

  func openWatch(_ name: String, _ request: ReplayRequest) async throws(ReplayProblem) -> ReplayAnswer {
    let response = try await cluster.execute(request, within: .seconds(600))
    guard response.status == .ok else { return try await answer(response, request) }
    watches[name] = RemoteWatch(response.body)
    return ReplayAnswer(status: 200, headers: Self.headers(response), body: [])
  }

  private func answer(
    _ response: HTTPClientResponse, _ request: ReplayRequest
  ) async throws(ReplayProblem) -> ReplayAnswer {
    do {
      let body = try await response.body.collect(upTo: 64 << 20)
      return ReplayAnswer(
        status: Int(response.status.code), headers: Self.headers(response), body: Array(body.readableBytesView))
    } catch {
      throw ReplayProblem("the answer to \(request.method) \(request.target) ended early: \(error)")
    }
  }

  private static func headers(_ response: HTTPClientResponse) -> [(name: String, value: String)] {
    response.headers.map { ($0.name.lowercased(), $0.value) }
  }

  func nextEvent(of name: String, before end: Int64) async -> JSONValue? {
    guard let watch = watches[name] else { return nil }
    while true {
      if let event = watch.take() { return event }
      if watch.hasEnded || milliseconds >= end { return nil }
      await wait(milliseconds: min(10, max(1, end - milliseconds)))
    }
  }

  func start(_ webhook: ReplayWebhook) async throws(ReplayProblem) -> Int {
    do {
      let channel = try await webhook.listen()
      webhooks[ObjectIdentifier(webhook)] = channel
      return channel.localAddress?.port ?? 0
    } catch {
      throw ReplayProblem("cannot serve a webhook: \(error)")
    }
  }

  func stop(_ webhook: ReplayWebhook) async {
    try? await webhooks.removeValue(forKey: ObjectIdentifier(webhook))?.close()
  }

  func hasEnded(_ name: String) -> Bool { watches[name]?.hasEnded ?? true }

  func closeWatch(_ name: String) { watches.removeValue(forKey: name)?.close() }

  deinit { for watch in watches.values { watch.close() } }
}

/// A watch that is read in the background.
private final class RemoteWatch: Sendable {
  private struct State {
    var events: [JSONValue] = []
    var hasEnded = false
  }

  private let state: SharedState
  private let reading: Task<Void, Never>

  private final class SharedState: Sendable {
    let mutex = Mutex(State())
  }

  init(_ body: HTTPClientResponse.Body) {
    let state = SharedState()
    self.state = state
    reading = Task {
      defer { state.mutex.withLock { $0.hasEnded = true } }
      var line: [UInt8] = []
      do {
        for try await buffer in body {
          for byte in buffer.readableBytesView {
            guard byte == UInt8(ascii: "\n") else {
              line.append(byte)
              continue
            }
            let event = (try? JSONValue(parsing: line)) ?? .string(String(decoding: line, as: UTF8.self))
            state.mutex.withLock { $0.events.append(event) }
            line = []
          }
        }
      } catch {
        // An end all the same: the scenario says whether there may be one.
      }
    }
  }

  func take() -> JSONValue? { state.mutex.withLock { $0.events.isEmpty ? nil : $0.events.removeFirst() } }
  var hasEnded: Bool { state.mutex.withLock { $0.hasEnded && $0.events.isEmpty } }
  func close() { reading.cancel() }
}
