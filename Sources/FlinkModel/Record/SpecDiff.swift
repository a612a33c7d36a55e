import KubernetesAPI

/// What a change of spec asks for, from the least to the most.
public enum SpecDiffType: Int, Sendable, Hashable, Comparable, CaseIterable {
  /// Takes effect without touching what runs.
  case ignore
  /// Number of TaskManagers or parallelism only.
  case scale
  /// Stop, start with the new spec.
  case upgrade
  /// Start from the savepoint that the spec names.
  case savepointRedeploy

  public static func < (left: SpecDiffType, right: SpecDiffType) -> Bool { left.rawValue < right.rawValue }

  /// As in the Apache operator's event messages.
  public var word: String {
    switch self {
    case .ignore: "IGNORE"
    case .scale: "SCALE"
    case .upgrade: "UPGRADE"
    case .savepointRedeploy: "SAVEPOINT_REDEPLOY"
    }
  }
}

/// The difference between a recorded spec and the present one.
public struct SpecDiff: Sendable, Hashable {
  public struct Change: Sendable, Hashable, CustomStringConvertible {
    /// Path below `spec`, for instance `job.parallelism` or `flinkConfiguration.taskmanager.numberOfTaskSlots`.
    public let path: String
    /// Text of the value; nil where there is none.
    public let old: String?
    public let new: String?
    public let type: SpecDiffType

    public init(path: String, old: String?, new: String?, type: SpecDiffType) {
      self.path = path
      self.old = old
      self.new = new
      self.type = type
    }

    /// `path : old -> new`, long values shortened and secrets hidden.
    public var description: String { "\(path) : \(Self.shown(old, path)) -> \(Self.shown(new, path))" }

    private static func shown(_ value: String?, _ path: String) -> String {
      guard let value else { return "none" }
      if SensitiveKey.matches(path) { return "******" }
      return value.count > 80 ? "\(value.prefix(79))…" : value
    }
  }

  public let changes: [Change]

  /// The strongest of the changes; `ignore` when there is none.
  public var type: SpecDiffType { changes.map(\.type).max() ?? .ignore }

  /// The message of the SpecChanged event.
  public var message: String {
    "\(type.word) change(s) detected: \(changes.map(\.description).joined(separator: ", "))"
  }

  /// Compares by meaning: absent, null and default are the same within a present object.
  public init(from old: FlinkDeploymentSpec, to new: FlinkDeploymentSpec) {
    var builder = Builder(mode: new.effectiveMode)
    builder.compareJobs(old.job, new.job)
    builder.compare("restartNonce", old.restartNonce, new.restartNonce, .upgrade, ignoringNew: new.restartNonce == nil)
    builder.compareConfiguration(old.flattenedConfiguration, new.flattenedConfiguration)
    builder.compare("image", old.image, new.image)
    builder.compare("imagePullPolicy", old.imagePullPolicy, new.imagePullPolicy)
    builder.compare("serviceAccount", old.serviceAccount, new.serviceAccount)
    builder.compare("flinkVersion", old.flinkVersion, new.flinkVersion)
    // Followed at once, without the job; the Apache operator redeploys the job for it.
    builder.compareTrees("ingress", old.ingress?.json, new.ingress?.json, .ignore)
    builder.compareTrees(
      "podTemplate", Builder.template(old.podTemplate), Builder.template(new.podTemplate))
    builder.compareJobManagers(old.jobManager, new.jobManager)
    builder.compareTaskManagers(old.taskManager, new.taskManager)
    builder.compareTrees(
      "logConfiguration", old.logConfiguration.map { JSONValue($0) }, new.logConfiguration.map { JSONValue($0) })
    // null and native are the same mode, but going from one to the other is not an edit worth a restart.
    builder.compare("mode", old.effectiveMode.rawValue, new.effectiveMode.rawValue)
    changes = builder.changes
  }

  private struct Builder {
    let mode: DeploymentMode
    var changes: [Change] = []

    init(mode: DeploymentMode) { self.mode = mode }

    mutating func compare<Value: Equatable>(
      _ path: String, _ old: Value?, _ new: Value?, _ type: SpecDiffType = .upgrade, ignoringNew: Bool = false
    ) {
      if old == new || ignoringNew { return }
      changes.append(
        Change(path: path, old: old.map { "\($0)" }, new: new.map { "\($0)" }, type: type))
    }

    mutating func compareTrees(
      _ path: String, _ old: JSONValue?, _ new: JSONValue?, _ type: SpecDiffType = .upgrade
    ) {
      let old = old.flatMap(Self.withoutNulls)
      let new = new.flatMap(Self.withoutNulls)
      if old == new { return }
      changes.append(Change(path: path, old: old?.text, new: new?.text, type: type))
    }

    /// Objects without their null members; nil for an object or list without any content, which means nothing here.
    private static func withoutNulls(_ value: JSONValue) -> JSONValue? {
      guard case .object(let object) = value else { return value.isNull ? Optional.none : .some(value) }
      let members = strippingNulls(object)
      return members.isEmpty ? nil : .object(members)
    }

    private static func strippingNulls(_ object: JSONObject) -> JSONObject {
      object.filter { !$1.isNull }.mapValues(stripped)
    }

