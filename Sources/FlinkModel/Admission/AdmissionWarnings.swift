import KubernetesAPI

/// What the person who applies a FlinkDeployment should know at once: what the change will do, and what looks wrong
/// without being refused. Pure.
public struct AdmissionWarnings: Sendable {
  private let settings: OperatorSettings

  public init(_ settings: OperatorSettings) { self.settings = settings }

  /// - Parameters:
  ///   - old: the object as stored, nil when it is created.
  ///   - new: the object as it will be stored.
  /// - Returns: sentences of at most 256 characters, which is what Kubernetes hands on of each.
  public func warnings(from old: FlinkDeployment?, to new: FlinkDeployment) -> [String] {
    guard let spec = try? new.spec.get() else { return [] }
    let configuration = settings.userConfiguration(for: spec, namespace: new.metadata.namespace)
    let before = old.flatMap { try? $0.spec.get() }
    var warnings: [String] = []
    // What is recorded as acted upon tells more than what was stored last.
    let last = new.status.reconciliationStatus.lastReconciledSpec.flatMap { try? $0.spec() }
    if let previous = last ?? before { warnings += change(from: previous, to: spec, configuration) }
    warnings += keys(spec, before)
    if before != spec { warnings += doubts(spec, configuration) }
    return warnings.map { $0.count <= 256 ? $0 : "\($0.prefix(255))…" }
  }

  // MARK: What a change does

  private func change(
    from old: FlinkDeploymentSpec, to new: FlinkDeploymentSpec, _ configuration: FlinkConfiguration
  ) -> [String] {
    let diff = SpecDiff(from: old, to: new)
    var warnings: [String] = []
    if let nonce = new.job?.savepointTriggerNonce, nonce != old.job?.savepointTriggerNonce {
      warnings.append("a savepoint will be taken (savepointTriggerNonce \(nonce))")
    }
    if let nonce = new.job?.checkpointTriggerNonce, nonce != old.job?.checkpointTriggerNonce {
      warnings.append("a checkpoint will be taken (checkpointTriggerNonce \(nonce))")
    }
    let what = changed(diff)
    guard diff.type > .ignore else { return warnings }
    guard let job = new.job, let oldJob = old.job else {
      if new.job == nil, old.job == nil {
        warnings.append("the session cluster will restart and interrupt its jobs (\(what))")
      }
      return warnings
    }
    switch (oldJob.state, job.state) {
    case (.suspended, .suspended): break
    case (.suspended, .running):
      warnings.append(
        diff.type == .savepointRedeploy
          ? "the job will start from spec.job.initialSavepointPath, not from the state it was suspended with"
          : oldJob.upgradeMode == .stateless || job.upgradeMode == .stateless
            ? "stateless: the job will start without state" : "the job will resume from the state it was suspended with"
      )
    case (.running, .suspended):
      let text =
        switch job.upgradeMode {
        case .savepoint: "the job will stop with a savepoint"
        case .lastState: "the job will stop and keep its last state to resume from"
        case .stateless: "stateless: the job will stop and its state will be dropped"
        }
      warnings.append(text)
    case (.running, .running):
      if diff.type == .savepointRedeploy {
        warnings.append(
          "the job will restart from \(job.initialSavepointPath ?? "spec.job.initialSavepointPath"); its present state "
            + "will be dropped")
      } else if diff.type == .scale, mayScaleInPlace(new, configuration) {
        warnings.append("the job will be scaled in place where Flink allows it, else: \(restart(old, new, what))")
      } else {
        warnings.append(restart(old, new, what))
      }
    }
    if job.allowNonRestoredState == true, job.upgradeMode != .stateless, job.state == .running {
      warnings.append("allowNonRestoredState: state of operators that the job no longer has will be dropped")
    }
    return warnings
  }

  private func restart(_ old: FlinkDeploymentSpec, _ new: FlinkDeploymentSpec, _ what: String) -> String {
    switch new.job?.upgradeMode {
    case .savepoint: "the job will restart with a savepoint (\(what))"
    case .lastState where old.flinkVersion != new.flinkVersion:
      "the job will restart with a savepoint, since last state does not carry over to another Flink version (\(what))"
    case .lastState: "the job will restart from its last state (\(what))"
    case .stateless, nil: "stateless: the job will restart and its state will be dropped (\(what))"
    }
  }

  private func mayScaleInPlace(_ spec: FlinkDeploymentSpec, _ configuration: FlinkConfiguration) -> Bool {
    configuration.isReactive || configuration.string("jobmanager.scheduler")?.lowercased() == "adaptive"
  }

  private func changed(_ diff: SpecDiff) -> String {
    let paths = diff.changes.filter { $0.type > .ignore }.map(\.path)
    return "changed: " + paths.prefix(3).joined(separator: ", ")
      + (paths.count > 3 ? " and \(paths.count - 3) more" : "")
  }

  // MARK: What nobody reads

