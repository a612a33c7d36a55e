import Crypto
import FoundationEssentials
public import KubernetesAPI
import SwiftASN1
import X509

/// The certificates a local cluster makes for itself when it starts: a certificate authority of its own and the serving
/// certificate it signs. Both live as long as the process: a new start makes new ones.
public struct ServingCredentials: Sendable {
  /// PEM of the authority, for `certificate-authority-data` and the `kube-root-ca.crt` ConfigMaps.
  public let authorityPEM: String
  /// PEM of the serving certificate.
  public let certificatePEM: String
  /// PEM (PKCS #8) of the serving certificate's key.
  public let privateKeyPEM: String

  /// Makes an authority and a certificate for the names an API server is called by.
  ///
  /// - Parameters:
  ///   - addresses: IPv4 addresses in dotted form that the certificate is valid for besides 127.0.0.1.
  ///   - now: the certificates are valid for a year from five minutes before this.
  /// - Throws: `CredentialsError` when an address is not IPv4 or the certificate cannot be made.
  public init(addresses: [String] = [], now: Timestamp) throws(CredentialsError) {
    var octets: [[UInt8]] = []
    for address in ["127.0.0.1"] + addresses {
      let parts = address.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
      guard parts.count == 4, !parts.contains(nil) else { throw .notAnAddress(address) }
      let bytes = parts.compactMap { $0 }
      if !octets.contains(bytes) { octets.append(bytes) }
    }
    do {
      let authorityKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
      let authorityName = try DistinguishedName { CommonName("flink-operator local cluster") }
      // Clocks of containers and hosts differ a little: valid from some time ago.
      let start = Date(timeIntervalSince1970: Double(now.epochMilliseconds) / 1000 - 300)
      let end = start.addingTimeInterval(365 * 24 * 3600)
      let authority = try Certificate(
        version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: authorityKey.publicKey,
        notValidBefore: start, notValidAfter: end, issuer: authorityName, subject: authorityName,
        signatureAlgorithm: .ecdsaWithSHA256,
        extensions: Certificate.Extensions {
          Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
          Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
          SubjectKeyIdentifier(hash: authorityKey.publicKey)
        }, issuerPrivateKey: authorityKey)

      let serverKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
      let names = [
        "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
      ]
      let alternatives =
        names.map { GeneralName.dnsName($0) }
        + octets.map { GeneralName.ipAddress(ASN1OctetString(contentBytes: ArraySlice($0))) }
      let certificate = try Certificate(
        version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: serverKey.publicKey,
        notValidBefore: start, notValidAfter: end, issuer: authorityName,
        subject: try DistinguishedName { CommonName("kube-apiserver") }, signatureAlgorithm: .ecdsaWithSHA256,
        extensions: Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true))
          try ExtendedKeyUsage([.serverAuth])
          SubjectAlternativeNames(alternatives)
          AuthorityKeyIdentifier(
            keyIdentifier: SubjectKeyIdentifier(hash: authorityKey.publicKey).keyIdentifier)
        }, issuerPrivateKey: authorityKey)

      authorityPEM = try authority.serializeAsPEM().pemString + "\n"
      certificatePEM = try certificate.serializeAsPEM().pemString + "\n"
      privateKeyPEM = try serverKey.serializeAsPEM().pemString + "\n"
    } catch {
      throw .notMade("\(error)")
    }
  }
}

/// Why the credentials of a local cluster could not be made or written.
public enum CredentialsError: Error, Sendable, Hashable, CustomStringConvertible {
  case notAnAddress(String)
  case notMade(String)

  public var description: String {
    switch self {
    case .notAnAddress(let text): "cannot make a serving certificate: '\(text)' is not an IPv4 address"
    case .notMade(let why): "cannot make a serving certificate: \(why)"
    }
  }
}