    private static func stripped(_ value: JSONValue) -> JSONValue {
      switch value {
      case .object(let object): .object(strippingNulls(object))
      case .array(let elements): .array(elements.map(stripped))
      default: value
      }
    }

    /// What a pod template means to the operator: `apiVersion`, `kind` and `status` of a pod are not used.
    static func template(_ template: JSONValue?) -> JSONValue? {
      template?.objectValue.map { .object($0.filter { key, _ in !["apiVersion", "kind", "status"].contains(key) }) }
    }

    mutating func compareJobs(_ old: JobSpec?, _ new: JobSpec?) {
      guard let old, let new else {
        if old != nil || new != nil {
          changes.append(Change(path: "job", old: old?.json.text, new: new?.json.text, type: .upgrade))
        }
        return
      }
      compare("job.jarURI", old.jarURI, new.jarURI)
      compare("job.parallelism", old.parallelism, new.parallelism, mode == .standalone ? .scale : .upgrade)
      compare("job.entryClass", old.entryClass, new.entryClass)
      compare("job.args", old.args, new.args)
      compare("job.state", old.state.rawValue, new.state.rawValue)
      compare("job.savepointTriggerNonce", old.savepointTriggerNonce, new.savepointTriggerNonce, .ignore)
      compare("job.initialSavepointPath", old.initialSavepointPath, new.initialSavepointPath, .ignore)
      compare("job.checkpointTriggerNonce", old.checkpointTriggerNonce, new.checkpointTriggerNonce, .ignore)
      compare("job.upgradeMode", old.upgradeMode.rawValue, new.upgradeMode.rawValue, .ignore)
      compare("job.allowNonRestoredState", old.allowNonRestoredState, new.allowNonRestoredState, .ignore)
      compare(
        "job.savepointRedeployNonce", old.savepointRedeployNonce, new.savepointRedeployNonce, .savepointRedeploy,
        ignoringNew: new.savepointRedeployNonce == nil)
      compare("job.autoscalerResetNonce", old.autoscalerResetNonce, new.autoscalerResetNonce, .ignore)
    }

    mutating func compareConfiguration(_ old: [String: String], _ new: [String: String]) {
      for key in Set(old.keys).union(new.keys).sorted() {
        compare("flinkConfiguration.\(key)", old[key], new[key], configurationType(key))
      }
    }

    private func configurationType(_ key: String) -> SpecDiffType {
      if key.hasPrefix("job.autoscaler") || key.hasPrefix("parallelism.default") || key.hasPrefix("kubernetes.operator")
      {
        return .ignore
      }
      if key.hasPrefix("pipeline.jobvertex-parallelism-overrides"), mode == .native { return .scale }
      return .upgrade
    }

    mutating func compareJobManagers(_ old: JobManagerSpec?, _ new: JobManagerSpec?) {
      // An empty object says no more than an absent one.
      let old = old ?? JobManagerSpec()
      let new = new ?? JobManagerSpec()
      compareResources("jobManager", old.resource, old.resources, new.resource, new.resources)
      compare("jobManager.replicas", old.replicas, new.replicas)
      compareTrees("jobManager.podTemplate", Self.template(old.podTemplate), Self.template(new.podTemplate))
    }

    mutating func compareTaskManagers(_ old: TaskManagerSpec?, _ new: TaskManagerSpec?) {
      let old = old ?? TaskManagerSpec()
      let new = new ?? TaskManagerSpec()
      compareResources("taskManager", old.resource, old.resources, new.resource, new.resources)
      compare("taskManager.replicas", old.replicas, new.replicas, mode == .standalone ? .scale : .upgrade)
      compareTrees("taskManager.podTemplate", Self.template(old.podTemplate), Self.template(new.podTemplate))
    }

    /// Quantities are compared by value: `1000m` is `1`.
    private static func areEqual(_ old: [String: String], _ new: [String: String]) -> Bool {
      old.count == new.count
        && old.allSatisfy { name, text in
          guard let other = new[name] else { return false }
          if text == other { return true }
          guard let left = try? Quantity(parsing: text), let right = try? Quantity(parsing: other) else { return false }
          return left == right
        }
    }

    private mutating func compareResources(
      _ path: String, _ oldResource: Resource?, _ oldResources: ResourceRequirements?, _ newResource: Resource?,
      _ newResources: ResourceRequirements?
    ) {
      compareTrees("\(path).resource", oldResource?.json, newResource?.json)
      let old = oldResources ?? ResourceRequirements()
      let new = newResources ?? ResourceRequirements()
      if old.claims != new.claims || !Self.areEqual(old.limits, new.limits)
        || !Self.areEqual(old.requests, new.requests)
      {
        changes.append(
          Change(path: "\(path).resources", old: oldResources?.json.text, new: newResources?.json.text, type: .upgrade))
      }
    }
  }
}

/// Configuration keys whose values must not be shown.
public enum SensitiveKey {
  private static let marks = [
    "password", "secret", "token", "apikey", "api-key", "fs.azure.account.key", "auth-params", "service-key",
    "basic-auth", "jaas.config", "http-headers",
  ]

  public static func matches(_ key: String) -> Bool {
    let key = key.lowercased()
    return marks.contains { key.contains($0) }
  }
}
