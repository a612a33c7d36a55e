internal import NIOSSL

/// Certificates and keys from their text form.
enum PEM {
  /// - Parameter what: where the text comes from, for messages.
  static func certificates(_ bytes: [UInt8], what: String) throws(ConfigurationError) -> [NIOSSLCertificate] {
    let certificates: [NIOSSLCertificate]
    do {
      certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
    } catch {
      throw bad(what, "certificate")
    }
    guard !certificates.isEmpty else { throw bad(what, "certificate") }
    return certificates
  }

  static func privateKey(_ bytes: [UInt8], what: String) throws(ConfigurationError) -> NIOSSLPrivateKey {
    do {
      return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
    } catch {
      throw bad(what, "private key")
    }
  }

  private static func bad(_ what: String, _ kind: String) -> ConfigurationError {
    ConfigurationError(
      problem: "\(what) holds no readable PEM \(kind)",
      hint: "it should begin with -----BEGIN \(kind.uppercased())-----")
  }
}
