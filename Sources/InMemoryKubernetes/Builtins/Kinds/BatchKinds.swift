import KubernetesAPI

/// Defaults and checks of a Job's spec, in Jobs and in the templates of CronJobs.
enum JobSpecs {
  static func applyDefaults(_ spec: inout JSONValue) {
    func fill(_ field: String, _ value: JSONValue) {
      if spec[field] == nil { spec[field] = value }
    }
    if spec["completions"] == nil && spec["parallelism"] == nil { spec["completions"] = 1 }
    fill("parallelism", 1)
    fill("backoffLimit", spec["backoffLimitPerIndex"] == nil ? 6 : JSONValue(Int64(Int32.max)))
    fill("completionMode", "NonIndexed")
    fill("suspend", false)
    fill("manualSelector", false)
    fill("podReplacementPolicy", spec["podFailurePolicy"] == nil ? "TerminatingOrFailed" : "Failed")
    applyTemplateDefaults(&spec)
  }

  static func applyTemplateDefaults(_ spec: inout JSONValue) {
    var template = spec["template", "spec"] ?? [:]
    PodTemplates.applyDefaults(&template)
    spec.set(template, at: ["template", "spec"])
  }

  static func validate(_ spec: JSONValue?, path: String) -> [FieldError] {
    var errors: [FieldError] = []
    let counts = [
      "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    ]
    for field in counts {
      guard let value = spec?[field]?.intValue, value < 0 else { continue }
      errors.append(.invalid("\(path).\(field)", JSONValue(value), "must be greater than or equal to 0"))
    }
    let mode = spec?["completionMode"]?.stringValue ?? "NonIndexed"
    if mode != "NonIndexed" && mode != "Indexed" {
      errors.append(.notSupported("\(path).completionMode", .string(mode), ["NonIndexed", "Indexed"]))
    } else if mode == "Indexed" && spec?["completions"] == nil {
      errors.append(.required("\(path).completions", "when completion mode is Indexed"))
    }
    let policy = spec?["template", "spec", "restartPolicy"]?.stringValue ?? ""
    errors += PodTemplates.validate(spec?["template", "spec"], path: "\(path).template.spec", isTemplate: false)
      .filter { $0.field != "\(path).template.spec.restartPolicy" }
    if policy.isEmpty || policy == "Always" {
      errors.append(
        .required("\(path).template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\""))
    } else if policy != "OnFailure" && policy != "Never" {
      errors.append(
        .notSupported("\(path).template.spec.restartPolicy", .string(policy), ["OnFailure", "Never"]))
    }
    return errors
  }
}

struct JobStrategy: KindStrategy {
  var hasGeneration: Bool { true }
  var isolatesStatus: Bool { true }
  var orphansByDefault: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    var spec = object["spec"] ?? [:]
    JobSpecs.applyDefaults(&spec)
    object["spec"] = spec
    copyLabels(&object)
  }

  /// A Job without labels has those of its template.
  private func copyLabels(_ object: inout JSONValue) {
    guard object["metadata", "labels"]?.objectValue?.isEmpty ?? true,
      let labels = object["spec", "template", "metadata", "labels"], labels.objectValue?.isEmpty == false
    else { return }
    object.set(labels, at: ["metadata", "labels"])
  }

  func prepareForCreate(_ object: inout JSONValue) {
    object["status"] = [:]
    guard object["spec", "manualSelector"]?.boolValue != true else { return }
    let uid = object["metadata", "uid"] ?? ""
    let name = object["metadata", "name"] ?? ""
    let given = object["spec", "template", "metadata", "labels"]
    let hadTemplateLabels = object["metadata", "labels"] == given
    for (label, value) in [
      ("batch.kubernetes.io/controller-uid", uid), ("batch.kubernetes.io/job-name", name), ("controller-uid", uid),
      ("job-name", name),
    ] {
      object.set(value, at: ["spec", "template", "metadata", "labels", label])
    }
    if object["spec", "selector"] == nil {
      object.set(
        ["matchLabels": ["batch.kubernetes.io/controller-uid": uid]], at: ["spec", "selector"])
    }
    if hadTemplateLabels {
      object.set(object["spec", "template", "metadata", "labels"], at: ["metadata", "labels"])
    }
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    let selector = object["spec", "selector"]
    if selector == nil {
      errors.append(.required("spec.selector"))
    } else if !PodTemplates.matches(selector, object["spec", "template", "metadata", "labels"]) {
      errors.append(
        .invalid(
          "spec.template.metadata.labels", object["spec", "template", "metadata", "labels"],
          "`selector` does not match template `labels`"))
    }
    return errors + JobSpecs.validate(object["spec"], path: "spec")
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    var errors = validate(object)
    let isSuspended = old["spec", "suspend"]?.boolValue == true && old["status", "startTime"] == nil
    for field in ["completions", "selector", "completionMode", "template"]
    where object["spec", field] != old["spec", field] && !(field == "template" && isSuspended) {
      errors.append(.invalid("spec.\(field)", object["spec", field], "field is immutable"))
    }
    return errors
  }

  func selectableField(_ object: JSONValue, _ field: String) -> String? {
    field == "status.successful" ? String(object["status", "succeeded"]?.intValue ?? 0) : nil
  }

