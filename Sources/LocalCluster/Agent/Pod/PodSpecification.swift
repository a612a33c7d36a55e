import KubernetesAPI

/// What the agent needs to know of a pod to run it.
struct PodSpecification: Sendable, Hashable {
  enum RestartPolicy: String, Sendable {
    case always = "Always"
    case onFailure = "OnFailure"
    case never = "Never"
  }

  let namespace: String
  let name: String
  let uid: String
  let metadata: ObjectMetadata
  let hostname: String
  let serviceAccount: String
  let nodeName: String
  let restartPolicy: RestartPolicy
  let usesHostNetwork: Bool
  let terminationGracePeriod: Int64
  let initContainers: [ContainerSpecification]
  let containers: [ContainerSpecification]
  let volumes: [JSONValue]
  let mountsServiceAccountToken: Bool
  let hostAliases: [JSONValue]

  init(_ object: KubernetesObject) {
    let json = object.json
    let spec = json["spec"] ?? [:]
    metadata = object.metadata
    namespace = object.metadata.namespace
    name = object.metadata.name
    uid = object.metadata.uid
    hostname = spec["hostname"]?.stringValue.nonEmpty ?? String(object.metadata.name.prefix(63))
    serviceAccount = spec["serviceAccountName"]?.stringValue.nonEmpty ?? "default"
    nodeName = spec["nodeName"]?.stringValue ?? ""
    restartPolicy = RestartPolicy(rawValue: spec["restartPolicy"]?.stringValue ?? "Always") ?? .always
    usesHostNetwork = spec["hostNetwork"]?.boolValue ?? false
    terminationGracePeriod = spec["terminationGracePeriodSeconds"]?.intValue ?? 30
    initContainers = (spec["initContainers"]?.arrayValue ?? []).map(ContainerSpecification.init)
    containers = (spec["containers"]?.arrayValue ?? []).map(ContainerSpecification.init)
    volumes = spec["volumes"]?.arrayValue ?? []
    mountsServiceAccountToken = spec["automountServiceAccountToken"]?.boolValue ?? true
    hostAliases = spec["hostAliases"]?.arrayValue ?? []
  }

  var allContainers: [ContainerSpecification] { initContainers + containers }

  func container(_ name: String) -> ContainerSpecification? { allContainers.first { $0.name == name } }
}

struct VolumeMount: Sendable, Hashable {
  let volume: String
  let path: String
  let subPath: String
  let isReadOnly: Bool
}

struct ContainerSpecification: Sendable, Hashable {
  enum TerminationMessagePolicy: Sendable {
    case file
    case fallbackToLogsOnError
  }

  let name: String
  let image: String
  let command: [String]
  let arguments: [String]
  let workingDirectory: String?
  let environment: [JSONValue]
  let environmentSources: [JSONValue]
  let mounts: [VolumeMount]
  let ports: [String: Int64]
  let requests: [String: JSONValue]
  let limits: [String: JSONValue]
  let startupProbe: Probe?
  let readinessProbe: Probe?
  let livenessProbe: Probe?
  let terminationMessagePath: String
  let terminationMessagePolicy: TerminationMessagePolicy
  /// An init container that goes on beside the others.
  let isSidecar: Bool

