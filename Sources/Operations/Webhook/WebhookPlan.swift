public import KubernetesAPI

/// What the webhook is called and where its certificate is kept.
public struct WebhookPlace: Sendable, Hashable {
  /// The operator's namespace.
  public var namespace: String
  /// The Service in front of the operators' pods.
  public var service: String
  public var secret: String
  /// The name of the ValidatingWebhookConfiguration and of the MutatingWebhookConfiguration.
  public var configuration: String
  /// Names and addresses it is called by besides the Service's, for API servers that reach the process itself.
  public var moreNames: [String]

  /// With the Apache operator's names, but for the Secret, which there holds a keystore of another format.
  public init(
    namespace: String, service: String = "flink-operator-webhook-service",
    secret: String = "flink-operator-webhook-certificate", configuration: String? = nil, moreNames: [String] = []
  ) {
    self.namespace = namespace
    self.service = service
    self.secret = secret
    self.configuration = configuration ?? "flink-operator-\(namespace)-webhook-configuration"
    self.moreNames = moreNames
  }

  /// What the certificate has to be valid for.
  public var names: [String] {
    ["\(service).\(namespace).svc", "\(service).\(namespace).svc.cluster.local"] + moreNames
  }
}

/// What to do about the certificate, given the Secret as read. Pure.
public enum WebhookPlan: Sendable, Hashable {
  case use(WebhookCertificate)
  /// Nothing usable is kept: a new one is made; `previous` stays trusted.
  case renew(previous: WebhookCertificate?)

  /// - Parameter secret: nil where there is none.
  public init(secret: JSONValue?, names: [String], now: Timestamp) {
    guard let kept = secret.flatMap(WebhookCertificate.init(secret:)) else {
      self = .renew(previous: nil)
      return
    }
    self = kept.isFresh(at: now) && Set(names).isSubset(of: kept.names) ? .use(kept) : .renew(previous: kept)
  }
}

/// The patch that has the API server trust the webhook.
public enum WebhookTrust {
  /// Operations of a JSON patch on a webhook configuration, nil where each webhook has the bundle. The patch fails if
  /// the configuration changes meanwhile.
  public static func patch(_ configuration: JSONValue, bundle: String) -> JSONValue? {
    var operations: [JSONValue] = []
    for (index, webhook) in (configuration["webhooks"]?.arrayValue ?? []).enumerated()
    where webhook["clientConfig", "caBundle"]?.stringValue != bundle {
      let path = "/webhooks/\(index)"
      operations.append(["op": "test", "path": .string("\(path)/name"), "value": webhook["name"] ?? .null])
      operations.append(
        ["op": "add", "path": .string("\(path)/clientConfig/caBundle"), "value": .string(bundle)])
    }
    return operations.isEmpty ? nil : .array(operations)
  }
}
