import FlinkModel
import KubernetesAPI

/// A pod in the making: its template and, apart from it, Flink's container.
struct FlinkPod {
  private var metadata: JSONObject
  private(set) var spec: JSONObject
  private(set) var container: JSONObject
  private var otherContainers: [JSONValue]

  /// - Parameter template: a pod or pod template as users write it; what a pod template has not is left out.
  init(template: JSONValue) {
    let metadata = template["metadata"]
    self.metadata = [:]
    self.metadata["labels"] = metadata?["labels"]
    self.metadata["annotations"] = metadata?["annotations"]
    spec = template["spec"]?.objectValue ?? [:]
    let containers = spec["containers"]?.arrayValue ?? []
    let isMain = { (container: JSONValue) in container["name"]?.stringValue == Blueprint.mainContainer }
    container = containers.first(where: isMain)?.objectValue ?? ["name": .string(Blueprint.mainContainer)]
    otherContainers = containers.filter { !isMain($0) }
  }

  /// The template of a Deployment.
  var json: JSONValue {
    var spec = spec
    spec["containers"] = .array([.object(container)] + otherContainers)
    return ["metadata": .object(metadata), "spec": .object(spec)]
  }

  // MARK: The pod

  mutating func add(labels: [String: String], annotations: [String: String]) {
    metadata["labels"] = Self.overlay(metadata["labels"], labels)
    metadata["annotations"] = Self.overlay(metadata["annotations"], annotations)
  }

  private static func overlay(_ base: JSONValue?, _ top: [String: String]) -> JSONValue {
    JSONValue((base?.objectValue?.strings ?? [:]).merging(top) { $1 })
  }

  mutating func setSpec(_ key: String, _ value: JSONValue) { spec[key] = value }

  mutating func setSpecUnlessPresent(_ key: String, _ value: JSONValue) {
    if (spec[key] ?? .null).isNull { spec[key] = value }
  }

  mutating func addVolume(_ volume: JSONValue) { Self.append(volume, to: "volumes", in: &spec) }

  func initContainersMount(_ volume: String) -> Bool {
    (spec["initContainers"]?.arrayValue ?? []).contains { container in
      (container["volumeMounts"]?.arrayValue ?? []).contains { $0["name"]?.stringValue == volume }
    }
  }

  // MARK: Flink's container

  mutating func set(_ key: String, _ value: JSONValue) { container[key] = value }

  mutating func setUnlessPresent(_ key: String, _ value: JSONValue) {
    if (container[key] ?? .null).isNull { container[key] = value }
  }

  mutating func setArguments(_ arguments: [String]) { container["args"] = JSONValue(arguments) }

  mutating func setPorts(_ ports: [(name: String, port: Int)]) {
    for (name, port) in ports {
      Self.append(["name": .string(name), "containerPort": JSONValue(port)], to: "ports", in: &container)
    }
  }

  /// In the order of the names.
  mutating func setEnvironment(_ variables: [String: String]) {
    for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
      Self.append(["name": .string(name), "value": .string(value)], to: "env", in: &container)
    }
  }

  mutating func setEnvironment(_ name: String, fieldPath: String) {
    Self.append(
      ["name": .string(name), "valueFrom": ["fieldRef": ["apiVersion": "v1", "fieldPath": .string(fieldPath)]]],
      to: "env", in: &container)
  }

  mutating func setEnvironment(_ name: String, secret: String, key: String) {
    Self.append(
      [
        "name": .string(name),
        "valueFrom": ["secretKeyRef": ["name": .string(secret), "key": .string(key)]],
      ], to: "env", in: &container)
  }

  mutating func addMount(_ mount: JSONValue) {
    var mounts = container["volumeMounts"]?.arrayValue ?? []
    mounts.append(mount)
    container["volumeMounts"] = .array(mounts)
  }

  var mountPaths: [String] {
    (container["volumeMounts"]?.arrayValue ?? []).compactMap { $0["mountPath"]?.stringValue }
  }

  mutating func setResource(_ section: String, _ name: String, _ quantity: String) {
    var resources = container["resources"]?.objectValue ?? [:]
    var map = resources[section]?.objectValue ?? [:]
    map[name] = .string(quantity)
    resources[section] = .object(map)
    container["resources"] = .object(resources)
  }

  mutating func setResourceClaims(_ claims: [JSONValue]) {
    var resources = container["resources"]?.objectValue ?? [:]
    resources["claims"] = .array(claims)
    container["resources"] = .object(resources)
  }

  /// Adds a named element; one of the same name is replaced in its place.
  private static func append(_ element: JSONValue, to key: String, in object: inout JSONObject) {
    var elements = object[key]?.arrayValue ?? []
    if let index = elements.firstIndex(where: { $0["name"] == element["name"] }) {
      elements[index] = element
    } else {
      elements.append(element)
    }
    object[key] = .array(elements)
  }
}
