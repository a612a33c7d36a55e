import FlinkModel
import KubernetesAPI

/// What Flink's configuration says about every pod of a component: image, account, placement, secrets.
struct PodFrame {
  let component: Blueprint.Component
  let configuration: FlinkConfiguration

  init(component: Blueprint.Component, configuration: FlinkConfiguration) {
    self.component = component
    self.configuration = configuration
  }

  private func key(_ name: String) -> String { "kubernetes.\(component.rawValue).\(name)" }

  var usesHostNetwork: Bool {
    configuration.string("kubernetes.hostnetwork.enabled")?.lowercased() == "true"
  }

  /// A value set in the configuration wins over the template's, the template's over the built-in one.
  func apply(to pod: inout FlinkPod, version: FlinkVersion?) {
    if let image = configuration.string("kubernetes.container.image.ref", "kubernetes.container.image") {
      pod.set("image", .string(image))
    } else {
      let version = version ?? .v1_20
      pod.setUnlessPresent("image", .string("flink:\(version.major).\(version.minor)"))
    }
    if let policy = configuration.string("kubernetes.container.image.pull-policy") {
      pod.set("imagePullPolicy", .string(policy))
    } else {
      pod.setUnlessPresent("imagePullPolicy", "IfNotPresent")
    }
    // So that the status of a container that failed tells why, without its log being read.
    pod.setUnlessPresent("terminationMessagePolicy", "FallbackToLogsOnError")
    pod.set("command", [.string(configuration.string("kubernetes.entry.path") ?? "/docker-entrypoint.sh")])

    if let account = configuration.string(key("service-account"), "kubernetes.service-account") {
      pod.setSpec("serviceAccountName", .string(account))
    } else {
      pod.setSpecUnlessPresent("serviceAccountName", "default")
    }
    let pullSecrets = configuration.list("kubernetes.container.image.pull-secrets")
    if !pullSecrets.isEmpty {
      pod.setSpec("imagePullSecrets", .array(pullSecrets.map { ["name": .string($0)] }))
    }
    let nodeSelector = configuration.map(key("node-selector"))
    if !nodeSelector.isEmpty {
      let template = pod.spec["nodeSelector"]?.objectValue?.strings ?? [:]
      pod.setSpec("nodeSelector", JSONValue(template.merging(nodeSelector) { $1 }))
    }
    let tolerations = configuration.list(key("tolerations"))
    if !tolerations.isEmpty {
      let template = pod.spec["tolerations"]?.arrayValue ?? []
      pod.setSpec("tolerations", .array(template + tolerations.map(Self.toleration)))
    }
    if usesHostNetwork {
      pod.setSpec("hostNetwork", true)
      pod.setSpec("dnsPolicy", "ClusterFirstWithHostNet")
    }
  }

  /// `key:k,operator:Equal,value:v,effect:NoSchedule,tolerationSeconds:60`
  private static func toleration(_ text: String) -> JSONValue {
    let fields = FlinkConfiguration(["entry": text]).map("entry")
    var toleration: JSONObject = [:]
    for name in ["effect", "key", "operator", "value"] {
      if let value = fields[name] { toleration[name] = .string(value) }
    }
    if let seconds = fields["tolerationSeconds"].flatMap({ Int($0) }) {
      toleration["tolerationSeconds"] = JSONValue(seconds)
    }
    return .object(toleration)
  }

  /// Secrets as files (`kubernetes.secrets`) and as environment variables (`kubernetes.env.secretKeyRef`).
  func addSecrets(to pod: inout FlinkPod) {
    for (secret, path) in configuration.map("kubernetes.secrets").sorted(by: { $0.key < $1.key }) {
      pod.addVolume(["name": .string("\(secret)-volume"), "secret": ["secretName": .string(secret)]])
      pod.addMount(["name": .string("\(secret)-volume"), "mountPath": .string(path)])
    }
    for entry in configuration.list("kubernetes.env.secretKeyRef") {
      let fields = FlinkConfiguration(["entry": entry]).map("entry")
      guard let name = fields["env"], let secret = fields["secret"], let key = fields["key"] else { continue }
      pod.setEnvironment(name, secret: secret, key: key)
    }
  }

  /// The configuration directory: every file of the ConfigMap by name.
  func mountConfiguration(named configMap: String, files: [String], in pod: inout FlinkPod) {
    let directory = configuration.string("kubernetes.flink.conf.dir") ?? "/opt/flink/conf"
    pod.addVolume([
      "name": "flink-config-volume",
      "configMap": [
        "name": .string(configMap),
        "items": .array(files.sorted().map { ["key": .string($0), "path": .string($0)] }),
      ],
    ])
    pod.addMount(["name": "flink-config-volume", "mountPath": .string(directory)])
  }
}

/// Requests and limits of Flink's container.
struct ContainerSize {
  private let requests: [String: String]
  private let limits: [String: String]

  /// CPU and memory of a component by the effective configuration; limits are the requests times their factors.
  init(
    _ component: Blueprint.Component, _ configuration: FlinkConfiguration, version: FlinkVersion?
  ) throws(InvalidField) {
    let prefix = "kubernetes.\(component.rawValue)"
    let memory: Int64?
    var cores = try configuration.double("\(prefix).cpu.amount", "\(prefix).cpu")
    switch component {
    case .jobManager:
      memory = try ProcessMemory.jobManager(configuration)
      cores = cores ?? 1
    case .taskManager:
      memory = try ProcessMemory.taskManager(configuration, flinkVersion: version)
      if let own = try configuration.double("taskmanager.cpu.cores") { cores = own }
      if (cores ?? -1) <= 0 { cores = Double(try configuration.numberOfTaskSlots) }
    }
    let cpuFactor = try configuration.double("\(prefix).cpu.limit-factor") ?? 1
    let memoryFactor = try configuration.double("\(prefix).memory.limit-factor") ?? 1
    var requests: [String: String] = [:]
    var limits: [String: String] = [:]
    if let cores {
      requests["cpu"] = Self.cpu(cores)
      limits["cpu"] = Self.cpu(cores * cpuFactor)
    }
    if let memory {
      let mebibytes = memory >> 20
      requests["memory"] = "\(mebibytes)Mi"
      limits["memory"] = "\(Self.bounded(Double(mebibytes) * memoryFactor))Mi"
    }
    self.requests = requests
    self.limits = limits
  }

  private static func cpu(_ cores: Double) -> String {
    Quantity(milli: bounded((cores * 1000).rounded(.up))).text
  }

  /// Factors are the user's, so a product may be anything.
  private static func bounded(_ number: Double) -> Int64 { Int64(max(0, min(number, 1e15))) }

  func apply(to pod: inout FlinkPod) {
    for (name, quantity) in requests.sorted(by: { $0.key < $1.key }) { pod.setResource("requests", name, quantity) }
    for (name, quantity) in limits.sorted(by: { $0.key < $1.key }) { pod.setResource("limits", name, quantity) }
  }

  /// What is neither CPU nor memory, such as ephemeral storage and devices.
  static func addOthers(_ resource: Resource?, _ resources: ResourceRequirements?, to pod: inout FlinkPod) {
    if let resources, !resources.isEmpty {
      for (section, map) in [("requests", resources.requests), ("limits", resources.limits)] {
        for (name, quantity) in map.sorted(by: { $0.key < $1.key }) where name != "cpu" && name != "memory" {
          pod.setResource(section, name, quantity)
        }
      }
    } else if let storage = resource?.ephemeralStorage {
      pod.setResource("requests", "ephemeral-storage", storage)
      pod.setResource("limits", "ephemeral-storage", storage)
    }
  }
}
