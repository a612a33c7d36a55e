import KubernetesAPI

extension Validator {
  func checkJob(
    _ job: JobSpec, _ spec: FlinkDeploymentSpec, _ configuration: FlinkConfiguration
  ) throws(InvalidField) {
    try checkState(job, configuration)
    if let replicas = spec.taskManager?.replicas {
      if replicas < 1 {
        throw InvalidField(field: "spec.taskManager.replicas", value: "\(replicas)", fix: "must be at least 1")
      }
    } else if job.parallelism < 1 {
      throw InvalidField(
        field: "spec.job.parallelism", value: "\(job.parallelism)",
        fix: "must be at least 1, or set spec.taskManager.replicas")
    }
    try checkJar(job, spec)
  }

  func checkState(_ job: JobSpec, _ configuration: FlinkConfiguration) throws(InvalidField) {
    let directory = "execution.checkpointing.dir"
    if job.upgradeMode != .stateless, configuration.checkpointDirectory == nil {
      throw InvalidField(
        field: FlinkConfiguration.field(directory), value: nil,
        fix: "upgradeMode \(job.upgradeMode.rawValue) needs it (or state.checkpoints.dir): name a durable directory, "
          + "for instance s3://bucket/checkpoints")
    }
    guard configuration.savepointDirectory == nil else { return }
    let settings = try ResourceSettings(configuration)
    let need: String? =
      if job.upgradeMode == .savepoint {
        "upgradeMode savepoint"
      } else if job.savepointTriggerNonce != nil {
        "savepointTriggerNonce"
      } else if settings.periodicSavepointInterval != nil {
        "kubernetes.operator.periodic.savepoint.interval"
      } else if settings.lastStateMaxCheckpointAge != nil {
        "kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age"
      } else {
        nil
      }
    if let need {
      throw InvalidField(
        field: FlinkConfiguration.field("execution.checkpointing.savepoint-dir"), value: nil,
        fix: "\(need) needs it (or state.savepoints.dir): name a durable directory, for instance s3://bucket/savepoints"
      )
    }
  }

  private static let pythonDriver = "org.apache.flink.client.python.PythonDriver"

  private func checkJar(_ job: JobSpec, _ spec: FlinkDeploymentSpec) throws(InvalidField) {
    let field = "spec.job.jarURI"
    let example = "for instance local:///opt/flink/usrlib/job.jar"
    if let jar = job.jarURI {
      let scheme = jar.prefix { $0 != ":" }
      let isURI =
        scheme.count < jar.count && scheme.first?.isLetter == true
        && scheme.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
      if !isURI || jar.contains(where: \.isWhitespace) {
        throw InvalidField(field: field, value: jar, fix: "must be a URI, \(example)")
      }
      // An older standalone JobManager finds a class name only in jars of its user library.
      if job.entryClass == nil, spec.effectiveMode == .standalone, !jar.contains("/usrlib/"),
        (spec.flinkVersion ?? .v1_20) < .v1_19, !Self.mountsLibraries(spec)
      {
        throw InvalidField(
          field: "spec.job.entryClass", value: nil,
          fix: "name the job's main class: Flink before 1.19 in standalone mode does not look for it in \(jar)")
      }
    } else if job.entryClass == nil || spec.effectiveMode == .native {
      let isPython = job.entryClass == Self.pythonDriver || job.args.contains { ["-py", "-pym"].contains($0) }
      // A standalone JobManager also takes the job from its image's or its template's user library.
      if isPython || (spec.effectiveMode == .standalone && Self.mayBringItsJob(spec)) { return }
      throw InvalidField(
        field: field, value: nil,
        fix: "name the job's jar, \(example)"
          + (spec.effectiveMode == .standalone ? ", or the job's class in spec.job.entryClass" : ""))
    }
  }

  /// Anything but the plain Flink image without a volume for libraries.
  private static func mayBringItsJob(_ spec: FlinkDeploymentSpec) -> Bool {
    if mountsLibraries(spec) { return true }
    guard let image = spec.image else { return true }
    let repository = image.prefix { $0 != "@" }.split(separator: "/").suffix(2).joined(separator: "/")
    return !["flink", "library/flink", "apache/flink"].contains(String(repository.prefix { $0 != ":" }))
  }

  private static func mountsLibraries(_ spec: FlinkDeploymentSpec) -> Bool {
    let mounts = [spec.podTemplate, spec.jobManager?.podTemplate].flatMap { template -> [JSONValue] in
      (template?["spec", "containers"]?.arrayValue ?? []).flatMap { $0["volumeMounts"]?.arrayValue ?? [] }
    }
    return mounts.contains { $0["mountPath"]?.stringValue?.hasPrefix("/opt/flink/") == true }
  }
}
