import Foundation
import KubernetesAPI
import Testing

/// Flink's REST interface over TLS, with the operator's stores where the Apache operator has them.
@Suite(.serialized) struct EncryptedRESTTests {
  enum Stores: CaseIterable, Sendable {
    /// The operator trusts a PEM file.
    case pem
    /// Both sides show certificates, from PKCS12 stores.
    case mutualPKCS12
  }

  @Test(.timeLimit(.minutes(5)), arguments: Stores.allCases)
  func theOperatorSpeaksToIt(stores: Stores) async throws {
    let data = try DataFolder()
    let (key, certificate, bundle) = (data.path("key.pem"), data.path("certificate.pem"), data.path("store.p12"))
    _ = try await runTool(
      "openssl",
      [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=flink", "-keyout", key, "-out",
        certificate,
      ])
    _ = try await runTool(
      "openssl",
      ["pkcs12", "-export", "-in", certificate, "-inkey", key, "-out", bundle, "-passout", "pass:changeit"])
    let isMutual = stores == .mutualPKCS12
    let environment =
      isMutual
      ? [
        "OPERATOR_TRUSTSTORE_PATH": bundle, "OPERATOR_KEYSTORE_PATH": bundle, "OPERATOR_KEYSTORE_PASSWORD": "changeit",
      ] : ["OPERATOR_TRUSTSTORE_PATH": certificate]
    try await LocalInstance.with(environment: environment) { instance in
      let store: JSONValue = "/flink-data/store.p12"
      let job = try await data.apply(
        "encrypted", in: "default", of: instance,
        spec: [
          "flinkConfiguration": [
            "security.ssl.rest.enabled": "true",
            "security.ssl.rest.authentication-enabled": .string("\(isMutual)"),
            "security.ssl.rest.keystore": store, "security.ssl.rest.keystore-password": "changeit",
            "security.ssl.rest.key-password": "changeit", "security.ssl.rest.truststore": store,
            "security.ssl.rest.truststore-password": "changeit",
          ]
        ])
      try await job.waitRunning()
      try await data.waitForMore(than: 20)
      // What changes something goes the same way.
      try await job.patch(spec: ["job": ["state": "suspended"]])
      let suspended = try await job.waitSuspended()
      let path = try #require(suspended["status", "jobStatus", "upgradeSavepointPath"]?.stringValue)
      #expect(try data.hasSavepoint(path))
    }
    try data.remove()
  }
}

extension DataFolder {
  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
}
