import KubernetesAPI

/// In what form an answer is wanted.
struct OutputFormat: Sendable, Hashable {
  enum View: Sendable, Hashable {
    case object
    case table(apiVersion: String)
    case metadata
  }
  enum Encoding: Sendable, Hashable {
    case json, yaml
  }

  var view = View.object
  var encoding = Encoding.json
  /// `includeObject` of tables: `None`, `Metadata` or `Object`.
  var includeObject = "Metadata"
  /// `application/json;stream=watch` and the like are answered as plain JSON.
  var contentType: String { encoding == .json ? "application/json" : "application/yaml" }

  static let offered = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]

  /// What one of the accepted media types asks for.
  struct MediaRange: Sendable {
    var type: String
    var parameters: [String: String]
    var quality: Double
  }

  static func parse(accept: String) -> [MediaRange] {
    let ranges = accept.split(separator: ",").map { part -> MediaRange in
      let pieces = part.split(separator: ";").map { Self.trimmed($0) }
      var parameters: [String: String] = [:]
      for piece in pieces.dropFirst() {
        let halves = piece.split(separator: "=", maxSplits: 1)
        if halves.count == 2 { parameters[String(halves[0])] = String(halves[1]) }
      }
      let quality = parameters["q"].flatMap { Double($0) } ?? 1
      return MediaRange(type: pieces.first ?? "", parameters: parameters, quality: quality)
    }
    // Stable: by quality, equal ones in the order they were sent.
    return ranges.enumerated().sorted { ($1.element.quality, $0.offset) < ($0.element.quality, $1.offset) }
      .map(\.element)
  }

  /// - Throws: a 406 when nothing that is accepted can be given.
  init(accept: String?, includeObject: String?) throws(APIFailure) {
    self.includeObject = includeObject ?? "Metadata"
    guard let accept, !Self.trimmed(accept[...]).isEmpty else { return }
    var isTypeKnown = false
    for range in Self.parse(accept: accept) {
      switch range.type {
      case "application/json", "*/*", "application/*": encoding = .json
      case "application/yaml": encoding = .yaml
      default: continue
      }
      isTypeKnown = true
      guard let view = range.parameters["as"] else {
        self.view = .object
        return
      }
      guard range.parameters["g"] == "meta.k8s.io", let version = range.parameters["v"],
        version == "v1" || version == "v1beta1"
      else { continue }
      switch view {
      case "Table":
        self.view = .table(apiVersion: "meta.k8s.io/\(version)")
        return
      case "PartialObjectMetadata", "PartialObjectMetadataList":
        self.view = .metadata
        return
      default: continue
      }
    }
    if isTypeKnown { throw .notAcceptable(offered: Self.offered) }
    throw APIFailure(
      code: 406, reason: "NotAcceptable",
      message: "406: Not Acceptable\n\nAvailable representations: " + Self.offered.joined(separator: ", "),
      hasEmptyDetails: true)
  }

  init() {}

  static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
