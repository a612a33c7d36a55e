import KubernetesAPI

/// Why a container cannot be made from its specification: the kubelet's CreateContainerConfigError.
struct ContainerConfigurationError: Error, Hashable {
  let message: String
}

/// The ConfigMaps and Secrets that a container's environment names, as they were read.
struct EnvironmentSources: Sendable {
  /// Keyed by `configmap/name` or `secret/name`; an object that does not exist is missing.
  var values: [String: [String: String]] = [:]

  static func key(secret: Bool, name: String) -> String { (secret ? "secret/" : "configmap/") + name }

  /// The objects that a container's `env` and `envFrom` refer to.
  static func references(of container: ContainerSpecification) -> [(isSecret: Bool, name: String)] {
    var result: [(isSecret: Bool, name: String)] = []
    for source in container.environmentSources {
      if let name = source["configMapRef", "name"]?.stringValue { result.append((false, name)) }
      if let name = source["secretRef", "name"]?.stringValue { result.append((true, name)) }
    }
    for variable in container.environment {
      if let name = variable["valueFrom", "configMapKeyRef", "name"]?.stringValue { result.append((false, name)) }
      if let name = variable["valueFrom", "secretKeyRef", "name"]?.stringValue { result.append((true, name)) }
    }
    return result
  }
}

/// A container's environment, in the kubelet's order: services, envFrom, env; later ones win, and an `env` value may
/// use those before it.
struct ContainerEnvironment {
  private(set) var values: [String: String]

  init(
    _ container: ContainerSpecification, fields: DownwardFields, base: [String: String], sources: EnvironmentSources
  ) throws(ContainerConfigurationError) {
    values = base
    for source in container.environmentSources {
      let prefix = source["prefix"]?.stringValue ?? ""
      let isSecret = source["secretRef"] != nil
      guard let reference = source["configMapRef"] ?? source["secretRef"] else { continue }
      let name = reference["name"]?.stringValue ?? ""
      if let found = sources.values[EnvironmentSources.key(secret: isSecret, name: name)] {
        for (key, value) in found { values[prefix + key] = value }
      } else if reference["optional"]?.boolValue != true {
        throw ContainerConfigurationError(message: "\(isSecret ? "secret" : "configmap") \"\(name)\" not found")
      }
    }
    for variable in container.environment {
      guard let name = variable["name"]?.stringValue else { continue }
      if let text = variable["value"]?.stringValue {
        let known = values
        values[name] = VariableExpansion.expand(text) { known[$0] }
      } else if let reference = variable["valueFrom"] {
        values[name] = try Self.value(of: reference, container: container, fields: fields, sources: sources)
      } else {
        values[name] = ""
      }
    }
  }

  func expand(_ text: String) -> String { VariableExpansion.expand(text) { values[$0] } }

  private static func value(
    of reference: JSONValue, container: ContainerSpecification, fields: DownwardFields, sources: EnvironmentSources
  ) throws(ContainerConfigurationError) -> String? {
    if let path = reference["fieldRef", "fieldPath"]?.stringValue {
      guard let value = fields.value(path) else {
        throw ContainerConfigurationError(message: "unsupported fieldPath: \(path)")
      }
      return value
    }
    if let resource = reference["resourceFieldRef"] {
      guard let value = fields.resource(resource, in: container) else {
        throw ContainerConfigurationError(message: "unsupported resourceFieldRef: \(resource.text)")
      }
      return value
    }
    let isSecret = reference["secretKeyRef"] != nil
    guard let selector = reference["secretKeyRef"] ?? reference["configMapKeyRef"] else {
      throw ContainerConfigurationError(message: "unsupported env source: \(reference.text)")
    }
    let name = selector["name"]?.stringValue ?? ""
    let key = selector["key"]?.stringValue ?? ""
    let kind = isSecret ? "secret" : "configmap"
    let isOptional = selector["optional"]?.boolValue == true
    guard let found = sources.values[EnvironmentSources.key(secret: isSecret, name: name)] else {
      if isOptional { return nil }
      throw ContainerConfigurationError(message: "\(kind) \"\(name)\" not found")
    }
    guard let value = found[key] else {
      if isOptional { return nil }
      throw ContainerConfigurationError(
        message: "couldn't find key \(key) in \(isSecret ? "Secret" : "ConfigMap") \(fields.pod.namespace)/\(name)")
    }
    return value
  }
}
