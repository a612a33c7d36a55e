internal import CLibYAML

/// One step of a YAML text.
struct YAMLEvent {
  enum Kind {
    case streamEnd
    case documentStart
    case documentEnd
    case alias(String)
    case scalar(String, isPlain: Bool)
    case sequenceStart
    case sequenceEnd
    case mappingStart
    case mappingEnd
  }
  var kind: Kind
  var anchor: String?
  var tag: String?
  /// From 1.
  var line: Int
  var column: Int

  func error(_ problem: String) -> YAMLError { YAMLError(problem: problem, line: line, column: column) }
}

/// libyaml's parser, with the memory it needs.
final class YAMLEvents {
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let input: UnsafeMutableBufferPointer<UInt8>

  init(_ text: String) {
    var utf8 = Array(text.utf8)
    // The parser is told the encoding, so it would take a byte order mark for content.
    if utf8.starts(with: [0xef, 0xbb, 0xbf]) { utf8.removeFirst(3) }
    input = .allocate(capacity: utf8.count)
    _ = input.initialize(from: utf8)
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    yaml_parser_initialize(parser)
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, input.baseAddress, input.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    input.deallocate()
  }

  /// The next event; the stream's start is passed by.
  func next() throws(YAMLError) -> YAMLEvent {
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(parser, &event) != 0 else { throw failure() }
      defer { yaml_event_delete(&event) }
      guard event.type != YAML_STREAM_START_EVENT else { continue }
      guard event.type != YAML_NO_EVENT else { return YAMLEvent(kind: .streamEnd, line: 1, column: 1) }
      return Self.event(event)
    }
  }

  private static func event(_ event: yaml_event_t) -> YAMLEvent {
    var result = YAMLEvent(
      kind: .streamEnd, line: event.start_mark.line + 1, column: event.start_mark.column + 1)
    switch event.type {
    case YAML_DOCUMENT_START_EVENT: result.kind = .documentStart
    case YAML_DOCUMENT_END_EVENT: result.kind = .documentEnd
    case YAML_ALIAS_EVENT: result.kind = .alias(string(event.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      result.kind = .scalar(
        String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
      result.anchor = string(scalar.anchor)
      result.tag = string(scalar.tag)
    case YAML_SEQUENCE_START_EVENT:
      result.kind = .sequenceStart
      result.anchor = string(event.data.sequence_start.anchor)
      result.tag = string(event.data.sequence_start.tag)
    case YAML_SEQUENCE_END_EVENT: result.kind = .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      result.kind = .mappingStart
      result.anchor = string(event.data.mapping_start.anchor)
      result.tag = string(event.data.mapping_start.tag)
    case YAML_MAPPING_END_EVENT: result.kind = .mappingEnd
    default: break
    }
    return result
  }

  private static func string(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    pointer.map { String(cString: $0) }
  }

  private func failure() -> YAMLError {
    let state = parser.pointee
    var problem = state.problem.map { String(cString: $0) } ?? "not YAML"
    if state.error == YAML_READER_ERROR {
      // The reader runs ahead of the marks and knows an offset only.
      let before = input.prefix(state.problem_offset)
      let line = before.count { $0 == UInt8(ascii: "\n") } + 1
      let lineStart = (before.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
      let column = before[lineStart...].count { $0 & 0xc0 != 0x80 } + 1
      return YAMLError(problem: problem, line: line, column: column)
    }
    if let context = state.context { problem += ", \(String(cString: context))" }
    return YAMLError(
      problem: problem, line: state.problem_mark.line + 1, column: state.problem_mark.column + 1)
  }
}
