internal import FoundationEssentials
internal import Synchronization

/// The Authorization header's value. Tokens from files are read again, because the kubelet rotates them: at most every
/// 60 seconds, and at once after the server refused one.
final class AuthorizationHeader: Sendable {
  private static let lifetime = Duration.seconds(60)

  private struct Cached {
    var value: String
    var readAt: ContinuousClock.Instant
  }

  private let source: ClusterConfiguration.Authorization
  private let cached = Mutex<Cached?>(nil)

  init(_ source: ClusterConfiguration.Authorization) { self.source = source }

  /// Nil where the cluster is used without one.
  func value(now: ContinuousClock.Instant = .now) throws(ConfigurationError) -> String? {
    switch source {
    case .none: return nil
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

  /// The server refused `value`: another one to try, or nil when there is none.
  func replacement(for value: String?, now: ContinuousClock.Instant = .now) -> String? {
    guard case .tokenFile(let path) = source else { return nil }
    // Where the file cannot be read the caller reports the refusal, which says more.
    let current = try? read(path, now: now)
    return current == value ? nil : current
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
