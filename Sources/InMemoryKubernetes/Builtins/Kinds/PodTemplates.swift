import KubernetesAPI

/// Defaults and checks of a PodSpec, in pods and in templates.
enum PodTemplates {
  static func applyDefaults(_ spec: inout JSONValue) {
    setDefault(&spec, "restartPolicy", "Always")
    setDefault(&spec, "terminationGracePeriodSeconds", 30)
    setDefault(&spec, "dnsPolicy", "ClusterFirst")
    setDefault(&spec, "schedulerName", "default-scheduler")
    if spec["securityContext"] == nil { spec["securityContext"] = [:] }
    if let name = spec["serviceAccountName"]?.stringValue, !name.isEmpty { spec["serviceAccount"] = .string(name) }
    if let name = spec["serviceAccount"]?.stringValue, !name.isEmpty { spec["serviceAccountName"] = .string(name) }
    let usesHostNetwork = spec["hostNetwork"]?.boolValue == true
    for list in ["initContainers", "containers", "ephemeralContainers"] {
      guard let containers = spec[list]?.arrayValue else { continue }
      spec[list] = .array(containers.map { container($0, usesHostNetwork: usesHostNetwork) })
    }
    if let volumes = spec["volumes"]?.arrayValue { spec["volumes"] = .array(volumes.map(volume)) }
  }

  private static func setDefault(_ object: inout JSONValue, _ key: String, _ value: JSONValue) {
    if object[key] == nil || object[key] == "" { object[key] = value }
  }

  private static func container(_ container: JSONValue, usesHostNetwork: Bool) -> JSONValue {
    var container = container
    setDefault(&container, "terminationMessagePath", "/dev/termination-log")
    setDefault(&container, "terminationMessagePolicy", "File")
    if (container["imagePullPolicy"]?.stringValue ?? "").isEmpty {
      let image = container["image"]?.stringValue ?? ""
      let name = image.split(separator: "/").last ?? ""
      let isPinned = image.contains("@")
      let tag = isPinned ? nil : name.split(separator: ":", maxSplits: 1).dropFirst().first
      container["imagePullPolicy"] =
        !isPinned && (tag == nil || tag == "latest") ? "Always" : "IfNotPresent"
    }
    if let ports = container["ports"]?.arrayValue {
      container["ports"] = .array(
        ports.map { port in
          var port = port
          setDefault(&port, "protocol", "TCP")
          if usesHostNetwork && port["hostPort"] == nil { port["hostPort"] = port["containerPort"] }
          return port
        })
    }
    if let variables = container["env"]?.arrayValue {
      container["env"] = .array(
        variables.map { variable in
          var variable = variable
          if variable["valueFrom", "fieldRef"] != nil, variable["valueFrom", "fieldRef", "apiVersion"] == nil {
            variable.set("v1", at: ["valueFrom", "fieldRef", "apiVersion"])
          }
          return variable
        })
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
      guard var value = container[probe] else { continue }
      setDefault(&value, "timeoutSeconds", 1)
      setDefault(&value, "periodSeconds", 10)
      setDefault(&value, "successThreshold", 1)
      setDefault(&value, "failureThreshold", 3)
      if var action = value["httpGet"] {
        setDefault(&action, "path", "/")
        setDefault(&action, "scheme", "HTTP")
        value["httpGet"] = action
      }
      container[probe] = value
    }
    for handler in ["postStart", "preStop"] {
      guard var action = container["lifecycle", handler, "httpGet"] else { continue }
      setDefault(&action, "path", "/")
      setDefault(&action, "scheme", "HTTP")
      container.set(action, at: ["lifecycle", handler, "httpGet"])
    }
    // A limit without a request asks for as much.
    if let limits = container["resources", "limits"]?.objectValue {
      for (name, amount) in limits.members where container["resources", "requests", name] == nil {
        container.set(amount, at: ["resources", "requests", name])
      }
    }
    return container
  }

