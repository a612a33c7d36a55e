import FlinkModel
import KubernetesAPI

extension ClusterPlan {
  /// - Parameter files: of the configuration's ConfigMap.
  func jobManager(_ ports: Ports, files: [String], hasTaskManagerTemplate: Bool) throws(InvalidField) -> JSONValue {
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
    frame.mountHadoop(in: &pod)
    frame.mountConfiguration(named: Blueprint.configMap(identity.name), files: files, in: &pod)
    if hasTaskManagerTemplate { mountTaskManagerTemplate(in: &pod) }
    mountUserLibrary(in: &pod)
    try ContainerSize(.jobManager, configuration, version: spec.flinkVersion).apply(to: &pod)
    ContainerSize.addOthers(spec.jobManager?.resource, spec.jobManager?.resources, to: &pod)
    if settings.isStartupProbeEnabled {
      // In the host's network no ports are declared, and a native JobManager takes any that is free.
      let port: JSONValue? = frame.usesHostNetwork ? (isNative ? nil : JSONValue(ports.restBind)) : "rest"
      if let port { pod.setUnlessPresent("startupProbe", try startupProbe(port)) }
    }

    // Which side wins is the Apache operator's, and Flink's, choice.
    let own = selector(.jobManager)
    let asked = configuration.map("kubernetes.jobmanager.labels")
    let labels = isNative ? asked.merging(own) { $1 } : own.merging(asked) { $1 }
    var annotations = configuration.map("kubernetes.jobmanager.annotations")
    annotations[FlinkDeployment.generationAnnotation] = "\(identity.generation)"
    return deployment(
      Blueprint.jobManagerDeployment(identity.name), try configuration.int("kubernetes.jobmanager.replicas") ?? 1,
      .jobManager, labels, annotations, pod)
  }

  /// Answers once the REST interface does; until then neither liveness nor readiness is judged. It never gives up:
  /// whether a start takes too long is the operator's to say.
  private func startupProbe(_ port: JSONValue) throws(InvalidField) -> JSONValue {
    var probe: JSONObject = ["periodSeconds": 1, "failureThreshold": 2_147_483_647]
    if try configuration.bool("security.ssl.rest.authentication-enabled", default: false) {
      // The kubelet has no certificate to show.
      probe["tcpSocket"] = ["port": port]
    } else {
      var get: JSONObject = ["path": "/config", "port": port]
      if try configuration.isRESTEncrypted { get["scheme"] = "HTTPS" }
      probe["httpGet"] = .object(get)
    }
    return .object(probe)
  }

  // MARK: The command

  /// What the image's entry point is told.
  private var arguments: [String] {
    if isNative { return ["bash", "-c", nativeCommand] }
    guard let job = spec.job else {
      let template = templateArguments
      return template + ["jobmanager"] + highAvailabilityArguments
    }
    return standaloneArguments(job)
  }

  private var nativeCommand: String {
    let target = spec.job == nil ? "kubernetes-session" : "kubernetes-application"
    let arguments = configuration.string("kubernetes.jobmanager.entrypoint.args")
    return (["kubernetes-jobmanager.sh", target] + (arguments.map { [$0] } ?? [])).joined(separator: " ")
  }

  /// A session's arguments go behind those of its template, as with the Apache operator.
  private var templateArguments: [String] {
    let template = PodTemplate.merged(
      spec.podTemplate, spec.jobManager?.podTemplate, byName: settings.areTemplateArraysMergedByName)
    return (FlinkPod(template: template).container["args"]?.arrayValue ?? []).compactMap(\.stringValue)
  }

  /// In the Apache operator's order. The job id travels in the configuration, where Flink 1.20 and 2.2 were seen to
  /// take it from.
  private func standaloneArguments(_ job: JobSpec) -> [String] {
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
    guard job.entryClass == nil, let jar = job.jarURI, version >= .v1_19 else { return nil }
    return jar.contains("\(Self.userLibrary)/") ? nil : jar
  }

  private var highAvailabilityArguments: [String] {
    configuration.isHighAvailabilityEnabled ? ["-D", "jobmanager.rpc.address=$(_POD_IP_ADDRESS)"] : []
  }

  // MARK: User library

  private static let userLibrary = "/opt/flink/usrlib"
  private static let userLibraryVolume = "user-lib-dir"

  /// An empty user library where the job's jar lies elsewhere and the template brings none. A jar under
  /// `/opt/flink/usrlib` that no volume holds is the image's own: an empty volume would hide it. In native mode Flink's
  /// client adds none.
  func mountUserLibrary(in pod: inout FlinkPod) {
    guard !isNative, let classpath = configuration.string(ConfigurationKey.classpaths) else { return }
    if pod.mountPaths.contains(where: { $0.hasPrefix(Self.userLibrary) }) { return }
    let isInImage = classpath.contains("\(Self.userLibrary)/") && !pod.initContainersMount(Self.userLibraryVolume)
    if isInImage { return }
    pod.addVolume(["name": .string(Self.userLibraryVolume), "emptyDir": [:]])
    pod.addMount(["name": .string(Self.userLibraryVolume), "mountPath": .string(Self.userLibrary)])
  }
}
