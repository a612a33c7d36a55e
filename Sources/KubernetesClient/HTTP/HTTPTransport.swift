internal import AsyncHTTPClient
internal import Glibc
internal import KubernetesAPI
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// Carries requests to one API server. Calls and watches have separate connections: a watch holds an HTTP/1.1
/// connection for minutes, and calls must not wait for it.
final class HTTPTransport: Sendable {
  private let calls: HTTPClient
  let watches: WatchConnections
  private let group: any EventLoopGroup
  private let configuration: ClusterConfiguration
  private let credentials: Credentials
  /// For connections; an exec plugin's certificate comes on top.
  private let tls: TLSConfiguration
  private let limits: KubernetesClient.Limits
  private let logger: Logger
  /// What the Host header and the URL say; they differ under `tls-server-name`.
  private let base: String
  private let hostHeader: String?

  init(_ configuration: ClusterConfiguration, limits: KubernetesClient.Limits, logger: Logger) {
    self.configuration = configuration
    self.limits = limits
    self.logger = logger
    credentials = Credentials(configuration.authorization)
    let tls = Self.tlsConfiguration(configuration)
    self.tls = tls
    group = MultiThreadedEventLoopGroup.singleton
    let address = ServerAddress(configuration)
    base = address.base
    hostHeader = address.hostHeader
    calls = HTTPClient(
      eventLoopGroup: group,
      configuration: Self.clientConfiguration(configuration, tls, address, limits, connections: 64))
    watches = WatchConnections(
      group: group,
      configuration: Self.clientConfiguration(configuration, tls, address, limits, connections: 1024))
  }

  deinit {
    // A client that was never shut down is a crash in AsyncHTTPClient; a second shutdown is only an error.
    calls.shutdown { _ in }
  }

  func shutdown() async {
    for client in [calls] + watches.close() {
      do {
        try await client.shutdown()
      } catch {
        logger.debug("HTTP client did not shut down cleanly", metadata: ["error": "\(error)"])
      }
    }
  }

  var eventLoop: any EventLoop { group.any() }
  /// As messages name it.
  var server: String { configuration.server + (configuration.proxy.map { " (through the proxy \($0))" } ?? "") }

  // MARK: Calls

  /// The answer to a request, its body included, within the deadline. Other statuses than 2xx are errors.
  func answer(to request: APIRequest) async throws(KubernetesError) -> Answer {
    let deadline = limits.callTimeout
    let started = ContinuousClock.now
    var credential = try await credential(for: request, until: started + deadline)
    var isSecondTry = false
    while true {
      let left = deadline - (ContinuousClock.now - started)
      let mark = request.body == nil ? nil : SendMark()
      let prepared = prepare(request, credential, mark: mark)
      let (result, isExpired) = await race(prepared, deadline: left)
      switch result {
      case .success(let answer):
        logger.trace(
          "Kubernetes request",
          metadata: ["attempt": "\(request.attempt)", "status": "\(answer.status)", "bytes": "\(answer.body.count)"])
        if answer.isSuccess { return answer }
        if answer.status == 401, !isSecondTry,
          let replacement = await replacement(for: credential, until: started + deadline)
        {
          isSecondTry = true
          credential = replacement
          continue
        }
        throw KubernetesError(attempt: request.attempt, cause: answer.rejection)
      case .failure(let error):
        if Task.isCancelled { throw KubernetesError(attempt: request.attempt, cause: .cancelled) }
        let failure = TransportFailure(error: error, server: server)
        let mayGoAgain = failure.isRefusedStream || (request.method == .GET && failure.isClosedConnection)
        if mayGoAgain, !isSecondTry, !isExpired {
          isSecondTry = true
          continue
        }
        throw KubernetesError(
          attempt: request.attempt, cause: failure.cause(mark: mark, isExpired: isExpired, deadline: deadline))
      }
    }
  }

  /// Executes a request and collects its answer. AsyncHTTPClient's own timeout ends with the answer's head, so a timer
  /// on the event loop covers the whole.
  private func race(
    _ request: HTTPClientRequest, deadline: Duration
  ) async -> (Result<Answer, any Error>, isExpired: Bool) {
    let calls = calls
    let maximumBytes = limits.maximumAnswerBytes
    let logger = logger
    let work = Task { () async -> Result<Answer, any Error> in
      do {
        let response = try await calls.execute(request, deadline: .distantFuture, logger: logger)
        let body = try await response.body.collect(upTo: maximumBytes)
        return .success(
          Answer(status: Int(response.status.code), headers: response.headers, body: Array(body.readableBytesView)))
      } catch {
        return .failure(error)
      }
    }
    let timer = ExpiryTimer()
    let scheduled = eventLoop.scheduleTask(in: TimeAmount(max(deadline, .zero))) {
      timer.expire()
      work.cancel()
    }
    defer { scheduled.cancel() }
    let result = await withTaskCancellationHandler {
      await work.value
    } onCancel: {
      work.cancel()
    }
    return (result, timer.isExpired)
  }

  // MARK: Watches