  /// Only keys that the change brings: what is there already has been said.
  private func keys(_ spec: FlinkDeploymentSpec, _ before: FlinkDeploymentSpec?) -> [String] {
    let known = before?.flattenedConfiguration ?? [:]
    return spec.flattenedConfiguration.filter { known[$0.key] != $0.value }.keys.sorted().compactMap { key in
      switch KnownKeys.judge(key) {
      case .fine: nil
      case .operatorOnly: "\(key) has no effect in a resource: it is read from the operator's own configuration"
      case .unknown(let suggestion?): "\(key) is not known and has no effect: did you mean \(suggestion)?"
      case .unknown(nil): "\(key) is not known and has no effect"
      }
    }
  }

  // MARK: What looks wrong

  private func doubts(_ spec: FlinkDeploymentSpec, _ configuration: FlinkConfiguration) -> [String] {
    var warnings: [String] = []
    if let version = spec.flinkVersion {
      if version < .v1_19 { warnings.append("flinkVersion \(version) is deprecated, its support will end") }
      if let tagged = imageVersion(spec.image), tagged != version {
        warnings.append("the image's tag says Flink \(tagged.major).\(tagged.minor), flinkVersion \(version)")
      }
    }
    for (name, resource, resources) in [
      ("jobManager", spec.jobManager?.resource, spec.jobManager?.resources),
      ("taskManager", spec.taskManager?.resource, spec.taskManager?.resources),
    ] where resource != nil && resources.map({ !$0.isEmpty }) == true {
      warnings.append("spec.\(name).resource has no effect beside spec.\(name).resources")
    }
    if let names = containersWithoutMain(spec) {
      warnings.append(
        "the pod template has no container flink-main-container: \(names) will run beside Flink's, not instead of it")
    }
    if let job = spec.job { warnings += stateDoubts(job, spec, configuration) }
    return warnings
  }

  private func stateDoubts(
    _ job: JobSpec, _ spec: FlinkDeploymentSpec, _ configuration: FlinkConfiguration
  ) -> [String] {
    guard job.upgradeMode != .stateless else { return [] }
    var warnings: [String] = []
    if !configuration.isHighAvailabilityEnabled, configuration.savepointDirectory == nil {
      warnings.append(
        "no HA and no savepoint directory: an upgrade cannot keep state while the job is not running; set "
          + "execution.checkpointing.savepoint-dir")
    }
    if configuration.string("execution.checkpointing.interval") == nil {
      warnings.append(
        "execution.checkpointing.interval is not set: unless the job's code turns checkpoints on, a failure loses all "
          + "state since the last savepoint")
    }
    let directories = [
      ("execution.checkpointing.dir", configuration.checkpointDirectory),
      ("execution.checkpointing.savepoint-dir", configuration.savepointDirectory),
      (
        "high-availability.storageDir",
        configuration.isHighAvailabilityEnabled ? configuration.highAvailabilityStorage : nil
      ),
    ]
    for case (let key, let directory?) in directories where isInContainer(directory, spec) {
      warnings.append(
        "\(key) \(directory) lies in the container's own file system and is gone with the pod: name a mounted volume or "
          + "an object store")
    }
    return warnings
  }

  /// `flink:1.20.1-java17` is 1.20; nil where the tag is of another form.
  private func imageVersion(_ image: String?) -> FlinkVersion? {
    guard let image = image?.split(separator: "@").first,
      let name = image.split(separator: "/").last?.split(separator: ":"), name.count == 2, name[0] == "flink"
    else { return nil }
    let parts = name[1].prefix { $0.isNumber || $0 == "." }.split(separator: ".")
    guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]) else { return nil }
    return FlinkVersion(major: major, minor: minor)
  }

  private func templates(_ spec: FlinkDeploymentSpec) -> [JSONValue] {
    [spec.podTemplate, spec.jobManager?.podTemplate, spec.taskManager?.podTemplate].compactMap { $0 }
  }

  /// The names of a template's containers that look as if they were meant to be Flink's: a single one of another name.
  private func containersWithoutMain(_ spec: FlinkDeploymentSpec) -> String? {
    for template in templates(spec) {
      let containers = template["spec", "containers"]?.arrayValue ?? []
      let names = containers.compactMap { $0["name"]?.stringValue }
      if containers.count == 1, let name = names.first, name != "flink-main-container", containers[0]["image"] == nil {
        return name
      }
    }
    return nil
  }

  /// Whether no volume is mounted at or above a local path.
  private func isInContainer(_ directory: String, _ spec: FlinkDeploymentSpec) -> Bool {
    var path = Substring(directory)
    if path.hasPrefix("file:") {
      path = path.dropFirst(5)
      while path.hasPrefix("//") { path = path.dropFirst() }
    }
    guard path.hasPrefix("/") else { return false }
    let mounts = templates(spec).flatMap { template in
      (template["spec", "containers"]?.arrayValue ?? []).flatMap { $0["volumeMounts"]?.arrayValue ?? [] }
    }
    return !mounts.contains { mount in
      guard var mounted = mount["mountPath"]?.stringValue else { return false }
      while mounted.count > 1, mounted.hasSuffix("/") { mounted.removeLast() }
      return path == mounted || path.hasPrefix(mounted == "/" ? mounted : "\(mounted)/")
    }
  }
}
