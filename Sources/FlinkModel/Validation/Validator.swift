import KubernetesAPI

/// Judges a FlinkDeployment before anything is done for it. Pure: the controller and the admission webhook use the
/// same rules, the Apache operator's, in its order; the first failure is reported. Unlike there, a missing
/// `flinkVersion` and a missing job jar are reported too.
public struct Validator: Sendable {
  let settings: OperatorSettings

  public init(_ settings: OperatorSettings) { self.settings = settings }

  /// - Returns: the spec, which can then be deployed.
  /// - Throws: `InvalidField` naming the field, its value and what to write instead.
  public func validate(_ deployment: FlinkDeployment) throws(InvalidField) -> FlinkDeploymentSpec {
    let spec = try deployment.spec.get()
    try Self.checkName(deployment.metadata.name)
    try checkVersion(spec, deployment.status)
    let configuration = settings.userConfiguration(for: spec, namespace: deployment.metadata.namespace)
    try checkConfiguration(configuration)
    try checkIngress(spec.ingress)
    try checkLogConfiguration(spec.logConfiguration)
    if let job = spec.job { try checkJob(job, spec, configuration) }
    try checkJobManager(spec, configuration)
    try checkTaskManager(spec, configuration)
    try checkChange(spec, deployment.status)
    try checkImage(spec)
    try AutoscalerRules.check(configuration, reconcileInterval: settings.reconcileInterval)
    try checkFile(spec, deployment.metadata)
    return spec
  }

  /// The name becomes the name of pods, services and labels, hence the limit.
  static func checkName(_ name: String, field: String = "metadata.name") throws(InvalidField) {
    let characters = Array(name.unicodeScalars)
    func isLetter(_ scalar: Unicode.Scalar) -> Bool { ("a"..."z").contains(scalar) }
    func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool { isLetter(scalar) || ("0"..."9").contains(scalar) }
    guard let first = characters.first, let last = characters.last, characters.count <= 45, isLetter(first),
      isAlphanumeric(last), characters.allSatisfy({ isAlphanumeric($0) || $0 == "-" })
    else {
      throw InvalidField(
        field: field, value: name,
        fix: "must be at most 45 lower case letters, digits and '-', begin with a letter and end with a letter or digit"
      )
    }
  }

  private func checkVersion(_ spec: FlinkDeploymentSpec, _ status: FlinkDeploymentStatus) throws(InvalidField) {
    let field = "spec.flinkVersion"
    guard let version = spec.flinkVersion else {
      throw InvalidField(field: field, value: nil, fix: "set it to the version in the image, for instance v1_20")
    }
    if !version.isSupported {
      throw InvalidField(field: field, value: "\(version)", fix: "is not supported, use v1_15 or newer")
    }
    guard let last = status.reconciliationStatus.lastReconciledSpec, let old = try? last.spec() else { return }
    if let job = spec.job, let oldJob = old.job, oldJob.state == .suspended, oldJob.upgradeMode == .lastState,
      job.upgradeMode != .stateless, old.flinkVersion != version
    {
      throw InvalidField(
        field: field, value: "\(version)",
        fix: "cannot change while the job is suspended in last-state mode: resume it on "
          + "\(old.flinkVersion?.description ?? "the old version") first, or use upgradeMode stateless")
    }
  }

  /// Whether the configuration can be written into a file of this Flink version.
  private func checkFile(_ spec: FlinkDeploymentSpec, _ metadata: ObjectMetadata) throws(InvalidField) {
    let configuration = try settings.deployConfiguration(
      for: spec, name: metadata.name, namespace: metadata.namespace
    ).forCluster
    if (spec.flinkVersion ?? .v1_20) >= .v2_0 {
      try configuration.checkNesting()
    } else {
      try configuration.checkLines()
    }
  }

  private static let ownKeys = [
    ConfigurationKey.namespace, ConfigurationKey.clusterID, ConfigurationKey.haClusterID,
  ]

  private func checkConfiguration(_ configuration: FlinkConfiguration) throws(InvalidField) {
    for key in Self.ownKeys {
      if let value = configuration[key] {
        throw InvalidField(
          field: FlinkConfiguration.field(key), value: value, fix: "is set by the operator, remove it")
      }
    }
    let settings = try ResourceSettings(configuration)
    if settings.isHealthCheckEnabled, !settings.isJobManagerRecoveryEnabled {
      throw InvalidField(
        field: FlinkConfiguration.field("kubernetes.operator.jm-deployment-recovery.enabled"), value: "false",
        fix: "must be true while kubernetes.operator.cluster.health-check.enabled is true")
    }
    try ConfigurationTypes.check(configuration)
  }

