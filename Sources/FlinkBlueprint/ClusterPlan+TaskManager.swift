import FlinkModel
import KubernetesAPI
import YAML

extension ClusterPlan {
  private var taskManagerPodTemplate: JSONValue {
    PodTemplate.merged(
      spec.podTemplate, spec.taskManager?.podTemplate, byName: settings.areTemplateArraysMergedByName)
  }

  /// - Parameter files: of the configuration's ConfigMap.
  func taskManager(_ ports: Ports, files: [String]) throws(InvalidField) -> JSONValue {
    var pod = FlinkPod(template: taskManagerPodTemplate)
    let frame = PodFrame(component: .taskManager, configuration: configuration)
    frame.apply(to: &pod, version: spec.flinkVersion)
    pod.setArguments(["taskmanager"])
    if !frame.usesHostNetwork { pod.setPorts([("taskmanager-rpc", ports.taskManagerRPC)]) }
    pod.setEnvironment(configuration.strippingPrefix("containerized.taskmanager.env."))
    frame.addSecrets(to: &pod)
    frame.mountHadoop(in: &pod)
    frame.mountConfiguration(named: Blueprint.configMap(identity.name), files: files, in: &pod)
    mountUserLibrary(in: &pod)
    try ContainerSize(.taskManager, configuration, version: spec.flinkVersion).apply(to: &pod)
    try ContainerSize.addExternal(configuration, to: &pod)
    ContainerSize.addOthers(spec.taskManager?.resource, spec.taskManager?.resources, to: &pod)
    let labels = configuration.map("kubernetes.taskmanager.labels").merging(selector(.taskManager)) { $1 }
    return deployment(
      Blueprint.taskManagerDeployment(identity.name), try configuration.expectedTaskManagers, .taskManager, labels,
      configuration.map("kubernetes.taskmanager.annotations"), pod)
  }

  // MARK: Native

  private static let templateVolume = "pod-template-volume"
  private static let templateFile = "taskmanager-pod-template.yaml"

  /// The file from which a native JobManager makes its TaskManagers; nil where it would say nothing.
  var taskManagerTemplate: [String: String]? {
    guard isNative else { return nil }
    var pod = FlinkPod(template: taskManagerPodTemplate)
    let before = pod.container
    ContainerSize.addOthers(spec.taskManager?.resource, spec.taskManager?.resources, to: &pod)
    let isGiven = spec.podTemplate != nil || spec.taskManager?.podTemplate != nil || pod.container != before
    guard isGiven, let members = pod.json.objectValue else { return nil }
    var template: JSONObject = ["apiVersion": "v1", "kind": "Pod"]
    for (name, value) in members { template[name] = value }
    return [Self.templateFile: YAML.write(.object(template))]
  }

  func mountTaskManagerTemplate(in pod: inout FlinkPod) {
    pod.addVolume([
      "name": .string(Self.templateVolume),
      "configMap": [
        "name": .string(Blueprint.podTemplateConfigMap(identity.name)),
        "items": [["key": .string(Self.templateFile), "path": .string(Self.templateFile)]],
      ],
    ])
    pod.addMount(["name": .string(Self.templateVolume), "mountPath": "/opt/flink/pod-template"])
  }
}
