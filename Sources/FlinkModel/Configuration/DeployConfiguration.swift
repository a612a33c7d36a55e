import KubernetesAPI

/// Keys that the operator sets, with Flink's names.
public enum ConfigurationKey {
  public static let clusterID = "kubernetes.cluster-id"
  public static let namespace = "kubernetes.namespace"
  public static let haClusterID = "high-availability.cluster-id"
  public static let flinkVersion = "$internal.flink.version"
  public static let jobID = "$internal.pipeline.job-id"
  public static let savepointPath = "execution.savepoint.path"
  public static let classpaths = "pipeline.classpaths"
  public static let parallelism = "parallelism.default"
  public static let taskManagerReplicas = "kubernetes.internal.taskmanager.replicas"
  public static let clusterMode = "kubernetes.internal.cluster-mode"
  public static let jobResultStorePath = "job-result-store.storage-path"
  public static let applicationMain = "$internal.application.main"
  public static let applicationArguments = "$internal.application.program-args"
}

extension OperatorSettings {
  /// A resource's configuration as its user sees it: the operator's defaults for the namespace and the version, then
  /// `spec.flinkConfiguration`.
  public func userConfiguration(for spec: FlinkDeploymentSpec, namespace: String) -> FlinkConfiguration {
    var configuration = defaults.configuration(namespace: namespace, flinkVersion: spec.flinkVersion)
    configuration.overlay(spec.flattenedConfiguration)
    return configuration
  }

  /// The whole configuration with which a cluster of `spec` is deployed: the user's and what follows from the typed
  /// fields. Restore path, job id and job result store are set by the deploy itself.
  ///
  /// - Throws: `InvalidField` when a memory, parallelism or slot number cannot be read; `Validator` reports the same.
  public func deployConfiguration(
    for spec: FlinkDeploymentSpec, name: String, namespace: String
  ) throws(InvalidField) -> FlinkConfiguration {
    var configuration = userConfiguration(for: spec, namespace: namespace)
    configuration.setDefault("kubernetes.rest-service.exposed.type", "ClusterIP")
    configuration.setDefault("web.cancel.enable", "false")
    configuration[ConfigurationKey.flinkVersion] = spec.flinkVersion?.description
    configuration[ConfigurationKey.namespace] = namespace
    configuration[ConfigurationKey.clusterID] = name
    if configuration.isHighAvailabilityEnabled { configuration[ConfigurationKey.haClusterID] = name }

    let version = spec.flinkVersion ?? .v1_20
    let isOld = version < .v1_17
    if let image = spec.image { configuration[isOld ? "kubernetes.container.image" : imageKey] = image }
    if let policy = spec.imagePullPolicy { configuration["kubernetes.container.image.pull-policy"] = policy }
    if let account = spec.serviceAccount { configuration["kubernetes.service-account"] = account }

    let amount = isOld ? "cpu" : "cpu.amount"
    if let jobManager = spec.jobManager {
      configuration["kubernetes.jobmanager.replicas"] = "\(jobManager.replicas)"
      try configuration.apply(
        PodSize(jobManager.resource, jobManager.resources, field: "spec.jobManager"), to: "jobmanager", cpuKey: amount)
    }
    if let taskManager = spec.taskManager {
      try configuration.apply(
        PodSize(taskManager.resource, taskManager.resources, field: "spec.taskManager"), to: "taskmanager",
        cpuKey: amount)
    }
    if let job = spec.job {
      try configuration.apply(job, of: spec, name: name)
    } else {
      configuration["execution.target"] = spec.effectiveMode == .standalone ? "remote" : "kubernetes-session"
    }
    if spec.effectiveMode == .standalone {
      configuration[ConfigurationKey.clusterMode] = spec.isApplication ? "APPLICATION" : "SESSION"
      configuration[ConfigurationKey.taskManagerReplicas] = "\(try configuration.taskManagerReplicas(for: spec))"
    }
    return configuration
  }

