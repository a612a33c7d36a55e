public import KubernetesAPI

/// `spec` of a FlinkBlueGreenDeployment: a FlinkDeployment that exists twice while it changes.
public struct FlinkBlueGreenDeploymentSpec: Sendable, Hashable {
  /// Options `kubernetes.operator.bluegreen.*`.
  public var configuration: [String: String]
  public var ingress: IngressSpec?
  public var template: FlinkDeploymentSpec?

  public init(
    configuration: [String: String] = [:], ingress: IngressSpec? = nil, template: FlinkDeploymentSpec? = nil
  ) {
    self.configuration = configuration
    self.ingress = ingress
    self.template = template
  }

  /// - Throws: `InvalidField` when a field has a type that cannot be read.
  public init(json: JSONValue?) throws(InvalidField) {
    let reader = try FieldReader(json, path: "spec")
    self.init(
      configuration: try reader.stringMap("configuration") ?? [:],
      ingress: try reader.object("ingress").map(IngressSpec.init))
    if let spec = try reader.object("template")?.value("spec") {
      template = try FlinkDeploymentSpec(json: spec, path: "spec.template.spec")
    }
  }

  public var json: JSONValue {
    [
      "configuration": JSONValue(configuration), "ingress": ingress?.json ?? .null,
      "template": template.map { ["spec": $0.json] } ?? .null,
    ]
  }
}
