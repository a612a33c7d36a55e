import Crypto
import FoundationEssentials
public import InMemoryKubernetes
import Synchronization

/// The bearer tokens a local cluster accepts, and who they stand for.
///
/// Tokens are kept as their SHA-256, so that looking one up tells nothing about the others by its timing.
public final class BearerTokens: Sendable {
  private let users = Mutex<[[UInt8]: APIUser]>([:])

  public init() {}

  /// A new random token (256 bits) for `user`.
  public func issue(for user: APIUser) -> String {
    let token = Self.random()
    users.withLock { $0[Self.digest(token)] = user }
    return token
  }

  /// 256 bits that nobody can guess, as text.
  static func random() -> String {
    var generator = SystemRandomNumberGenerator()
    let words = (0..<4).map { _ in generator.next() as UInt64 }
    return words.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// Who a token stands for; nil for one that was never issued or was withdrawn.
  public func user(of token: String) -> APIUser? {
    let digest = Self.digest(token)
    return users.withLock { $0[digest] }
  }

  public func withdraw(_ token: String) {
    let digest = Self.digest(token)
    users.withLock { $0[digest] = nil }
  }

  private static func digest(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Array(token.utf8))) }
}

extension APIUser {
  /// The operator, with the rights that `deploy/operator` gives its service account.
  public static let `operator` = serviceAccount(namespace: "flink-operator", name: "flink-operator")
  public static let controllerManager = APIUser(
    name: "system:kube-controller-manager", groups: ["system:masters", "system:authenticated"])

  public static func node(_ name: String) -> APIUser {
    APIUser(
      name: "system:node:\(name)", groups: ["system:nodes", "system:authenticated"])
  }

  public static func serviceAccount(namespace: String, name: String, uid: String = "") -> APIUser {
    APIUser(
      name: "system:serviceaccount:\(namespace):\(name)", uid: uid,
      groups: ["system:serviceaccounts", "system:serviceaccounts:\(namespace)", "system:authenticated"])
  }
}
