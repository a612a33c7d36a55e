import FlinkModel
import KubernetesAPI

/// The making of one standalone cluster.
struct StandalonePlan {
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

  mutating func objects() throws(InvalidField) -> ClusterObjects {
    setDeployKeys()
    let ports = try Ports(configuration)
    ports.fix(in: &configuration)
    configuration["jobmanager.rpc.address"] = "\(identity.name).\(identity.namespace)"
    let version = spec.flinkVersion ?? .v1_20
    let file = FlinkConfigurationFile(configuration, version: version)
    let files = logConfiguration
    return ClusterObjects(
      configMap: try configMap(file, files),
      internalService: service(
        Blueprint.internalService(identity.name), type: nil,
        ports: [("jobmanager-rpc", ports.rpc, nil), ("blobserver", ports.blob, nil)], annotations: [:]),
      restService: service(
        Blueprint.restService(identity.name),
        type: configuration.string("kubernetes.rest-service.exposed.type") ?? "ClusterIP",
        ports: [("rest", ports.rest, ports.restBind)],
        annotations: configuration.map("kubernetes.rest-service.annotations")),
      jobManager: try jobManager(ports, file, files), taskManager: try taskManager(ports, file, files))
  }

  /// Where the state comes from, and a job result store of this incarnation's own, so that an earlier incarnation's
  /// result does not keep the job from starting.
  private mutating func setDeployKeys() {
    configuration["execution.state-recovery.path"] = nil
    configuration[ConfigurationKey.savepointPath] = restorePath
    guard let storage = configuration.highAvailabilityStorage else { return }
    configuration.setDefault("job-result-store.delete-on-commit", "false")
    let root = storage.hasSuffix("/") ? String(storage.dropLast()) : storage
    configuration[ConfigurationKey.jobResultStorePath] =
      "\(root)/job-result-store/\(identity.name)/\(identity.uid)-\(identity.operation.attempt)"
  }

  /// For last-state a path that does not exist: where the HA metadata is gone the start fails instead of being empty.
  private var restorePath: String? {
    switch restore {
    case .empty: nil
    case .path(let path): path
    case .lastState: JobStatus.lastStateMarker
    }
  }

  // MARK: Objects

  private var logConfiguration: [String: String] {
    if let given = spec.logConfiguration, !given.isEmpty { return given }
    return logFiles.isEmpty ? DefaultLogFiles.all : logFiles
  }