  init(_ json: JSONValue) {
    name = json["name"]?.stringValue ?? ""
    image = json["image"]?.stringValue ?? ""
    command = json["command"]?.arrayValue?.compactMap(\.stringValue) ?? []
    arguments = json["args"]?.arrayValue?.compactMap(\.stringValue) ?? []
    workingDirectory = json["workingDir"]?.stringValue.nonEmpty
    environment = json["env"]?.arrayValue ?? []
    environmentSources = json["envFrom"]?.arrayValue ?? []
    mounts = (json["volumeMounts"]?.arrayValue ?? []).map { mount in
      VolumeMount(
        volume: mount["name"]?.stringValue ?? "", path: mount["mountPath"]?.stringValue ?? "",
        subPath: mount["subPath"]?.stringValue ?? "", isReadOnly: mount["readOnly"]?.boolValue ?? false)
    }
    var ports: [String: Int64] = [:]
    for port in json["ports"]?.arrayValue ?? [] {
      if let name = port["name"]?.stringValue, let number = port["containerPort"]?.intValue { ports[name] = number }
    }
    self.ports = ports
    requests = Self.quantities(json["resources", "requests"])
    limits = Self.quantities(json["resources", "limits"])
    startupProbe = json["startupProbe"].flatMap { Probe($0, ports: ports) }
    readinessProbe = json["readinessProbe"].flatMap { Probe($0, ports: ports) }
    livenessProbe = json["livenessProbe"].flatMap { Probe($0, ports: ports) }
    terminationMessagePath = json["terminationMessagePath"]?.stringValue.nonEmpty ?? "/dev/termination-log"
    terminationMessagePolicy =
      json["terminationMessagePolicy"]?.stringValue == "FallbackToLogsOnError" ? .fallbackToLogsOnError : .file
    isSidecar = json["restartPolicy"]?.stringValue == "Always"
  }

  private static func quantities(_ json: JSONValue?) -> [String: JSONValue] {
    var result: [String: JSONValue] = [:]
    for (key, value) in json?.objectValue ?? JSONObject() { result[key] = value }
    return result
  }
}

/// A check that the kubelet makes on a container.
struct Probe: Sendable, Hashable {
  enum Check: Sendable, Hashable {
    /// `host` is nil for the pod's own address.
    case http(host: String?, port: Int, path: String, headers: [String: String], isTLS: Bool)
    case tcp(host: String?, port: Int)
    case exec([String])
    /// Something this node cannot check; fails with this message.
    case unsupported(String)
  }

  let check: Check
  let initialDelay: Duration
  let period: Duration
  let timeout: Duration
  let successThreshold: Int
  let failureThreshold: Int

  init?(_ json: JSONValue, ports: [String: Int64]) {
    func port(_ value: JSONValue?) -> Int? {
      if let number = value?.intValue { return Int(number) }
      guard let name = value?.stringValue else { return nil }
      return (ports[name] ?? Int64(name)).map { Int($0) }
    }
    if let http = json["httpGet"] {
      guard let number = port(http["port"]) else {
        self.init(check: .unsupported("couldn't find port \(http["port"]?.text ?? "none") in the container"), json)
        return
      }
      var headers: [String: String] = [:]
      for header in http["httpHeaders"]?.arrayValue ?? [] {
        if let name = header["name"]?.stringValue { headers[name] = header["value"]?.stringValue ?? "" }
      }
      self.init(
        check: .http(
          host: http["host"]?.stringValue.nonEmpty, port: number, path: http["path"]?.stringValue.nonEmpty ?? "/",
          headers: headers, isTLS: http["scheme"]?.stringValue == "HTTPS"), json)
    } else if let tcp = json["tcpSocket"] {
      let host = tcp["host"]?.stringValue.nonEmpty
      self.init(check: port(tcp["port"]).map { .tcp(host: host, port: $0) } ?? .unsupported("no such port"), json)
    } else if let exec = json["exec"] {
      self.init(check: .exec(exec["command"]?.arrayValue?.compactMap(\.stringValue) ?? []), json)
    } else {
      self.init(check: .unsupported("this node has no gRPC probes"), json)
    }
  }

  private init(check: Check, _ json: JSONValue) {
    func number(_ key: String, _ otherwise: Int64) -> Int64 {
      let value = json[key]?.intValue ?? 0
      return value > 0 ? value : otherwise
    }
    self.check = check
    initialDelay = .seconds(number("initialDelaySeconds", 0))
    period = .seconds(number("periodSeconds", 10))
    timeout = .seconds(number("timeoutSeconds", 1))
    successThreshold = Int(number("successThreshold", 1))
    failureThreshold = Int(number("failureThreshold", 3))
  }
}

extension String? {
  /// Nil for an empty string too.
  var nonEmpty: String? { flatMap { $0.isEmpty ? nil : $0 } }
}

extension String {
  var nonEmpty: String? { isEmpty ? nil : self }
}