  private static func volume(_ volume: JSONValue) -> JSONValue {
    var volume = volume
    let sources = volume.objectValue?.keys.filter { $0 != "name" } ?? []
    if sources.isEmpty { volume["emptyDir"] = [:] }
    for source in ["secret", "configMap", "downwardAPI", "projected"] where volume[source] != nil {
      if volume[source, "defaultMode"] == nil { volume.set(420, at: [source, "defaultMode"]) }
    }
    if volume["hostPath"] != nil, volume["hostPath", "type"] == nil { volume.set("", at: ["hostPath", "type"]) }
    if let items = volume["downwardAPI", "items"]?.arrayValue {
      volume.set(.array(items.map(fieldReference)), at: ["downwardAPI", "items"])
    }
    if let projections = volume["projected", "sources"]?.arrayValue {
      volume.set(
        .array(
          projections.map { projection in
            var projection = projection
            if let items = projection["downwardAPI", "items"]?.arrayValue {
              projection.set(.array(items.map(fieldReference)), at: ["downwardAPI", "items"])
            }
            if projection["serviceAccountToken"] != nil,
              projection["serviceAccountToken", "expirationSeconds"] == nil
            {
              projection.set(3600, at: ["serviceAccountToken", "expirationSeconds"])
            }
            return projection
          }), at: ["projected", "sources"])
    }
    return volume
  }

  private static func fieldReference(_ item: JSONValue) -> JSONValue {
    var item = item
    if item["fieldRef"] != nil, item["fieldRef", "apiVersion"] == nil {
      item.set("v1", at: ["fieldRef", "apiVersion"])
    }
    return item
  }

  static func validate(_ spec: JSONValue?, path: String, isTemplate: Bool) -> [FieldError] {
    var errors: [FieldError] = []
    let volumes = spec?["volumes"]?.arrayValue ?? []
    var volumeNames: Set<String> = []
    for (index, volume) in volumes.enumerated() {
      let name = volume["name"]?.stringValue ?? ""
      let field = "\(path).volumes[\(index)].name"
      if name.isEmpty {
        errors.append(.required(field))
      } else {
        for problem in Names.labelProblems(name) { errors.append(.invalid(field, .string(name), problem)) }
        if !volumeNames.insert(name).inserted { errors.append(.duplicate(field, .string(name))) }
      }
    }
    let containers = spec?["containers"]?.arrayValue ?? []
    if containers.isEmpty { errors.append(.required("\(path).containers")) }
    var names: Set<String> = []
    for list in ["containers", "initContainers"] {
      for (index, container) in (spec?[list]?.arrayValue ?? []).enumerated() {
        let field = "\(path).\(list)[\(index)]"
        let name = container["name"]?.stringValue ?? ""
        if name.isEmpty {
          errors.append(.required("\(field).name"))
        } else {
          for problem in Names.labelProblems(name) {
            errors.append(.invalid("\(field).name", .string(name), problem))
          }
          if !names.insert(name).inserted { errors.append(.duplicate("\(field).name", .string(name))) }
        }
        let image = container["image"]?.stringValue ?? ""
        if image.isEmpty {
          // Templates may be completed by admission; pods not.
          errors.append(.required("\(field).image"))
        } else if OutputFormat.trimmed(image[...]) != image {
          errors.append(.invalid("\(field).image", .string(image), "must not have leading or trailing whitespace"))
        }
        errors += validatePorts(container, field)
        errors += validateMounts(container, field, volumeNames)
        errors += validateResources(container, field)
        if let policy = container["imagePullPolicy"]?.stringValue,
          !["Always", "IfNotPresent", "Never"].contains(policy)
        {
          errors.append(
            .notSupported("\(field).imagePullPolicy", .string(policy), ["Always", "IfNotPresent", "Never"]))
        }
      }
    }
    let policy = spec?["restartPolicy"]?.stringValue ?? "Always"
    if isTemplate {
      if policy != "Always" {
        errors.append(.notSupported("\(path).restartPolicy", .string(policy), ["Always"]))
      }
    } else if !["Always", "OnFailure", "Never"].contains(policy) {
      errors.append(.notSupported("\(path).restartPolicy", .string(policy), ["Always", "OnFailure", "Never"]))
    }
    if let grace = spec?["terminationGracePeriodSeconds"]?.intValue, grace < 0 {
      errors.append(
        .invalid("\(path).terminationGracePeriodSeconds", JSONValue(grace), "must be greater than or equal to 0"))
    }
    return errors
  }

