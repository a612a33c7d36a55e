internal import NIOSSL

/// What the operator trusts, and what it shows of itself, where a JobManager's REST interface is encrypted
/// (`security.ssl.rest.enabled`).
///
/// Stores are PEM or PKCS12. As with Flink's own client a certificate need not name the address it is reached by, if its
/// authority is in the truststore.
public struct FlinkTLS: Sendable {
  let configuration: TLSConfiguration

  /// A file with certificates, keys or both.
  public struct Store: Sendable {
    public var path: String
    public var bytes: [UInt8]

    public init(path: String, bytes: [UInt8]) {
      self.path = path
      self.bytes = bytes
    }
  }

  /// Why a store cannot be used.
  public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String
  }

  /// - Parameters:
  ///   - truststore: nil trusts what the system trusts, and then a certificate must name its host.
  ///   - keystore: for JobManagers that ask for a certificate (`security.ssl.rest.authentication-enabled`).
  ///   - password: of both, where they are PKCS12.
  public init(truststore: Store?, keystore: Store?, password: String?) throws(StoreError) {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let truststore {
      configuration.trustRoots = .certificates(try Self.authorities(truststore, password))
      configuration.certificateVerification = .noHostnameVerification
    }
    if let keystore {
      let (chain, key) = try Self.identity(keystore, password)
      configuration.certificateChain = chain.map { .certificate($0) }
      configuration.privateKey = .privateKey(key)
    }
    self.configuration = configuration
  }

  private enum Format { case pem, pkcs12 }

  private static func format(_ store: Store) throws(StoreError) -> Format {
    if store.bytes.starts(with: [0xFE, 0xED, 0xFE, 0xED]) || store.bytes.starts(with: [0xCE, 0xCE, 0xCE, 0xCE]) {
      throw StoreError(
        description: "\(store.path) is a Java keystore (JKS), which is not supported: convert it with 'keytool "
          + "-importkeystore -srckeystore \(store.path) -destkeystore store.p12 -deststoretype PKCS12', or give PEM")
    }
    // PEM is text; DER begins with a sequence.
    return store.bytes.first == 0x30 ? .pkcs12 : .pem
  }

  private static func authorities(
    _ store: Store, _ password: String?
  ) throws(StoreError) -> [NIOSSLCertificate] {
    switch try format(store) {
    case .pkcs12: return try bundle(store, password).certificateChain
    case .pem: return try certificates(store)
    }
  }

  private static func identity(
    _ store: Store, _ password: String?
  ) throws(StoreError) -> ([NIOSSLCertificate], NIOSSLPrivateKey) {
    switch try format(store) {
    case .pkcs12:
      let bundle = try bundle(store, password)
      return (bundle.certificateChain, bundle.privateKey)
    case .pem:
      do {
        return (try certificates(store), try NIOSSLPrivateKey(bytes: store.bytes, format: .pem))
      } catch let error as StoreError {
        throw error
      } catch {
        throw StoreError(description: "\(store.path) holds no private key in PEM: \(error)")
      }
    }
  }

  private static func certificates(_ store: Store) throws(StoreError) -> [NIOSSLCertificate] {
    let found = try? NIOSSLCertificate.fromPEMBytes(store.bytes)
    guard let found, !found.isEmpty else {
      throw StoreError(description: "\(store.path) holds no certificate: give PEM or PKCS12")
    }
    return found
  }

  /// The object identifiers of a plain and of an encrypted key: 1.2.840.113549.1.12.10.1.1 and .2.
  private static let keyBags: [[UInt8]] = [1, 2].map {
    [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01, $0]
  }

  private static func bundle(_ store: Store, _ password: String?) throws(StoreError) -> NIOSSLPKCS12Bundle {
    // The library ends the process for a bundle without a key.
    guard keyBags.contains(where: { contains($0, in: store.bytes) }) else {
      throw StoreError(
        description:
          "\(store.path) is a PKCS12 store without a private key, which cannot be read: give the certificates "
          + "as PEM ('openssl pkcs12 -in \(store.path) -nokeys -out trust.pem')")
    }
    do {
      return try NIOSSLPKCS12Bundle(buffer: store.bytes, passphrase: password.map { Array($0.utf8) })
    } catch {
      throw StoreError(
        description: "\(store.path) cannot be read as PKCS12: is OPERATOR_KEYSTORE_PASSWORD its password? (\(error))")
    }
  }

  private static func contains(_ pattern: [UInt8], in bytes: [UInt8]) -> Bool {
    guard bytes.count >= pattern.count else { return false }
    return (0...bytes.count - pattern.count).contains { bytes[$0...].starts(with: pattern) }
  }
}
