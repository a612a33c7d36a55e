import KubernetesAPI

/// What a webhook answered.
enum WebhookReply {
  struct Problem: Error {
    var why: String
  }

  /// The `response` of the AdmissionReview.
  static func response(_ answer: WebhookAnswer, to call: WebhookCall) throws(Problem) -> JSONValue {
    let body: [UInt8]
    switch answer {
    case .failed(let why): throw Problem(why: "failed to call webhook: Post \(goQuoted(call.url)): \(why)")
    case .answered(let status, let bytes):
      guard (200..<300).contains(status) else {
        throw Problem(why: "failed to call webhook: \(words(status, bytes))")
      }
      body = bytes
    }
    func invalid(_ why: String) -> Problem { Problem(why: "received invalid webhook response: \(why)") }
    guard let review = try? JSONValue(parsing: body), review.objectValue != nil else {
      throw Problem(why: "failed to call webhook: couldn't get a JSON object from the webhook's answer")
    }
    guard review["kind"] == "AdmissionReview", review["apiVersion"]?.stringValue == call.apiVersion else {
      throw invalid(
        "expected webhook response of \(call.apiVersion), Kind=AdmissionReview, got "
          + "\(review["apiVersion"]?.stringValue ?? ""), Kind=\(review["kind"]?.stringValue ?? "")")
    }
    guard let response = review["response"], response.objectValue != nil else {
      throw invalid("webhook response was absent")
    }
    let uid = response["uid"]?.stringValue ?? ""
    guard uid == call.uid else {
      throw invalid("expected response.uid=\(goQuoted(call.uid)), got \(goQuoted(uid))")
    }
    return response
  }

  /// How client-go tells an answer that is no success.
  private static func words(_ status: Int, _ body: [UInt8]) -> String {
    switch status {
    case 401: return "the server has asked for the client to provide credentials"
    case 403: return "forbidden: \(String(decoding: body.prefix(200), as: UTF8.self))"
    case 404: return "the server could not find the requested resource"
    case 405: return "the server does not allow this method on the requested resource"
    case 429: return "the server has received too many requests and has asked us to try again later"
    case 503: return "the server is currently unable to handle the request"
    case 504:
      return
        "the server was unable to return a response in the time allotted, but may still be processing the request"
    case 500...599:
      let text = goQuoted(String(decoding: body.prefix(2048), as: UTF8.self))
      return "an error on the server (\(text)) has prevented the request from succeeding"
    default:
      return "the server responded with the status code \(status) but did not return more information"
    }
  }

  /// What the client gets that a webhook has refused.
  static func refusal(_ status: JSONValue?, by webhook: String) -> APIFailure {
    let denied = "admission webhook \(goQuoted(webhook)) denied the request"
    var result = APIStatus(json: status ?? [:], fallbackCode: 400)
    if !(400..<600).contains(result.code) { result.code = 400 }
    result.message =
      if !result.message.isEmpty {
        "\(denied): \(result.message)"
      } else if !result.reason.isEmpty {
        "\(denied): \(result.reason)"
      } else {
        "\(denied) without explanation"
      }
    return APIFailure(result)
  }
}
