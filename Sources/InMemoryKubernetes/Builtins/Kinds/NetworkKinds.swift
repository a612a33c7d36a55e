import KubernetesAPI

struct ServiceStrategy: KindStrategy {
  private static let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
  var returnsDeletedObject: Bool { true }
  var isolatesStatus: Bool { true }

  func nameProblems(_ name: String) -> [String] { Names.labelProblems(name) }

  func applyDefaults(_ object: inout JSONValue) {
    var spec = object["spec"] ?? [:]
    func setDefault(_ key: String, _ value: JSONValue) {
      if spec[key] == nil || spec[key] == "" { spec[key] = value }
    }
    setDefault("type", "ClusterIP")
    setDefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP", spec["sessionAffinityConfig", "clientIP", "timeoutSeconds"] == nil {
      spec.set(10_800, at: ["sessionAffinityConfig", "clientIP", "timeoutSeconds"])
    }
    let type = spec["type"]?.stringValue ?? ""
    if type != "ExternalName" {
      setDefault("internalTrafficPolicy", "Cluster")
      setDefault("ipFamilyPolicy", "SingleStack")
      if spec["ipFamilies"]?.arrayValue?.isEmpty ?? true { spec["ipFamilies"] = ["IPv4"] }
      if let addresses = spec["clusterIPs"]?.arrayValue, let first = addresses.first, spec["clusterIP"] == nil {
        spec["clusterIP"] = first
      }
      if type == "NodePort" || type == "LoadBalancer" { setDefault("externalTrafficPolicy", "Cluster") }
      if type == "LoadBalancer" { setDefault("allocateLoadBalancerNodePorts", true) }
    }
    if let ports = spec["ports"]?.arrayValue {
      spec["ports"] = .array(
        ports.map { port in
          var port = port
          if (port["protocol"]?.stringValue ?? "").isEmpty { port["protocol"] = "TCP" }
          let target = port["targetPort"]
          if target == nil || target == 0 || target == "" { port["targetPort"] = port["port"] }
          return port
        })
    }
    object["spec"] = spec
  }

  func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, subresource: String?) {
    guard subresource == nil else { return }
    // An update that does not name the address keeps it.
    let isAddressed = object["spec", "type"] != "ExternalName" && old["spec", "type"] != "ExternalName"
    if isAddressed, (object["spec", "clusterIP"]?.stringValue ?? "").isEmpty {
      object.set(old["spec", "clusterIP"], at: ["spec", "clusterIP"])
      object.set(old["spec", "clusterIPs"], at: ["spec", "clusterIPs"])
    }
    let needsPorts = ["NodePort", "LoadBalancer"].contains(object["spec", "type"]?.stringValue ?? "")
    guard var ports = object["spec", "ports"]?.arrayValue else { return }
    let oldPorts = old["spec", "ports"]?.arrayValue ?? []
    for index in ports.indices {
      let same = oldPorts.first {
        $0["port"] == ports[index]["port"] && $0["protocol"] == ports[index]["protocol"]
      }
      if needsPorts {
        if ports[index]["nodePort"] == nil { ports[index]["nodePort"] = same?["nodePort"] }
      } else if old["spec", "type"] != object["spec", "type"] {
        ports[index]["nodePort"] = nil
      }
    }
    object.set(.array(ports), at: ["spec", "ports"])
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    let spec = object["spec"]
    let type = spec?["type"]?.stringValue ?? ""
    let ports = spec?["ports"]?.arrayValue ?? []
    let isHeadless = spec?["clusterIP"] == "None"
    if ports.isEmpty && !isHeadless && type != "ExternalName" { errors.append(.required("spec.ports")) }
    var names: Set<String> = []
    for (index, port) in ports.enumerated() {
      let path = "spec.ports[\(index)]"
      let name = port["name"]?.stringValue ?? ""
      if name.isEmpty {
        if ports.count > 1 { errors.append(.required("\(path).name")) }
      } else {
        for problem in Names.labelProblems(name) { errors.append(.invalid("\(path).name", .string(name), problem)) }
        if !names.insert(name).inserted { errors.append(.duplicate("\(path).name", .string(name))) }
      }
      errors += Self.portErrors(port["port"], "\(path).port")
      let transport = port["protocol"]?.stringValue ?? ""
      if !["SCTP", "TCP", "UDP"].contains(transport) {
        errors.append(.notSupported("\(path).protocol", .string(transport), ["SCTP", "TCP", "UDP"]))
      }
      if case .number = port["targetPort"] { errors += Self.portErrors(port["targetPort"], "\(path).targetPort") }
    }
    if !Self.types.contains(type) { errors.append(.notSupported("spec.type", .string(type), Self.types)) }
    if type == "ExternalName", (spec?["externalName"]?.stringValue ?? "").isEmpty {
      errors.append(.required("spec.externalName"))
    }
    let affinity = spec?["sessionAffinity"]?.stringValue ?? ""
    if affinity != "None" && affinity != "ClientIP" {
      errors.append(.notSupported("spec.sessionAffinity", .string(affinity), ["ClientIP", "None"]))
    }
    errors += MetadataRules.labels(spec?["selector"], field: "spec.selector")
    if let address = spec?["clusterIP"]?.stringValue, !address.isEmpty, address != "None",
      ServiceAddresses.number(address) == nil
    {
      errors.append(
        .invalid(
          "spec.clusterIPs[0]", .string(address),
          "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"))
    }
    return errors
  }

  private static func portErrors(_ port: JSONValue?, _ path: String) -> [FieldError] {
    let number = port?.intValue ?? 0
    return number < 1 || number > 65_535
      ? [.invalid(path, JSONValue(number), "must be between 1 and 65535, inclusive")] : []
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    let before = old["spec", "clusterIP"]?.stringValue ?? ""
    let after = object["spec", "clusterIP"]?.stringValue ?? ""
    if !before.isEmpty && before != after && object["spec", "type"] != "ExternalName" {
      errors.append(.invalid("spec.clusterIPs[0]", [.string(after)], "may not change once set"))
    }
    return errors + validate(object)
  }

  func selectableField(_ object: JSONValue, _ field: String) -> String? {
    field == "spec.clusterIP" || field == "spec.type"
      ? object["spec", String(field.dropFirst(5))]?.stringValue ?? "" : nil
  }

  var columns: [TableColumn] {
    [
      .name, TableColumn(name: "Type"), TableColumn(name: "Cluster-IP"), TableColumn(name: "External-IP"),
      TableColumn(name: "Port(s)"), .age, TableColumn(name: "Selector", priority: 1),
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let spec = object["spec"]
    let type = spec?["type"]?.stringValue ?? ""
    let address = spec?["clusterIP"]?.stringValue ?? ""
    let external =
      switch type {
      case "ExternalName": spec?["externalName"]?.stringValue ?? "<none>"
      case "LoadBalancer": "<pending>"
      default: "<none>"
      }
    let ports = (spec?["ports"]?.arrayValue ?? []).map { port in
      let number = port["port"]?.intValue ?? 0
      let transport = port["protocol"]?.stringValue ?? ""
      if let node = port["nodePort"]?.intValue, node > 0 { return "\(number):\(node)/\(transport)" }
      return "\(number)/\(transport)"
    }
    let selector = PodTemplates.selectorText(["matchLabels": spec?["selector"] ?? [:]])
    return [
      object["metadata", "name"] ?? "", .string(type), .string(address.isEmpty ? "<none>" : address),
      .string(external), .string(ports.isEmpty ? "<none>" : ports.joined(separator: ",")), age(of: object, at: now),
      .string(selector.isEmpty ? "<none>" : selector),
    ]
  }
}

