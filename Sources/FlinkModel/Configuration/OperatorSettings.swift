/// How Kubernetes deletes what an object owns.
public enum DeletionPropagation: String, Sendable, Hashable, CaseIterable {
  case foreground = "Foreground"
  case background = "Background"
  case orphan = "Orphan"
}

/// What configures the operator itself: `kubernetes.operator.*` keys of its own configuration, with the Apache
/// operator's names and defaults, and ours, each marked so.
public struct OperatorSettings: Sendable, Hashable {
  /// The layers under every resource's own configuration.
  public var defaults = OperatorDefaults()

  public var reconcileInterval: Duration = .seconds(60)
  public var reconcileParallelism = 50
  public var progressCheckInterval: Duration = .seconds(10)
  public var restReadyDelay: Duration = .seconds(10)
  public var flinkClientTimeout: Duration = .seconds(10)
  public var flinkCancelTimeout: Duration = .seconds(60)
  public var resourceCleanupTimeout: Duration = .seconds(300)
  public var jobSubmissionTimeout: Duration = .seconds(600)
  /// nil for what is quickest where the pods are gone already.
  public var deletionPropagation: DeletionPropagation?
  /// nil for all namespaces.
  public var watchedNamespaces: [String]?
  public var labelSelector: String?
  /// Whether a change of `watchedNamespaces` is followed while the operator runs. The Apache operator's default is not
  /// to; here it is, unless the key says false.
  public var areNamespacesDynamic = true
  /// Whether changes of the configuration files are followed while the operator runs.
  public var isConfigurationDynamic = true
  /// nil for the work queue's own, which is quicker than the Apache operator's 5 s.
  public var retryInitialInterval: Duration?
  public var retryMultiplier: Double?
  public var retryMaxInterval: Duration?
  public var retryMaxAttempts = 15
  public var isLeaderElectionEnabled = false
  public var leaseName: String?
  public var leaseDuration: Duration = .seconds(15)
  public var leaseRenewDeadline: Duration = .seconds(10)
  public var leaseRetryPeriod: Duration = .seconds(2)
  public var isHealthProbeEnabled = true
  public var healthProbePort = 8085
  /// Whether the operator ends at its start when it may not list FlinkDeployments or does not find them.
  public var isStoppedByFailingWatch = true
  public var canaryTimeout: Duration = .seconds(60)
  public var terminationTimeout: Duration = .seconds(10)
  public var errorLimits = StatusError.Limits()
  public var exceptionEventLines = 5
  public var exceptionEventLimit = 10
  public var isIngressManaged = true
  public var savepointHistoryMaxCountThreshold: Int?
  public var savepointHistoryMaxAgeThreshold: Duration?
  public var artifactsDirectory = "/opt/flink/artifacts"
  public var artifactSchemes = ["https"]
  public var areRestrictedArtifactHostsRefused = true

  /// Ours: how often a JobManager in steady state is polled.
  public var pollingInterval: Duration = .seconds(10)
  /// Ours: how often a JobManager is polled while something is under way.
  public var pollingFastInterval: Duration = .milliseconds(250)
  /// Ours: requests per second to all JobManagers together.
  public var pollingBudget = 300
  /// Ours: at most this long a newly completed checkpoint stays unrecorded in status.
  public var ledgerFlushInterval: Duration = .seconds(300)
  /// Ours: status writes per second that carry nothing but newly completed checkpoints.
  public var ledgerWriteBudget = 5

  /// The defaults.
  public init() {}

