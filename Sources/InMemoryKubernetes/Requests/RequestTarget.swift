/// The path and query of a request line, decoded.
struct RequestTarget: Sendable {
  /// Decoded segments; empty ones are left out.
  var segments: [String]
  var path: String
  var query: [(name: String, value: String)]

  init(_ target: String) {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts[0])
    segments = parts[0].split(separator: "/").map { Self.decoded($0, plusIsSpace: false) }
    query =
      parts.count < 2
      ? []
      : parts[1].split(separator: "&").map { pair in
        let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (
          Self.decoded(halves[0], plusIsSpace: true), halves.count < 2 ? "" : Self.decoded(halves[1], plusIsSpace: true)
        )
      }
  }

  /// The first value of a query parameter.
  subscript(_ name: String) -> String? { query.first { $0.name == name }?.value }

  /// A parameter that is a boolean: `true` and `1` count, as the real server's decoder has it everything that is not
  /// `0` or `false`.
  func isTrue(_ name: String) -> Bool {
    guard let value = self[name] else { return false }
    return !(value == "0" || value.lowercased() == "false")
  }

  static func decoded(_ text: String) -> String { decoded(text[...], plusIsSpace: false) }

  private static func decoded(_ text: Substring, plusIsSpace: Bool) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let high = hexValue(rest[rest.startIndex]), let low = hexValue(rest[rest.startIndex + 1])
      {
        bytes.append(high << 4 | low)
        rest = rest.dropFirst(2)
      } else if byte == UInt8(ascii: "+"), plusIsSpace {
        bytes.append(UInt8(ascii: " "))
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// What a request under `/api` or `/apis` asks for.
struct RequestInfo: Sendable {
  var verb: Verb
  var group: String
  var version: String
  var namespace: String?
  var plural: String
  var name: String?
  var subresource: String?
  /// What follows the subresource (`proxy/some/path`).
  var remainder: [String]

  enum Verb: String, Sendable {
    case get, list, watch, create, update, patch, delete
    case deleteCollection = "deletecollection"
  }

  /// nil when the path does not name a resource.
  init?(method: String, target: RequestTarget) {
    var segments = target.segments[...]
    guard let root = segments.popFirst() else { return nil }
    switch root {
    case "api":
      guard let version = segments.popFirst() else { return nil }
      group = ""
      self.version = version
    case "apis":
      guard let group = segments.popFirst(), let version = segments.popFirst() else { return nil }
      self.group = group
      self.version = version
    default: return nil
    }
    var isWatchPath = false
    if segments.first == "watch" {
      isWatchPath = true
      segments.removeFirst()
    }
    if segments.first == "namespaces", segments.count >= 3,
      !(segments.count == 3 && ["status", "finalize"].contains(segments[segments.startIndex + 2]))
    {
      namespace = segments[segments.startIndex + 1]
      segments = segments.dropFirst(2)
    }
    guard let plural = segments.popFirst() else { return nil }
    self.plural = plural
    name = segments.popFirst()
    subresource = segments.popFirst()
    remainder = Array(segments)
    let isWatching = isWatchPath || target.isTrue("watch")
    switch method {
    case "GET", "HEAD": verb = isWatching ? .watch : name == nil ? .list : .get
    case "POST": verb = .create
    case "PUT": verb = .update
    case "PATCH": verb = .patch
    case "DELETE": verb = name == nil ? .deleteCollection : .delete
    default: return nil
    }
    if subresource != nil, verb == .watch { verb = .get }
  }
}
