import KubernetesAPI

/// CPU and memory of a JobManager or TaskManager as its spec names them.
struct PodSize: Sendable, Hashable {
  /// Cores.
  var cpu: Double?
  var memoryBytes: Int64?
  /// Limit divided by request, where both are given.
  var cpuLimitFactor: Double?
  var memoryLimitFactor: Double?

  /// `resources` wins over `resource` where it names anything.
  init(_ resource: Resource?, _ resources: ResourceRequirements?, field: String) throws(InvalidField) {
    if let resources, !resources.isEmpty {
      let requests = (
        try Self.cores(resources.requests, "\(field).resources.requests"),
        try Self.bytes(resources.requests, "\(field).resources.requests")
      )
      let limits = (
        try Self.cores(resources.limits, "\(field).resources.limits"),
        try Self.bytes(resources.limits, "\(field).resources.limits")
      )
      cpu = requests.0 ?? limits.0
      memoryBytes = requests.1 ?? limits.1
      if let request = requests.0, let limit = limits.0, request > 0 { cpuLimitFactor = limit / request }
      if let request = requests.1, let limit = limits.1, request > 0 {
        memoryLimitFactor = Double(limit) / Double(request)
      }
    } else if let resource {
      cpu = resource.cpu
      if let text = resource.memory { memoryBytes = try Self.bytes(text, "\(field).resource.memory") }
    }
  }

  static func bytes(_ text: String, _ field: String) throws(InvalidField) -> Int64 {
    guard let bytes = MemoryText.bytes(text), bytes <= MemoryText.most else {
      throw InvalidField(field: field, value: text, fix: "must be a size such as 2048m, 2g or 2Gi")
    }
    return bytes
  }

  private static func bytes(_ map: [String: String], _ field: String) throws(InvalidField) -> Int64? {
    guard let text = map["memory"] else { return nil }
    return try bytes(text, "\(field).memory")
  }

  private static func cores(_ map: [String: String], _ field: String) throws(InvalidField) -> Double? {
    guard let text = map["cpu"] else { return nil }
    guard let quantity = try? Quantity(parsing: text) else {
      throw InvalidField(field: "\(field).cpu", value: text, fix: "must be a quantity such as 500m or 2")
    }
    return quantity.double
  }
}