  /// - Throws: `InvalidField` naming the first key that cannot be read.
  public init(_ defaults: OperatorDefaults) throws(InvalidField) {
    self.defaults = defaults
    let keys = OperatorKeys(FlinkConfiguration(defaults.values))
    try keys.read("reconcile.interval", old: "reconciler.reschedule.interval", into: &reconcileInterval)
    // Who says how often to look at what is settled means us too.
    let names = ["reconcile.interval", "reconciler.reschedule.interval"]
    if names.contains(where: { keys.string($0) != nil }), reconcileInterval > .zero {
      pollingInterval = reconcileInterval
    }
    try keys.read("reconcile.parallelism", old: "reconciler.max.parallelism", into: &reconcileParallelism)
    try keys.read("observer.progress-check.interval", into: &progressCheckInterval)
    try keys.read("observer.rest-ready.delay", into: &restReadyDelay)
    try keys.read("flink.client.timeout", old: "observer.flink.client.timeout", into: &flinkClientTimeout)
    guard flinkClientTimeout > .zero else { throw keys.invalid("flink.client.timeout", "must be longer than 0") }
    try keys.read("flink.client.cancel.timeout", old: "reconciler.flink.cancel.job.timeout", into: &flinkCancelTimeout)
    try keys.read(
      "resource.cleanup.timeout", old: "reconciler.flink.cluster.shutdown.timeout", into: &resourceCleanupTimeout)
    try keys.read("job.submission.timeout", into: &jobSubmissionTimeout)
    if let word = keys.string("resource.deletion.propagation") {
      guard let value = DeletionPropagation.allCases.first(where: { $0.rawValue.lowercased() == word.lowercased() })
      else { throw keys.invalid("resource.deletion.propagation", "must be Foreground, Background or Orphan") }
      deletionPropagation = value
    }
    if let namespaces = keys.string("watched.namespaces") { setWatchedNamespaces(namespaces) }
    labelSelector = keys.string("label.selector")
    try keys.read("dynamic.namespaces.enabled", into: &areNamespacesDynamic)
    try keys.read("dynamic.config.enabled", into: &isConfigurationDynamic)
    retryInitialInterval = try keys.positive("retry.initial.interval")
    retryMultiplier = try keys.configuration.double(keys.name("retry.interval.multiplier"))
    if let factor = retryMultiplier, !(factor >= 1) {
      throw keys.invalid("retry.interval.multiplier", "must be 1 or more")
    }
    retryMaxInterval = try keys.positive("retry.max.interval")
    try keys.read("retry.max.attempts", into: &retryMaxAttempts)
    try keys.read("leader-election.enabled", into: &isLeaderElectionEnabled)
    leaseName = keys.string("leader-election.lease-name")
    try keys.read("leader-election.lease-duration", into: &leaseDuration)
    try keys.read("leader-election.renew-deadline", into: &leaseRenewDeadline)
    try keys.read("leader-election.retry-period", into: &leaseRetryPeriod)
    guard leaseRetryPeriod > .zero, leaseRetryPeriod < leaseRenewDeadline, leaseRenewDeadline < leaseDuration else {
      throw keys.invalid(
        "leader-election.renew-deadline",
        "must be longer than leader-election.retry-period and shorter than leader-election.lease-duration")
    }
    try keys.read("health.probe.enabled", into: &isHealthProbeEnabled)
    try keys.read("health.probe.port", into: &healthProbePort)
    guard (0...65535).contains(healthProbePort) else { throw keys.invalid("health.probe.port", "must be 0 to 65535") }
    try keys.read("startup.stop-on-informer-error", into: &isStoppedByFailingWatch)
    try keys.read("health.canary.resource.timeout", into: &canaryTimeout)
    try keys.read("termination.timeout", into: &terminationTimeout)
    try keys.read("exception.stacktrace.enabled", into: &errorLimits.isStackTraceShown)
    try keys.read("exception.stacktrace.max.length", into: &errorLimits.stackTrace)
    try keys.read("exception.field.max.length", into: &errorLimits.field)
    try keys.read("exception.throwable.list.max.count", into: &errorLimits.causes)
    try keys.read("events.exceptions.stacktrace-lines", into: &exceptionEventLines)
    try keys.read("events.exceptions.limit-per-reconciliation", into: &exceptionEventLimit)
    try keys.read("ingress.manage", into: &isIngressManaged)
    savepointHistoryMaxCountThreshold = try keys.int("savepoint.history.max.count.threshold")
    savepointHistoryMaxAgeThreshold = try keys.duration("savepoint.history.max.age.threshold")
    if let directory = keys.string("user.artifacts.base.dir") { artifactsDirectory = directory }
    let schemes = keys.configuration.list(keys.name("user.artifacts.allowed-schemes"))
    if !schemes.isEmpty { artifactSchemes = schemes.map { $0.lowercased() } }
    try keys.read("user.artifacts.disallow-restricted-hosts", into: &areRestrictedArtifactHostsRefused)
    try keys.read("polling.interval", into: &pollingInterval)
    try keys.read("polling.fast-interval", into: &pollingFastInterval)
    try keys.read("polling.budget", into: &pollingBudget)
    try keys.read("checkpoint-ledger.flush-interval", into: &ledgerFlushInterval)
    try keys.read("checkpoint-ledger.write-budget", into: &ledgerWriteBudget)
    guard ledgerWriteBudget > 0 else { throw keys.invalid("checkpoint-ledger.write-budget", "must be 1 or more") }
  }

  /// Names separated by commas; none, or the Apache operator's word for it, for all.
  public mutating func setWatchedNamespaces(_ text: String) {
    let names = text.split(separator: ",").map { MemoryText.trim(String($0)) }.filter { !$0.isEmpty }
    watchedNamespaces = names.isEmpty || names.contains("JOSDK_ALL_NAMESPACES") ? nil : names
  }

