public import KubernetesAPI

/// A webhook that has to be asked before a write goes on. The server itself calls nobody: its front does.
public struct WebhookCall: Sendable, Hashable {
  /// As in the configuration, for messages.
  public var webhook: String
  /// With the `timeout` parameter.
  public var url: String
  /// The name that the webhook's certificate must be for, and its port.
  public var host: String
  public var port: Int
  /// What to connect to instead of `host`: an address behind a Service.
  public var address: String?
  /// Path and query.
  public var path: String
  /// PEM of the authorities to trust; nil for those of the system.
  public var authorities: [UInt8]?
  public var timeoutSeconds: Int
  var apiVersion: String
  /// The AdmissionReview's request without its uid.
  var request: JSONValue
  var uid: String

  /// The body to send.
  public var review: JSONValue {
    var request = self.request
    request["uid"] = .string(uid)
    return ["kind": "AdmissionReview", "apiVersion": .string(apiVersion), "request": request]
  }

  /// Whether an answer to this call is an answer to the other one.
  func asksTheSame(as other: WebhookCall) -> Bool {
    webhook == other.webhook && url == other.url && request == other.request
  }
}

/// What came of a call.
public enum WebhookAnswer: Sendable, Hashable {
  case answered(status: Int, body: [UInt8])
  /// Nothing came; the text says why.
  case failed(String)
}

/// A write that waits for webhooks: what they said so far, and what makes its second run like its first.
public struct AdmissionProgress: Sendable, Hashable {
  struct Exchange: Sendable, Hashable {
    var call: WebhookCall
    var answer: WebhookAnswer
  }

  let seed: UInt64
  let now: GoTime
  var exchanges: [Exchange] = []

  public mutating func add(_ answer: WebhookAnswer, to call: WebhookCall) {
    exchanges.append(Exchange(call: call, answer: answer))
  }
}
