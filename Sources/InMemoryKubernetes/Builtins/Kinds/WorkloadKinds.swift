import KubernetesAPI

/// Deployments, ReplicaSets, StatefulSets and DaemonSets.
struct WorkloadStrategy: KindStrategy {
  enum Kind: Sendable {
    case deployment, replicaSet, statefulSet, daemonSet
  }
  let kind: Kind

  var hasGeneration: Bool { true }
  var isolatesStatus: Bool { true }
  var keepsLabelsInStatusWrites: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    var spec = object["spec"] ?? [:]
    func setDefault(_ key: String, _ value: JSONValue) {
      if spec[key] == nil || spec[key] == "" { spec[key] = value }
    }
    if kind != .daemonSet { setDefault("replicas", 1) }
    switch kind {
    case .deployment:
      setDefault("revisionHistoryLimit", 10)
      setDefault("progressDeadlineSeconds", 600)
      if (spec["strategy", "type"]?.stringValue ?? "").isEmpty { spec.set("RollingUpdate", at: ["strategy", "type"]) }
      if spec["strategy", "type"] == "RollingUpdate" {
        for field in ["maxUnavailable", "maxSurge"] where spec["strategy", "rollingUpdate", field] == nil {
          spec.set("25%", at: ["strategy", "rollingUpdate", field])
        }
      }
    case .replicaSet: break
    case .statefulSet:
      setDefault("revisionHistoryLimit", 10)
      setDefault("podManagementPolicy", "OrderedReady")
      setUpdateStrategy(&spec, ["partition": 0])
      if spec["persistentVolumeClaimRetentionPolicy"] == nil {
        spec["persistentVolumeClaimRetentionPolicy"] = ["whenDeleted": "Retain", "whenScaled": "Retain"]
      }
    case .daemonSet:
      setDefault("revisionHistoryLimit", 10)
      setUpdateStrategy(&spec, ["maxUnavailable": 1, "maxSurge": 0])
    }
    var template = spec["template", "spec"] ?? [:]
    PodTemplates.applyDefaults(&template)
    spec.set(template, at: ["template", "spec"])
    object["spec"] = spec
  }

  private func setUpdateStrategy(_ spec: inout JSONValue, _ defaults: JSONValue) {
    if (spec["updateStrategy", "type"]?.stringValue ?? "").isEmpty {
      spec.set("RollingUpdate", at: ["updateStrategy", "type"])
    }
    guard spec["updateStrategy", "type"] == "RollingUpdate" else { return }
    for (field, value) in defaults.objectValue?.members ?? []
    where spec["updateStrategy", "rollingUpdate", field] == nil {
      spec.set(value, at: ["updateStrategy", "rollingUpdate", field])
    }
  }

  func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, subresource: String?) {
    if subresource == nil, kind == .replicaSet { object["status"] = old["status"] }
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    let spec = object["spec"]
    let selector = spec?["selector"]
    if kind != .daemonSet, let replicas = spec?["replicas"]?.intValue, replicas < 0 {
      errors.append(.invalid("spec.replicas", JSONValue(replicas), "must be greater than or equal to 0"))
    }
    let isSelecting = selector != nil && selector?.isNull == false
    if !isSelecting {
      errors.append(.required("spec.selector"))
    } else if (selector?["matchLabels"]?.objectValue?.isEmpty ?? true)
      && (selector?["matchExpressions"]?.arrayValue?.isEmpty ?? true)
    {
      let word =
        kind == .deployment
        ? "deployment" : kind == .replicaSet ? "replicaset" : kind == .daemonSet ? "daemonset" : "statefulset"
      errors.append(.invalid("spec.selector", selector, "empty selector is invalid for \(word)"))
    }
    let labels = spec?["template", "metadata", "labels"]
    if !isSelecting || !PodTemplates.matches(selector, labels) {
      errors.append(
        .invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))
    }
    errors += MetadataRules.labels(labels, field: "spec.template.labels")
    errors += PodTemplates.validate(spec?["template", "spec"], path: "spec.template.spec", isTemplate: true)
    if kind == .deployment {
      let type = spec?["strategy", "type"]?.stringValue ?? ""
      if type != "Recreate" && type != "RollingUpdate" {
        errors.append(.notSupported("spec.strategy.type", .string(type), ["Recreate", "RollingUpdate"]))
      }
      if type == "Recreate", let rolling = spec?["strategy", "rollingUpdate"], !rolling.isNull {
        errors.append(
          .forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"))
      }
      let deadline = spec?["progressDeadlineSeconds"]?.intValue ?? 600
      let minimum = spec?["minReadySeconds"]?.intValue ?? 0
      if minimum < 0 {
        errors.append(.invalid("spec.minReadySeconds", JSONValue(minimum), "must be greater than or equal to 0"))
      }
      if deadline <= minimum {
        errors.append(
          .invalid("spec.progressDeadlineSeconds", JSONValue(deadline), "must be greater than minReadySeconds"))
      }
    }
    return errors
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    var errors = validate(object)
    if kind != .statefulSet, object["spec", "selector"] != old["spec", "selector"] {
      errors.append(.invalid("spec.selector", object["spec", "selector"], "field is immutable"))
    }
    if kind == .statefulSet {
      let fixed = ["selector", "serviceName", "volumeClaimTemplates", "podManagementPolicy"]
      if fixed.contains(where: { object["spec", $0] != old["spec", $0] }) {
        errors.append(
          .forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
              + "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"))
      }
    }
    return errors
  }

  func selectableField(_ object: JSONValue, _ field: String) -> String? {
    kind == .replicaSet && field == "status.replicas"
      ? String(object["status", "replicas"]?.intValue ?? 0) : nil
  }

  var columns: [TableColumn] {
    let wide = [
      TableColumn(name: "Containers", description: "Names of each container in the template.", priority: 1),
      TableColumn(name: "Images", description: "Images referenced by each container in the template.", priority: 1),
    ]
    let selector = TableColumn(name: "Selector", description: "Label selector for pods.", priority: 1)
    switch kind {
    case .deployment:
      return [
        .name, TableColumn(name: "Ready", description: "Number of the pod with ready state"),
        TableColumn(name: "Up-to-date"), TableColumn(name: "Available"), .age,
      ] + wide + [selector]
    case .replicaSet:
      return [
        .name, TableColumn(name: "Desired", type: "integer"), TableColumn(name: "Current", type: "integer"),
        TableColumn(name: "Ready", type: "integer"), .age,
      ] + wide + [selector]
    case .statefulSet: return [.name, TableColumn(name: "Ready"), .age] + wide
    case .daemonSet:
      return [
        .name, TableColumn(name: "Desired", type: "integer"), TableColumn(name: "Current", type: "integer"),
        TableColumn(name: "Ready", type: "integer"), TableColumn(name: "Up-to-date", type: "integer"),
        TableColumn(name: "Available", type: "integer"), TableColumn(name: "Node Selector"), .age,
      ] + wide + [selector]
    }
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let name = object["metadata", "name"] ?? ""
    let old = age(of: object, at: now)
    let containers = object["spec", "template", "spec", "containers"]?.arrayValue ?? []
    let names = JSONValue.string(containers.compactMap { $0["name"]?.stringValue }.joined(separator: ","))
    let images = JSONValue.string(containers.compactMap { $0["image"]?.stringValue }.joined(separator: ","))
    let selector = JSONValue.string(PodTemplates.selectorText(object["spec", "selector"]))
    func count(_ field: String) -> JSONValue { object["status", field] ?? 0 }
    let ready = "\(object["status", "readyReplicas"]?.intValue ?? 0)/\(object["spec", "replicas"]?.intValue ?? 0)"
    return switch kind {
    case .deployment:
      [
        name, .string(ready), count("updatedReplicas"), count("availableReplicas"), old, names, images, selector,
      ]
    case .replicaSet:
      [
        name, object["spec", "replicas"] ?? 0, count("replicas"), count("readyReplicas"), old, names, images, selector,
      ]
    case .statefulSet: [name, .string(ready), old, names, images]
    case .daemonSet:
      [
        name, count("desiredNumberScheduled"), count("currentNumberScheduled"), count("numberReady"),
        count("updatedNumberScheduled"), count("numberAvailable"), "<none>", old, names, images, selector,
      ]
    }
  }
}