  /// Keys whose change has no effect before the operator is started again.
  public func keysFixedAtStart(differingFrom other: OperatorSettings) -> [String] {
    var keys: [String] = []
    func compare<Value: Equatable>(_ key: String, _ path: KeyPath<OperatorSettings, Value>) {
      if self[keyPath: path] != other[keyPath: path] { keys.append("kubernetes.operator.\(key)") }
    }
    compare("label.selector", \.labelSelector)
    compare("ingress.manage", \.isIngressManaged)
    compare("health.probe.port", \.healthProbePort)
    compare("health.probe.enabled", \.isHealthProbeEnabled)
    compare("flink.client.timeout", \.flinkClientTimeout)
    compare("retry.initial.interval", \.retryInitialInterval)
    compare("retry.interval.multiplier", \.retryMultiplier)
    compare("retry.max.interval", \.retryMaxInterval)
    compare("leader-election.enabled", \.isLeaderElectionEnabled)
    compare("leader-election.lease-name", \.leaseName)
    compare("leader-election.lease-duration", \.leaseDuration)
    compare("leader-election.renew-deadline", \.leaseRenewDeadline)
    compare("leader-election.retry-period", \.leaseRetryPeriod)
    compare("polling.budget", \.pollingBudget)
    compare("dynamic.config.enabled", \.isConfigurationDynamic)
    return keys
  }

  /// The settings as they apply to one namespace and Flink version, whose defaults may change intervals, timeouts and
  /// limits.
  public func scoped(namespace: String, flinkVersion: FlinkVersion?) throws(InvalidField) -> OperatorSettings {
    let layered = defaults.configuration(namespace: namespace, flinkVersion: flinkVersion)
    if layered.values == defaults.values { return self }
    var scoped = try OperatorSettings(OperatorDefaults(layered.values))
    scoped.defaults = defaults
    return scoped
  }
}

/// What configures the treatment of one resource: `kubernetes.operator.*` keys of its effective configuration.
public struct ResourceSettings: Sendable, Hashable {
  public var savepointTriggerGracePeriod: Duration = .seconds(60)
  public var checkpointTriggerGracePeriod: Duration = .seconds(60)
  /// FULL or INCREMENTAL.
  public var checkpointType = "FULL"
  public var savepointFormat = SavepointFormatType.canonical
  public var areSavepointsDisposedOnDelete = false
  public var isSavepointCleanupEnabled = true
  public var savepointHistoryMaxCount = 10
  public var savepointHistoryMaxAge: Duration = .seconds(86_400)
  public var areSnapshotResourcesEnabled = true
  /// A duration or a cron expression; nil for none.
  public var periodicSavepointInterval: String?
  public var periodicCheckpointInterval: String?
  public var isRollbackEnabled = false
  public var readinessTimeout: Duration = .seconds(300)
  public var isPendingSavepointIgnored = false
  public var isInPlaceScalingEnabled = true
  public var isLastStateFallbackEnabled = true
  public var lastStateMaxCheckpointAge: Duration?
  public var isLastStateJobCancelEnabled = false
  public var areFailedJobsRestarted = false
  public var isSavepointTakenOnDeletion = false
  public var isDrainedOnSavepoint = false
  public var isJobManagerRecoveryEnabled = true
  public var jobManagerShutdownTTL: Duration = .seconds(86_400)
  public var isStartupProbeEnabled = true
  public var isHealthCheckEnabled = false
  public var healthCheckRestartsWindow: Duration = .seconds(120)
  public var healthCheckRestartsThreshold = 64
  public var isCheckpointProgressChecked = true
  public var checkpointProgressWindow: Duration?
  /// Regular expression → label.
  public var exceptionLabels: [String: String] = [:]
  public var artifactHeaders: [String: String] = [:]
  public var areTemplateArraysMergedByName = false
  public var isSessionDeletionBlockedByUnmanagedJobs = true
  public var isSessionDeletionBlockedBySessionJobs = true

  /// The defaults.
  public init() {}

