public import FlinkModel
internal import FoundationEssentials
internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
internal import KubernetesAPI
public import Logging
internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// Answers the API server's AdmissionReviews over TLS: `/validate` and `/mutate`.
public final class WebhookServer: Sendable {
  /// Reads the FlinkDeployment that a session job names; nil where it is not there or not known.
  public typealias ClusterLookup = @Sendable (_ namespace: String, _ name: String) async -> FlinkDeployment?

  private let host: String
  private let port: Int
  private let certificate: @Sendable () -> WebhookCertificate?
  private let settings: @Sendable () -> OperatorSettings
  private let cluster: ClusterLookup
  private let logger: Logger
  private let context = Mutex<(WebhookCertificate, NIOSSLContextConfigurationOverride)?>(nil)

  /// Two objects of the largest size an API server takes, and what goes around them.
  private static let maximumBody = 8 * 1024 * 1024

  /// - Parameter certificate: asked at each handshake, so that a new certificate is served with at once.
  public init(
    host: String, port: Int, certificate: @escaping @Sendable () -> WebhookCertificate?,
    settings: @escaping @Sendable () -> OperatorSettings, cluster: @escaping ClusterLookup = { _, _ in nil },
    logger: Logger
  ) {
    self.host = host
    self.port = port
    self.certificate = certificate
    self.settings = settings
    self.cluster = cluster
    self.logger = logger
  }

  /// Serves until the calling task is cancelled. To be called once there is a certificate.
  ///
  /// - Throws: `WebhookError` when there is no usable certificate or the address cannot be listened on.
  public func run(onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }) async throws {
    guard let first = certificate() else { throw WebhookError("the webhook has no certificate to serve with") }
    // Hummingbird calls the cancellation that ends it an error.
    var quiet = logger
    quiet.logLevel = .critical
    var tls: TLSConfiguration
    do {
      tls = TLSConfiguration.makeServerConfiguration(
        certificateChain: [.certificate(try NIOSSLCertificate(bytes: Array(first.certificate.utf8), format: .pem))],
        privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(first.privateKey.utf8), format: .pem)))
    } catch {
      throw WebhookError("the webhook's certificate cannot be used: \(error)")
    }
    tls.minimumTLSVersion = .tlsv12
    tls.applicationProtocols = ["http/1.1"]
    tls.sslContextCallback = { [self] _, promise in promise.succeed(current() ?? .noChanges) }
    let isListening = Mutex(false)
    do {
      let application = Application(
        router: router(),
        server: try .tls(.http1(configuration: .init(idleTimeout: .seconds(90))), tlsConfiguration: tls),
        configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "flink-operator"),
        onServerRunning: { [logger] channel in
          let port = channel.localAddress?.port ?? 0
          isListening.withLock { $0 = true }
          logger.info("the webhook answers", metadata: ["port": "\(port)"])
          await onListening(port)
        }, logger: quiet)
      try await application.run()
    } catch  where !isListening.withLock({ $0 }) && !(error is CancellationError) {
      throw WebhookError(
        "cannot serve the webhook on \(host):\(port): \(error); choose another address or port, or end what uses it")
    }
  }

  /// The certificate of now for a handshake; nil for that of the start.
  private func current() -> NIOSSLContextConfigurationOverride? {
    guard let certificate = certificate() else { return nil }
    return context.withLock { context in
      if let context, context.0 == certificate { return context.1 }
      do {
        var override = NIOSSLContextConfigurationOverride()
        override.certificateChain = [
          .certificate(try NIOSSLCertificate(bytes: Array(certificate.certificate.utf8), format: .pem))
        ]
        override.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(certificate.privateKey.utf8), format: .pem))
        context = (certificate, override)
        return override
      } catch {
        return nil
      }
    }
  }

  private func router() -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self)
    router.post("validate") { [self] request, _ in
      try await answer(request) { review in
        AdmissionReviewer(settings()).validate(review, cluster: await namedCluster(review))
      }
    }
    router.post("mutate") { [self] request, _ in
      try await answer(request) { AdmissionReviewer(settings()).mutate($0) }
    }
    return router
  }

  private func namedCluster(_ review: AdmissionRequest) async -> FlinkDeployment? {
    guard review.kind == FlinkKind.sessionJob.rawValue,
      let namespace = review.object["metadata", "namespace"]?.stringValue,
      let name = review.object["spec", "deploymentName"]?.stringValue
    else { return nil }
    return await cluster(namespace, name)
  }

  private func answer(
    _ request: Request, _ judge: (AdmissionRequest) async -> AdmissionVerdict
  ) async throws -> Response {
    let body = try await request.body.collect(upTo: Self.maximumBody)
    guard let json = try? JSONValue(parsing: Array(body.readableBytesView)), let review = AdmissionRequest(review: json)
    else {
      return Self.response(.badRequest, ["message": "the body is no AdmissionReview with a request"])
    }
    let verdict = await judge(review)
    if let refusal = verdict.refusal {
      logger.info(
        "refused",
        metadata: [
          "kind": "\(review.kind)", "operation": "\(review.operation)",
          "name": "\(review.object["metadata", "name"]?.stringValue ?? "")", "reason": "\(refusal)",
        ])
    }
    var response = verdict.response(uid: review.uid)
    if !verdict.patch.isEmpty {
      let patch = Data(JSONValue.array(verdict.patch).serialized())
      response["patchType"] = "JSONPatch"
      response["patch"] = .string(patch.base64EncodedString())
    }
    return Self.response(
      .ok, ["apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": .object(response)])
  }

  private static func response(_ status: HTTPResponse.Status, _ json: JSONValue) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.serialized())))
  }
}
