import KubernetesAPI

/// `spec.ingress`.
public struct IngressSpec: Sendable, Hashable {
  /// Host and path with `{{name}}` and `{{namespace}}`.
  public var template: String?
  public var className: String?
  public var annotations: [String: String]?
  public var labels: [String: String]?
  public var tls: [TLS]?

  public struct TLS: Sendable, Hashable {
    public var hosts: [String]
    public var secretName: String?

    public init(hosts: [String] = [], secretName: String? = nil) {
      self.hosts = hosts
      self.secretName = secretName
    }
  }

  public init(
    template: String? = nil, className: String? = nil, annotations: [String: String]? = nil,
    labels: [String: String]? = nil, tls: [TLS]? = nil
  ) {
    self.template = template
    self.className = className
    self.annotations = annotations
    self.labels = labels
    self.tls = tls
  }

  init(_ reader: FieldReader) throws(InvalidField) {
    template = try reader.string("template")
    className = try reader.string("className")
    annotations = try reader.stringMap("annotations")
    labels = try reader.stringMap("labels")
    guard let entries = try reader.array("tls") else { return }
    var tls: [TLS] = []
    for (index, entry) in entries.enumerated() {
      let reader = try FieldReader(entry, path: "\(reader.path("tls"))[\(index)]")
      tls.append(TLS(hosts: try reader.strings("hosts") ?? [], secretName: try reader.string("secretName")))
    }
    self.tls = tls
  }

  var json: JSONValue {
    let tls = tls?.map { entry -> JSONValue in
      ["hosts": JSONValue(entry.hosts), "secretName": JSONValue(optional: entry.secretName)]
    }
    return [
      "template": JSONValue(optional: template), "className": JSONValue(optional: className),
      "annotations": JSONValue(optional: annotations), "labels": JSONValue(optional: labels),
      "tls": tls.map(JSONValue.array) ?? .null,
    ]
  }
}