  var columns: [TableColumn] {
    [
      .name, TableColumn(name: "Status", description: "Status of the job."), TableColumn(name: "Completions"),
      TableColumn(name: "Duration", description: "Time required to complete the job."), .age,
      TableColumn(name: "Containers", description: "Names of each container in the template.", priority: 1),
      TableColumn(name: "Images", description: "Images referenced by each container in the template.", priority: 1),
      TableColumn(name: "Selector", priority: 1),
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let succeeded = object["status", "succeeded"]?.intValue ?? 0
    var completions = "\(succeeded)/1"
    if let wanted = object["spec", "completions"]?.intValue {
      completions = "\(succeeded)/\(wanted)"
    } else if let parallel = object["spec", "parallelism"]?.intValue, parallel > 1 {
      completions = "\(succeeded)/1 of \(parallel)"
    }
    func time(_ field: String) -> GoTime? { object["status", field]?.stringValue.flatMap { GoTime($0) } }
    let duration = time("startTime").map { humanDuration(from: $0, to: time("completionTime") ?? now) } ?? ""
    let containers = object["spec", "template", "spec", "containers"]?.arrayValue ?? []
    return [
      object["metadata", "name"] ?? "", .string(status(object)), .string(completions), .string(duration),
      age(of: object, at: now), .string(containers.compactMap { $0["name"]?.stringValue }.joined(separator: ",")),
      .string(containers.compactMap { $0["image"]?.stringValue }.joined(separator: ",")),
      .string(PodTemplates.selectorText(object["spec", "selector"])),
    ]
  }

  private func status(_ object: JSONValue) -> String {
    func has(_ type: String) -> Bool {
      (object["status", "conditions"]?.arrayValue ?? []).contains {
        $0["type"]?.stringValue == type && $0["status"] == "True"
      }
    }
    if has("Complete") { return "Complete" }
    if has("Failed") { return "Failed" }
    if object["metadata", "deletionTimestamp"] != nil { return "Terminating" }
    for type in ["Suspended", "FailureTarget", "SuccessCriteriaMet"] where has(type) { return type }
    return "Running"
  }
}

struct CronJobStrategy: KindStrategy {
  var hasGeneration: Bool { true }
  var isolatesStatus: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    var spec = object["spec"] ?? [:]
    if (spec["concurrencyPolicy"]?.stringValue ?? "").isEmpty { spec["concurrencyPolicy"] = "Allow" }
    for (field, value) in [
      ("suspend", JSONValue.bool(false)), ("successfulJobsHistoryLimit", 3), ("failedJobsHistoryLimit", 1),
    ]
    where spec[field] == nil { spec[field] = value }
    var job = spec["jobTemplate", "spec"] ?? [:]
    JobSpecs.applyTemplateDefaults(&job)
    spec.set(job, at: ["jobTemplate", "spec"])
    object["spec"] = spec
  }

  func prepareForCreate(_ object: inout JSONValue) { object["status"] = [:] }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    let spec = object["spec"]
    let schedule = spec?["schedule"]?.stringValue ?? ""
    if schedule.isEmpty {
      errors.append(.required("spec.schedule"))
    } else if !schedule.hasPrefix("@") {
      let fields = schedule.split(separator: " ").count
      if fields != 5 {
        errors.append(
          .invalid(
            "spec.schedule", .string(schedule),
            "expected exactly 5 fields, found \(fields): "
              + "[\(schedule.split(separator: " ").joined(separator: " "))]"))
      }
    }
    let policy = spec?["concurrencyPolicy"]?.stringValue ?? ""
    if !["Allow", "Forbid", "Replace"].contains(policy) {
      errors.append(.notSupported("spec.concurrencyPolicy", .string(policy), ["Allow", "Forbid", "Replace"]))
    }
    return errors + JobSpecs.validate(spec?["jobTemplate", "spec"], path: "spec.jobTemplate.spec")
  }

  var columns: [TableColumn] {
    [
      .name, TableColumn(name: "Schedule"), TableColumn(name: "Timezone"), TableColumn(name: "Suspend"),
      TableColumn(name: "Active", type: "integer"), TableColumn(name: "Last Schedule"), .age,
      TableColumn(name: "Containers", description: "Names of each container in the template.", priority: 1),
      TableColumn(name: "Images", description: "Images referenced by each container in the template.", priority: 1),
      TableColumn(name: "Selector", priority: 1),
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let spec = object["spec"]
    let containers = spec?["jobTemplate", "spec", "template", "spec", "containers"]?.arrayValue ?? []
    let last = object["status", "lastScheduleTime"]?.stringValue.flatMap { GoTime($0) }
    let selector = PodTemplates.selectorText(spec?["jobTemplate", "spec", "selector"])
    return [
      object["metadata", "name"] ?? "", spec?["schedule"] ?? "", spec?["timeZone"] ?? "<none>",
      spec?["suspend"]?.boolValue == true ? "True" : "False",
      JSONValue(object["status", "active"]?.arrayValue?.count ?? 0),
      .string(last.map { humanDuration(from: $0, to: now) } ?? "<none>"), age(of: object, at: now),
      .string(containers.compactMap { $0["name"]?.stringValue }.joined(separator: ",")),
      .string(containers.compactMap { $0["image"]?.stringValue }.joined(separator: ",")),
      .string(selector.isEmpty ? "<none>" : selector),
    ]
  }
}
