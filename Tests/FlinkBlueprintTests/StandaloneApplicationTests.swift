import FlinkBlueprint
import FlinkModel
import KubernetesAPI
import Testing
import YAML

/// Renders the manifest of a file as `deploy` would.
private func render(
  _ manifest: String, restore: RestorePlan = .empty, edit: (inout FlinkDeploymentSpec) -> Void = { _ in }
) throws -> ClusterObjects {
  let deployment = FlinkDeployment(KubernetesObject(try YAML.parse(try GoldenFile.text("manifests/\(manifest).yaml"))))
  var spec = try Validator(OperatorSettings()).validate(deployment)
  edit(&spec)
  let metadata = deployment.metadata
  var configuration = try OperatorSettings().deployConfiguration(
    for: spec, name: metadata.name, namespace: metadata.namespace)
  configuration[ConfigurationKey.jobID] = "aaaaaaaa00000000000000000000000a"
  return try Blueprint.cluster(
    name: metadata.name, namespace: metadata.namespace, uid: "uid-1", spec: spec, configuration: configuration,
    generation: 4, operation: OperationMark(id: "op-7", attempt: 7), restore: restore)
}

private func container(_ deployment: JSONValue, _ name: String = Blueprint.mainContainer) -> JSONValue? {
  deployment["spec", "template", "spec", "containers"]?.arrayValue?.first { $0["name"]?.stringValue == name }
}

@Suite struct StandaloneApplicationTests {
  @Test(arguments: ["basic-1.20", "basic-2.2", "full-1.20", "full-2.2"])
  func everyObjectIsAsRecorded(manifest: String) throws {
    let restore = manifest.hasPrefix("full") ? RestorePlan.lastState : .empty
    let objects = try render(manifest, restore: restore)
    try GoldenFile.expect(objects.configMap, matches: "\(manifest)-configmap")
    try GoldenFile.expect(try #require(objects.internalService), matches: "\(manifest)-service")
    try GoldenFile.expect(objects.restService, matches: "\(manifest)-rest-service")
    try GoldenFile.expect(objects.jobManager, matches: "\(manifest)-jobmanager")
    try GoldenFile.expect(try #require(objects.taskManager), matches: "\(manifest)-taskmanager")
  }

  @Test func argumentsAreInTheOrderThatFlinkReads() throws {
    let objects = try render("full-1.20", restore: .path("s3://bucket/sp-1"))
    #expect(
      container(objects.jobManager)?["args"]
        == [
          "standalone-job", "--job-classname", "com.example.Job",
          "--allowNonRestoredState", "--fromSavepoint", "s3://bucket/sp-1", "-D",
          "jobmanager.rpc.address=$(_POD_IP_ADDRESS)", "--input", "a b", "--limit=3",
        ])
  }

  @Test func aJarWithoutClassNameIsPointedTo() throws {
    #expect(
      container(try render("basic-1.20").jobManager)?["args"]
        == ["standalone-job", "--jars", "local:///opt/flink/examples/streaming/StateMachineExample.jar"])
  }

  @Test func theJobIDTravelsInTheConfiguration() throws {
    let data = try #require(try render("basic-1.20").configMap["data", "flink-conf.yaml"]?.stringValue)
    #expect(data.contains("$internal.pipeline.job-id: aaaaaaaa00000000000000000000000a\n"))
  }

  @Test func anEmptyStartTakesNoSavepointEvenIfConfigured() throws {
    let objects = try render("full-1.20", restore: .empty)
    let arguments = container(objects.jobManager)?["args"]?.arrayValue ?? []
    #expect(!arguments.contains("--fromSavepoint"))
    #expect(objects.configMap["data", "flink-conf.yaml"]?.stringValue?.contains("savepoint.path") == false)
  }

  @Test func theOperatorsKeysStayWithTheOperator() throws {
    for manifest in ["basic-1.20", "basic-2.2"] {
      let data = try #require(try render(manifest).configMap["data"])
      #expect(!data.text.contains("reconcile"))
    }
  }

  @Test func taskManagersFollowFromParallelismAndSlots() throws {
    #expect(try render("basic-1.20").taskManager?["spec", "replicas"] == 2)
    #expect(try render("full-1.20").taskManager?["spec", "replicas"] == 3)
  }

  @Test func templateListsMergeByIndexUnlessByName() throws {
    let byIndex = try render("full-1.20") { spec in
      spec.flinkConfiguration["kubernetes.operator.pod-template.merge-arrays-by-name"] = false
    }
    // By index the second container's name is overlaid by the first one's.
    let names = byIndex.jobManager["spec", "template", "spec", "containers"]?.arrayValue?.map { $0["name"] }
    #expect(names == ["flink-main-container", "sidecar"])
    #expect(container(byIndex.jobManager, "sidecar")?["image"] == "sidecar:2")
    #expect(container(byIndex.jobManager, "sidecar")?["volumeMounts"] != nil)

    let byName = try render("full-1.20")
    #expect(container(byName.jobManager, "sidecar")?["volumeMounts"] == nil)
    #expect(container(byName.jobManager, "sidecar")?["image"] == "sidecar:2")
  }

  @Test func aJarOfTheImageIsNotHiddenByAnEmptyUserLibrary() throws {
    func mounts(_ objects: ClusterObjects) -> [String] {
      (container(objects.jobManager)?["volumeMounts"]?.arrayValue ?? []).compactMap { $0["mountPath"]?.stringValue }
    }
    #expect(try mounts(render("basic-1.20")).contains("/opt/flink/usrlib"))
    #expect(try !mounts(render("full-1.20")).contains("/opt/flink/usrlib"))
  }

  @Test func overlappingKeysOfFlink2AreNamed() throws {
    let error = #expect(throws: BlueprintError.self) {
      try render("basic-2.2") { spec in
        spec.flinkConfiguration["a.b"] = "1"
        spec.flinkConfiguration["a"] = "2"
      }
    }
    #expect(error?.invalidField.field == "spec.flinkConfiguration[a.b]")
  }

  @Test func valuesKeepTheirTextInNestedYAML() throws {
    let texts = [
      "1.10", "0x10", "on", "a: b", "# no comment", "", " x ", "\"q\"", "[a, b]", "*x", "line\nline", "-Dx=1", "2:30",
    ]
    for text in texts {
      let objects = try render("basic-2.2") { $0.flinkConfiguration["some.key"] = .string(text) }
      let file = try #require(objects.configMap["data", "config.yaml"]?.stringValue)
      #expect(try YAML.parse(file)["some", "key"] == .string(text))
    }
  }

  @Test func whatIsCreatedFirstIsNeededFirst() throws {
    let objects = try render("basic-1.20")
    #expect(
      objects.inCreationOrder.map { $0.object["kind"]?.stringValue }
        == ["ConfigMap", "Service", "Service", "Deployment", "Deployment"])
    for (_, object) in objects.inCreationOrder {
      let metadata = ObjectMetadata(json: object["metadata"])
      #expect(metadata.isOwned(by: "uid-1"))
      #expect(metadata.annotations[Blueprint.attemptAnnotation] == "7")
    }
  }
}