  /// Opens a stream. The caller reads the body; it cancels the task to end it.
  ///
  /// - Parameter place: one of `watches`, until the stream has ended.
  func open(
    _ request: APIRequest, at place: WatchConnections.Place
  ) async throws(KubernetesError) -> HTTPClientResponse {
    let waitsUntil = ContinuousClock.now + limits.callTimeout
    var credential = try await credential(for: request, until: waitsUntil)
    var isSecondTry = false
    while true {
      let response: HTTPClientResponse
      do {
        response = try await place.client.execute(
          prepare(request, credential, mark: nil), deadline: .now() + TimeAmount(limits.callTimeout),
          logger: logger)
      } catch {
        let failure = TransportFailure(error: error, server: server)
        if !isSecondTry, failure.isClosedConnection || failure.isRefusedStream {
          isSecondTry = true
          continue
        }
        throw KubernetesError(
          attempt: request.attempt, cause: failure.cause(mark: nil, isExpired: false, deadline: limits.callTimeout))
      }
      if response.status == .unauthorized, !isSecondTry,
        let replacement = await replacement(for: credential, until: waitsUntil)
      {
        isSecondTry = true
        credential = replacement
        continue
      }
      return response
    }
  }

  // MARK: Requests

  private func credential(
    for request: APIRequest, until deadline: ContinuousClock.Instant
  ) async throws(KubernetesError) -> Credential {
    do throws(ConfigurationError) {
      return try await credentials.current(until: deadline)
    } catch {
      if Task.isCancelled { throw KubernetesError(attempt: request.attempt, cause: .cancelled) }
      throw KubernetesError(attempt: request.attempt, cause: .unreachable(error.description))
    }
  }

  private func replacement(for credential: Credential, until deadline: ContinuousClock.Instant) async -> Credential? {
    do throws(ConfigurationError) {
      return try await credentials.replacement(for: credential, until: deadline)
    } catch {
      // The caller gets the server's refusal.
      logger.warning("the API server refused our credentials, and there are no others", metadata: ["error": "\(error)"])
      return nil
    }
  }

  private func prepare(_ request: APIRequest, _ credential: Credential, mark: SendMark?) -> HTTPClientRequest {
    var prepared = HTTPClientRequest(url: base + request.target)
    prepared.method = request.method
    prepared.headers.add(name: "accept", value: "application/json")
    prepared.headers.add(name: "user-agent", value: limits.userAgent)
    if let hostHeader { prepared.headers.add(name: "host", value: hostHeader) }
    if let header = credential.header { prepared.headers.add(name: "authorization", value: header) }
    if let certificate = credential.certificate {
      // Connections are kept apart by it, so that none of an old certificate is used on.
      prepared.tlsConfiguration = tls.presenting(certificate)
    }
    if let contentType = request.contentType { prepared.headers.add(name: "content-type", value: contentType) }
    if let body = request.body, let mark {
      prepared.body = .bytes(MarkedBytes(bytes: body, mark: mark), length: .known(Int64(body.count)))
    }
    return prepared
  }
}

extension HTTPTransport {
  private static func tlsConfiguration(_ cluster: ClusterConfiguration) -> TLSConfiguration {
    var tls = TLSConfiguration.makeClientConfiguration()
    switch cluster.trust {
    case .system: break
    case .authorities(let certificates): tls.trustRoots = .certificates(certificates)
    case .anything: tls.certificateVerification = .none
    }
    return cluster.clientCertificate.map(tls.presenting) ?? tls
  }

  private static func clientConfiguration(
    _ cluster: ClusterConfiguration, _ tls: TLSConfiguration, _ address: ServerAddress,
    _ limits: KubernetesClient.Limits, connections: Int
  ) -> HTTPClient.Configuration {
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: tls, redirectConfiguration: .disallow,
      timeout: .init(connect: TimeAmount(limits.connectTimeout)), decompression: .disabled)
    configuration.dnsOverride = address.dnsOverride
    if let proxy = cluster.proxy {
      configuration.proxy = .server(
        host: proxy.host, port: proxy.port,
        authorization: proxy.user.map { .basic(username: $0, password: proxy.password ?? "") })
    }
    configuration.httpVersion = .automatic
    configuration.connectionPool.idleTimeout = .seconds(90)
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
    // Those who call have their own back-off, and an error at once tells them more than a slow one.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.http1_1ConnectionDebugInitializer = detectDeadPeers
    configuration.http2ConnectionDebugInitializer = detectDeadPeers
    return configuration
  }

  /// A peer that vanished without a word keeps an HTTP/2 connection, and all calls on it, waiting for a quarter of an
  /// hour. The kernel asks idle peers after 30 s and gives up 30 s after the first byte that is not acknowledged.
  @Sendable private static func detectDeadPeers(_ channel: any Channel) -> EventLoopFuture<Void> {
    let options: [(level: CInt, name: CInt, value: Int)] = [
      (SOL_SOCKET, SO_KEEPALIVE, 1), (CInt(IPPROTO_TCP), TCP_KEEPIDLE, 30), (CInt(IPPROTO_TCP), TCP_KEEPINTVL, 10),
      (CInt(IPPROTO_TCP), TCP_KEEPCNT, 3), (CInt(IPPROTO_TCP), TCP_USER_TIMEOUT, 30_000),
    ]
    let futures = options.map { option in
      channel.setOption(
        ChannelOptions.Types.SocketOption(
          level: .init(rawValue: option.level), name: .init(rawValue: option.name)),
        value: option.value)
    }
    return .andAllSucceed(futures, on: channel.eventLoop)
  }
}

extension TLSConfiguration {
  fileprivate func presenting(_ client: ClusterConfiguration.ClientCertificate) -> TLSConfiguration {
    var tls = self
    tls.certificateChain = client.chain.map { .certificate($0) }
    tls.privateKey = .privateKey(client.key)
    return tls
  }
}

/// Set by a timer when a deadline has passed.
private final class ExpiryTimer: Sendable {
  private let flag = Atomic(false)
  var isExpired: Bool { flag.load(ordering: .acquiring) }
  func expire() { flag.store(true, ordering: .releasing) }
}
