internal import AsyncHTTPClient
internal import Glibc
internal import KubernetesAPI
internal import NIOCore
internal import NIOHTTP2
internal import NIOPosix
internal import NIOSSL

/// Says what an error of the HTTP layer means.
struct TransportFailure {
  let error: any Error
  let server: String

  /// - Parameter mark: of a request with a body; nil for reads, where the kind of error tells whether it was sent.
  func cause(mark: SendMark?, isExpired: Bool, deadline: Duration) -> KubernetesError.Cause {
    if isExpired || isDeadline {
      let seconds = Double(deadline.components.seconds) + Double(deadline.components.attoseconds) / 1e18
      let text = "no complete answer from \(server) within \(seconds) s"
      return mark?.isSent == false ? .unreachable(text) : .interrupted(text)
    }
    if error is CancellationError { return .cancelled }
    if let tooLarge = error as? NIOTooManyBytesError {
      return .undecodable("the answer is larger than \(tooLarge.maxBytes.map(String.init) ?? "the limit of") bytes")
    }
    let wasSent = !isRefusedStream && (mark?.isSent ?? !isBeforeSending)
    return wasSent ? .interrupted(text) : .unreachable(text)
  }

  /// The server closed a kept-alive connection just as a request went out: reads may simply go again.
  var isClosedConnection: Bool {
    // NIOHTTP2's word for a stream that a GOAWAY does not cover; a server may end one so itself.
    if let error = error as? NIOHTTP2Errors.StreamClosed { return error.errorCode == .cancel }
    if (error as? HTTPClientError) == .remoteConnectionClosed { return true }
    guard let error = error as? IOError else { return false }
    return error.errnoCode == ECONNRESET || error.errnoCode == EPIPE
  }

  /// The server has done nothing for the request, and says so: even writes may go again.
  var isRefusedStream: Bool { (error as? NIOHTTP2Errors.StreamClosed)?.errorCode == .refusedStream }

  private var isDeadline: Bool { (error as? HTTPClientError) == .deadlineExceeded }

  /// Errors of opening a connection.
  private var isBeforeSending: Bool {
    if let error = error as? HTTPClientError {
      return [
        .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .proxyAuthenticationRequired,
        .invalidProxyResponse, .httpProxyHandshakeTimeout,
      ].contains(error)
    }
    switch error {
    case is NIOConnectionError, is NIOSSLError, is NIOSSLExtraError, is ConfigurationError, is BoringSSLError:
      return true
    case let error as ChannelError: if case .connectTimeout = error { return true }
    case let error as IOError: return Self.connectFailures.contains(error.errnoCode)
    default: break
    }
    return false
  }

  private static let connectFailures: Set<CInt> = [
    ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, EADDRNOTAVAIL, EACCES, EPERM,
  ]

  private var text: String {
    let raw = "\(error)"
    if raw.contains("CERTIFICATE_VERIFY_FAILED") {
      return "the certificate of \(server) is not trusted; check certificate-authority in the kubeconfig"
    }
    switch error {
    case let error as NIOConnectionError:
      if let dns = error.dnsAError ?? error.dnsAAAAError, error.connectionErrors.isEmpty {
        return "cannot resolve \(error.host): \(Self.oneLine(dns)); check server in the kubeconfig"
      }
      let reasons = Set(error.connectionErrors.map { Self.oneLine($0.error) }).sorted().joined(separator: ", ")
      return "cannot connect to \(server): \(reasons); check that the server runs and is reachable from here"
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      return "the certificate of \(server) is for another name (\(error)); set tls-server-name in the kubeconfig"
    case is IOError where isBeforeSending:
      return
        "cannot connect to \(server): \(Self.oneLine(error)); check that the server runs and is reachable from here"
    case is NIOSSLError, is BoringSSLError:
      return "TLS with \(server) failed: \(Self.oneLine(error)); check server and certificates in the kubeconfig"
    case let error as HTTPClientError where error == .getConnectionFromPoolTimeout || error == .connectTimeout:
      return "no connection to \(server) in time"
    case let error as HTTPClientError where error == .proxyAuthenticationRequired:
      return "no connection to \(server): the proxy wants a user and a password; put them into proxy-url in the "
        + "kubeconfig, like http://user:password@host:3128"
    case let error as HTTPClientError where error == .invalidProxyResponse || error == .httpProxyHandshakeTimeout:
      return "no connection to \(server): the proxy did not open one; check proxy-url in the kubeconfig"
    case is NIOHTTP2Errors.StreamClosed where isRefusedStream: return "\(server) refused the request's stream"
    case let error as NIOHTTP2Errors.StreamClosed:
      return "\(server) ended the request's stream (\(error.errorCode))"
    case let error as HTTPClientError where error == .remoteConnectionClosed:
      return "\(server) closed the connection"
    default: return Self.oneLine(error)
    }
  }

  private static func oneLine(_ error: any Error) -> String {
    if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
    return "\(error)".replacing("\n", with: " ")
  }
}
