import FlinkREST
import Testing

/// Stores that cannot be used are named, with what to do.
@Suite struct FlinkTLSTests {
  private func refusal(_ bytes: [UInt8], asKeystore: Bool = false) -> String? {
    let store = FlinkTLS.Store(path: "/certs/store", bytes: bytes)
    do throws(FlinkTLS.StoreError) {
      _ = try FlinkTLS(
        truststore: asKeystore ? nil : store, keystore: asKeystore ? store : nil, password: "secret")
      return nil
    } catch {
      return error.description
    }
  }

  @Test func javaKeystoresAreToBeConverted() {
    #expect(refusal([0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2])?.contains("keytool -importkeystore") == true)
    #expect(refusal([0xCE, 0xCE, 0xCE, 0xCE], asKeystore: true)?.contains("/certs/store") == true)
  }

  @Test func storesWithoutWhatIsNeededAreNamed() {
    #expect(refusal([])?.contains("no certificate") == true)
    #expect(refusal(Array("hello".utf8), asKeystore: true)?.contains("no certificate") == true)
    // A sequence without a key in it: the library would end the process.
    #expect(refusal([0x30, 0x03, 0x02, 0x01, 0x03])?.contains("without a private key") == true)
    let keyBag: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01, 0x02]
    #expect(refusal([0x30, 0x0B] + keyBag)?.contains("OPERATOR_KEYSTORE_PASSWORD") == true)
  }
}