  /// The configuration by which a running cluster is observed: that of the deployed spec with the operator's keys and
  /// the savepoint directory of the current one, which take effect at once.
  public func observeConfiguration(
    deployed: FlinkDeploymentSpec, current: FlinkDeploymentSpec, name: String, namespace: String
  ) throws(InvalidField) -> FlinkConfiguration {
    var configuration = try deployConfiguration(for: deployed, name: name, namespace: namespace)
    let user = userConfiguration(for: current, namespace: namespace)
    for key in configuration.values.keys where FlinkConfiguration.isOperatorKey(key) { configuration[key] = nil }
    configuration.overlay(user.values.filter { FlinkConfiguration.isOperatorKey($0.key) })
    if let directory = user.savepointDirectory {
      for key in ["state.savepoints.dir", "state.savepoints-dir"] { configuration[key] = nil }
      configuration["execution.checkpointing.savepoint-dir"] = directory
    }
    return configuration
  }

  private var imageKey: String { "kubernetes.container.image.ref" }
}

extension FlinkConfiguration {
  fileprivate mutating func apply(_ size: PodSize, to component: String, cpuKey: String) {
    let prefix = "kubernetes.\(component)"
    if let memory = size.memoryBytes { self["\(component).memory.process.size"] = "\(memory) bytes" }
    if let cpu = size.cpu { self["\(prefix).\(cpuKey)"] = Self.text(cpu) }
    if let factor = size.cpuLimitFactor { self["\(prefix).cpu.limit-factor"] = Self.text(factor) }
    if let factor = size.memoryLimitFactor { self["\(prefix).memory.limit-factor"] = Self.text(factor) }
  }

  private static func text(_ number: Double) -> String { "\(number)" }

  fileprivate mutating func apply(_ job: JobSpec, of spec: FlinkDeploymentSpec, name: String) throws(InvalidField) {
    let isStandalone = spec.effectiveMode == .standalone
    self["execution.target"] = isStandalone ? "remote" : "kubernetes-application"
    if let jar = job.jarURI {
      if isStandalone {
        self[ConfigurationKey.classpaths] = Self.fileURI(jar)
      } else {
        self["pipeline.jars"] = jar
      }
    }
    self[ConfigurationKey.parallelism] = "\(try parallelism(of: job, spec))"
    self["execution.shutdown-on-application-finish"] = "false"
    setDefault("execution.submit-failed-job-on-application-error", "true")
    setDefault("pipeline.name", name)
    if job.upgradeMode == .lastState { setDefault("execution.checkpointing.interval", "5 min") }
    setDefault("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION")
    if let allowed = job.allowNonRestoredState {
      self["execution.state-recovery.ignore-unclaimed-state"] = nil
      self["execution.savepoint.ignore-unclaimed-state"] = "\(allowed)"
    }
  }

  /// A jar of the image as a class path entry.
  static func fileURI(_ uri: String) -> String {
    uri.hasPrefix("local:") ? "file:\(uri.dropFirst("local:".count))" : uri
  }

  /// The job's parallelism: what `taskManager.replicas` gives, else the largest override, else the job's.
  func parallelism(of job: JobSpec, _ spec: FlinkDeploymentSpec) throws(InvalidField) -> Int {
    if let replicas = spec.taskManager?.replicas { return replicas * (try numberOfTaskSlots) }
    if spec.effectiveMode == .standalone {
      let overrides = map("pipeline.jobvertex-parallelism-overrides").values.compactMap { Int($0) }
      if let largest = overrides.max() { return largest }
    }
    return job.parallelism
  }

  /// How many TaskManagers a standalone cluster gets.
  func taskManagerReplicas(for spec: FlinkDeploymentSpec) throws(InvalidField) -> Int {
    if let replicas = spec.taskManager?.replicas, replicas > 0 { return replicas }
    guard let job = spec.job else { return 1 }
    let slots = try numberOfTaskSlots
    return (try parallelism(of: job, spec) + slots - 1) / slots
  }
}

extension FlinkConfiguration {
  /// TaskManagers of a deployed cluster by its own configuration: ceil(`parallelism.default` / slots).
  public var expectedTaskManagers: Int {
    get throws(InvalidField) {
      if let replicas = try int(ConfigurationKey.taskManagerReplicas) { return replicas }
      let slots = try numberOfTaskSlots
      return ((try int(ConfigurationKey.parallelism) ?? 1) + slots - 1) / slots
    }
  }
}
