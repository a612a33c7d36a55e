/// Reads API objects out of a text in one pass: decodes metadata, checks and skips the rest, cuts managedFields out.
///
/// Whether member names repeat is checked nowhere: as for Kubernetes' own clients, the last one counts.
struct ObjectScanner {
  private var scanner = JSONScanner()
  private var reader = JSONReader(duplicates: .keepLast)

  /// One object and where it ends.
  struct Found {
    var metadata: ObjectMetadata
    /// Without managedFields.
    var bytes: [UInt8]
  }

  /// A whole text that is one object.
  static func object(_ bytes: [UInt8]) throws(JSONError) -> Found {
    var scanner = ObjectScanner()
    let text = bytes.span
    try JSONScanner.validateUTF8(text)
    let found = try scanner.object(text.bytes, depth: 0, defaults: nil)
    try scanner.scanner.end(text.bytes)
    return found
  }

  /// A list as the API server sends it. Items of built-in kinds come without `apiVersion` and `kind`: `type` fills
  /// them in.
  static func list(_ bytes: [UInt8], of type: ResourceType) throws(JSONError) -> ObjectList {
    var scanner = ObjectScanner()
    let text = bytes.span
    try JSONScanner.validateUTF8(text)
    return try scanner.list(text.bytes, of: type)
  }

  static func watchFrame(_ bytes: [UInt8]) throws(JSONError) -> WatchEvent {
    var scanner = ObjectScanner()
    let text = bytes.span
    try JSONScanner.validateUTF8(text)
    return try scanner.watchFrame(text.bytes)
  }

  // MARK: Lists and frames

  private mutating func list(_ text: RawSpan, of type: ResourceType) throws(JSONError) -> ObjectList {
    var list = ObjectList(items: [], resourceVersion: "")
    var hasItems = false
    let defaults = Array(
      "\"apiVersion\":\(JSONValue.string(type.apiVersion).text),\"kind\":\(JSONValue.string(type.kind).text)".utf8)
    try members(text, depth: 0) { (scanner, name) throws(JSONError) in
      switch name {
      case "metadata":
        let metadata = try scanner.value(text, depth: 1)
        list.resourceVersion = metadata["resourceVersion"]?.stringValue ?? ""
        list.continueToken = metadata["continue"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
      case "items":
        hasItems = true
        list.items.removeAll()
        guard try scanner.scanner.next(text) == UInt8(ascii: "[") else {
          // Go writes an empty list as null at times.
          try scanner.scanner.literal(text, "null")
          return
        }
        scanner.scanner.offset += 1
        guard try scanner.scanner.next(text) != UInt8(ascii: "]") else {
          scanner.scanner.offset += 1
          return
        }
        repeat {
          let found = try scanner.object(text, depth: 2, defaults: defaults)
          list.items.append(KubernetesObject(scanned: found))
        } while try scanner.scanner.goesOn(text, close: UInt8(ascii: "]"))
      default: try scanner.scanner.skipValue(text, depth: 1)
      }
    }
    try scanner.end(text)
    guard hasItems else { throw JSONError(problem: "expected a list with items", offset: 0) }
    return list
  }

  private mutating func watchFrame(_ text: RawSpan) throws(JSONError) -> WatchEvent {
    var type = ""
    var start: Int?
    try members(text, depth: 0) { (scanner, name) throws(JSONError) in
      switch name {
      case "type": type = try scanner.value(text, depth: 1).stringValue ?? ""
      case "object":
        start = scanner.scanner.offset
        try scanner.scanner.skipValue(text, depth: 1)
      default: try scanner.scanner.skipValue(text, depth: 1)
      }
    }
    try scanner.end(text)
    guard let start else { throw JSONError(problem: "expected a watch frame with an object", offset: 0) }
    scanner.offset = start
    switch type {
    case "ADDED": return .added(KubernetesObject(scanned: try object(text, depth: 1, defaults: nil)))
    case "MODIFIED": return .modified(KubernetesObject(scanned: try object(text, depth: 1, defaults: nil)))
    case "DELETED": return .deleted(KubernetesObject(scanned: try object(text, depth: 1, defaults: nil)))
    case "BOOKMARK":
      let metadata = try object(text, depth: 1, defaults: nil).metadata
      return .bookmark(
        resourceVersion: metadata.resourceVersion,
        isInitialEventsEnd: metadata.annotations["k8s.io/initial-events-end"] == "true")
    case "ERROR": return .error(APIStatus(json: try value(text, depth: 1), fallbackCode: 500))
    default: throw JSONError(problem: "unknown watch frame type \(JSONValue.string(type).text)", offset: 0)
    }
  }

  // MARK: Objects

  /// - Parameter defaults: members to write first where the object has no `kind`.
  private mutating func object(_ text: RawSpan, depth: Int, defaults: [UInt8]?) throws(JSONError) -> Found {
    guard try scanner.next(text) == UInt8(ascii: "{") else { throw scanner.problem("expected an object") }
    let start = scanner.offset
    var metadata = ObjectMetadata(name: "")
    var kept: MetadataText?
    var hasKind = false
    try members(text, depth: depth) { (scanner, name) throws(JSONError) in
      switch name {
      case "metadata":
        let read = try scanner.metadata(text, depth: depth + 1)
        metadata = read.metadata
        kept = read.text
      case "kind":
        hasKind = true
        try scanner.scanner.skipValue(text, depth: depth + 1)
      default: try scanner.scanner.skipValue(text, depth: depth + 1)
      }
    }
    let end = scanner.offset
    var bytes: [UInt8] = []
    bytes.reserveCapacity(end - start + (hasKind ? 0 : defaults?.count ?? 0) + 1)
    var rest = start
    if !hasKind, let defaults {
      bytes.append(UInt8(ascii: "{"))
      bytes += defaults
      rest = start + 1
      scanner.offset = rest
      if try scanner.next(text) != UInt8(ascii: "}") { bytes.append(UInt8(ascii: ",")) }
      scanner.offset = end
    }
    if let kept {
      bytes.append(text, rest..<kept.range.lowerBound)
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in kept.members.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(text, member)
      }
      bytes.append(UInt8(ascii: "}"))
      rest = kept.range.upperBound
    }
    bytes.append(text, rest..<end)
    return Found(metadata: metadata, bytes: bytes)
  }

