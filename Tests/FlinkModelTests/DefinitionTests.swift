import FlinkModel
import KubernetesAPI
import Testing
import YAML

/// crds/flinkdeployments.yaml against the Apache operator's list of fields and against our types.
@Suite struct DefinitionTests {
  private let version: JSONValue

  init() throws {
    let definition = try YAML.parse(try repositoryFile("crds/flinkdeployments.yaml"))
    version = try #require(definition["spec", "versions"]?.arrayValue?.first)
  }

  private var schema: JSONValue { version["schema", "openAPIV3Schema"] ?? .null }

  /// The schema at a path such as `spec.ingress.tls[].hosts`; `.anything` below a node of free content.
  private enum Place {
    case schema(JSONValue)
    case anything
    case missing
  }

  private func place(_ path: String) -> Place {
    var node = schema
    for part in path.split(separator: ".") {
      let name = part.hasSuffix("[]") ? String(part.dropLast(2)) : String(part)
      let child = name == "*" ? node["additionalProperties"] : node["properties"]?[name]
      guard let child else { return node["x-kubernetes-preserve-unknown-fields"] == true ? .anything : .missing }
      node = child
      if part.hasSuffix("[]") {
        guard let items = node["items"] else { return .missing }
        node = items
      }
    }
    return .schema(node)
  }

  @Test func everyFieldOfTheApacheOperatorIsKept() throws {
    let known = try JSONValue(parsing: try resource("apache-operator-crd-fields.json"))
    let fields = try #require(known["FlinkDeployment", "fields"]?.objectValue)
    var checked = 0
    for (path, theirs) in fields {
      switch place(path) {
      case .missing: Issue.record("\(path) is missing")
      case .anything: continue
      case .schema(let ours):
        checked += 1
        if theirs["intOrString"] == true {
          #expect(ours["x-kubernetes-int-or-string"] == true, "\(path)")
        } else if theirs["preserveUnknown"] == true {
          #expect(ours["x-kubernetes-preserve-unknown-fields"] == true, "\(path)")
        } else if let type = theirs["type"] {
          #expect(ours["type"] == type, "\(path)")
        }
        let words = (ours["enum"]?.arrayValue ?? []).compactMap(\.stringValue)
        let theirWords = (theirs["enum"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(words.isEmpty == theirWords.isEmpty && Set(theirWords).isSubset(of: words), "\(path)")
      }
    }
    #expect(checked > 120)
    for (index, column) in (known["FlinkDeployment", "columns"]?.arrayValue ?? []).enumerated() {
      let ours = version["additionalPrinterColumns"]?.arrayValue?[index]
      #expect(ours?["name"] == column["name"] && ours?["jsonPath"] == column["jsonPath"])
    }
    #expect(version["subresources"] == known["FlinkDeployment", "subresources"])
  }

  @Test func nothingIsStricter() {
    func visit(_ node: JSONValue, _ path: String) {
      for key in [
        "required", "default", "x-kubernetes-validations", "pattern", "minimum", "maximum", "minLength", "maxLength",
        "minItems", "maxItems", "format", "nullable",
      ] {
        #expect(node[key] == nil, "\(path): \(key)")
      }
      for (name, child) in node["properties"]?.objectValue ?? [:] { visit(child, "\(path).\(name)") }
      if let child = node["items"] { visit(child, "\(path)[]") }
      if let child = node["additionalProperties"] { visit(child, "\(path).*") }
    }
    visit(schema, "")
  }

  @Test func itFitsTheAnnotationOfClientSideApply() throws {
    let definition = try YAML.parse(try repositoryFile("crds/flinkdeployments.yaml"))
    #expect(definition.serialized().count < 200_000)
  }

  /// Member names of a value, `[]` for lists, without what is of free content in the schema.
  private func paths(of value: JSONValue, _ prefix: String) -> Set<String> {
    switch value {
    case .object(let object):
      return object.reduce(into: [prefix]) { result, member in
        result.formUnion(paths(of: member.value, "\(prefix).\(member.key)"))
      }
    case .array(let elements):
      return elements.reduce(into: [prefix, "\(prefix)[]"]) { $0.formUnion(paths(of: $1, "\(prefix)[]")) }
    default: return [prefix]
    }
  }

  private func paths(ofSchema node: JSONValue, _ prefix: String) -> Set<String> {
    var result: Set<String> = [prefix]
    for (name, child) in node["properties"]?.objectValue ?? [:] {
      result.formUnion(paths(ofSchema: child, "\(prefix).\(name)"))
    }
    if let items = node["items"] { result.formUnion(paths(ofSchema: items, "\(prefix)[]")) }
    return result
  }

  @Test func theSpecTypesHaveTheSchemasFields() throws {
    var spec = FlinkDeploymentSpec(
      job: JobSpec(args: ["a"]), jobManager: JobManagerSpec(), taskManager: TaskManagerSpec())
    let resources = ResourceRequirements(claims: [["name": "n", "request": "r"]])
    spec.jobManager?.resource = Resource()
    spec.jobManager?.resources = resources
    spec.taskManager?.resource = Resource()
    spec.taskManager?.resources = resources
    spec.ingress = IngressSpec(tls: [.init(hosts: ["h"])])
    #expect(paths(of: spec.json, "spec") == paths(ofSchema: schema["properties", "spec"] ?? .null, "spec"))
  }

  @Test func theStatusTypesHaveTheSchemasFields() throws {
    let free = "status.clusterInfo."
    let written = paths(of: try fullStatus().json, "status").filter { !$0.hasPrefix(free) }
    #expect(written == paths(ofSchema: schema["properties", "status"] ?? .null, "status"))
  }
}
