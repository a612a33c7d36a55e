public import KubernetesAPI
public import Logging
internal import Synchronization

/// Keeps the webhook's certificate: in the Secret that all replicas share, in the webhook configurations' `caBundle`, and
/// in memory for the server.
///
/// A replica serves with a new certificate only after the API server has been told to trust it.
public final class WebhookCertificateKeeper: Sendable {
  private let kubernetes: any KubernetesGateway
  private let place: WebhookPlace
  private let now: @Sendable () -> Timestamp
  private let logger: Logger
  private let held = Mutex<WebhookCertificate?>(nil)
  private let lastProblem = Mutex<String?>(nil)

  static let validating = ResourceType(
    group: "admissionregistration.k8s.io", version: "v1", plural: "validatingwebhookconfigurations",
    kind: "ValidatingWebhookConfiguration", isNamespaced: false)
  static let mutating = ResourceType(
    group: "admissionregistration.k8s.io", version: "v1", plural: "mutatingwebhookconfigurations",
    kind: "MutatingWebhookConfiguration", isNamespaced: false)

  public init(
    kubernetes: any KubernetesGateway, place: WebhookPlace, now: @escaping @Sendable () -> Timestamp, logger: Logger
  ) {
    self.kubernetes = kubernetes
    self.place = place
    self.now = now
    self.logger = logger
  }

  /// What to serve with; nil until there is something.
  public var certificate: WebhookCertificate? { held.withLock { $0 } }

  /// Reads the Secret, makes a certificate where one is wanted, and sees to it that it is trusted. Several replicas may
  /// do so at once: one's certificate is stored, and all take that.
  ///
  /// - Throws: `KubernetesError` or `WebhookError`; what was held is held on to.
  public func refresh() async throws {
    var attempt = 0
    var settled = try await settle()
    while settled == nil, attempt < 5 {
      attempt += 1
      settled = try await settle()
    }
    guard let certificate = settled else {
      throw WebhookError("the Secret \(place.namespace)/\(place.secret) is written by others all the time")
    }
    try await trust(certificate)
    held.withLock { $0 = certificate }
  }

  /// The certificate that is stored, after storing one where that is wanted; nil where another writer came between.
  private func settle() async throws -> WebhookCertificate? {
    let stored = try await secret()
    switch WebhookPlan(secret: stored?.json, names: place.names, now: now()) {
    case .use(let kept): return kept
    case .renew(let previous):
      let made = try WebhookCertificate(names: place.names, now: now(), replacing: previous)
      guard try await store(made, over: stored) else { return nil }
      logger.info("made a certificate for the webhook", metadata: ["until": "\(made.notAfter.rfc3339Seconds)"])
      return made
    }
  }

  private func secret() async throws(KubernetesError) -> KubernetesObject? {
    do throws(KubernetesError) {
      return try await kubernetes.get(.secrets, namespace: place.namespace, name: place.secret)
    } catch  where error.isNotFound {
      return nil
    }
  }

  /// - Returns: false where the Secret is not any longer as it was read.
  private func store(
    _ certificate: WebhookCertificate, over stored: KubernetesObject?
  ) async throws(KubernetesError) -> Bool {
    do throws(KubernetesError) {
      if let stored {
        _ = try await kubernetes.patch(
          .secrets, namespace: place.namespace, name: place.secret,
          .merge([
            "metadata": [
              "uid": .string(stored.metadata.uid), "resourceVersion": .string(stored.metadata.resourceVersion),
            ], "data": certificate.secretData,
          ]))
      } else {
        _ = try await kubernetes.create(
          .secrets, namespace: place.namespace,
          [
            "apiVersion": "v1", "kind": "Secret",
            "metadata": ["name": .string(place.secret), "namespace": .string(place.namespace)],
            "type": "Opaque", "data": certificate.secretData,
          ])
      }
      return true
    } catch  where error.isConflict || error.isAlreadyExists {
      return false
    }
  }

  private func trust(_ certificate: WebhookCertificate) async throws(KubernetesError) {
    for type in [Self.validating, Self.mutating] {
      do throws(KubernetesError) {
        let configuration = try await kubernetes.get(type, namespace: nil, name: place.configuration)
        guard let patch = WebhookTrust.patch(configuration.json, bundle: certificate.bundle) else { continue }
        _ = try await kubernetes.patch(type, namespace: nil, name: place.configuration, .json(patch))
        logger.info("the API server trusts the webhook", metadata: ["configuration": "\(type.kind)"])
      } catch  where error.isNotFound {
        // Not installed: nobody calls the webhook, or somebody else brings the bundle.
        logger.debug("no webhook configuration", metadata: ["name": "\(place.configuration)", "kind": "\(type.kind)"])
      }
    }
  }

  /// Refreshes until the calling task is cancelled: at once, then every minute, sooner after a failure.
  public func run(onCertificate: @Sendable () async -> Void = {}) async {
    var failures = 0
    while !Task.isCancelled {
      do {
        try await refresh()
        failures = 0
        if lastProblem.withLock({ problem in
          defer { problem = nil }
          return problem != nil
        }) {
          logger.info("the webhook's certificate is well again")
        }
        await onCertificate()
      } catch {
        if Task.isCancelled { return }
        failures += 1
        let text = "\(error)"
        let isNew = lastProblem.withLock { problem in
          defer { problem = text }
          return problem != text
        }
        if isNew { logger.warning("cannot keep the webhook's certificate", metadata: ["error": "\(text)"]) }
      }
      let seconds = failures == 0 ? 60 : min(60, 1 << min(failures, 6))
      try? await Task.sleep(for: .seconds(seconds))
    }
  }
}
