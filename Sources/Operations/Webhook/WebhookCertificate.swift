internal import Crypto
internal import FoundationEssentials
public import KubernetesAPI
internal import SwiftASN1
internal import X509

/// The certificate the admission webhook serves with, and the authorities an API server is to trust for it.
///
/// Each has an authority of its own, made for it and whose key is kept nowhere. Before an old one runs out a new pair
/// takes its place; the old authority stays trusted meanwhile, for replicas that still serve with its certificate.
public struct WebhookCertificate: Sendable, Hashable {
  /// PEM of the authorities, the newest first.
  public let authorities: String
  /// PEM of the serving certificate.
  public let certificate: String
  /// PEM of its key (PKCS #8).
  public let privateKey: String
  /// What the certificate is valid for, sorted.
  public let names: [String]
  public let notBefore: Timestamp
  public let notAfter: Timestamp

  public static let validity: Duration = .seconds(90 * 24 * 3600)
  /// A new certificate is made when no more than this is left.
  public static let renewal: Duration = .seconds(30 * 24 * 3600)

  /// Makes a new authority and certificate.
  ///
  /// - Parameters:
  ///   - names: DNS names and IPv4 addresses that the webhook is called by.
  ///   - previous: the certificate this one takes the place of.
  /// - Throws: `WebhookError` when they cannot be made.
  public init(names: [String], now: Timestamp, replacing previous: WebhookCertificate? = nil) throws(WebhookError) {
    // Clocks differ a little from host to host: valid from some time ago.
    let start = Date(timeIntervalSince1970: Double(now.epochMilliseconds / 1000) - 300)
    let end = start.addingTimeInterval(Double(Self.validity.components.seconds))
    do {
      let authorityKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
      let authorityName = try DistinguishedName { CommonName("flink-operator webhook authority") }
      let authority = try Certificate(
        version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: authorityKey.publicKey,
        notValidBefore: start, notValidAfter: end, issuer: authorityName, subject: authorityName,
        signatureAlgorithm: .ecdsaWithSHA256,
        extensions: Certificate.Extensions {
          Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
          Critical(KeyUsage(keyCertSign: true))
          SubjectKeyIdentifier(hash: authorityKey.publicKey)
        }, issuerPrivateKey: authorityKey)
      let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
      let certificate = try Certificate(
        version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey, notValidBefore: start,
        notValidAfter: end, issuer: authorityName,
        subject: try DistinguishedName { CommonName("flink-operator webhook") }, signatureAlgorithm: .ecdsaWithSHA256,
        extensions: Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true))
          try ExtendedKeyUsage([.serverAuth])
          SubjectAlternativeNames(names.map(Self.generalName))
          AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: authorityKey.publicKey).keyIdentifier)
        }, issuerPrivateKey: authorityKey)
      // Only the last one: what it took the place of has long run out.
      let old = previous.flatMap { Self.documents($0.authorities).first }.map { $0 + "\n" } ?? ""
      authorities = try authority.serializeAsPEM().pemString + "\n" + old
      self.certificate = try certificate.serializeAsPEM().pemString + "\n"
      privateKey = try key.serializeAsPEM().pemString + "\n"
    } catch {
      throw WebhookError("cannot make a certificate for the webhook: \(error)")
    }
    self.names = names.sorted()
    notBefore = Timestamp(epochMilliseconds: Int64(start.timeIntervalSince1970 * 1000))
    notAfter = Timestamp(epochMilliseconds: Int64(end.timeIntervalSince1970 * 1000))
  }

  /// Reads what `secretData` wrote; nil where that is not what the Secret holds.
  public init?(secret: JSONValue) {
    func text(_ key: String) -> String? {
      guard let encoded = secret["data", key]?.stringValue, let data = Data(base64Encoded: encoded), !data.isEmpty
      else { return nil }
      return String(decoding: data, as: UTF8.self)
    }
    guard let authorities = text("ca.crt"), let certificate = text("tls.crt"), let privateKey = text("tls.key"),
      let parsed = try? Certificate(pemEncoded: certificate),
      let key = try? Certificate.PrivateKey(pemEncoded: privateKey), key.publicKey == parsed.publicKey,
      let first = Self.documents(authorities).first, let authority = try? Certificate(pemEncoded: first),
      authority.publicKey.isValidSignature(parsed.signature, for: parsed)
    else { return nil }
    self.authorities = authorities
    self.certificate = certificate
    self.privateKey = privateKey
    let alternatives = (try? parsed.extensions.subjectAlternativeNames).flatMap { $0 }
    names = (alternatives.map(Array.init) ?? []).compactMap(Self.text).sorted()
    notBefore = Timestamp(epochMilliseconds: Int64(parsed.notValidBefore.timeIntervalSince1970 * 1000))
    notAfter = Timestamp(epochMilliseconds: Int64(parsed.notValidAfter.timeIntervalSince1970 * 1000))
  }

  /// `data` of a Secret.
  public var secretData: JSONValue {
    func encoded(_ text: String) -> JSONValue { .string(Data(text.utf8).base64EncodedString()) }
    return ["ca.crt": encoded(authorities), "tls.crt": encoded(certificate), "tls.key": encoded(privateKey)]
  }

  /// `clientConfig.caBundle` of a webhook.
  public var bundle: String { Data(authorities.utf8).base64EncodedString() }

  /// Whether it may be served with for a while yet.
  public func isFresh(at now: Timestamp) -> Bool {
    notBefore <= now && now.epochMilliseconds < notAfter.epochMilliseconds - Self.renewal.components.seconds * 1000
  }

  private static func documents(_ pem: String) -> [String] {
    ((try? PEMDocument.parseMultiple(pemString: pem)) ?? []).map(\.pemString)
  }

  private static func generalName(_ name: String) -> GeneralName {
    let octets = name.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    let bytes = octets.compactMap { $0 }
    return octets.count == 4 && bytes.count == 4
      ? .ipAddress(ASN1OctetString(contentBytes: ArraySlice(bytes))) : .dnsName(name)
  }

  private static func text(_ name: GeneralName) -> String? {
    switch name {
    case .dnsName(let name): name
    case .ipAddress(let bytes): bytes.bytes.map { "\($0)" }.joined(separator: ".")
    default: nil
    }
  }
}

/// Why the webhook cannot serve.
public struct WebhookError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
