import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

/// An authority made for one test run, with a server's and a client's certificate, all in PEM.
struct TestCertificates: Sendable {
  let authority: String
  let server: String
  let serverKey: String
  let client: String
  let clientKey: String

  /// For the address 127.0.0.1.
  static let shared = Result { try TestCertificates(name: .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))) }
  /// For the name `api.test` only.
  static let named = Result { try TestCertificates(name: .dnsName("api.test")) }

  /// - Parameter name: the one in the server's certificate.
  init(name: GeneralName) throws {
    let authorityKey = P256.Signing.PrivateKey()
    let authorityName = try DistinguishedName { CommonName("test authority") }
    let authority = try Self.certificate(
      authorityKey.publicKey, subject: authorityName, issuer: authorityName, signer: authorityKey
    ) {
      Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
      Critical(KeyUsage(keyCertSign: true))
    }
    let serverKey = P256.Signing.PrivateKey()
    let server = try Self.certificate(
      serverKey.publicKey, subject: try DistinguishedName { CommonName("server") }, issuer: authorityName,
      signer: authorityKey
    ) {
      SubjectAlternativeNames([name])
    }
    let clientKey = P256.Signing.PrivateKey()
    let client = try Self.certificate(
      clientKey.publicKey, subject: try DistinguishedName { CommonName("client") }, issuer: authorityName,
      signer: authorityKey
    ) {
      try ExtendedKeyUsage([.clientAuth])
    }
    self.authority = try authority.serializeAsPEM().pemString
    self.server = try server.serializeAsPEM().pemString
    self.serverKey = serverKey.pemRepresentation
    self.client = try client.serializeAsPEM().pemString
    self.clientKey = clientKey.pemRepresentation
  }

  private static func certificate(
    _ key: P256.Signing.PublicKey, subject: DistinguishedName, issuer: DistinguishedName,
    signer: P256.Signing.PrivateKey,
    @ExtensionsBuilder extensions: () throws -> Result<Certificate.Extensions, any Error>
  ) throws -> Certificate {
    try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key),
      notValidBefore: Date.now - 3600, notValidAfter: Date.now + 86_400, issuer: issuer, subject: subject,
      signatureAlgorithm: .ecdsaWithSHA256, extensions: try Certificate.Extensions(builder: extensions),
      issuerPrivateKey: .init(signer))
  }

  /// For a server that asks for, and checks, a client certificate where `asksClients`, and prefers HTTP/2 where
  /// `offersHTTP2`.
  func serverConfiguration(asksClients: Bool = false, offersHTTP2: Bool = false) throws -> TLSConfiguration {
    var tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(server.utf8)).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(serverKey.utf8), format: .pem)))
    tls.applicationProtocols = offersHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"]
    if asksClients {
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
      tls.certificateVerification = .noHostnameVerification
    }
    return tls
  }
}
