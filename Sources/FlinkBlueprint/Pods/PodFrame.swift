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

  /// Hadoop's configuration, from a ConfigMap that the user keeps (`kubernetes.hadoop.conf.config-map.name`).
  func mountHadoop(in pod: inout FlinkPod) {
    guard let configMap = configuration.string("kubernetes.hadoop.conf.config-map.name") else { return }
    let directory = "/opt/hadoop/conf"
    pod.addVolume(["name": "hadoop-config-volume", "configMap": ["name": .string(configMap)]])
    pod.addMount(["name": "hadoop-config-volume", "mountPath": .string(directory)])
    pod.setEnvironment(["HADOOP_CONF_DIR": directory])
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
