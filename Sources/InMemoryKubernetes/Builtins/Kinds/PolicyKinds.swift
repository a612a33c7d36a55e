import KubernetesAPI

struct PersistentVolumeClaimStrategy: KindStrategy {
  var returnsDeletedObject: Bool { true }
  var isolatesStatus: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    if object["spec", "volumeMode"] == nil { object.set("Filesystem", at: ["spec", "volumeMode"]) }
  }

  func prepareForCreate(_ object: inout JSONValue) {
    object["status"] = ["phase": "Pending"]
    var finalizers = (object["metadata", "finalizers"]?.arrayValue ?? []).compactMap(\.stringValue)
    if !finalizers.contains("kubernetes.io/pvc-protection") { finalizers.append("kubernetes.io/pvc-protection") }
    object.set(JSONValue(finalizers), at: ["metadata", "finalizers"])
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    if object["spec", "accessModes"]?.arrayValue?.isEmpty ?? true {
      errors.append(.required("spec.accessModes", "at least 1 access mode is required"))
    }
    if object["spec", "resources", "requests", "storage"] == nil {
      errors.append(.required("spec.resources[storage]"))
    }
    return errors
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    func comparable(_ object: JSONValue) -> JSONValue {
      var spec = object["spec"] ?? [:]
      for field in ["resources", "volumeName", "volumeAttributesClassName"] { spec[field] = nil }
      return spec
    }
    guard comparable(object) == comparable(old) else {
      return [
        .forbidden(
          "spec",
          "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims")
      ]
    }
    return validate(object)
  }
}

struct AutoscalerStrategy: KindStrategy {
  /// `autoscaling/v1` has one CPU target where `v2` has a list of metrics.
  var isFirstVersion = false
  var isolatesStatus: Bool { true }

  func toStorage(_ object: JSONValue) -> JSONValue {
    guard isFirstVersion else { return object }
    var object = object
    object["apiVersion"] = "autoscaling/v2"
    if let target = object["spec", "targetCPUUtilizationPercentage"] {
      object.set(nil, at: ["spec", "targetCPUUtilizationPercentage"])
      object.set([Self.cpuMetric(target)], at: ["spec", "metrics"])
    }
    return object
  }

  func fromStorage(_ object: JSONValue) -> JSONValue {
    guard isFirstVersion else { return object }
    var object = object
    object["apiVersion"] = "autoscaling/v1"
    let cpu = (object["spec", "metrics"]?.arrayValue ?? []).first { $0["resource", "name"] == "cpu" }
    object.set(
      cpu?["resource", "target", "averageUtilization"], at: ["spec", "targetCPUUtilizationPercentage"])
    object.set(nil, at: ["spec", "metrics"])
    return object
  }

  private static func cpuMetric(_ percent: JSONValue) -> JSONValue {
    [
      "type": "Resource",
      "resource": ["name": "cpu", "target": ["type": "Utilization", "averageUtilization": percent]],
    ]
  }

  func applyDefaults(_ object: inout JSONValue) {
    if object["spec", "minReplicas"] == nil { object.set(1, at: ["spec", "minReplicas"]) }
    if isFirstVersion {
      if object["spec", "targetCPUUtilizationPercentage"] == nil {
        object.set(80, at: ["spec", "targetCPUUtilizationPercentage"])
      }
    } else if object["spec", "metrics"]?.arrayValue?.isEmpty ?? true {
      object.set([Self.cpuMetric(80)], at: ["spec", "metrics"])
    }
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    let minimum = object["spec", "minReplicas"]?.intValue ?? 1
    let maximum = object["spec", "maxReplicas"]?.intValue ?? 0
    if minimum < 1 {
      errors.append(.invalid("spec.minReplicas", JSONValue(minimum), "must be greater than or equal to 1"))
    }
    if maximum < 1 { errors.append(.required("spec.maxReplicas", "must be set and greater than 0")) }
    if maximum < minimum {
      errors.append(
        .invalid("spec.maxReplicas", JSONValue(maximum), "must be greater than or equal to `minReplicas`"))
    }
    for field in ["kind", "name"] where (object["spec", "scaleTargetRef", field]?.stringValue ?? "").isEmpty {
      errors.append(.required("spec.scaleTargetRef.\(field)"))
    }
    return errors
  }
}

