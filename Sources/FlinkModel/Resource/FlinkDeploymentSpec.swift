public import KubernetesAPI

/// `spec` of a FlinkDeployment.
///
/// Read as the Apache operator reads it: unknown fields are ignored, null is absent, documented defaults fill absent
/// fields. Equality is therefore equality of meaning, but for the spelling of `flinkConfiguration` (compare
/// `flattenedConfiguration`) and pod templates.
public struct FlinkDeploymentSpec: Sendable, Hashable {
  /// Absent for a session cluster.
  public var job: JobSpec?
  public var restartNonce: Int64?
  /// As written: flat, nested, or both.
  public var flinkConfiguration: JSONObject
  public var image: String?
  public var imagePullPolicy: String?
  public var serviceAccount: String?
  public var flinkVersion: FlinkVersion?
  public var ingress: IngressSpec?
  public var podTemplate: JSONValue?
  public var jobManager: JobManagerSpec?
  public var taskManager: TaskManagerSpec?
  public var logConfiguration: [String: String]?
  /// nil means native.
  public var mode: DeploymentMode?

  public init(
    job: JobSpec? = nil, restartNonce: Int64? = nil, flinkConfiguration: JSONObject = [:], image: String? = nil,
    imagePullPolicy: String? = nil, serviceAccount: String? = nil, flinkVersion: FlinkVersion? = nil,
    ingress: IngressSpec? = nil, podTemplate: JSONValue? = nil, jobManager: JobManagerSpec? = nil,
    taskManager: TaskManagerSpec? = nil, logConfiguration: [String: String]? = nil, mode: DeploymentMode? = nil
  ) {
    self.job = job
    self.restartNonce = restartNonce
    self.flinkConfiguration = flinkConfiguration
    self.image = image
    self.imagePullPolicy = imagePullPolicy
    self.serviceAccount = serviceAccount
    self.flinkVersion = flinkVersion
    self.ingress = ingress
    self.podTemplate = podTemplate
    self.jobManager = jobManager
    self.taskManager = taskManager
    self.logConfiguration = logConfiguration
    self.mode = mode
  }

  /// Reads an object's `spec` member.
  ///
  /// - Throws: `InvalidField` with the path of the first member of a wrong type or with an unknown word.
  public init(json: JSONValue?, path: String = "spec") throws(InvalidField) {
    let reader = try FieldReader(json, path: path)
    if let job = try reader.object("job") { self.job = try JobSpec(job) }
    restartNonce = try reader.integer("restartNonce")
    flinkConfiguration = try reader.object("flinkConfiguration")?.object ?? [:]
    image = try reader.string("image")
    imagePullPolicy = try reader.string("imagePullPolicy")
    serviceAccount = try reader.string("serviceAccount")
    if let text = try reader.string("flinkVersion") {
      guard let version = FlinkVersion(text) else {
        throw InvalidField(
          field: reader.path("flinkVersion"), value: text, fix: "must be a Flink version such as v1_20 or v2_2")
      }
      flinkVersion = version
    }
    if let ingress = try reader.object("ingress") { self.ingress = try IngressSpec(ingress) }
    podTemplate = try reader.podTemplate()
    if let jobManager = try reader.object("jobManager") { self.jobManager = try JobManagerSpec(jobManager) }
    if let taskManager = try reader.object("taskManager") { self.taskManager = try TaskManagerSpec(taskManager) }
    logConfiguration = try reader.stringMap("logConfiguration")
    mode = try reader.word("mode", as: DeploymentMode.self)
  }

  /// Every field in the Apache operator's order, absent ones as null: the `spec` of a stored record.
  public var json: JSONValue {
    [
      "job": job?.json ?? .null, "restartNonce": JSONValue(optional: restartNonce),
      "flinkConfiguration": .object(flinkConfiguration), "image": JSONValue(optional: image),
      "imagePullPolicy": JSONValue(optional: imagePullPolicy), "serviceAccount": JSONValue(optional: serviceAccount),
      "flinkVersion": JSONValue(optional: flinkVersion?.description), "ingress": ingress?.json ?? .null,
      "podTemplate": podTemplate ?? .null, "jobManager": jobManager?.json ?? .null,
      "taskManager": taskManager?.json ?? .null, "logConfiguration": JSONValue(optional: logConfiguration),
      "mode": JSONValue(optional: mode?.rawValue),
    ]
  }

  /// `mode`, native when absent.
  public var effectiveMode: DeploymentMode { mode ?? .native }
  /// A cluster of one job, started with it.
  public var isApplication: Bool { job != nil }

  /// `flinkConfiguration` as flat keys: names joined by `.`, scalars as text, a list of scalars joined by `;`.
  public var flattenedConfiguration: [String: String] { FlattenedConfiguration.flatten(flinkConfiguration) }
}

/// Nested configuration as flat keys.
public enum FlattenedConfiguration {
  public static func flatten(_ object: JSONObject) -> [String: String] {
    var result: [String: String] = [:]
    add(object, prefix: "", to: &result)
    return result
  }

  private static func add(_ object: JSONObject, prefix: String, to result: inout [String: String]) {
    for (key, value) in object {
      let name = prefix.isEmpty ? key : "\(prefix).\(key)"
      if let nested = value.objectValue {
        add(nested, prefix: name, to: &result)
      } else if let elements = value.arrayValue {
        result[name] = elements.map(text).joined(separator: ";")
      } else {
        result[name] = text(value)
      }
    }
  }

  /// Lists and objects inside a list have no text.
  private static func text(_ value: JSONValue) -> String {
    switch value {
    case .string(let string): string
    case .bool, .number, .null: value.text
    case .array, .object: ""
    }
  }
}
