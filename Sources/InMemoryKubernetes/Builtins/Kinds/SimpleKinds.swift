import KubernetesAPI

/// Kinds that are stored as they come.
struct PlainStrategy: KindStrategy {
  var hasGeneration = false
  var isolatesStatus = false
  var returnsDeletedObject = false
  var createsOnUpdate = false
}

struct ConfigMapStrategy: KindStrategy {
  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    var size = 0
    for field in ["data", "binaryData"] {
      for (key, value) in object[field]?.objectValue?.members ?? [] {
        if let problem = Names.configKeyProblem(key) {
          errors.append(.invalid("\(field)[\(key)]", .string(key), problem))
        }
        if field == "binaryData" && object["data", key] != nil {
          errors.append(.invalid("binaryData[\(key)]", .string(key), "duplicate of key present in data"))
        }
        let length = value.stringValue?.utf8.count ?? 0
        size += field == "data" ? length : length / 4 * 3
      }
    }
    if size > 1024 * 1024 { errors.append(.tooLong("[]", 1024 * 1024)) }
    return errors
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    immutabilityErrors(object, old, fields: ["data", "binaryData"]) + validate(object)
  }

  var columns: [TableColumn] {
    [.name, TableColumn(name: "Data", description: "Data contains the configuration data."), .age]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let count = (object["data"]?.objectValue?.count ?? 0) + (object["binaryData"]?.objectValue?.count ?? 0)
    return [object["metadata", "name"] ?? "", JSONValue(count), age(of: object, at: now)]
  }
}

/// ConfigMaps and Secrets that were declared immutable.
private func immutabilityErrors(_ object: JSONValue, _ old: JSONValue, fields: [String]) -> [FieldError] {
  guard old["immutable"]?.boolValue == true else { return [] }
  let why = "field is immutable when `immutable` is set"
  var errors: [FieldError] = []
  if object["immutable"]?.boolValue != true { errors.append(.forbidden("immutable", why)) }
  for field in fields where object[field] != old[field] { errors.append(.forbidden(field, why)) }
  return errors
}

struct SecretStrategy: KindStrategy {
  func applyDefaults(_ object: inout JSONValue) {
    if (object["type"]?.stringValue ?? "").isEmpty { object["type"] = "Opaque" }
    guard let texts = object["stringData"]?.objectValue else { return }
    // What is written as text is kept as data only.
    for (key, value) in texts.members {
      object.set(.string(Base64.encode(Array((value.stringValue ?? "").utf8))), at: ["data", key])
    }
    object["stringData"] = nil
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    var size = 0
    for (key, value) in object["data"]?.objectValue?.members ?? [] {
      if let problem = Names.configKeyProblem(key) { errors.append(.invalid("data[\(key)]", .string(key), problem)) }
      size += (value.stringValue?.utf8.count ?? 0) / 4 * 3
    }
    if size > 1024 * 1024 { errors.append(.tooLong("data", 1024 * 1024)) }
    func require(_ keys: [String]) {
      for key in keys where object["data", key] == nil { errors.append(.required("data[\(key)]")) }
    }
    switch object["type"]?.stringValue {
    case "kubernetes.io/dockerconfigjson": requireJSON(object, ".dockerconfigjson", &errors)
    case "kubernetes.io/dockercfg": requireJSON(object, ".dockercfg", &errors)
    case "kubernetes.io/tls": require(["tls.crt", "tls.key"])
    case "kubernetes.io/ssh-auth": require(["ssh-privatekey"])
    case "kubernetes.io/basic-auth":
      if object["data", "username"] == nil && object["data", "password"] == nil { require(["username", "password"]) }
    case "kubernetes.io/service-account-token":
      if (object["metadata", "annotations", "kubernetes.io/service-account.name"]?.stringValue ?? "").isEmpty {
        errors.append(.required("metadata.annotations[kubernetes.io/service-account.name]"))
      }
    default: break
    }
    return errors
  }

  private func requireJSON(_ object: JSONValue, _ key: String, _ errors: inout [FieldError]) {
    guard let text = object["data", key]?.stringValue else {
      errors.append(.required("data[\(key)]"))
      return
    }
    if let bytes = Base64.decode(text), (try? JSONValue(parsing: bytes)) == nil {
      errors.append(.invalid("data[\(key)]", "<secret contents redacted>", "invalid character"))
    }
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    if object["type"] != old["type"] { errors.append(.invalid("type", object["type"], "field is immutable")) }
    return errors + immutabilityErrors(object, old, fields: ["data"]) + validate(object)
  }

  func selectableField(_ object: JSONValue, _ field: String) -> String? {
    field == "type" ? object["type"]?.stringValue ?? "" : nil
  }

