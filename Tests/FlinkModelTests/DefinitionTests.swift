import FlinkModel
import KubernetesAPI
import Testing
import YAML

/// The definitions in crds/ against the Apache operator's list of fields and against our types.
@Suite struct DefinitionTests {
  private let versions: [FlinkKind: JSONValue]

  init() throws {
    var versions: [FlinkKind: JSONValue] = [:]
    for kind in FlinkKind.allCases {
      versions[kind] = try #require(try Self.definition(kind)["spec", "versions"]?.arrayValue?.first)
    }
    self.versions = versions
  }

  private static func definition(_ kind: FlinkKind) throws -> JSONValue {
    try YAML.parse(try repositoryFile("crds/\(kind.type.plural).yaml"))
  }

  private func schema(_ kind: FlinkKind) -> JSONValue { versions[kind]?["schema", "openAPIV3Schema"] ?? .null }

  private func schema(_ kind: FlinkKind, _ path: String...) -> JSONValue {
    path.reduce(schema(kind)) { $0["properties"]?[$1] ?? .null }
  }

  /// The schema at a path such as `spec.ingress.tls[].hosts`; `.anything` below a node of free content.
  private enum Place {
    case schema(JSONValue)
    case anything
    case missing
  }

  private func place(_ path: String, _ kind: FlinkKind) -> Place {
    var node = schema(kind)
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

  @Test(arguments: FlinkKind.allCases) func everyFieldOfTheApacheOperatorIsKept(_ kind: FlinkKind) throws {
    let all = try JSONValue(parsing: try resource("apache-operator-crd-fields.json"))
    let known = try #require(all[kind.rawValue])
    let fields = try #require(known["fields"]?.objectValue)
    var checked = 0
    for (path, theirs) in fields {
      switch place(path, kind) {
      case .missing: Issue.record("\(path) is missing")
      case .anything: continue
      case .schema(let ours):
        checked += 1
        if theirs["intOrString"] == true {
          #expect(ours["x-kubernetes-int-or-string"] == true, "\(path)")
        } else if theirs["preserveUnknown"] == true {
          #expect(ours["x-kubernetes-preserve-unknown-fields"] == true, "\(path)")
        } else if theirs["sameAs"] != nil {
          #expect(ours["x-kubernetes-preserve-unknown-fields"] == true && ours["type"] == "object", "\(path)")
        } else {
          #expect(theirs["type"] != nil && ours["type"] == theirs["type"], "\(path)")
        }
        let words = (ours["enum"]?.arrayValue ?? []).compactMap(\.stringValue)
        let theirWords = (theirs["enum"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(words.isEmpty == theirWords.isEmpty && Set(theirWords).isSubset(of: words), "\(path)")
      }
    }
    #expect(checked > (kind == .stateSnapshot ? 15 : 60))
    let version = versions[kind]
    for (index, column) in (known["columns"]?.arrayValue ?? []).enumerated() {
      let ours = version?["additionalPrinterColumns"]?.arrayValue?[index]
      #expect(ours?["name"] == column["name"] && ours?["jsonPath"] == column["jsonPath"])
      #expect(ours?["type"] == column["type"] && ours?["priority"] == nil)
    }
    #expect(version?["subresources"] == known["subresources"])
    #expect(version?["name"] == known["version"])
    let spec = try Self.definition(kind)["spec"]
    #expect(spec?["group"] == known["group"] && spec?["scope"] == known["scope"])
    for (key, name) in try #require(known["names"]?.objectValue) { #expect(spec?["names", key] == name) }
  }

  @Test(arguments: FlinkKind.allCases) func nothingIsStricter(_ kind: FlinkKind) {
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
    visit(schema(kind), "")
  }

  @Test(arguments: FlinkKind.allCases) func itFitsTheAnnotationOfClientSideApply(_ kind: FlinkKind) throws {
    #expect(try Self.definition(kind).serialized().count < 200_000)
  }

  @Test func partsThatKindsShareAreTheSame() {
    let job = schema(.deployment, "spec", "job")
    func withoutTexts(_ node: JSONValue) -> JSONValue {
      guard case .object(let object) = node else { return node }
      var result = JSONObject()
      for (key, value) in object where !(key == "description" && value.stringValue != nil) {
        result[key] = withoutTexts(value)
      }
      return .object(result)
    }
    #expect(withoutTexts(schema(.sessionJob, "spec", "job")) == withoutTexts(job))
    #expect(schema(.blueGreenDeployment, "spec", "template", "spec") == schema(.deployment, "spec"))
    for kind in [FlinkKind.sessionJob, .blueGreenDeployment] {
      #expect(schema(kind, "status", "jobStatus") == schema(.deployment, "status", "jobStatus"), "\(kind)")
    }
    for kind in FlinkKind.allCases {
      #expect(schema(kind, "status", "conditions") == schema(.deployment, "status", "conditions"), "\(kind)")
      #expect(schema(kind, "status", "observedGeneration") == ["type": "integer"], "\(kind)")
    }
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
    #expect(paths(of: spec.json, "spec") == paths(ofSchema: schema(.deployment, "spec"), "spec"))
    let job = FlinkSessionJobSpec(job: JobSpec(args: ["a"]))
    #expect(paths(of: job.json, "spec") == paths(ofSchema: schema(.sessionJob, "spec"), "spec"))
    let snapshot = FlinkStateSnapshotSpec(jobReference: .init(), savepoint: .init(), isCheckpoint: true)
    #expect(paths(of: snapshot.json, "spec") == paths(ofSchema: schema(.stateSnapshot, "spec"), "spec"))
    let blueGreen = FlinkBlueGreenDeploymentSpec(
      ingress: IngressSpec(tls: [.init(hosts: ["h"])]), template: spec)
    let unused: Set<String> = ["spec.template.metadata"]
    #expect(
      paths(of: blueGreen.json, "spec").union(unused)
        == paths(ofSchema: schema(.blueGreenDeployment, "spec"), "spec"))
  }

  @Test func whatTheSpecTypesWriteTheyRead() throws {
    let job = FlinkSessionJobSpec(
      deploymentName: "cluster", job: JobSpec(jarURI: "https://a/b.jar", parallelism: 2), restartNonce: 3,
      flinkConfiguration: ["a": "b"])
    #expect(try FlinkSessionJobSpec(json: job.json) == job)
    let snapshot = FlinkStateSnapshotSpec(
      backoffLimit: 2, jobReference: .init(kind: .sessionJob, name: "j"),
      savepoint: .init(path: "s3://a", format: .native, isDisposedOnDelete: false, alreadyExists: true))
    #expect(try FlinkStateSnapshotSpec(json: snapshot.json) == snapshot)
    #expect(try FlinkStateSnapshotSpec(json: ["checkpoint": [:]]) == FlinkStateSnapshotSpec(isCheckpoint: true))
    let blueGreen = FlinkBlueGreenDeploymentSpec(
      configuration: ["k": "v"], ingress: IngressSpec(template: "h"), template: FlinkDeploymentSpec(image: "flink"))
    #expect(try FlinkBlueGreenDeploymentSpec(json: blueGreen.json) == blueGreen)
    #expect(
      throws: InvalidField(field: "spec.template.spec.image", value: "1", fix: "must be a string (put it in quotes)")
    ) {
      try FlinkBlueGreenDeploymentSpec(json: ["template": ["spec": ["image": 1]]])
    }
  }

  @Test func theStatusTypesHaveTheSchemasFields() throws {
    let free = "status.clusterInfo."
    let written = paths(of: try fullStatus().json, "status").filter { !$0.hasPrefix(free) }
    #expect(written == paths(ofSchema: schema(.deployment, "status"), "status"))
  }
}
