/// Flink configuration as flat keys and texts, with typed reading.
///
/// Reading takes a key and its older names; the first one that is set wins.
public struct FlinkConfiguration: Sendable, Hashable {
  public private(set) var values: [String: String]

  public init(_ values: [String: String] = [:]) { self.values = values }

  /// Setting nil removes the key.
  public subscript(key: String) -> String? {
    get { values[key] }
    set { values[key] = newValue }
  }

  public mutating func setDefault(_ key: String, _ value: String) { if values[key] == nil { values[key] = value } }

  /// The keys of `other` win.
  public mutating func overlay(_ other: [String: String]) { values.merge(other) { $1 } }

  /// Everything under `prefix`, without it.
  public func strippingPrefix(_ prefix: String) -> [String: String] {
    var result: [String: String] = [:]
    for (key, value) in values where key.hasPrefix(prefix) && key.count > prefix.count {
      result[String(key.dropFirst(prefix.count))] = value
    }
    return result
  }

  private func found(_ keys: [String]) -> (key: String, value: String)? {
    for key in keys { if let value = values[key] { return (key, value) } }
    return nil
  }

  /// The name under which a configuration key appears in messages.
  static func field(_ key: String) -> String { "spec.flinkConfiguration[\(key)]" }

  private func invalid(_ found: (key: String, value: String), _ fix: String) -> InvalidField {
    InvalidField(field: Self.field(found.key), value: found.value, fix: fix)
  }

  /// nil where the key is absent or blank.
  public func string(_ keys: String...) -> String? {
    guard let value = found(keys)?.value, !MemoryText.trim(value).isEmpty else { return nil }
    return MemoryText.trim(value)
  }

  public func bool(_ keys: String..., default fallback: Bool) throws(InvalidField) -> Bool {
    guard let found = found(keys) else { return fallback }
    switch MemoryText.trim(found.value).lowercased() {
    case "true": return true
    case "false": return false
    default: throw invalid(found, "must be true or false")
    }
  }

  public func int(_ keys: String...) throws(InvalidField) -> Int? {
    guard let found = found(keys) else { return nil }
    guard let value = Int32(MemoryText.trim(found.value)) else {
      throw invalid(found, "must be a whole number between -2147483648 and 2147483647")
    }
    return Int(value)
  }

  public func double(_ keys: String...) throws(InvalidField) -> Double? {
    guard let found = found(keys) else { return nil }
    guard let value = Double(MemoryText.trim(found.value)), value.isFinite else {
      throw invalid(found, "must be a number such as 0.5")
    }
    return value
  }

  public func duration(_ keys: String...) throws(InvalidField) -> Duration? {
    guard let found = found(keys) else { return nil }
    guard let value = DurationText.parse(found.value) else {
      throw invalid(found, "must be a duration such as 30 s, 5 min or 1 d")
    }
    return value
  }

  /// Bytes, in Flink's notation.
  public func memory(_ keys: String...) throws(InvalidField) -> Int64? {
    guard let found = found(keys) else { return nil }
    guard let value = MemoryText.flinkBytes(found.value), value <= MemoryText.most else {
      throw invalid(found, "must be a size such as 1024m or 2g")
    }
    return value
  }

  /// `a;b;c`, or a YAML list `[a, b, c]`.
  public func list(_ keys: String...) -> [String] {
    guard let found = found(keys) else { return [] }
    var text = MemoryText.trim(found.value)
    var separator: Character = ";"
    if text.hasPrefix("["), text.hasSuffix("]") {
      text = String(text.dropFirst().dropLast())
      separator = ","
    }
    return text.split(separator: separator).map { Self.unquoted(MemoryText.trim(String($0))) }.filter { !$0.isEmpty }
  }

  /// `k1:v1,k2:v2`, also `{k1: v1, k2: v2}`. Entries without a colon are left out.
  public func map(_ keys: String...) -> [String: String] {
    guard let found = found(keys) else { return [:] }
    var text = MemoryText.trim(found.value)
    if text.hasPrefix("{"), text.hasSuffix("}") { text = String(text.dropFirst().dropLast()) }
    var result: [String: String] = [:]
    for entry in Self.split(text, at: ",") {
      guard let colon = entry.firstIndex(of: ":") else { continue }
      let key = Self.unquoted(MemoryText.trim(String(entry[..<colon])))
      result[key] = Self.unquoted(MemoryText.trim(String(entry[entry.index(after: colon)...])))
    }
    return result
  }

