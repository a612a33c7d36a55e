import Foundation
import InMemoryKubernetes
import KubernetesAPI
import NIOSSL
import Testing

@testable import LocalCluster

@Suite struct CredentialsTests {
  private let now = Timestamp(epochMilliseconds: 1_800_000_000_000)

  @Test func theCertificateIsForEveryNameOfTheServer() throws {
    let credentials = try ServingCredentials(addresses: ["127.7.0.1"], now: now)
    let certificate = try NIOSSLCertificate(bytes: Array(credentials.certificatePEM.utf8), format: .pem)
    let names = (certificate._subjectAlternativeNames().map { "\($0)" })
    #expect(names.count == 7)
    _ = try NIOSSLPrivateKey(bytes: Array(credentials.privateKeyPEM.utf8), format: .pem)
    #expect(credentials.authorityPEM.hasPrefix("-----BEGIN CERTIFICATE-----\n"))
  }

  @Test func anAddressThatIsNoneIsRefused() {
    #expect(throws: CredentialsError.notAnAddress("127.0.0")) {
      try ServingCredentials(addresses: ["127.0.0"], now: now)
    }
    #expect(throws: CredentialsError.notAnAddress("::1")) { try ServingCredentials(addresses: ["::1"], now: now) }
  }

  @Test func tokensStandForTheirUsersUntilTheyAreWithdrawn() {
    let tokens = BearerTokens()
    let first = tokens.issue(for: .administrator)
    let second = tokens.issue(for: .operator)
    #expect(first != second)
    #expect(first.count == 64)
    #expect(tokens.user(of: first) == .administrator)
    #expect(tokens.user(of: second) == .operator)
    #expect(tokens.user(of: first + "x") == nil)
    tokens.withdraw(first)
    #expect(tokens.user(of: first) == nil)
  }

  @Test func aKubeconfigIsItsOwnersAlone() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = folder.path + "/config"
    let config = Kubeconfig(server: "https://127.0.0.1:1", authorityPEM: "PEM", token: "secret")
    try config.write(to: path)
    try config.write(to: path)
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect((attributes[.posixPermissions] as? Int) == 0o600)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains("certificate-authority-data: UEVN\n"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["config"])
  }

  @Test func aKubeconfigThatCannotBeWrittenSaysWhere() {
    let config = Kubeconfig(server: "https://127.0.0.1:1", authorityPEM: "PEM", token: "secret")
    let error = #expect(throws: FileError.self) { try config.write(to: "/nonexistent/folder/config") }
    #expect(error?.description.contains("/nonexistent/folder/config") == true)
  }
}

@Suite struct RunDirectoryTests {
  @Test func belongsToOneInstanceAtATime() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = folder.path + "/run"
    var first: RunDirectory? = try RunDirectory(path: path)
    #expect(first?.podsPath == path + "/pods")
    #expect(throws: RunDirectoryError.inUse(path: path)) { try RunDirectory(path: path) }
    first = nil
    let second = try RunDirectory(path: path)
    try second.prepare()
    #expect(FileManager.default.fileExists(atPath: path + "/api"))
    try second.remove()
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func clearsWhatADeadInstanceLeft() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = folder.path + "/run"
    let manager = FileManager.default
    let outside = folder.path + "/outside"
    try manager.createDirectory(atPath: path + "/pods/uid/volumes", withIntermediateDirectories: true)
    try manager.createDirectory(atPath: outside, withIntermediateDirectories: true)
    #expect(manager.createFile(atPath: outside + "/kept", contents: Data()))
    try manager.createSymbolicLink(atPath: path + "/pods/uid/link", withDestinationPath: outside)
    try manager.setAttributes([.posixPermissions: 0o500], ofItemAtPath: path + "/pods/uid/volumes")
    let directory = try RunDirectory(path: path)
    try directory.clear()
    #expect(try manager.contentsOfDirectory(atPath: path) == ["lock"])
    #expect(manager.fileExists(atPath: outside + "/kept"))
  }

  @Test func isFoundByItsBlock() {
    #expect(RunDirectory.defaultPath(block: 3, environment: [:]) == "/tmp/flink-operator/local-3")
    #expect(
      RunDirectory.defaultPath(block: 3, environment: ["XDG_RUNTIME_DIR": "/run/user/1"])
        == "/run/user/1/flink-operator/local-3")
    #expect(
      RunDirectory.defaultPath(block: 3, environment: ["XDG_RUNTIME_DIR": ""]) == "/tmp/flink-operator/local-3")
  }
}

@Suite struct AddressBlockClaimTests {
  @Test func aBlockHasOneOwner() {
    var first = AddressBlockClaim(number: 254)
    #expect(first?.number == 254)
    #expect(AddressBlockClaim(number: 254) == nil)
    first = nil
    #expect(AddressBlockClaim(number: 254) != nil)
  }
}
