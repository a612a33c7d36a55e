import FlinkBlueprint
import FlinkModel
import KubernetesAPI
import Testing
import YAML

/// One manifest as it is rendered for a Flink version, in a mode, with or without its job.
struct RenderCase: Sendable, CustomTestStringConvertible {
  var manifest: String
  var version: FlinkVersion
  var mode: DeploymentMode
  var isSession = false

  var name: String {
    "\(manifest)-\(mode.rawValue)-\(isSession ? "session" : "application")-\(version.major).\(version.minor)"
  }
  var testDescription: String { name }

  /// - Parameter edit: made to the spec as written.
  func objects(
    restore: RestorePlan = .empty, edit: (inout JSONValue) -> Void = { _ in }
  ) throws -> ClusterObjects {
    var json = try YAML.parse(try GoldenFile.text("manifests/\(manifest).yaml"))
    json.set(.string("\(version)"), at: ["spec", "flinkVersion"])
    json.set(.string(mode.rawValue), at: ["spec", "mode"])
    if isSession { json.set(.null, at: ["spec", "job"]) }
    var spec = json["spec"] ?? [:]
    edit(&spec)
    json.set(spec, at: ["spec"])
    let deployment = FlinkDeployment(KubernetesObject(json))
    let settings = OperatorSettings()
    let valid = try Validator(settings).validate(deployment)
    let metadata = deployment.metadata
    var configuration = try settings.deployConfiguration(
      for: valid, name: metadata.name, namespace: metadata.namespace)
    if !isSession { configuration[ConfigurationKey.jobID] = "aaaaaaaa00000000000000000000000a" }
    return try Blueprint.cluster(
      name: metadata.name, namespace: metadata.namespace, uid: "uid-1", spec: valid, configuration: configuration,
      generation: 4, operation: OperationMark(id: "op-7", attempt: 7), restore: restore)
  }
}

extension ClusterObjects {
  /// By kind and name, in the order of creation.
  var json: JSONValue {
    var object: JSONObject = [:]
    for (_, each) in inCreationOrder {
      object["\(each["kind"]?.stringValue ?? "") \(each["metadata", "name"]?.stringValue ?? "")"] = each
    }
    return .object(object)
  }
}

@Suite struct ClusterGoldenTests {
  /// The versions with a golden file of their own: the last ones of both configuration formats, and the first of 2.
  static let versions: [FlinkVersion] = [.v1_20, .v2_0, .v2_2]
  static let cases = ["basic-1.20", "full-1.20"].flatMap { manifest in
    versions.flatMap { version in
      [DeploymentMode.native, .standalone].flatMap { mode in
        [false, true].map { isSession in
          RenderCase(manifest: manifest, version: version, mode: mode, isSession: isSession)
        }
      }
    }
  }

  @Test(arguments: cases)
  func everyObjectIsAsRecorded(_ render: RenderCase) throws {
    let objects = try render.objects(restore: .path("s3://bucket/savepoints/sp-1"))
    try GoldenFile.expect(objects.json, matches: "clusters/\(render.name)")
  }
}

@Suite struct NativeClusterTests {
  private func configuration(_ objects: ClusterObjects) throws -> JSONValue {
    let data = try #require(objects.configMap["data"]?.objectValue)
    if let flat = data["flink-conf.yaml"]?.stringValue {
      return JSONValue(OperatorDefaults(flinkConf: flat).values)
    }
    return try YAML.parse(try #require(data["config.yaml"]?.stringValue))
  }

  @Test func itsTaskManagersAreNotTheOperators() throws {
    let objects = try RenderCase(manifest: "full-1.20", version: .v1_20, mode: .native).objects()
    #expect(objects.taskManager == nil)
    #expect(objects.inCreationOrder.filter { $0.type == .deployments }.count == 1)
  }

  @Test func withHighAvailabilityThereIsNoInternalService() throws {
    let with = try RenderCase(manifest: "full-1.20", version: .v1_20, mode: .native).objects()
    #expect(with.internalService == nil)
    #expect(try configuration(with)["jobmanager.rpc.address"] == nil)
    let without = try RenderCase(manifest: "basic-1.20", version: .v1_20, mode: .native).objects()
    #expect(without.internalService != nil)
    #expect(try configuration(without)["jobmanager.rpc.address"] == "basic-example.default")
  }

  @Test func argumentsKeepTheirTextInBothFormats() throws {
    let arguments = ["--sql", "a;b", "it's", "\"q\"", "", " x ", "a: b", "[1, 2]"]
    let edit: (inout JSONValue) -> Void = { $0.set(JSONValue(arguments), at: ["job", "args"]) }
    let flat = try RenderCase(manifest: "basic-1.20", version: .v1_20, mode: .native).objects(edit: edit)
    #expect(
      try configuration(flat)["$internal.application.program-args"]
        == .string("--sql;'a;b';'it''s';'\"q\"';'';' x ';a: b;[1, 2]"))
    let nested = try RenderCase(manifest: "basic-1.20", version: .v2_2, mode: .native).objects(edit: edit)
    let text = try #require(try configuration(nested)["$internal", "application", "program-args"]?.stringValue)
    #expect(try YAML.parse(text) == JSONValue(arguments))
  }

