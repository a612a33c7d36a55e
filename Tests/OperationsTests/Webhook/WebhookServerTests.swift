import AsyncHTTPClient
import FlinkModel
import Foundation
import KubernetesAPI
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import Testing

@testable import Operations

/// The webhook as an API server calls it: over TLS, trusting nothing but the bundle.
@Suite(.timeLimit(.minutes(2))) struct WebhookServerTests {
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private let now = Timestamp(epochMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))

  /// A shared place for the certificate of now.
  private final class Holder: Sendable {
    private let held: Mutex<WebhookCertificate>
    init(_ certificate: WebhookCertificate) { held = Mutex(certificate) }
    var certificate: WebhookCertificate {
      get { held.withLock { $0 } }
      set { held.withLock { $0 = newValue } }
    }
  }

  private func withServer(
    _ holder: Holder, cluster: @escaping WebhookServer.ClusterLookup = { _, _ in nil },
    _ body: (_ port: Int) async throws -> Void
  ) async throws {
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let server = WebhookServer(
      host: "127.0.0.1", port: 0, certificate: { holder.certificate }, settings: { OperatorSettings() },
      cluster: cluster, logger: logger)
    let serving = Task { try await server.run { continuation.yield($0) } }
    var iterator = ports.makeAsyncIterator()
    let port = try #require(await iterator.next())
    do {
      try await body(port)
    } catch {
      serving.cancel()
      throw error
    }
    serving.cancel()
    _ = try? await serving.value
  }

  private struct Answer {
    let status: UInt
    let json: JSONValue
  }

  private func post(_ port: Int, _ path: String, _ body: String, trusting authorities: String) async throws -> Answer {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authorities.utf8)))
    var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
    // A refused handshake is an answer here.
    configuration.timeout.connect = .seconds(5)
    configuration.connectionPool.retryConnectionEstablishment = false
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    var request = HTTPClientRequest(url: "https://127.0.0.1:\(port)\(path)")
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(ByteBuffer(string: body))
    do {
      let response = try await client.execute(request, timeout: .seconds(20))
      let bytes = try await response.body.collect(upTo: 1 << 20)
      try await client.shutdown()
      return Answer(
        status: response.status.code, json: (try? JSONValue(parsing: Array(bytes.readableBytesView))) ?? .null)
    } catch {
      try await client.shutdown()
      throw error
    }
  }

  private func review(_ operation: String, _ kind: FlinkKind, _ object: JSONValue, old: JSONValue = .null) -> String {
    let json: JSONValue = [
      "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
      "request": [
        "uid": "r-1", "kind": ["group": "flink.apache.org", "version": "v1beta1", "kind": .string(kind.rawValue)],
        "operation": .string(operation), "object": object, "oldObject": old,
      ],
    ]
    return json.text
  }

  private func sessionJob(_ cluster: String) -> JSONValue {
    [
      "metadata": ["name": "j", "namespace": "default"],
      "spec": ["deploymentName": .string(cluster), "job": ["jarURI": "https://example.com/a.jar", "parallelism": 1]],
    ]
  }

  @Test func anAPIServerGetsItsAnswers() async throws {
    let holder = Holder(try WebhookCertificate(names: ["127.0.0.1"], now: now))
    let trusted = holder.certificate.authorities
    try await withServer(holder) { port in
      let empty: JSONValue = ["metadata": ["name": "basic", "namespace": "default"], "spec": [:]]
      let refused = try await post(port, "/validate", review("CREATE", .deployment, empty), trusting: trusted)
      #expect(refused.status == 200)
      #expect(refused.json["kind"] == "AdmissionReview" && refused.json["apiVersion"] == "admission.k8s.io/v1")
      #expect(refused.json["response", "uid"] == "r-1" && refused.json["response", "allowed"] == false)
      let message = refused.json["response", "status", "message"]?.stringValue ?? ""
      #expect(message.hasPrefix("spec.flinkVersion is not set: "))

      let deletion = try await post(
        port, "/validate", review("DELETE", .deployment, .null, old: empty), trusting: trusted)
      #expect(deletion.json["response", "allowed"] == true)

      let mutated = try await post(port, "/mutate", review("CREATE", .sessionJob, sessionJob("c")), trusting: trusted)
      #expect(mutated.json["response", "allowed"] == true && mutated.json["response", "patchType"] == "JSONPatch")
      let patch = try #require(Data(base64Encoded: mutated.json["response", "patch"]?.stringValue ?? ""))
      #expect(
        try JSONValue(parsing: Array(patch))
          == [["op": "add", "path": "/metadata/labels", "value": ["target.session": "c"]]])
      let unchanged = try await post(port, "/mutate", review("CREATE", .deployment, empty), trusting: trusted)
      #expect(unchanged.json["response", "allowed"] == true && unchanged.json["response", "patch"] == nil)

      for body in ["", "{", "[]", "{\"request\":{}}"] {
        #expect(try await post(port, "/validate", body, trusting: trusted).status == 400, "\(body)")
      }
      #expect(try await post(port, "/other", "{}", trusting: trusted).status == 404)
    }
  }

  @Test func aSessionJobIsHeldAgainstItsCluster() async throws {
    let holder = Holder(try WebhookCertificate(names: ["127.0.0.1"], now: now))
    let application = FlinkDeployment(
      KubernetesObject(["metadata": ["name": "app", "namespace": "default"], "spec": ["job": [:]]]))
    try await withServer(holder, cluster: { $0 == "default" && $1 == "app" ? application : nil }) { port in
      let trusted = holder.certificate.authorities
      let toApplication = try await post(
        port, "/validate", review("CREATE", .sessionJob, sessionJob("app")), trusting: trusted)
      #expect(toApplication.json["response", "allowed"] == false)
      let toUnknown = try await post(
        port, "/validate", review("CREATE", .sessionJob, sessionJob("later")), trusting: trusted)
      #expect(toUnknown.json["response", "allowed"] == true)
      #expect(toUnknown.json["response", "warnings"]?.arrayValue?.isEmpty == false)
    }
  }

  @Test func aNewCertificateIsServedAtOnce() async throws {
    let old = try WebhookCertificate(names: ["127.0.0.1"], now: now)
    let new = try WebhookCertificate(names: ["127.0.0.1"], now: now, replacing: old)
    let holder = Holder(old)
    let body = review("DELETE", .deployment, .null)
    try await withServer(holder) { (port: Int) async throws -> Void in
      // While replicas change over, the new bundle is trusted with either certificate.
      #expect(try await post(port, "/validate", body, trusting: new.authorities).status == 200)
      holder.certificate = new
      #expect(try await post(port, "/validate", body, trusting: new.authorities).status == 200)
      await #expect(throws: (any Error).self) {
        try await post(port, "/validate", body, trusting: old.authorities)
      }
    }
  }

  @Test func aTakenPortIsSaid() async throws {
    let holder = Holder(try WebhookCertificate(names: ["127.0.0.1"], now: now))
    try await withServer(holder) { port in
      let second = WebhookServer(
        host: "127.0.0.1", port: port, certificate: { holder.certificate }, settings: { OperatorSettings() },
        logger: logger)
      let error = await #expect(throws: WebhookError.self) { try await second.run() }
      #expect(error?.description.contains("cannot serve the webhook on 127.0.0.1:\(port)") == true)
    }
  }
}