struct EndpointsStrategy: KindStrategy {
  func warnings(_ object: JSONValue) -> [String] {
    ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"]
  }

  var columns: [TableColumn] { [.name, TableColumn(name: "Endpoints"), .age] }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    var endpoints: [String] = []
    for subset in object["subsets"]?.arrayValue ?? [] {
      for address in subset["addresses"]?.arrayValue ?? [] {
        let ip = address["ip"]?.stringValue ?? ""
        let ports = subset["ports"]?.arrayValue ?? []
        if ports.isEmpty { endpoints.append(ip) }
        for port in ports { endpoints.append("\(ip):\(port["port"]?.intValue ?? 0)") }
      }
    }
    let shown =
      endpoints.isEmpty
      ? "<none>"
      : endpoints.prefix(3).joined(separator: ",") + (endpoints.count > 3 ? " + \(endpoints.count - 3) more..." : "")
    return [object["metadata", "name"] ?? "", .string(shown), age(of: object, at: now)]
  }
}

struct EndpointSliceStrategy: KindStrategy {
  var hasGeneration: Bool { true }

  func applyDefaults(_ object: inout JSONValue) {
    guard let ports = object["ports"]?.arrayValue else { return }
    object["ports"] = .array(
      ports.map { port in
        var port = port
        if port["name"] == nil { port["name"] = "" }
        if port["protocol"] == nil { port["protocol"] = "TCP" }
        return port
      })
  }