  var columns: [TableColumn] {
    [
      .name, TableColumn(name: "Type", description: "Used to facilitate programmatic handling of secret data."),
      TableColumn(name: "Data", description: "Data contains the secret data."), .age,
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    [
      object["metadata", "name"] ?? "", object["type"] ?? "", JSONValue(object["data"]?.objectValue?.count ?? 0),
      age(of: object, at: now),
    ]
  }
}

struct ServiceAccountStrategy: KindStrategy {
  var returnsDeletedObject: Bool { true }
  var columns: [TableColumn] {
    [.name, TableColumn(name: "Secrets", description: "Secrets that pods may use."), .age]
  }
  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    [
      object["metadata", "name"] ?? "", JSONValue(object["secrets"]?.arrayValue?.count ?? 0), age(of: object, at: now),
    ]
  }
}

struct NamespaceStrategy: KindStrategy {
  var isolatesStatus: Bool { true }

  func prepareForCreate(_ object: inout JSONValue) {
    var finalizers = (object["spec", "finalizers"]?.arrayValue ?? []).compactMap(\.stringValue)
    if !finalizers.contains("kubernetes") { finalizers.append("kubernetes") }
    object.set(JSONValue(finalizers), at: ["spec", "finalizers"])
    object["status"] = ["phase": "Active"]
    object.set(object["metadata", "name"], at: ["metadata", "labels", "kubernetes.io/metadata.name"])
  }

  func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, subresource: String?) {
    if subresource == nil { object.set(old["spec", "finalizers"], at: ["spec", "finalizers"]) }
    object.set(object["metadata", "name"], at: ["metadata", "labels", "kubernetes.io/metadata.name"])
  }

  func nameProblems(_ name: String) -> [String] { Names.labelProblems(name) }

  func selectableField(_ object: JSONValue, _ field: String) -> String? {
    switch field {
    case "status.phase": object["status", "phase"]?.stringValue ?? ""
    case "name": object["metadata", "name"]?.stringValue ?? ""
    default: nil
    }
  }

  var columns: [TableColumn] {
    [.name, TableColumn(name: "Status", description: "The status of the namespace"), .age]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    [object["metadata", "name"] ?? "", object["status", "phase"] ?? "", age(of: object, at: now)]
  }
}

struct LeaseStrategy: KindStrategy {
  var allowsUnconditionalUpdate: Bool { false }
  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    if let seconds = object["spec", "leaseDurationSeconds"]?.intValue, seconds <= 0 {
      errors.append(.invalid("spec.leaseDurationSeconds", JSONValue(seconds), "must be greater than 0"))
    }
    if let count = object["spec", "leaseTransitions"]?.intValue, count < 0 {
      errors.append(.invalid("spec.leaseTransitions", JSONValue(count), "must be greater than or equal to 0"))
    }
    return errors
  }

  var columns: [TableColumn] {
    [.name, TableColumn(name: "Holder", description: "Holder of the lease."), .age]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    [object["metadata", "name"] ?? "", object["spec", "holderIdentity"] ?? "", age(of: object, at: now)]
  }
}

struct NodeStrategy: KindStrategy {
  var isolatesStatus: Bool { false }

  /// The status that a node is created with is kept; later it is written through its own subresource.
  func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, subresource: String?) {
    if subresource == nil { object["status"] = old["status"] }
  }

  func selectableField(_ object: JSONValue, _ field: String) -> String? {
    field == "spec.unschedulable" ? String(object["spec", "unschedulable"]?.boolValue ?? false) : nil
  }

  var columns: [TableColumn] {
    [
      .name, TableColumn(name: "Status"), TableColumn(name: "Roles"), .age, TableColumn(name: "Version"),
      TableColumn(name: "Internal-IP", priority: 1), TableColumn(name: "External-IP", priority: 1),
      TableColumn(name: "OS-Image", priority: 1), TableColumn(name: "Kernel-Version", priority: 1),
      TableColumn(name: "Container-Runtime", priority: 1),
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let ready = object["status", "conditions"]?.arrayValue?.first { $0["type"] == "Ready" }
    var status = ready == nil ? "Unknown" : ready?["status"] == "True" ? "Ready" : "NotReady"
    if object["spec", "unschedulable"]?.boolValue == true { status += ",SchedulingDisabled" }
    let prefix = "node-role.kubernetes.io/"
    let roles = (object["metadata", "labels"]?.objectValue?.keys ?? []).filter { $0.hasPrefix(prefix) }
      .map { String($0.dropFirst(prefix.count)) }.sorted()
    func address(_ type: String) -> JSONValue {
      object["status", "addresses"]?.arrayValue?.first { $0["type"] == .string(type) }?["address"] ?? "<none>"
    }
    func info(_ field: String) -> JSONValue {
      let text = object["status", "nodeInfo", field]?.stringValue ?? ""
      return .string(text.isEmpty ? "<unknown>" : text)
    }
    return [
      object["metadata", "name"] ?? "", .string(status),
      .string(roles.isEmpty ? "<none>" : roles.joined(separator: ",")), age(of: object, at: now),
      object["status", "nodeInfo", "kubeletVersion"] ?? "", address("InternalIP"), address("ExternalIP"),
      info("osImage"), info("kernelVersion"), info("containerRuntimeVersion"),
    ]
  }
}