  /// Where a `metadata` with managedFields lies, and its other members.
  private struct MetadataText {
    var range: Range<Int>
    var members: [Range<Int>]
  }

  private mutating func metadata(
    _ text: RawSpan, depth: Int
  ) throws(JSONError) -> (metadata: ObjectMetadata, text: MetadataText?) {
    guard try scanner.next(text) == UInt8(ascii: "{") else {
      return (ObjectMetadata(json: try value(text, depth: depth)), nil)
    }
    let start = scanner.offset
    var json = JSONObject()
    var ranges: [Range<Int>] = []
    var isCut = false
    try members(text, depth: depth) { (scanner, name) throws(JSONError) in
      if name == "managedFields" {
        isCut = true
        try scanner.scanner.skipValue(text, depth: depth + 1)
      } else {
        let nameStart = scanner.nameOffset
        json[name] = try scanner.value(text, depth: depth + 1)
        ranges.append(nameStart..<scanner.scanner.offset)
      }
    }
    let whole = MetadataText(range: start..<scanner.offset, members: ranges)
    return (ObjectMetadata(json: .object(json)), isCut ? whole : nil)
  }

  // MARK: Parts

  /// Of the member name read last.
  private var nameOffset = 0
  private var names = JSONNameTable()

  /// Consumes an object; `member` consumes each value.
  private mutating func members(
    _ text: RawSpan, depth: Int, _ member: (inout ObjectScanner, String) throws(JSONError) -> Void
  ) throws(JSONError) {
    guard try scanner.next(text) == UInt8(ascii: "{") else { throw scanner.problem("expected an object") }
    try scanner.enter(depth: depth)
    guard try scanner.next(text) != UInt8(ascii: "}") else {
      scanner.offset += 1
      return
    }
    repeat {
      guard try scanner.next(text) == UInt8(ascii: "\"") else { throw scanner.problem("expected a member name") }
      nameOffset = scanner.offset
      let name = try scanner.memberName(text, &names)
      try scanner.colon(text)
      _ = try scanner.next(text)
      try member(&self, name)
    } while try scanner.goesOn(text, close: UInt8(ascii: "}"))
  }

  private mutating func value(_ text: RawSpan, depth: Int) throws(JSONError) -> JSONValue {
    let (value, end) = try reader.fragment(text, at: scanner.offset, depth: depth)
    scanner.offset = end
    return value
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ text: RawSpan, _ range: Range<Int>) {
    text.extracting(range).withUnsafeBytes { append(contentsOf: $0) }
  }
}
