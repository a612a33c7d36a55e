import FlinkModel
import KubernetesAPI

/// Requests and limits of Flink's container.
struct ContainerSize {
  private let requests: [String: String]
  private let limits: [String: String]

  /// CPU and memory of a component by the effective configuration; limits are the requests times their factors.
  init(
    _ component: Blueprint.Component, _ configuration: FlinkConfiguration, version: FlinkVersion?
  ) throws(InvalidField) {
    let prefix = "kubernetes.\(component.rawValue)"
    let memory: Int64?
    var cores = try configuration.double("\(prefix).cpu.amount", "\(prefix).cpu")
    switch component {
    case .jobManager:
      memory = try ProcessMemory.jobManager(configuration)
      cores = cores ?? 1
    case .taskManager:
      memory = try ProcessMemory.taskManager(configuration, flinkVersion: version)
      if let own = try configuration.double("taskmanager.cpu.cores") { cores = own }
      if (cores ?? -1) <= 0 { cores = Double(try configuration.numberOfTaskSlots) }
    }
    let cpuFactor = try configuration.double("\(prefix).cpu.limit-factor") ?? 1
    let memoryFactor = try configuration.double("\(prefix).memory.limit-factor") ?? 1
    var requests: [String: String] = [:]
    var limits: [String: String] = [:]
    if let cores {
      requests["cpu"] = Self.cpu(cores)
      limits["cpu"] = Self.cpu(cores * cpuFactor)
    }
    if let memory {
      let mebibytes = memory >> 20
      requests["memory"] = "\(mebibytes)Mi"
      limits["memory"] = "\(Self.bounded(Double(mebibytes) * memoryFactor))Mi"
    }
    self.requests = requests
    self.limits = limits
  }

  private static func cpu(_ cores: Double) -> String {
    Quantity(milli: bounded((cores * 1000).rounded(.up))).text
  }

  /// Factors are the user's, so a product may be anything.
  private static func bounded(_ number: Double) -> Int64 { Int64(max(0, min(number, 1e15))) }

  func apply(to pod: inout FlinkPod) {
    for (name, quantity) in requests.sorted(by: { $0.key < $1.key }) { pod.setResource("requests", name, quantity) }
    for (name, quantity) in limits.sorted(by: { $0.key < $1.key }) { pod.setResource("limits", name, quantity) }
  }

  /// Devices that Flink hands out to its tasks: `external-resources` names them, `external-resource.NAME.amount` says how
  /// many, and `external-resource.NAME.kubernetes.config-key` what they are to Kubernetes. In native mode Flink asks for
  /// them itself.
  static func addExternal(_ configuration: FlinkConfiguration, to pod: inout FlinkPod) throws(InvalidField) {
    for name in configuration.list("external-resources") where name != "none" {
      guard let key = configuration.string("external-resource.\(name).kubernetes.config-key"),
        let amount = try configuration.int("external-resource.\(name).amount"), amount > 0
      else { continue }
      pod.setResource("requests", key, "\(amount)")
      pod.setResource("limits", key, "\(amount)")
    }
  }

  /// What is neither CPU nor memory, such as ephemeral storage and devices.
  static func addOthers(_ resource: Resource?, _ resources: ResourceRequirements?, to pod: inout FlinkPod) {
    if let claims = resources?.claims, !claims.isEmpty { pod.setResourceClaims(claims) }
    if let resources, !resources.isEmpty {
      for (section, map) in [("requests", resources.requests), ("limits", resources.limits)] {
        for (name, quantity) in map.sorted(by: { $0.key < $1.key }) where name != "cpu" && name != "memory" {
          pod.setResource(section, name, quantity)
        }
      }
    } else if let storage = resource?.ephemeralStorage {
      pod.setResource("requests", "ephemeral-storage", storage)
      pod.setResource("limits", "ephemeral-storage", storage)
    }
  }
}
