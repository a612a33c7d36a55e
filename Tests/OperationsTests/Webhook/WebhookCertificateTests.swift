import InMemoryKubernetes
import KubernetesAPI
import LocalCluster
import Logging
import Synchronization
import Testing

@testable import Operations

/// A clock that tests move.
final class MovableClock: Sendable {
  private let time = Mutex(Timestamp(epochMilliseconds: 1_790_000_000_000))
  var now: Timestamp { time.withLock { $0 } }
  func advance(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
}

@Suite struct WebhookCertificateTests {
  private let clock = MovableClock()
  private let place = WebhookPlace(namespace: "ops", moreNames: ["127.0.0.1"])

  private func make(_ names: [String] = ["a.b.svc", "127.0.0.1"]) throws -> WebhookCertificate {
    try WebhookCertificate(names: names, now: clock.now)
  }

  @Test func itComesBackFromASecret() throws {
    let made = try make()
    let read = try #require(WebhookCertificate(secret: ["data": made.secretData]))
    #expect(read == made)
    #expect(read.names == ["127.0.0.1", "a.b.svc"])
    #expect(made.isFresh(at: clock.now))
  }

  @Test func aSecretOfOtherContentIsNotUsed() throws {
    let (one, other) = (try make(), try make())
    #expect(WebhookCertificate(secret: ["data": .null]) == nil)
    for key in ["tls.key", "tls.crt", "ca.crt"] {
      var mixed = one.secretData
      mixed[key] = other.secretData[key]
      #expect(WebhookCertificate(secret: ["data": mixed]) == nil, "\(key) of another")
      mixed[key] = "bm90IHBlbQ=="
      #expect(WebhookCertificate(secret: ["data": mixed]) == nil, "\(key) of no form")
    }
  }

  @Test func itIsRenewedBeforeItEndsAndForNewNames() throws {
    let made = try make()
    let secret: JSONValue = ["data": made.secretData]
    let almost = clock.now + WebhookCertificate.validity - WebhookCertificate.renewal - .seconds(600)
    #expect(WebhookPlan(secret: secret, names: made.names, now: almost) == .use(made))
    let late = almost + .seconds(600)
    #expect(WebhookPlan(secret: secret, names: made.names, now: late) == .renew(previous: made))
    // A clock that was wrong when it was made.
    #expect(WebhookPlan(secret: secret, names: made.names, now: clock.now - .seconds(900)) == .renew(previous: made))
    #expect(WebhookPlan(secret: secret, names: ["a.b.svc", "new"], now: clock.now) == .renew(previous: made))
    #expect(WebhookPlan(secret: nil, names: made.names, now: clock.now) == .renew(previous: nil))
    let next = try WebhookCertificate(names: made.names, now: late, replacing: made)
    #expect(next.authorities.hasSuffix(made.authorities))
    let third = try WebhookCertificate(names: made.names, now: late, replacing: next)
    #expect(!third.authorities.contains(made.authorities))
  }

  // MARK: With an API server

  private func gateway() -> SharedAPIGateway {
    let clock = clock
    let server = InMemoryAPIServer(options: .init(seed: 1), at: clock.now)
    return SharedAPIGateway(SharedAPIServer(server, clock: { clock.now }))
  }

  private func keeper(_ gateway: SharedAPIGateway) -> WebhookCertificateKeeper {
    let clock = clock
    return WebhookCertificateKeeper(
      kubernetes: gateway, place: place, now: { clock.now },
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private func install(_ gateway: SharedAPIGateway) async throws {
    _ = try await gateway.create(.namespaces, namespace: nil, ["metadata": ["name": "ops"]])
    for (type, path) in [
      (WebhookCertificateKeeper.validating, "/validate"), (WebhookCertificateKeeper.mutating, "/mutate"),
    ] {
      let webhooks = ["one.flink.apache.org", "two.flink.apache.org"].map { name -> JSONValue in
        [
          "name": .string(name), "sideEffects": "None", "admissionReviewVersions": ["v1"],
          "clientConfig": [
            "service": ["namespace": "ops", "name": .string(place.service), "path": .string(path)]
          ],
        ]
      }
      _ = try await gateway.create(
        type, namespace: nil, ["metadata": ["name": .string(place.configuration)], "webhooks": .array(webhooks)])
    }
  }

  private func bundles(_ gateway: SharedAPIGateway) async throws -> Set<String?> {
    var bundles: Set<String?> = []
    for type in [WebhookCertificateKeeper.validating, WebhookCertificateKeeper.mutating] {
      let object = try await gateway.get(type, namespace: nil, name: place.configuration)
      for webhook in object.json["webhooks"]?.arrayValue ?? [] {
        bundles.insert(webhook["clientConfig", "caBundle"]?.stringValue)
      }
    }
    return bundles
  }

  @Test func replicasShareOneCertificate() async throws {
    let gateway = gateway()
    try await install(gateway)
    let keepers = (0..<4).map { _ in keeper(gateway) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for keeper in keepers { group.addTask { try await keeper.refresh() } }
      try await group.waitForAll()
    }
    let certificate = try #require(keepers[0].certificate)
    #expect(certificate.names == place.names.sorted())
    for keeper in keepers { #expect(keeper.certificate == certificate) }
    #expect(try await bundles(gateway) == [certificate.bundle])
    let stored = try await gateway.get(.secrets, namespace: "ops", name: place.secret)
    #expect(WebhookCertificate(secret: stored.json) == certificate)
    // Looking again writes nothing.
    try await keepers[0].refresh()
    #expect(
      try await gateway.get(.secrets, namespace: "ops", name: place.secret).metadata.resourceVersion
        == stored.metadata.resourceVersion)
  }

  @Test func anEmptySecretOfTheInstallationIsFilled() async throws {
    let gateway = gateway()
    try await install(gateway)
    _ = try await gateway.create(
      .secrets, namespace: "ops", ["metadata": ["name": .string(place.secret)], "type": "Opaque"])
    let keeper = keeper(gateway)
    try await keeper.refresh()
    #expect(keeper.certificate != nil)
  }

  @Test func rotationKeepsTheOldAuthorityTrusted() async throws {
    let gateway = gateway()
    try await install(gateway)
    let (first, second) = (keeper(gateway), keeper(gateway))
    try await first.refresh()
    let old = try #require(first.certificate)
    clock.advance(WebhookCertificate.validity - WebhookCertificate.renewal)
    try await second.refresh()
    let new = try #require(second.certificate)
    #expect(new.certificate != old.certificate && new.authorities.hasSuffix(old.authorities))
    #expect(try await bundles(gateway) == [new.bundle])
    // The other replica serves with the old one until it looks.
    #expect(first.certificate == old)
    try await first.refresh()
    #expect(first.certificate == new)
  }

  @Test func aBundleTakenAwayComesBack() async throws {
    let gateway = gateway()
    try await install(gateway)
    let keeper = keeper(gateway)
    try await keeper.refresh()
    _ = try await gateway.patch(
      WebhookCertificateKeeper.validating, namespace: nil, name: place.configuration,
      .json([["op": "remove", "path": "/webhooks/1/clientConfig/caBundle"]]))
    #expect(try await bundles(gateway).count == 2)
    try await keeper.refresh()
    #expect(try await bundles(gateway) == [keeper.certificate?.bundle])
  }

  @Test func withoutAConfigurationItServesAllTheSame() async throws {
    let gateway = gateway()
    _ = try await gateway.create(.namespaces, namespace: nil, ["metadata": ["name": "ops"]])
    let keeper = keeper(gateway)
    try await keeper.refresh()
    #expect(keeper.certificate != nil)
  }
}