  @Test func argumentsThatFlinkConfCannotHoldAreRefused() throws {
    for argument in ["#tag", "a\nb"] {
      let edit: (inout JSONValue) -> Void = { $0.set(JSONValue(["x", argument]), at: ["job", "args"]) }
      let error = #expect(throws: BlueprintError.self) {
        try RenderCase(manifest: "basic-1.20", version: .v1_20, mode: .native).objects(edit: edit)
      }
      #expect(error?.invalidField.field == "spec.job.args[1]")
      _ = try RenderCase(manifest: "basic-1.20", version: .v2_2, mode: .native).objects(edit: edit)
      _ = try RenderCase(manifest: "basic-1.20", version: .v1_20, mode: .standalone).objects(edit: edit)
    }
  }

  /// Flink's own defaults are the only thing that differs between the versions of one configuration format.
  @Test(arguments: [
    (FlinkVersion.v1_17, FlinkVersion.v1_20), (.v1_18, .v1_20), (.v1_19, .v1_20), (.v2_1, .v2_2),
  ])
  func olderVersionsAreRenderedAlike(version: FlinkVersion, like: FlinkVersion) throws {
    for mode in [DeploymentMode.native, .standalone] {
      for isSession in [false, true] {
        let render = { (version: FlinkVersion) in
          try RenderCase(manifest: "full-1.20", version: version, mode: mode, isSession: isSession).objects().json.text
        }
        let old = try render(version).replacing("\(version)", with: "\(like)")
        #expect(old == (try render(like)))
      }
    }
  }

  @Test func theStartupProbeSpeaksAsTheInterfaceDoes() throws {
    func probe(_ keys: [String: String]) throws -> JSONValue? {
      let edit: (inout JSONValue) -> Void = { spec in
        for (key, value) in keys { spec.set(.string(value), at: ["flinkConfiguration", key]) }
      }
      let objects = try RenderCase(manifest: "basic-1.20", version: .v2_2, mode: .native).objects(edit: edit)
      return objects.jobManager["spec", "template", "spec"]?["containers"]?.arrayValue?.first?["startupProbe"]
    }
    #expect(try probe([:])?["httpGet"] == ["path": "/config", "port": "rest"])
    #expect(try probe(["security.ssl.rest.enabled": "true"])?["httpGet", "scheme"] == "HTTPS")
    let mutual = try probe([
      "security.ssl.rest.enabled": "true", "security.ssl.rest.authentication-enabled": "true",
    ])
    #expect(mutual?["httpGet"] == nil)
    #expect(mutual?["tcpSocket"] == ["port": "rest"])
    #expect(try probe(["kubernetes.operator.jm-deployment.startup.probe.enabled": "false"]) == nil)
  }

  @Test func theHostsNetworkHasNoDeclaredPorts() throws {
    let edit: (inout JSONValue) -> Void = {
      $0.set("true", at: ["flinkConfiguration", "kubernetes.hostnetwork.enabled"])
    }
    for mode in [DeploymentMode.native, .standalone] {
      let objects = try RenderCase(manifest: "basic-1.20", version: .v1_20, mode: mode).objects(edit: edit)
      let pod = objects.jobManager["spec", "template", "spec"]
      #expect(pod?["hostNetwork"] == true)
      #expect(pod?["dnsPolicy"] == "ClusterFirstWithHostNet")
      let container = pod?["containers"]?.arrayValue?.first
      #expect(container?["ports"] == nil)
      #expect(container?["startupProbe", "httpGet", "port"] == (mode == .native ? nil : 8081))
    }
  }
}