struct DisruptionBudgetStrategy: KindStrategy {
  var allowsUnconditionalUpdate: Bool { false }
  var hasGeneration: Bool { true }
  var isolatesStatus: Bool { true }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    let spec = object["spec"]
    if spec?["minAvailable"] != nil && spec?["maxUnavailable"] != nil {
      let shown: JSONValue = [
        "MinAvailable": spec?["minAvailable"] ?? .null, "Selector": spec?["selector"] ?? .null,
        "MaxUnavailable": spec?["maxUnavailable"] ?? .null,
        "UnhealthyPodEvictionPolicy": spec?["unhealthyPodEvictionPolicy"] ?? .null,
      ]
      // The real server shows its internal struct, fields in their order.
      errors.append(
        FieldError(
          reason: "FieldValueInvalid", field: "spec",
          message: "Invalid value: \(shown.text): minAvailable and maxUnavailable cannot be both set"))
    }
    for field in ["minAvailable", "maxUnavailable"] {
      guard let text = spec?[field]?.stringValue else { continue }
      let isPercent = text.hasSuffix("%") && text.count > 1 && text.dropLast().utf8.allSatisfy(Names.isDigit)
      if !isPercent {
        errors.append(
          .invalid(
            "spec.\(field)", .string(text),
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
              + "used for validation is '[0-9]+%')"))
      }
    }
    return errors
  }
}

struct RoleStrategy: KindStrategy {
  func nameProblems(_ name: String) -> [String] { pathSegmentProblems(name) }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    for (index, rule) in (object["rules"]?.arrayValue ?? []).enumerated() {
      if rule["verbs"]?.arrayValue?.isEmpty ?? true {
        errors.append(.required("rules[\(index)].verbs", "verbs must contain at least one value"))
      }
      let isForPaths = !(rule["nonResourceURLs"]?.arrayValue?.isEmpty ?? true)
      if isForPaths { continue }
      if rule["apiGroups"]?.arrayValue?.isEmpty ?? true {
        errors.append(.required("rules[\(index)].apiGroups", "resource rules must supply at least one api group"))
      }
      if rule["resources"]?.arrayValue?.isEmpty ?? true {
        errors.append(.required("rules[\(index)].resources", "resource rules must supply at least one resource"))
      }
    }
    return errors
  }

  var columns: [TableColumn] { [.name, TableColumn(name: "Created At")] }
}

struct RoleBindingStrategy: KindStrategy {
  func nameProblems(_ name: String) -> [String] { pathSegmentProblems(name) }

  func applyDefaults(_ object: inout JSONValue) {
    let group = "rbac.authorization.k8s.io"
    if (object["roleRef", "apiGroup"]?.stringValue ?? "").isEmpty {
      object.set(.string(group), at: ["roleRef", "apiGroup"])
    }
    guard let subjects = object["subjects"]?.arrayValue else { return }
    object["subjects"] = .array(
      subjects.map { subject in
        var subject = subject
        let isAccount = subject["kind"] == "ServiceAccount"
        if subject["apiGroup"] == nil && !isAccount { subject["apiGroup"] = .string(group) }
        return subject
      })
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    guard object["roleRef"] != old["roleRef"] else { return validate(object) }
    func text(_ name: String) -> JSONValue { object["roleRef", name] ?? "" }
    // The message shows the server's own form of it.
    let shown: JSONValue = ["APIGroup": text("apiGroup"), "Kind": text("kind"), "Name": text("name")]
    return [.invalid("roleRef", shown, "cannot change roleRef")]
  }

  var columns: [TableColumn] { [.name, TableColumn(name: "Role"), .age] }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let kind = object["roleRef", "kind"]?.stringValue ?? ""
    return [
      object["metadata", "name"] ?? "", .string("\(kind)/\(object["roleRef", "name"]?.stringValue ?? "")"),
      age(of: object, at: now),
    ]
  }
}

func pathSegmentProblems(_ name: String) -> [String] {
  var problems: [String] = []
  if name == "." || name == ".." { problems.append("may not be '\(name)'") }
  for character in ["/", "%"] where name.contains(character) { problems.append("may not contain '\(character)'") }
  return problems
}
