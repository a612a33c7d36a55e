import FlinkModel
import KubernetesAPI

/// The making of one cluster.
struct ClusterPlan {
  let identity: Identity
  let spec: FlinkDeploymentSpec
  var configuration: FlinkConfiguration
  let settings: ResourceSettings
  let restore: RestorePlan
  let logFiles: [String: String]

  init(
    identity: Identity, spec: FlinkDeploymentSpec, configuration: FlinkConfiguration, settings: ResourceSettings,
    restore: RestorePlan, logFiles: [String: String]
  ) {
    self.identity = identity
    self.spec = spec
    self.configuration = configuration
    self.settings = settings
    self.restore = restore
    self.logFiles = logFiles
  }

  var isNative: Bool { identity.mode == .native }
  var version: FlinkVersion { spec.flinkVersion ?? .v1_20 }

  mutating func objects() throws(InvalidField) -> ClusterObjects {
    try setDeployKeys()
    let ports = try Ports(configuration)
    ports.fix(in: &configuration)
    // A native JobManager with high availability takes its pod's address.
    let hasInternalService = !isNative || !configuration.isHighAvailabilityEnabled
    if hasInternalService { configuration["jobmanager.rpc.address"] = "\(identity.name).\(identity.namespace)" }
    let file = FlinkConfigurationFile(configuration, version: version)
    let files = logConfiguration
    let frames = [file.name] + files.keys
    let template = taskManagerTemplate
    return ClusterObjects(
      configMap: configMap(
        Blueprint.configMap(identity.name), files.merging([file.name: try file.text()]) { $1 }),
      podTemplate: template.map { configMap(Blueprint.podTemplateConfigMap(identity.name), $0) },
      internalService: hasInternalService ? internalService(ports) : nil, restService: restService(ports),
      jobManager: try jobManager(ports, files: frames, hasTaskManagerTemplate: template != nil),
      taskManager: isNative ? nil : try taskManager(ports, files: frames))
  }

  // MARK: Configuration

  /// Where the state comes from, and a job result store of this incarnation's own, so that an earlier incarnation's
  /// result does not keep the job from starting.
  private mutating func setDeployKeys() throws(InvalidField) {
    configuration["execution.state-recovery.path"] = nil
    configuration[ConfigurationKey.savepointPath] = restorePath
    if isNative { try setNativeKeys() }
    guard spec.job != nil, let storage = configuration.highAvailabilityStorage else { return }
    configuration.setDefault("job-result-store.delete-on-commit", "false")
    let root = storage.hasSuffix("/") ? String(storage.dropLast()) : storage
    configuration[ConfigurationKey.jobResultStorePath] =
      "\(root)/job-result-store/\(identity.name)/\(identity.uid)-\(identity.operation.attempt)"
  }

  /// What Flink's own client adds for a native cluster. Class, arguments and restore path of the job travel in the
  /// configuration, not on the command line.
  private mutating func setNativeKeys() throws(InvalidField) {
    let kind = spec.job == nil ? "Session" : "Application"
    configuration["kubernetes.internal.jobmanager.entrypoint.class"] =
      "org.apache.flink.kubernetes.entrypoint.Kubernetes\(kind)ClusterEntrypoint"
    configuration["internal.cluster.execution-mode"] = "NORMAL"
    configuration[ConfigurationKey.applicationMain] = spec.job?.entryClass
    configuration[ConfigurationKey.applicationArguments] = nil
    guard let arguments = spec.job?.args, !arguments.isEmpty else { return }
    if version < .v2_0 { try Self.checkFlat(arguments) }
    configuration[ConfigurationKey.applicationArguments] =
      version < .v2_0 ? FlinkConfiguration.flatList(arguments) : JSONValue(arguments).text
  }

  /// In `flink-conf.yaml` a `#` begins a comment wherever it stands, and a value is one line.
  private static func checkFlat(_ arguments: [String]) throws(InvalidField) {
    for (index, argument) in arguments.enumerated()
    where argument.contains(where: { $0 == "#" || $0.isNewline }) {
      throw InvalidField(
        field: "spec.job.args[\(index)]", value: argument,
        fix: "must have neither '#' nor a line break: in native mode before Flink 2.0 arguments travel in "
          + "flink-conf.yaml, which cannot hold them; use mode standalone")
    }
  }

  /// For last-state a path that does not exist: where the HA metadata is gone the start fails instead of being empty.
  var restorePath: String? {
    if spec.job == nil { return nil }
    return switch restore {
    case .empty: nil
    case .path(let path): path
    case .lastState: JobStatus.lastStateMarker
    }
  }

  private var logConfiguration: [String: String] {
    if let given = spec.logConfiguration, !given.isEmpty { return given }
    return logFiles.isEmpty ? DefaultLogFiles.all : logFiles
  }

  // MARK: Objects

  private func configMap(_ name: String, _ data: [String: String]) -> JSONValue {
    [
      "apiVersion": "v1", "kind": "ConfigMap",
      "metadata": identity.metadata(name: name, labels: identity.labels, annotations: [:]), "data": JSONValue(data),
    ]
  }

  private func internalService(_ ports: Ports) -> JSONValue {
    service(
      Blueprint.internalService(identity.name), type: nil,
      ports: [("jobmanager-rpc", ports.rpc, nil), ("blobserver", ports.blob, nil)],
      annotations: configuration.map("kubernetes.internal-service.annotations"))
  }

  private func restService(_ ports: Ports) -> JSONValue {
    service(
      Blueprint.restService(identity.name),
      type: configuration.string("kubernetes.rest-service.exposed.type") ?? "ClusterIP",
      ports: [("rest", ports.rest, ports.restBind)],
      annotations: configuration.map("kubernetes.rest-service.annotations"))
  }

  /// - Parameter type: Flink's word for how the service is reached; nil for the headless one.
  private func service(
    _ name: String, type: String?, ports: [(name: String, port: Int, target: Int?)], annotations: [String: String]
  ) -> JSONValue {
    var spec: JSONObject = [:]
    if type == nil || type == "Headless_ClusterIP" {
      spec["clusterIP"] = "None"
    }
    if let type { spec["type"] = .string(type == "Headless_ClusterIP" ? "ClusterIP" : type) }
    spec["selector"] = JSONValue(selector(.jobManager))
    spec["ports"] = .array(
      ports.map { port in
        var json: JSONObject = ["name": .string(port.name), "port": JSONValue(port.port)]
        if let target = port.target { json["targetPort"] = JSONValue(target) }
        return .object(json)
      })
    return [
      "apiVersion": "v1", "kind": "Service",
      "metadata": identity.metadata(name: name, labels: identity.labels, annotations: annotations),
      "spec": .object(spec),
    ]
  }

  func selector(_ component: Blueprint.Component) -> [String: String] {
    Blueprint.selector(identity.name, component: component, mode: identity.mode)
  }

  func deployment(
    _ name: String, _ replicas: Int, _ component: Blueprint.Component, _ labels: [String: String],
    _ annotations: [String: String], _ pod: FlinkPod
  ) -> JSONValue {
    var pod = pod
    // The operator's annotations win over the template's: it reads them back.
    pod.add(labels: labels, annotations: annotations.merging(identity.annotations) { $1 })
    return [
      "apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": identity.metadata(name: name, labels: labels, annotations: annotations),
      "spec": [
        "replicas": JSONValue(replicas), "selector": ["matchLabels": JSONValue(selector(component))],
        "template": pod.json,
      ],
    ]
  }
}