  private static func validatePorts(_ container: JSONValue, _ field: String) -> [FieldError] {
    var errors: [FieldError] = []
    var names: Set<String> = []
    for (index, port) in (container["ports"]?.arrayValue ?? []).enumerated() {
      let path = "\(field).ports[\(index)]"
      let number = port["containerPort"]?.intValue ?? 0
      if number == 0 {
        errors.append(.required("\(path).containerPort"))
      } else if number < 1 || number > 65_535 {
        errors.append(
          .invalid("\(path).containerPort", JSONValue(number), "must be between 1 and 65535, inclusive"))
      }
      if let name = port["name"]?.stringValue, !name.isEmpty, !names.insert(name).inserted {
        errors.append(.duplicate("\(path).name", .string(name)))
      }
    }
    return errors
  }

  private static func validateMounts(
    _ container: JSONValue, _ field: String, _ volumes: Set<String>
  ) -> [FieldError] {
    var errors: [FieldError] = []
    var paths: Set<String> = []
    for (index, mount) in (container["volumeMounts"]?.arrayValue ?? []).enumerated() {
      let path = "\(field).volumeMounts[\(index)]"
      let name = mount["name"]?.stringValue ?? ""
      if name.isEmpty {
        errors.append(.required("\(path).name"))
      } else if !volumes.contains(name) {
        errors.append(.notFound("\(path).name", .string(name)))
      }
      let target = mount["mountPath"]?.stringValue ?? ""
      if target.isEmpty {
        errors.append(.required("\(path).mountPath"))
      } else if !paths.insert(target).inserted {
        errors.append(.invalid("\(path).mountPath", .string(target), "must be unique"))
      }
    }
    return errors
  }

  private static func validateResources(_ container: JSONValue, _ field: String) -> [FieldError] {
    var errors: [FieldError] = []
    for (name, request) in container["resources", "requests"]?.objectValue?.members ?? [] {
      guard let limit = container["resources", "limits", name]?.stringValue.flatMap({ quantity($0) }),
        let amount = request.stringValue.flatMap({ quantity($0) }), amount > limit
      else { continue }
      errors.append(
        .invalid(
          "\(field).resources.requests", request,
          "must be less than or equal to \(name) limit of "
            + (container["resources", "limits", name]?.stringValue ?? "")))
    }
    return errors
  }

  /// `labelSelector` as text, for tables and scales: `app=d,tier in (a,b)`.
  static func selectorText(_ selector: JSONValue?) -> String {
    var parts: [String] = []
    for (key, value) in selector?["matchLabels"]?.objectValue?.members.sorted(by: { $0.key < $1.key }) ?? [] {
      parts.append("\(key)=\(value.stringValue ?? "")")
    }
    for requirement in selector?["matchExpressions"]?.arrayValue ?? [] {
      let key = requirement["key"]?.stringValue ?? ""
      let values = (requirement["values"]?.arrayValue ?? []).compactMap(\.stringValue).sorted().joined(separator: ",")
      switch requirement["operator"]?.stringValue {
      case "In": parts.append("\(key) in (\(values))")
      case "NotIn": parts.append("\(key) notin (\(values))")
      case "Exists": parts.append(key)
      case "DoesNotExist": parts.append("!\(key)")
      default: break
      }
    }
    return parts.joined(separator: ",")
  }

  static func matches(_ selector: JSONValue?, _ labels: JSONValue?) -> Bool {
    let values = labels?.objectValue?.strings ?? [:]
    for (key, value) in selector?["matchLabels"]?.objectValue?.members ?? []
    where values[key] != value.stringValue { return false }
    return (selector?["matchExpressions"]?.arrayValue ?? []).allSatisfy { requirement in
      let value = requirement["key"]?.stringValue.flatMap { values[$0] }
      let wanted = (requirement["values"]?.arrayValue ?? []).compactMap(\.stringValue)
      return switch requirement["operator"]?.stringValue {
      case "In": value.map(wanted.contains) ?? false
      case "NotIn": value.map { !wanted.contains($0) } ?? true
      case "Exists": value != nil
      case "DoesNotExist": value == nil
      default: false
      }
    }
  }
}