  private func checkIngress(_ ingress: IngressSpec?) throws(InvalidField) {
    guard let ingress else { return }
    let field = "spec.ingress.template"
    let fix = "write host and path, for instance '{{name}}.{{namespace}}.example.com' or 'example.com/{{name}}'"
    guard let template = ingress.template, !MemoryText.trim(template).isEmpty else {
      throw InvalidField(field: field, value: ingress.template, fix: fix)
    }
    if template.contains(where: \.isWhitespace) { throw InvalidField(field: field, value: template, fix: fix) }
  }

  private func checkLogConfiguration(_ logConfiguration: [String: String]?) throws(InvalidField) {
    for key in (logConfiguration ?? [:]).keys.sorted() where !LogConfigurationFile.names.contains(key) {
      throw InvalidField(
        field: "spec.logConfiguration", value: key,
        fix: "may hold \(LogConfigurationFile.names.joined(separator: " and ")) only")
    }
  }

  private func checkImage(_ spec: FlinkDeploymentSpec) throws(InvalidField) {
    if spec.serviceAccount == nil {
      throw InvalidField(
        field: "spec.serviceAccount", value: nil,
        fix: "set it to the jobs' service account, which the installation "
          + "names 'flink'")
    }
    if let policy = spec.imagePullPolicy, !["IfNotPresent", "Always", "Never"].contains(policy) {
      throw InvalidField(
        field: "spec.imagePullPolicy", value: policy, fix: "must be IfNotPresent, Always or Never")
    }
  }

  private func checkChange(_ spec: FlinkDeploymentSpec, _ status: FlinkDeploymentStatus) throws(InvalidField) {
    guard let last = status.reconciliationStatus.lastReconciledSpec, let old = try? last.spec() else { return }
    if old.isApplication != spec.isApplication {
      throw InvalidField(
        field: "spec.job", value: spec.job == nil ? nil : "set",
        fix: old.isApplication
          ? "cannot be removed: an application cluster cannot become a session cluster, make a new resource"
          : "cannot be added: a session cluster cannot become an application cluster, make a new resource")
    }
    if old.effectiveMode != spec.effectiveMode {
      throw InvalidField(
        field: "spec.mode", value: spec.effectiveMode.rawValue,
        fix: "cannot change from \(old.effectiveMode.rawValue) once deployed, make a new resource")
    }
    if let nonce = spec.job?.savepointRedeployNonce, nonce != old.job?.savepointRedeployNonce,
      MemoryText.trim(spec.job?.initialSavepointPath ?? "").isEmpty
    {
      throw InvalidField(
        field: "spec.job.initialSavepointPath", value: spec.job?.initialSavepointPath,
        fix: "name the savepoint to start from, since savepointRedeployNonce has changed to \(nonce)")
    }
  }
}

/// The files that `spec.logConfiguration` may hold.
public enum LogConfigurationFile {
  public static let log4j = "log4j-console.properties"
  public static let logback = "logback-console.xml"
  public static let names = [log4j, logback]
}

/// Types of well known Flink options, which would otherwise only fail in the JobManager.
enum ConfigurationTypes {
  private static let durations = [
    "execution.checkpointing.interval", "execution.checkpointing.timeout", "execution.checkpointing.min-pause",
    "execution.checkpointing.interval-during-backlog", "execution.checkpointing.aligned-checkpoint-timeout",
    "restart-strategy.fixed-delay.delay", "restart-strategy.failure-rate.delay",
    "restart-strategy.failure-rate.failure-rate-interval", "restart-strategy.exponential-delay.initial-backoff",
    "restart-strategy.exponential-delay.max-backoff", "restart-strategy.exponential-delay.reset-backoff-threshold",
    "heartbeat.interval", "heartbeat.timeout", "web.timeout", "rest.async.store-duration",
    "jobmanager.adaptive-scheduler.resource-wait-timeout", "taskmanager.registration.timeout",
    "high-availability.kubernetes.leader-election.lease-duration",
    "high-availability.kubernetes.leader-election.renew-deadline",
    "high-availability.kubernetes.leader-election.retry-period",
  ]
  private static let integers = ["taskmanager.numberOfTaskSlots", "rest.port", "jobmanager.rpc.port"]

  static func check(_ configuration: FlinkConfiguration) throws(InvalidField) {
    for key in durations { _ = try configuration.duration(key) }
    for key in integers { _ = try configuration.int(key) }
    _ = try configuration.numberOfTaskSlots
    for key in configuration.values.keys.sorted() where isMemorySize(key) { _ = try configuration.memory(key) }
  }

  private static func isMemorySize(_ key: String) -> Bool {
    guard key.hasPrefix("jobmanager.memory.") || key.hasPrefix("taskmanager.memory.") else { return false }
    return key.hasSuffix(".size") || key.hasSuffix(".min") || key.hasSuffix(".max") || key.hasSuffix("segment-size")
  }
}
