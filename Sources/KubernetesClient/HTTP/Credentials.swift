internal import FoundationEssentials
internal import Synchronization

/// What a request shows of who sends it.
struct Credential: Sendable {
  /// The Authorization header's value; nil to send none.
  var header: String?
  /// In place of the configuration's own.
  var certificate: ClusterConfiguration.ClientCertificate?
  /// Tells an exec plugin's answers apart.
  var serial: UInt64 = 0
}

/// Who requests are sent as. Tokens from files are read again, because the kubelet rotates them: at most every 60
/// seconds, and at once after the server refused one.
final class Credentials: Sendable {
  private static let lifetime = Duration.seconds(60)

  private struct Cached {
    var value: String
    var readAt: ContinuousClock.Instant
  }

  private let source: ClusterConfiguration.Authorization
  private let cached = Mutex<Cached?>(nil)

  init(_ source: ClusterConfiguration.Authorization) { self.source = source }

  /// - Parameter deadline: how long to wait for an exec plugin.
  func current(until deadline: ContinuousClock.Instant) async throws(ConfigurationError) -> Credential {
    if case .exec(let plugin) = source { return try await plugin.current(until: deadline) }
    return Credential(header: try header(now: .now))
  }

  /// The server refused `credential`: another one to try, or nil when there is none.
  /// - Throws: what kept an exec plugin from making another.
  func replacement(
    for credential: Credential, until deadline: ContinuousClock.Instant
  ) async throws(ConfigurationError) -> Credential? {
    switch source {
    case .exec(let plugin): return try await plugin.replacement(for: credential, until: deadline)
    case .tokenFile(let path):
      // Where the file cannot be read the caller reports the refusal, which says more.
      guard let header = try? read(path, now: .now), header != credential.header else { return nil }
      return Credential(header: header)
    case .none, .token, .basic: return nil
    }
  }

  /// Nil where the cluster is used without one.
  private func header(now: ContinuousClock.Instant) throws(ConfigurationError) -> String? {
    switch source {
    case .none, .exec: return nil
    case .token(let token): return "Bearer \(token)"
    case .basic(let user, let password):
      return "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())"
    case .tokenFile(let path):
      let known = cached.withLock { $0 }
      if let known, now - known.readAt < Self.lifetime { return known.value }
      do throws(ConfigurationError) {
        return try read(path, now: now)
      } catch {
        // A file that cannot be read for a moment does no harm while the old token holds.
        guard let known else { throw error }
        return known.value
      }
    }
  }

  private func read(_ path: String, now: ContinuousClock.Instant) throws(ConfigurationError) -> String {
    let bytes = try ConfigurationFile.read(path, what: "token file")
    let token = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    guard !token.isEmpty else {
      throw ConfigurationError(
        problem: "token file \(path) is empty", hint: "wait for it to be written, or name another")
    }
    let value = "Bearer \(token)"
    cached.withLock { $0 = Cached(value: value, readAt: now) }
    return value
  }
}