  func validate(_ object: JSONValue) -> [FieldError] {
    let type = object["addressType"]?.stringValue ?? ""
    if type.isEmpty { return [.required("addressType")] }
    return ["FQDN", "IPv4", "IPv6"].contains(type)
      ? [] : [.notSupported("addressType", .string(type), ["FQDN", "IPv4", "IPv6"])]
  }

  func validateUpdate(_ object: JSONValue, old: JSONValue) -> [FieldError] {
    object["addressType"] != old["addressType"]
      ? [.invalid("addressType", object["addressType"], "field is immutable")] : validate(object)
  }

  var columns: [TableColumn] {
    [.name, TableColumn(name: "AddressType"), TableColumn(name: "Ports"), TableColumn(name: "Endpoints"), .age]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let ports = (object["ports"]?.arrayValue ?? []).map { $0["port"]?.intValue.map { String($0) } ?? "*" }
    let addresses = (object["endpoints"]?.arrayValue ?? []).flatMap { $0["addresses"]?.arrayValue ?? [] }
      .compactMap(\.stringValue)
    return [
      object["metadata", "name"] ?? "", object["addressType"] ?? "",
      .string(ports.isEmpty ? "<unset>" : ports.joined(separator: ",")),
      .string(addresses.isEmpty ? "<unset>" : addresses.joined(separator: ",")), age(of: object, at: now),
    ]
  }
}

struct IngressStrategy: KindStrategy {
  var hasGeneration: Bool { true }
  var isolatesStatus: Bool { true }

  func validate(_ object: JSONValue) -> [FieldError] {
    var errors: [FieldError] = []
    let rules = object["spec", "rules"]?.arrayValue ?? []
    if rules.isEmpty && object["spec", "defaultBackend"] == nil {
      errors.append(.invalid("spec", .null, "either `defaultBackend` or `rules` must be specified"))
    }
    if let backend = object["spec", "defaultBackend"] { errors += Self.backendErrors(backend, "spec.defaultBackend") }
    for (ruleIndex, rule) in rules.enumerated() {
      for (pathIndex, path) in (rule["http", "paths"]?.arrayValue ?? []).enumerated() {
        let field = "spec.rules[\(ruleIndex)].http.paths[\(pathIndex)]"
        let type = path["pathType"]?.stringValue ?? ""
        let text = path["path"]?.stringValue ?? ""
        if type.isEmpty {
          errors.append(.required("\(field).pathType", "pathType must be specified"))
        } else if !["Exact", "ImplementationSpecific", "Prefix"].contains(type) {
          errors.append(
            .notSupported("\(field).pathType", .string(type), ["Exact", "ImplementationSpecific", "Prefix"]))
        } else if type != "ImplementationSpecific" || !text.isEmpty, !text.hasPrefix("/") {
          errors.append(.invalid("\(field).path", .string(text), "must be an absolute path"))
        }
        errors += Self.backendErrors(path["backend"] ?? [:], "\(field).backend")
      }
    }
    return errors
  }

  private static func backendErrors(_ backend: JSONValue, _ field: String) -> [FieldError] {
    guard let service = backend["service"] else { return [] }
    if (service["name"]?.stringValue ?? "").isEmpty { return [.required("\(field).service.name")] }
    let hasName = !(service["port", "name"]?.stringValue ?? "").isEmpty
    let number = service["port", "number"]?.intValue ?? 0
    return hasName || number != 0 ? [] : [.required(field, "port name or number is required")]
  }

  var columns: [TableColumn] {
    [
      .name, TableColumn(name: "Class"), TableColumn(name: "Hosts"), TableColumn(name: "Address"),
      TableColumn(name: "Ports"), .age,
    ]
  }

  func cells(_ object: JSONValue, at now: GoTime) -> [JSONValue] {
    let hosts = (object["spec", "rules"]?.arrayValue ?? []).compactMap { $0["host"]?.stringValue }
    let addresses = (object["status", "loadBalancer", "ingress"]?.arrayValue ?? []).compactMap {
      $0["ip"]?.stringValue ?? $0["hostname"]?.stringValue
    }
    return [
      object["metadata", "name"] ?? "", object["spec", "ingressClassName"] ?? "<none>",
      .string(hosts.isEmpty ? "*" : hosts.joined(separator: ",")), .string(addresses.joined(separator: ",")),
      .string(object["spec", "tls"] == nil ? "80" : "80, 443"), age(of: object, at: now),
    ]
  }
}
