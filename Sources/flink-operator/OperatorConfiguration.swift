import FlinkModel
import Glibc
import Logging

/// Where the operator's own configuration lies: a file or folder given on the command line, or the folder of
/// `FLINK_CONF_DIR`; and on top of it the folder of `CONF_OVERRIDE_DIR`, as with the Apache operator. Both are usually
/// mounted ConfigMaps, whose files change while the operator runs.
struct OperatorConfiguration: Sendable {
  /// As given on the command line: a file, or a folder with a `flink-conf.yaml` or a `config.yaml`.
  let given: String?
  /// On the command line; they win over every other naming of namespaces.
  let namespaces: [String]
  let environment: [String: String]

  init(given: String?, namespaces: [String], environment: [String: String]) {
    self.given = given
    self.namespaces = namespaces
    self.environment = environment
  }

  /// The text of every file there is, the later over the earlier.
  struct Texts: Sendable, Equatable {
    var files: [(path: String, text: String)] = []

    static func == (left: Texts, right: Texts) -> Bool { left.files.elementsEqual(right.files, by: ==) }
  }

  private static let flat = "flink-conf.yaml"
  private static let nested = "config.yaml"

  func read() throws(CommandFailure) -> Texts {
    var texts = Texts()
    if let place = given ?? environment["FLINK_CONF_DIR"], !place.isEmpty {
      try Self.read(place, isRequired: given != nil, into: &texts)
    }
    if let folder = environment["CONF_OVERRIDE_DIR"], !folder.isEmpty {
      try Self.read(folder, isRequired: false, into: &texts)
    }
    return texts
  }

  /// Of a folder the one file that Flink would take: the flat one where both are there.
  private static func read(_ place: String, isRequired: Bool, into texts: inout Texts) throws(CommandFailure) {
    guard isFolder(place) else {
      if isRequired || access(place, F_OK) == 0 { texts.files.append((place, try readText(place))) }
      return
    }
    for name in [flat, nested] where access("\(place)/\(name)", F_OK) == 0 {
      texts.files.append(("\(place)/\(name)", try readText("\(place)/\(name)")))
      return
    }
    if isRequired {
      throw CommandFailure("\(place) has neither \(flat) nor \(nested)", hint: "name a file, or put one of them there")
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  func settings(_ texts: Texts) throws -> OperatorSettings {
    var defaults = OperatorDefaults()
    for (path, text) in texts.files {
      do {
        let isNested = path.hasSuffix(".yaml") && !path.hasSuffix(Self.flat)
        let file = isNested ? try OperatorDefaults(configYAML: text) : OperatorDefaults(flinkConf: text)
        defaults = defaults.overlaid(with: file)
      } catch {
        throw CommandFailure("\(path): \(error)", hint: nil)
      }
    }
    var settings = try OperatorSettings(defaults)
    if let words = environment["WATCH_NAMESPACES"] { settings.setWatchedNamespaces(words) }
    if !namespaces.isEmpty { settings.watchedNamespaces = namespaces }
    return settings
  }

  func settings() throws -> OperatorSettings { try settings(try read()) }
}

/// Reads the operator's configuration again and again, and tells when it has changed.
struct ConfigurationReloader: Sendable {
  let configuration: OperatorConfiguration
  let logger: Logger
  let apply: @Sendable (OperatorSettings) -> Void

  init(
    configuration: OperatorConfiguration, logger: Logger, apply: @escaping @Sendable (OperatorSettings) -> Void
  ) {
    self.configuration = configuration
    self.logger = logger
    self.apply = apply
  }

  /// Runs until the calling task is cancelled.
  ///
  /// A mounted ConfigMap is replaced by renaming a link, of which no event tells reliably; reading small files costs
  /// nothing.
  func run(every interval: Duration = .seconds(1)) async throws {
    var last = try configuration.read()
    var present = try configuration.settings(last)
    guard present.isConfigurationDynamic, !last.files.isEmpty || configuration.given != nil else { return }
    var problem: String?
    while true {
      try await Task.sleep(for: interval)
      do {
        let texts = try configuration.read()
        if texts == last { continue }
        let settings = try configuration.settings(texts)
        last = texts
        problem = nil
        if settings.defaults == present.defaults { continue }
        take(settings, &present)
      } catch {
        // Said once: a file that is being replaced may be gone for a moment.
        if problem != "\(error)" {
          logger.error("the changed configuration is not used", metadata: ["error": "\(error)"])
        }
        problem = "\(error)"
      }
    }
  }

  private func take(_ changed: OperatorSettings, _ present: inout OperatorSettings) {
    var settings = changed
    if !changed.areNamespacesDynamic { settings.watchedNamespaces = present.watchedNamespaces }
    let values = settings.defaults.values.sorted { $0.key < $1.key }.map { key, value in
      "\(key)=\(SensitiveKey.matches(key) ? "******" : value)"
    }
    // The Apache operator's words, which its own tests look for.
    logger.info("Setting default configuration to {\(values.joined(separator: ", "))}")
    let fixed = settings.keysFixedAtStart(differingFrom: present)
    if !fixed.isEmpty {
      logger.warning("changed keys take effect when the operator is started again: \(fixed.joined(separator: ", "))")
    }
    present = settings
    apply(settings)
  }
}
