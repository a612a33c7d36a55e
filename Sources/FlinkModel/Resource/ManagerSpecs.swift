public import KubernetesAPI

/// `resource`: the short form of a pod's size.
public struct Resource: Sendable, Hashable {
  /// Cores.
  public var cpu: Double?
  /// In Flink's or Kubernetes' notation.
  public var memory: String?
  /// A Kubernetes quantity.
  public var ephemeralStorage: String?

  public init(cpu: Double? = nil, memory: String? = nil, ephemeralStorage: String? = nil) {
    self.cpu = cpu
    self.memory = memory
    self.ephemeralStorage = ephemeralStorage
  }

  init(_ reader: FieldReader) throws(InvalidField) {
    self.init(
      cpu: try reader.number("cpu"), memory: try reader.string("memory"),
      ephemeralStorage: try reader.string("ephemeralStorage"))
  }

  var json: JSONValue {
    [
      "cpu": cpu.map { JSONValue($0) } ?? .null, "memory": JSONValue(optional: memory),
      "ephemeralStorage": JSONValue(optional: ephemeralStorage),
    ]
  }
}

/// `resources`: Kubernetes' form of a pod's size. Where it names any request or limit it wins over `resource`.
public struct ResourceRequirements: Sendable, Hashable {
  /// Quantities by resource name, as written.
  public var limits: [String: String]
  public var requests: [String: String]
  /// Kept as written.
  public var claims: [JSONValue]

  public init(limits: [String: String] = [:], requests: [String: String] = [:], claims: [JSONValue] = []) {
    self.limits = limits
    self.requests = requests
    self.claims = claims
  }

  init(_ reader: FieldReader) throws(InvalidField) {
    self.init(
      limits: try Self.quantities("limits", reader), requests: try Self.quantities("requests", reader),
      claims: try reader.array("claims") ?? [])
  }

  private static func quantities(_ key: String, _ reader: FieldReader) throws(InvalidField) -> [String: String] {
    guard let map = try reader.object(key) else { return [:] }
    var result: [String: String] = [:]
    for (name, value) in map.object {
      switch value {
      case .null: continue
      case .string(let text): result[name] = text
      case .number: result[name] = value.text
      default:
        throw InvalidField(
          field: map.path(name), value: FieldReader.shown(value), fix: "must be a quantity such as 500m or 2Gi")
      }
    }
    return result
  }

  public var isEmpty: Bool { limits.isEmpty && requests.isEmpty }

  var json: JSONValue { ["claims": .array(claims), "limits": JSONValue(limits), "requests": JSONValue(requests)] }
}

/// `spec.jobManager`.
public struct JobManagerSpec: Sendable, Hashable {
  public var resource: Resource?
  public var resources: ResourceRequirements?
  /// 1 when absent.
  public var replicas: Int
  public var podTemplate: JSONValue?

  public init(
    resource: Resource? = nil, resources: ResourceRequirements? = nil, replicas: Int = 1, podTemplate: JSONValue? = nil
  ) {
    self.resource = resource
    self.resources = resources
    self.replicas = replicas
    self.podTemplate = podTemplate
  }

  init(_ reader: FieldReader) throws(InvalidField) {
    self.init(
      resource: try reader.resource(), resources: try reader.resources(), replicas: try reader.int("replicas") ?? 1,
      podTemplate: try reader.podTemplate())
  }

  var json: JSONValue {
    [
      "resource": resource?.json ?? .null, "resources": resources?.json ?? .null, "replicas": JSONValue(replicas),
      "podTemplate": podTemplate ?? .null,
    ]
  }
}

/// `spec.taskManager`.
public struct TaskManagerSpec: Sendable, Hashable {
  public var resource: Resource?
  public var resources: ResourceRequirements?
  public var replicas: Int?
  public var podTemplate: JSONValue?

  public init(
    resource: Resource? = nil, resources: ResourceRequirements? = nil, replicas: Int? = nil,
    podTemplate: JSONValue? = nil
  ) {
    self.resource = resource
    self.resources = resources
    self.replicas = replicas
    self.podTemplate = podTemplate
  }

  init(_ reader: FieldReader) throws(InvalidField) {
    self.init(
      resource: try reader.resource(), resources: try reader.resources(), replicas: try reader.int("replicas"),
      podTemplate: try reader.podTemplate())
  }

  var json: JSONValue {
    [
      "resource": resource?.json ?? .null, "resources": resources?.json ?? .null,
      "replicas": JSONValue(optional: replicas), "podTemplate": podTemplate ?? .null,
    ]
  }
}

extension FieldReader {
  func resource() throws(InvalidField) -> Resource? {
    guard let reader = try object("resource") else { return nil }
    return try Resource(reader)
  }

  func resources() throws(InvalidField) -> ResourceRequirements? {
    guard let reader = try object("resources") else { return nil }
    return try ResourceRequirements(reader)
  }

  /// A pod template as a tree; only its being an object is checked.
  func podTemplate() throws(InvalidField) -> JSONValue? {
    guard let reader = try object("podTemplate") else { return nil }
    return .object(reader.object)
  }
}
