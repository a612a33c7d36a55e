import KubernetesAPI

/// One request on its way through the server.
struct RequestContext: Sendable {
  var request: APIRequest
  var target: RequestTarget
  var user: APIUser
  var now: GoTime
  var format: OutputFormat
  /// What webhooks have said to this request.
  var admission: AdmissionProgress?
  /// Texts for `warning` headers.
  var warnings: [String] = []

  mutating func warn(_ text: String) {
    if !warnings.contains(text) { warnings.append(text) }
  }

  var warningHeaders: [(name: String, value: String)] {
    warnings.map { ("warning", "299 - \(goQuoted($0))") }
  }
}

/// A request for a resource that exists.
struct ResourceRequest: Sendable {
  var info: RequestInfo
  var definition: ResourceDefinition

  var type: ResourceType { definition.type }
  var model: any ResourceModel { definition.model }
  var name: String { info.name ?? "" }
  var namespace: String { definition.type.isNamespaced ? info.namespace ?? "" : "" }
  var key: String { ResourceStore.key(namespace: namespace, name: name) }
}
