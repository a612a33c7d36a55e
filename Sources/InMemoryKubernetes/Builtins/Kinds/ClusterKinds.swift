import KubernetesAPI

/// Kinds that are little more than defaults and columns.
struct NetworkPolicyStrategy: KindStrategy {
  var hasGeneration: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    guard var spec = object["spec"] else { return }
    if spec["podSelector"] == nil { spec["podSelector"] = [:] }
    if spec["policyTypes"]?.arrayValue?.isEmpty ?? true {
      spec["policyTypes"] = spec["egress"]?.arrayValue?.isEmpty == false ? ["Ingress", "Egress"] : ["Ingress"]
    }
    for direction in ["ingress", "egress"] {
      guard let rules = spec[direction]?.arrayValue else { continue }
      spec[direction] = .array(
        rules.map { rule in
          guard let ports = rule["ports"]?.arrayValue else { return rule }
          var rule = rule
          rule["ports"] = .array(
            ports.map { port in
              var port = port
              if port["protocol"] == nil { port["protocol"] = "TCP" }
              return port
            })
          return rule
        })
    }
    object["spec"] = spec
  }

  var columns: [TableColumn] { [.name, TableColumn(name: "Pod-Selector"), .age] }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let selector = PodTemplates.selectorText(object["spec", "podSelector"])
    return [
      object["metadata", "name"] ?? "", .string(selector.isEmpty ? "<none>" : selector), age(of: object, at: now),
    ]
  }
}

struct StorageClassStrategy: KindStrategy {
  var returnsDeletedObject: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    if object["reclaimPolicy"] == nil { object["reclaimPolicy"] = "Delete" }
    if object["volumeBindingMode"] == nil { object["volumeBindingMode"] = "Immediate" }
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    (object["provisioner"]?.stringValue ?? "").isEmpty ? [.required("provisioner")] : []
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    for field in ["parameters", "provisioner", "reclaimPolicy"] where object[field] != old[field] {
      errors.append(.forbidden(field, "updates to \(field) are forbidden."))
    }
    return errors
  }

  var columns: [TableColumn] {
    [
      .name, TableColumn(name: "Provisioner"), TableColumn(name: "ReclaimPolicy"),
      TableColumn(name: "VolumeBindingMode"), TableColumn(name: "AllowVolumeExpansion"), .age,
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    var name = object["metadata", "name"]?.stringValue ?? ""
    if object["metadata", "annotations", "storageclass.kubernetes.io/is-default-class"] == "true" {
      name += " (default)"
    }
    return [
      .string(name), object["provisioner"] ?? "", object["reclaimPolicy"] ?? "", object["volumeBindingMode"] ?? "",
      .bool(object["allowVolumeExpansion"]?.boolValue ?? false), age(of: object, at: now),
    ]
  }
}

struct PriorityClassStrategy: KindStrategy {
  var hasGeneration: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    if object["preemptionPolicy"] == nil { object["preemptionPolicy"] = "PreemptLowerPriority" }
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    ["value", "preemptionPolicy"].filter { object[$0] != old[$0] }.map {
      .invalid($0, object[$0], "field is immutable")
    }
  }

  var columns: [TableColumn] {
    [
      .name, TableColumn(name: "Value"), TableColumn(name: "Global-Default"), .age,
      TableColumn(name: "PreemptionPolicy"),
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    [
      object["metadata", "name"] ?? "", object["value"] ?? 0, .bool(object["globalDefault"]?.boolValue ?? false),
      age(of: object, at: now), object["preemptionPolicy"] ?? "",
    ]
  }
}

/// Stored and shown; nothing is limited by it.
struct LimitRangeStrategy: KindStrategy {
  func applyDefaults(_ object: inout JSONValue) {
    guard let limits = object["spec", "limits"]?.arrayValue else { return }
    object.set(
      .array(
        limits.map { limit in
          guard limit["type"] == "Container" else { return limit }
          var limit = limit
          func fill(_ field: String, from source: String) {
            for (name, amount) in limit[source]?.objectValue?.members ?? [] where limit[field, name] == nil {
              limit.set(amount, at: [field, name])
            }
          }
          fill("default", from: "max")
          fill("defaultRequest", from: "default")
          fill("defaultRequest", from: "min")
          return limit
        }), at: ["spec", "limits"])
  }
}

/// Stored and shown; nothing is counted.
struct ResourceQuotaStrategy: KindStrategy {
  var isolatesStatus: Bool { true }
  var returnsDeletedObject: Bool { true }

  func prepareForCreate(_ object: inout JSONValue) { object["status"] = [:] }

  var columns: [TableColumn] { [.name, TableColumn(name: "Request"), TableColumn(name: "Limit"), .age] }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    var requests: [String] = []
    var limits: [String] = []
    for (name, hard) in object["status", "hard"]?.objectValue?.members.sorted(by: { $0.key < $1.key }) ?? [] {
      let text = "\(name): \(object["status", "used", name]?.stringValue ?? "0")/\(hard.stringValue ?? "")"
      if name.hasPrefix("limits") { limits.append(text) } else { requests.append(text) }
    }
    return [
      object["metadata", "name"] ?? "", .string(requests.joined(separator: ", ")),
      .string(limits.joined(separator: ", ")), age(of: object, at: now),
    ]
  }
}

struct PersistentVolumeStrategy: KindStrategy {
  var isolatesStatus: Bool { true }
  var returnsDeletedObject: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    var spec = object["spec"] ?? [:]
    if (spec["persistentVolumeReclaimPolicy"]?.stringValue ?? "").isEmpty {
      spec["persistentVolumeReclaimPolicy"] = "Retain"
    }
    if spec["volumeMode"] == nil { spec["volumeMode"] = "Filesystem" }
    if spec["hostPath"] != nil, spec["hostPath", "type"] == nil { spec.set("", at: ["hostPath", "type"]) }
    object["spec"] = spec
  }

  func prepareForCreate(_ object: inout JSONValue) { object["status"] = ["phase": "Pending"] }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    if object["spec", "accessModes"]?.arrayValue?.isEmpty ?? true { errors.append(.required("spec.accessModes")) }
    if object["spec", "capacity"]?.objectValue?.isEmpty ?? true { errors.append(.required("spec.capacity")) }
    return errors
  }

  var columns: [TableColumn] {
    [
      .name, TableColumn(name: "Capacity"), TableColumn(name: "Access Modes"), TableColumn(name: "Reclaim Policy"),
      TableColumn(name: "Status"), TableColumn(name: "Claim"), TableColumn(name: "StorageClass"),
      TableColumn(name: "VolumeAttributesClass"), TableColumn(name: "Reason"), .age,
      TableColumn(name: "VolumeMode", priority: 1),
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let spec = object["spec"]
    let short = [
      "ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP",
    ]
    let modes = (spec?["accessModes"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { short[$0] } }
    var claim = ""
    if let name = spec?["claimRef", "name"]?.stringValue {
      claim = "\(spec?["claimRef", "namespace"]?.stringValue ?? "")/\(name)"
    }
    var status = object["status", "phase"]?.stringValue ?? ""
    if object["metadata", "deletionTimestamp"] != nil { status = "Terminating" }
    return [
      object["metadata", "name"] ?? "", spec?["capacity", "storage"] ?? "", .string(modes.joined(separator: ",")),
      spec?["persistentVolumeReclaimPolicy"] ?? "", .string(status), .string(claim), spec?["storageClassName"] ?? "",
      spec?["volumeAttributesClassName"] ?? "<unset>", object["status", "reason"] ?? "", age(of: object, at: now),
      spec?["volumeMode"] ?? "<unset>",
    ]
  }
}