  /// A list in the notation of `flink-conf.yaml`: `a;'b;c'`.
  public static func flatList(_ elements: [String]) -> String {
    elements.map { element in
      let isPlain =
        !element.contains { $0 == ";" || $0 == "'" || $0 == "\"" } && !element.isEmpty
        && element == MemoryText.trim(element)
      if isPlain { return element }
      return "'" + element.map { $0 == "'" ? "''" : String($0) }.joined() + "'"
    }.joined(separator: ";")
  }

  /// Splits outside of quotes.
  private static func split(_ text: String, at separator: Character) -> [String] {
    var parts: [String] = [""]
    var quote: Character?
    for character in text {
      if character == separator, quote == nil {
        parts.append("")
        continue
      }
      if character == "'" || character == "\"" {
        if quote == character { quote = nil } else if quote == nil { quote = character }
      }
      parts[parts.count - 1].append(character)
    }
    return parts
  }

  private static func unquoted(_ text: String) -> String {
    guard text.count >= 2, let first = text.first, first == text.last, first == "'" || first == "\"" else {
      return text
    }
    return String(text.dropFirst().dropLast())
  }

  /// Nested YAML, the format from Flink 2.0 on, has no place for both `a` and `a.b`.
  func checkNesting() throws(InvalidField) {
    for key in values.keys.sorted() {
      var prefix = Substring(key)
      while let dot = prefix.lastIndex(of: ".") {
        prefix = prefix[..<dot]
        guard values[String(prefix)] != nil else { continue }
        throw InvalidField(
          field: Self.field(key), value: values[key],
          fix: "cannot stand beside the key '\(prefix)', which is its beginning: use the newer name of either")
      }
    }
  }

  /// The flat format before Flink 2.0 ends a value with its line.
  func checkLines() throws(InvalidField) {
    for (key, value) in values.sorted(by: { $0.key < $1.key }) where value.contains(where: \.isNewline) {
      throw InvalidField(
        field: Self.field(key), value: value, fix: "must be one line: flink-conf.yaml of Flink before 2.0 has no other")
    }
  }

  /// What may be sent to a cluster: without the operator's and the autoscaler's keys.
  public var forCluster: FlinkConfiguration {
    FlinkConfiguration(values.filter { !Self.isOperatorKey($0.key) })
  }

  /// Keys that take effect without a redeploy.
  public static func isOperatorKey(_ key: String) -> Bool {
    key.hasPrefix("kubernetes.operator.") || key.hasPrefix("job.autoscaler.")
  }
}

extension FlinkConfiguration {
  /// The value of `high-availability.type`, nil where HA is off.
  public var highAvailabilityType: String? {
    guard let type = string("high-availability.type", "high-availability"), type.uppercased() != "NONE" else {
      return nil
    }
    return type
  }

  public var isHighAvailabilityEnabled: Bool { highAvailabilityType != nil }

  /// HA metadata is kept in ConfigMaps.
  public var usesKubernetesHA: Bool {
    guard let type = highAvailabilityType else { return false }
    return type.lowercased() == "kubernetes"
      || type == "org.apache.flink.kubernetes.highavailability.KubernetesHaServicesFactory"
  }

  public var highAvailabilityStorage: String? {
    string("high-availability.storageDir", "high-availability.storage-dir")
  }
  public var checkpointDirectory: String? { string("execution.checkpointing.dir", "state.checkpoints.dir") }
  public var savepointDirectory: String? {
    string("execution.checkpointing.savepoint-dir", "state.savepoints.dir", "state.savepoints-dir")
  }
  /// How many completed checkpoints Flink keeps.
  public var retainedCheckpoints: Int {
    get throws(InvalidField) {
      max(1, try int("execution.checkpointing.num-retained", "state.checkpoints.num-retained") ?? 1)
    }
  }
  public var numberOfTaskSlots: Int {
    get throws(InvalidField) {
      let key = "taskmanager.numberOfTaskSlots"
      guard let slots = try int(key) else { return 1 }
      if slots < 1 {
        throw InvalidField(field: Self.field(key), value: "\(slots)", fix: "must be at least 1")
      }
      return slots
    }
  }
  /// The port of the REST service.
  public var restPort: Int { get throws(InvalidField) { try int("rest.port") ?? 8081 } }
  /// `reactive` where the job takes whatever slots there are.
  public var schedulerMode: String? { string("scheduler-mode")?.lowercased() }
  public var isReactive: Bool { schedulerMode == "reactive" }
  public var isRESTEncrypted: Bool {
    get throws(InvalidField) { try bool("security.ssl.rest.enabled", "security.ssl.enabled", default: false) }
  }
}
