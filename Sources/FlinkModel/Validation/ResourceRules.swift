import KubernetesAPI

extension Validator {
  func checkJobManager(
    _ spec: FlinkDeploymentSpec, _ configuration: FlinkConfiguration
  ) throws(InvalidField) {
    let field = "spec.jobManager"
    try Self.checkSize(spec.jobManager?.resource, spec.jobManager?.resources, field)
    var configuration = configuration
    let size = try PodSize(spec.jobManager?.resource, spec.jobManager?.resources, field: field)
    if let memory = size.memoryBytes { configuration["jobmanager.memory.process.size"] = "\(memory)" }
    if try ProcessMemory.jobManager(configuration) == nil { throw Self.missingMemory(field, "jobmanager") }
    guard let jobManager = spec.jobManager else { return }
    if jobManager.replicas < 1 {
      throw InvalidField(field: "\(field).replicas", value: "\(jobManager.replicas)", fix: "must be at least 1")
    }
    if jobManager.replicas > 1, !configuration.isHighAvailabilityEnabled {
      throw InvalidField(
        field: "\(field).replicas", value: "\(jobManager.replicas)",
        fix: "more than one needs high availability: set high-availability.type to kubernetes, or replicas to 1")
    }
  }

  func checkTaskManager(
    _ spec: FlinkDeploymentSpec, _ configuration: FlinkConfiguration
  ) throws(InvalidField) {
    let field = "spec.taskManager"
    try Self.checkSize(spec.taskManager?.resource, spec.taskManager?.resources, field)
    var configuration = configuration
    let size = try PodSize(spec.taskManager?.resource, spec.taskManager?.resources, field: field)
    if let memory = size.memoryBytes { configuration["taskmanager.memory.process.size"] = "\(memory)" }
    if try ProcessMemory.taskManager(configuration, flinkVersion: spec.flinkVersion) == nil {
      throw Self.missingMemory(field, "taskmanager")
    }
    if let replicas = spec.taskManager?.replicas, replicas < 1 {
      throw InvalidField(field: "\(field).replicas", value: "\(replicas)", fix: "must be at least 1")
    }
  }

  private static func missingMemory(_ field: String, _ component: String) -> InvalidField {
    InvalidField(
      field: "\(field).resource.memory", value: nil,
      fix: "name the pod's memory, for instance 2048m, or set \(component).memory.process.size in flinkConfiguration")
  }

  /// Texts that must be quantities, and the relations between them; all problems of one `resources` in one message.
  private static func checkSize(
    _ resource: Resource?, _ resources: ResourceRequirements?, _ field: String
  ) throws(InvalidField) {
    if let resources, !resources.isEmpty {
      let problems = problems(of: resources)
      if let first = problems.first {
        throw InvalidField(
          field: "\(field).resources.\(first.path)", value: first.value,
          fix: problems.map(\.fix).joined(separator: "; "))
      }
      return
    }
    guard let resource else { return }
    if let memory = resource.memory, MemoryText.bytes(memory).map({ $0 <= 0 || $0 > MemoryText.most }) ?? true {
      throw InvalidField(
        field: "\(field).resource.memory", value: memory, fix: "must be a size such as 2048m, 2g or 2Gi")
    }
    if let storage = resource.ephemeralStorage, MemoryText.bytes(storage).map({ $0 < 0 }) ?? true {
      throw InvalidField(
        field: "\(field).resource.ephemeralStorage", value: storage, fix: "must be a quantity such as 2Gi")
    }
    if let cpu = resource.cpu, !(cpu > 0 && cpu <= 1_000_000) {
      throw InvalidField(
        field: "\(field).resource.cpu", value: "\(cpu)", fix: "must be more than 0 and at most 1000000 cores")
    }
  }

  private static func problems(
    of resources: ResourceRequirements
  ) -> [(path: String, value: String, fix: String)] {
    var problems: [(path: String, value: String, fix: String)] = []
    for (section, map) in [("requests", resources.requests), ("limits", resources.limits)] {
      for (name, text) in map.sorted(by: { $0.key < $1.key }) {
        let path = "\(section).\(name)"
        guard let value = amount(name, text) else {
          problems.append((path, text, "\(path) must be a quantity such as \(name == "cpu" ? "500m or 2" : "2Gi")"))
          continue
        }
        let mustBePositive = name == "cpu" || name == "memory"
        if mustBePositive ? value <= 0 : value < 0 {
          problems.append((path, text, "\(path) must be \(mustBePositive ? "more than" : "at least") 0"))
        }
      }
    }
    for name in ["cpu", "memory"] {
      guard let request = resources.requests[name], let limit = resources.limits[name],
        let low = amount(name, request), let high = amount(name, limit), low > high
      else { continue }
      problems.append(("requests.\(name)", request, "requests.\(name) must not be more than limits.\(name) (\(limit))"))
    }
    return problems
  }

  private static func amount(_ name: String, _ text: String) -> Double? {
    name == "memory" ? MemoryText.bytes(text).map { Double($0) } : (try? Quantity(parsing: text))?.double
  }
}
