internal import KubernetesAPI
internal import NIOHTTP1

/// A complete answer.
struct Answer: Sendable {
  var status: Int
  var headers: HTTPHeaders
  var body: [UInt8]

  var isSuccess: Bool { (200..<300).contains(status) }

  /// What a refusal says: the body's Status, or one made up from what there is.
  var rejection: KubernetesError.Cause {
    .rejected(apiStatus, retryAfter: headers.first(name: "retry-after").flatMap(Self.retryAfter))
  }

  private var apiStatus: APIStatus {
    if let json = try? JSONParser.parse(body), json["kind"]?.stringValue == "Status" {
      var status = APIStatus(json: json, fallbackCode: self.status)
      if status.message.isEmpty { status.message = standardText }
      return status
    }
    let excerpt = String(decoding: body.prefix(300), as: UTF8.self)
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return APIStatus(
      code: status, reason: Self.reason(status), message: excerpt.isEmpty ? standardText : excerpt)
  }

  private var standardText: String {
    "the server answered \(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)"
  }

  /// The reason Kubernetes gives for a code when it knows no better.
  private static func reason(_ code: Int) -> String {
    switch code {
    case 400: "BadRequest"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "NotFound"
    case 405: "MethodNotAllowed"
    case 406: "NotAcceptable"
    case 409: "Conflict"
    case 410: "Gone"
    case 413: "RequestEntityTooLarge"
    case 415: "UnsupportedMediaType"
    case 422: "Invalid"
    case 429: "TooManyRequests"
    case 500: "InternalError"
    case 503: "ServiceUnavailable"
    case 504: "Timeout"
    default: "Unknown"
    }
  }

  /// Seconds; dates, which API servers do not send, are passed by.
  private static func retryAfter(_ text: String) -> Duration? {
    guard let seconds = Int64(text), (0...86_400).contains(seconds) else { return nil }
    return .seconds(seconds)
  }
}
