public import KubernetesAPI

/// `spec` of a FlinkSessionJob: a job for the session cluster of a FlinkDeployment in its namespace.
public struct FlinkSessionJobSpec: Sendable, Hashable {
  public var deploymentName: String?
  public var job: JobSpec?
  public var restartNonce: Int64?
  /// As written: flat, nested, or both.
  public var flinkConfiguration: JSONObject

  public init(
    deploymentName: String? = nil, job: JobSpec? = nil, restartNonce: Int64? = nil, flinkConfiguration: JSONObject = [:]
  ) {
    self.deploymentName = deploymentName
    self.job = job
    self.restartNonce = restartNonce
    self.flinkConfiguration = flinkConfiguration
  }

  /// - Throws: `InvalidField` when a field has a type that cannot be read.
  public init(json: JSONValue?) throws(InvalidField) {
    let reader = try FieldReader(json, path: "spec")
    self.init(
      deploymentName: try reader.string("deploymentName"), job: try reader.object("job").map(JobSpec.init),
      restartNonce: try reader.integer("restartNonce"),
      flinkConfiguration: try reader.object("flinkConfiguration")?.object ?? [:])
  }

  public var json: JSONValue {
    [
      "deploymentName": JSONValue(optional: deploymentName), "job": job?.json ?? .null,
      "restartNonce": JSONValue(optional: restartNonce), "flinkConfiguration": .object(flinkConfiguration),
    ]
  }
}