  /// - Parameter configuration: the resource's effective configuration.
  /// - Throws: `InvalidField` naming the first key that cannot be read.
  public init(_ configuration: FlinkConfiguration) throws(InvalidField) {
    let keys = OperatorKeys(configuration)
    try keys.read(
      "savepoint.trigger.grace-period", old: "observer.savepoint.trigger.grace-period",
      into: &savepointTriggerGracePeriod)
    try keys.read("checkpoint.trigger.grace-period", into: &checkpointTriggerGracePeriod)
    if let word = keys.string("checkpoint.type")?.uppercased() {
      guard ["FULL", "INCREMENTAL"].contains(word) else {
        throw keys.invalid("checkpoint.type", "must be FULL or INCREMENTAL")
      }
      checkpointType = word
    }
    if let word = keys.string("savepoint.format.type") {
      guard let format = SavepointFormatType(rawValue: word.uppercased()), format != .unknown else {
        throw keys.invalid("savepoint.format.type", "must be CANONICAL or NATIVE")
      }
      savepointFormat = format
    }
    try keys.read("savepoint.dispose-on-delete", into: &areSavepointsDisposedOnDelete)
    try keys.read("savepoint.cleanup.enabled", into: &isSavepointCleanupEnabled)
    try keys.read("savepoint.history.max.count", into: &savepointHistoryMaxCount)
    try keys.read("savepoint.history.max.age", into: &savepointHistoryMaxAge)
    try keys.read("snapshot.resource.enabled", into: &areSnapshotResourcesEnabled)
    periodicSavepointInterval = keys.string("periodic.savepoint.interval")
    periodicCheckpointInterval = keys.string("periodic.checkpoint.interval")
    try keys.read("deployment.rollback.enabled", into: &isRollbackEnabled)
    try keys.read("deployment.readiness.timeout", into: &readinessTimeout)
    try keys.read("job.upgrade.ignore-pending-savepoint", into: &isPendingSavepointIgnored)
    try keys.read("job.upgrade.inplace-scaling.enabled", into: &isInPlaceScalingEnabled)
    try keys.read("job.upgrade.last-state-fallback.enabled", into: &isLastStateFallbackEnabled)
    lastStateMaxCheckpointAge = try keys.duration("job.upgrade.last-state.max.allowed.checkpoint.age")
    try keys.read("job.upgrade.last-state.job-cancel.enabled", into: &isLastStateJobCancelEnabled)
    try keys.read("job.restart.failed", into: &areFailedJobsRestarted)
    try keys.read("job.savepoint-on-deletion", into: &isSavepointTakenOnDeletion)
    try keys.read("job.drain-on-savepoint-deletion", into: &isDrainedOnSavepoint)
    try keys.read("jm-deployment-recovery.enabled", into: &isJobManagerRecoveryEnabled)
    try keys.read("jm-deployment.shutdown-ttl", into: &jobManagerShutdownTTL)
    try keys.read("jm-deployment.startup.probe.enabled", into: &isStartupProbeEnabled)
    try keys.read("cluster.health-check.enabled", into: &isHealthCheckEnabled)
    try keys.read("cluster.health-check.restarts.window", into: &healthCheckRestartsWindow)
    try keys.read("cluster.health-check.restarts.threshold", into: &healthCheckRestartsThreshold)
    try keys.read("cluster.health-check.checkpoint-progress.enabled", into: &isCheckpointProgressChecked)
    checkpointProgressWindow = try keys.duration("cluster.health-check.checkpoint-progress.window")
    exceptionLabels = configuration.map(keys.name("exception.label.mapper"))
    artifactHeaders = configuration.map(keys.name("user.artifacts.http.header"))
    try keys.read("pod-template.merge-arrays-by-name", into: &areTemplateArraysMergedByName)
    try keys.read(
      "session.deletion.block-on-unmanaged-jobs", old: "session.block-on-unmanaged-jobs",
      into: &isSessionDeletionBlockedByUnmanagedJobs)
    try keys.read("session.deletion.block-on-session-jobs", into: &isSessionDeletionBlockedBySessionJobs)
  }
}

/// Reads keys under `kubernetes.operator.`, leaving the default where a key is absent.
struct OperatorKeys {
  let configuration: FlinkConfiguration

  init(_ configuration: FlinkConfiguration) { self.configuration = configuration }

  func name(_ key: String) -> String { "kubernetes.operator.\(key)" }

  func string(_ key: String) -> String? { configuration.string(name(key)) }

  func int(_ key: String) throws(InvalidField) -> Int? { try configuration.int(name(key)) }

  func duration(_ key: String) throws(InvalidField) -> Duration? {
    string(key) == nil ? nil : try configuration.duration(name(key))
  }

  func positive(_ key: String) throws(InvalidField) -> Duration? {
    guard let value = try duration(key) else { return nil }
    guard value > .zero else { throw invalid(key, "must be longer than 0") }
    return value
  }

  func invalid(_ key: String, _ fix: String) -> InvalidField {
    InvalidField(field: FlinkConfiguration.field(name(key)), value: configuration[name(key)], fix: fix)
  }

  func read(_ key: String, old: String? = nil, into value: inout Duration) throws(InvalidField) {
    if let read = try configuration.duration(name(key), name(old ?? key)) { value = read }
  }

  func read(_ key: String, old: String? = nil, into value: inout Int) throws(InvalidField) {
    if let read = try configuration.int(name(key), name(old ?? key)) { value = read }
  }

  func read(_ key: String, old: String? = nil, into value: inout Bool) throws(InvalidField) {
    value = try configuration.bool(name(key), name(old ?? key), default: value)
  }
}