  private func configMap(
    _ file: FlinkConfigurationFile, _ logFiles: [String: String]
  ) throws(InvalidField) -> JSONValue {
    var data = logFiles
    data[file.name] = try file.text()
    return [
      "apiVersion": "v1", "kind": "ConfigMap",
      "metadata": identity.metadata(
        name: Blueprint.configMap(identity.name), labels: identity.labels, annotations: [:]),
      "data": JSONValue(data),
    ]
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
    spec["selector"] = JSONValue(
      Blueprint.selector(identity.name, component: .jobManager, mode: .standalone))
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

  private func jobManager(
    _ ports: Ports, _ file: FlinkConfigurationFile, _ logFiles: [String: String]
  ) throws(InvalidField) -> JSONValue {
    var pod = FlinkPod(
      template: PodTemplate.merged(
        spec.podTemplate, spec.jobManager?.podTemplate, byName: settings.areTemplateArraysMergedByName))
    let frame = PodFrame(component: .jobManager, configuration: configuration)
    frame.apply(to: &pod, version: spec.flinkVersion)
    pod.setArguments(arguments)
    if !frame.usesHostNetwork {
      pod.setPorts([("rest", ports.rest), ("jobmanager-rpc", ports.rpc), ("blobserver", ports.blob)])
    }
    pod.setEnvironment(configuration.strippingPrefix("containerized.master.env."))
    pod.setEnvironment("_POD_IP_ADDRESS", fieldPath: "status.podIP")
    if let directory = configuration.string("kubernetes.flink.log.dir") {
      pod.setEnvironment(["FLINK_LOG_DIR": directory])
    }
    frame.addSecrets(to: &pod)
    frame.mountConfiguration(named: Blueprint.configMap(identity.name), files: [file.name] + logFiles.keys, in: &pod)
    mountUserLibrary(in: &pod)
    try ContainerSize(.jobManager, configuration, version: spec.flinkVersion).apply(to: &pod)
    ContainerSize.addOthers(spec.jobManager?.resource, spec.jobManager?.resources, to: &pod)
    if settings.isStartupProbeEnabled { pod.setStartupProbeUnlessPresent() }

    let selector = Blueprint.selector(identity.name, component: .jobManager, mode: .standalone)
    let labels = selector.merging(configuration.map("kubernetes.jobmanager.labels")) { $1 }
    var annotations = configuration.map("kubernetes.jobmanager.annotations")
    annotations[FlinkDeployment.generationAnnotation] = "\(identity.generation)"
    let replicas = try configuration.int("kubernetes.jobmanager.replicas") ?? 1
    return deployment(
      Blueprint.jobManagerDeployment(identity.name), replicas, selector, labels, annotations, pod)
  }

  private func taskManager(
    _ ports: Ports, _ file: FlinkConfigurationFile, _ logFiles: [String: String]
  ) throws(InvalidField) -> JSONValue {
    var pod = FlinkPod(
      template: PodTemplate.merged(
        spec.podTemplate, spec.taskManager?.podTemplate, byName: settings.areTemplateArraysMergedByName))
    let frame = PodFrame(component: .taskManager, configuration: configuration)
    frame.apply(to: &pod, version: spec.flinkVersion)
    pod.setArguments(["taskmanager"])
    if !frame.usesHostNetwork { pod.setPorts([("taskmanager-rpc", ports.taskManagerRPC)]) }
    pod.setEnvironment(configuration.strippingPrefix("containerized.taskmanager.env."))
    frame.addSecrets(to: &pod)
    frame.mountConfiguration(named: Blueprint.configMap(identity.name), files: [file.name] + logFiles.keys, in: &pod)
    mountUserLibrary(in: &pod)
    try ContainerSize(.taskManager, configuration, version: spec.flinkVersion).apply(to: &pod)
    ContainerSize.addOthers(spec.taskManager?.resource, spec.taskManager?.resources, to: &pod)

    let selector = Blueprint.selector(identity.name, component: .taskManager, mode: .standalone)
    let labels = configuration.map("kubernetes.taskmanager.labels").merging(selector) { $1 }
    return deployment(
      Blueprint.taskManagerDeployment(identity.name), try configuration.expectedTaskManagers, selector, labels,
      configuration.map("kubernetes.taskmanager.annotations"), pod)
  }

  private func deployment(
    _ name: String, _ replicas: Int, _ selector: [String: String], _ labels: [String: String],
    _ annotations: [String: String], _ pod: FlinkPod
  ) -> JSONValue {
    var pod = pod
    // The operator's annotations win over the template's: it reads them back.
    pod.add(labels: labels, annotations: annotations.merging(identity.annotations) { $1 })
    return [
      "apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": identity.metadata(name: name, labels: labels, annotations: annotations),
      "spec": [
        "replicas": JSONValue(replicas), "selector": ["matchLabels": JSONValue(selector)], "template": pod.json,
      ],
    ]
  }

  // MARK: The job

  /// The JobManager's arguments, in the Apache operator's order. The job id travels in the configuration, where Flink
  /// 1.20 and 2.2 were seen to take it from.
  private var arguments: [String] {
    guard let job = spec.job else {
      return ["jobmanager"] + highAvailabilityArguments
    }
    var arguments = ["standalone-job"]
    if let entryClass = job.entryClass { arguments += ["--job-classname", entryClass] }
    if let jar = jarToSearch(job) { arguments += ["--jars", jar] }
    if job.allowNonRestoredState == true { arguments.append("--allowNonRestoredState") }
    if let restorePath { arguments += ["--fromSavepoint", restorePath] }
    return arguments + highAvailabilityArguments + job.args
  }

  /// Without a class name Flink looks for one in the manifests of its user library's jars, not of those on its class
  /// path, which the Apache operator makes of `jarURI`. From 1.19 it can be pointed to the jar.
  private func jarToSearch(_ job: JobSpec) -> String? {
    guard job.entryClass == nil, let jar = job.jarURI, (spec.flinkVersion ?? .v1_20) >= .v1_19 else { return nil }
    return jar.contains("\(Self.userLibrary)/") ? nil : jar
  }

  private var highAvailabilityArguments: [String] {
    configuration.isHighAvailabilityEnabled ? ["-D", "jobmanager.rpc.address=$(_POD_IP_ADDRESS)"] : []
  }

  private static let userLibrary = "/opt/flink/usrlib"
  private static let userLibraryVolume = "user-lib-dir"

  /// An empty user library where the job's jar lies elsewhere and the template brings none. A jar under
  /// `/opt/flink/usrlib` that no volume holds is the image's own: an empty volume would hide it.
  private func mountUserLibrary(in pod: inout FlinkPod) {
    guard let classpath = configuration.string(ConfigurationKey.classpaths) else { return }
    if pod.mountPaths.contains(where: { $0.hasPrefix(Self.userLibrary) }) { return }
    let isInImage = classpath.contains("\(Self.userLibrary)/") && !pod.initContainersMount(Self.userLibraryVolume)
    if isInImage { return }
    pod.addVolume(["name": .string(Self.userLibraryVolume), "emptyDir": [:]])
    pod.addMount(["name": .string(Self.userLibraryVolume), "mountPath": .string(Self.userLibrary)])
  }
}

/// The ports of a cluster; Flink's "any port" cannot be offered by a service and becomes the usual one.
struct Ports {
  let rest: Int
  let restBind: Int
  let rpc: Int
  let blob: Int
  let taskManagerRPC: Int

  init(_ configuration: FlinkConfiguration) throws(InvalidField) {
    rest = try configuration.restPort
    restBind = Self.fixed(configuration, "rest.bind-port", rest)
    rpc = try configuration.int("jobmanager.rpc.port") ?? 6123
    blob = Self.fixed(configuration, "blob.server.port", 6124)
    taskManagerRPC = Self.fixed(configuration, "taskmanager.rpc.port", 6122)
  }

  /// A range (`50100-50200`) has no one port for a service either; its first is taken.
  private static func fixed(_ configuration: FlinkConfiguration, _ key: String, _ usual: Int) -> Int {
    guard let text = configuration.string(key), let port = Int(text.prefix { $0.isNumber }), port != 0 else {
      return usual
    }
    return port
  }

  func fix(in configuration: inout FlinkConfiguration) {
    configuration["jobmanager.rpc.port"] = "\(rpc)"
    configuration["blob.server.port"] = "\(blob)"
    configuration["taskmanager.rpc.port"] = "\(taskManagerRPC)"
    configuration["rest.port"] = "\(rest)"
    configuration["rest.bind-port"] = "\(restBind)"
    if configuration.isHighAvailabilityEnabled {
      configuration.setDefault("high-availability.jobmanager.port", "\(rpc)")
      if configuration["high-availability.jobmanager.port"] == "0" {
        configuration["high-availability.jobmanager.port"] = "\(rpc)"
      }
    }
  }
}
