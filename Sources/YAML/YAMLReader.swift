internal import KubernetesAPI

/// Composes values from events.
final class YAMLReader {
  /// Nodes and bytes that aliases together may add to what the text itself holds.
  private static let maximumExpansion = 8 << 20

  private let events: YAMLEvents
  private var anchors: [String: Node] = [:]
  private var expansion = 0

  /// A value with what it would cost to have it again.
  private struct Node {
    var value: JSONValue
    /// Nodes and bytes.
    var weight: Int
    /// Levels of nesting.
    var height: Int
  }

  /// How Kubernetes' API server reads: YAML 1.1's words for booleans, and of a repeated key the last value.
  private let isServer: Bool
  private(set) var repeatedKeys: [YAML.RepeatedKey] = []

  init(_ text: String, isServer: Bool = false) {
    events = YAMLEvents(text)
    self.isServer = isServer
  }

  func nextDocument() throws(YAMLError) -> (value: JSONValue, line: Int, column: Int)? {
    let start = try events.next()
    guard case .documentStart = start.kind else { return nil }
    anchors = [:]
    let value = try node(try events.next(), depth: 0).value
    _ = try events.next()
    return (value, start.line, start.column)
  }

  private func node(_ event: YAMLEvent, depth: Int) throws(YAMLError) -> Node {
    guard depth <= JSONParser.maximumDepth else { throw event.error("nested deeper than 512 levels") }
    let node: Node
    switch event.kind {
    case .alias(let name): return try alias(name, at: event, depth: depth)
    case .scalar(let text, let isPlain):
      let word = isServer && isPlain && event.tag == nil ? YAMLScalar.word(text) : nil
      let value = if let word { word } else { try YAMLScalar.value(text, isPlain: isPlain, at: event) }
      node = Node(value: value, weight: 1 + text.utf8.count, height: 0)
    case .sequenceStart:
      try requireTag("seq", of: event)
      node = try sequence(depth: depth)
    case .mappingStart:
      try requireTag("map", of: event)
      node = try mapping(depth: depth)
    default: throw event.error("expected a value")
    }
    if let anchor = event.anchor { anchors[anchor] = node }
    return node
  }

  private func alias(_ name: String, at event: YAMLEvent, depth: Int) throws(YAMLError) -> Node {
    guard let node = anchors[name] else { throw event.error("alias *\(name) has no anchor before it") }
    guard depth + node.height <= JSONParser.maximumDepth else { throw event.error("nested deeper than 512 levels") }
    expansion += node.weight
    guard expansion <= Self.maximumExpansion else { throw event.error("aliases expand to more than 8 MiB") }
    return node
  }

  private func requireTag(_ name: String, of event: YAMLEvent) throws(YAMLError) {
    guard let tag = event.tag, tag != "!", tag != "tag:yaml.org,2002:\(name)" else { return }
    throw event.error("tag \(tag) is not supported here")
  }

  private func sequence(depth: Int) throws(YAMLError) -> Node {
    var elements: [JSONValue] = []
    var result = Node(value: .null, weight: 1, height: 0)
    while true {
      let event = try events.next()
      if case .sequenceEnd = event.kind { break }
      let element = try node(event, depth: depth + 1)
      elements.append(element.value)
      result.weight += element.weight
      result.height = max(result.height, element.height)
    }
    result.value = .array(elements)
    result.height += 1
    return result
  }

  private func mapping(depth: Int) throws(YAMLError) -> Node {
    var members: [(String, JSONValue)] = []
    var names: Set<String> = []
    var merged: [JSONObject] = []
    var result = Node(value: .null, weight: 1, height: 0)
    while true {
      let event = try events.next()
      if case .mappingEnd = event.kind { break }
      let isMerge = Self.isMergeKey(event)
      let name = isMerge ? "<<" : try key(event)
      if !names.insert(name).inserted {
        guard isServer else { throw event.error("repeated key \(JSONValue.string(name).text)") }
        repeatedKeys.append(YAML.RepeatedKey(name: name, line: event.line))
        members.removeAll { $0.0 == name }
      }
      let valueEvent = try events.next()
      let value = try node(valueEvent, depth: depth + 1)
      result.weight += value.weight + name.utf8.count
      result.height = max(result.height, value.height)
      if isMerge {
        merged = try mergeSources(value.value, at: valueEvent)
      } else {
        members.append((name, value.value))
      }
    }
    for source in merged {
      for (name, value) in source where names.insert(name).inserted { members.append((name, value)) }
    }
    result.value = .object(JSONObject(members))
    result.height += 1
    return result
  }

  private static func isMergeKey(_ event: YAMLEvent) -> Bool {
    guard case .scalar("<<", let isPlain) = event.kind else { return false }
    return event.tag == "tag:yaml.org,2002:merge" || event.tag == nil && isPlain
  }

  /// Earlier sources win over later ones, and the mapping's own keys over all.
  private func mergeSources(_ value: JSONValue, at event: YAMLEvent) throws(YAMLError) -> [JSONObject] {
    if let object = value.objectValue { return [object] }
    let objects = value.arrayValue?.compactMap(\.objectValue) ?? []
    guard let array = value.arrayValue, objects.count == array.count else {
      throw event.error("the merge key << needs a mapping or a sequence of mappings")
    }
    return objects
  }

  /// Keys become strings: numbers and booleans by their JSON text.
  private func key(_ event: YAMLEvent) throws(YAMLError) -> String {
    let key = try node(event, depth: 0)
    switch key.value {
    case .string(let name): return name
    case .number, .bool: return key.value.text
    case .null: throw event.error("a key may not be null; quote it where a name is meant")
    case .array, .object: throw event.error("a key must be a scalar")
    }
  }
}
