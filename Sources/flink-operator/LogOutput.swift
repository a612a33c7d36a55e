import ArgumentParser
import Glibc
import KubernetesAPI
import Logging

/// Structured log lines on standard error: `time level message key=value …`, or one JSON object a line.
struct LogOutput: LogHandler {
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, json
  }

  let format: Format
  let label: String
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields = metadata
    if let own = event.metadata { fields.merge(own) { $1 } }
    if let error = event.error { fields["error"] = "\(error)" }
    let sorted = fields.sorted { $0.key < $1.key }
    let line: String
    switch format {
    case .text:
      let pairs = sorted.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
      line = "\(Self.now()) \(Self.padded(event.level)) \(label): \(event.message)\(pairs)\n"
    case .json:
      var members: [(String, JSONValue)] = [
        ("time", .string(Self.now())), ("level", .string(event.level.rawValue)), ("logger", .string(label)),
        ("message", .string("\(event.message)")),
      ]
      members += sorted.map { ($0.key, .string("\($0.value)")) }
      line = JSONValue.object(JSONObject(members)).text + "\n"
    }
    Self.write(line)
  }

  /// One write a line, so lines of several threads do not mix.
  static func write(_ line: String) {
    var bytes = Array(line.utf8)
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if written > 0 {
        bytes.removeFirst(written)
      } else if errno != EINTR {
        return
      }
    }
  }

  private static func quoted(_ value: String) -> String {
    guard value.isEmpty || value.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" || $0.isNewline }) else {
      return value
    }
    return JSONValue.string(value).text
  }

  private static func padded(_ level: Logger.Level) -> String {
    let name = level.rawValue.uppercased()
    return name + String(repeating: " ", count: max(0, 7 - name.count))
  }

  private static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(epochMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000).rfc3339Milliseconds
  }
}

struct LogOptions: ParsableArguments {
  @Option(
    help: "What to log: \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")).",
    transform: { text in
      guard let level = Logger.Level(rawValue: text) else { throw ValidationError("'\(text)' is not a log level") }
      return level
    })
  var logLevel: Logger.Level = .info

  @Option(help: "How to log: text, or json for one object a line.")
  var logFormat: LogOutput.Format = .text

  func bootstrap() {
    let level = logLevel
    let format = logFormat
    LoggingSystem.bootstrap { LogOutput(format: format, label: $0, logLevel: level) }
  }

  var arguments: [String] { ["--log-level", logLevel.rawValue, "--log-format", logFormat.rawValue] }
}
