import FlinkModel
import KubernetesAPI
import Testing

@Suite struct MeasureTests {
  @Test func memoryIsFlinksFirstThenKubernetes() {
    let gibibyte: Int64 = 1 << 30
    for text in [
      "2g", "2gb", "2 g", "2 GB", "2Gi", "2 Gi", "2gib", "2048m", "2048mb", "2147483648", "2147483648 bytes",
    ] {
      #expect(MemoryText.bytes(text) == 2 * gibibyte, "\(text)")
    }
    #expect(MemoryText.bytes("1e6 b") == 1_000_000)
    #expect(MemoryText.bytes("1.5G") == 1_500_000_000)
    #expect(MemoryText.bytes("1.5k") == 1500)
    #expect(MemoryText.bytes("512Mi") == 512 << 20)
    for text in ["", "g", "2x", "two", "1 000", "9223372036854775807g"] {
      #expect(MemoryText.bytes(text) == nil, "\(text)")
    }
  }

  @Test func durationsAreFlinks() {
    #expect(DurationText.parse("10 s") == .seconds(10))
    #expect(DurationText.parse("5min") == .seconds(300))
    #expect(DurationText.parse("5 m") == .seconds(300))
    #expect(DurationText.parse("1 d") == .seconds(86400))
    #expect(DurationText.parse("250") == .milliseconds(250))
    for text in ["", "s", "1.5 s", "-1 s", "1 week", "99999999999999 d"] {
      #expect(DurationText.parse(text) == nil, "\(text)")
    }
  }
}

@Suite struct OperatorConfigurationTests {
  @Test func layersLieInTheirOrder() throws {
    let prefix = "kubernetes.operator.default-configuration"
    let defaults = OperatorDefaults([
      "a": "default", "b": "default", "c": "default", "d": "default", "e": "default", "f": "default",
      "\(prefix).namespace.ns.b": "namespace", "\(prefix).namespace.ns.c": "namespace",
      "\(prefix).namespace.other.a": "other", "\(prefix).flink-version.v1_18+.c": "1.18+",
      "\(prefix).flink-version.v1_18+.d": "1.18+", "\(prefix).flink-version.v1_20+.d": "1.20+",
      "\(prefix).flink-version.v1_20+.e": "1.20+", "\(prefix).flink-version.v1_20.e": "1.20",
      "\(prefix).flink-version.v2_0+.a": "2.0+", "\(prefix).flink-version.v1_19.a": "1.19",
      "\(prefix).flink-version.v1_20.f": "1.20",
    ])
    var settings = OperatorSettings()
    settings.defaults = defaults
    let spec = try spec { $0.set(["f": "spec"], at: ["spec", "flinkConfiguration"]) }
    let configuration = settings.userConfiguration(for: spec, namespace: "ns")
    let values = ["a", "b", "c", "d", "e", "f"].map { configuration[$0] }
    #expect(values == ["default", "namespace", "1.18+", "1.20+", "1.20", "spec"])
    #expect(configuration.forCluster.values.count == 6)
  }

  @Test func bothFileFormatsAreRead() throws {
    let flat = OperatorDefaults(flinkConf: "a.b: 1 # comment\n# c: 2\n\nnonsense\nurl: http://x:1\n")
    #expect(flat.values == ["a.b": "1", "url": "http://x:1"])
    let nested = try OperatorDefaults(configYAML: "a:\n  b: 1\nlist: [x, y]\nflag: true\n")
    #expect(nested.values == ["a.b": "1", "list": "x;y", "flag": "true"])
    #expect(try OperatorDefaults(configYAML: "").values.isEmpty)
    #expect(throws: InvalidField.self) { try OperatorDefaults(configYAML: "a: [") }
  }

  @Test func settingsHaveDefaultsAndNames() throws {
    #expect(try OperatorSettings(OperatorDefaults()) == OperatorSettings())
    let settings = try OperatorSettings(
      OperatorDefaults([
        "kubernetes.operator.reconciler.reschedule.interval": "15 s",
        "kubernetes.operator.watched.namespaces": "a, b",
        "kubernetes.operator.resource.deletion.propagation": "BACKGROUND",
      ]))
    #expect(settings.reconcileInterval == .seconds(15))
    #expect(settings.watchedNamespaces == ["a", "b"])
    #expect(settings.deletionPropagation == .background)
    let error = #expect(throws: InvalidField.self) {
      try OperatorSettings(OperatorDefaults(["kubernetes.operator.retry.max.attempts": "many"]))
    }
    #expect(error?.description.contains("many") == true)
    #expect(try ResourceSettings(FlinkConfiguration()) == ResourceSettings())
  }
}

@Suite struct DeployConfigurationTests {
  private let settings = OperatorSettings()

  private func configuration(_ edit: (inout JSONValue) -> Void = { _ in }) throws -> FlinkConfiguration {
    try settings.deployConfiguration(for: try spec(edit), name: "basic", namespace: "ns")
  }

  @Test func typedFieldsBecomeKeys() throws {
    let configuration = try configuration()
    #expect(configuration["kubernetes.container.image.ref"] == "flink:1.20")
    #expect(configuration["jobmanager.memory.process.size"] == "2147483648 bytes")
    #expect(configuration["pipeline.classpaths"] == "file:///opt/flink/usrlib/job.jar")
    #expect(configuration["parallelism.default"] == "2")
    #expect(configuration["pipeline.name"] == "basic")
    #expect(try configuration.expectedTaskManagers == 1)
  }

  @Test func resourcesWinOverResource() throws {
    let configuration = try configuration {
      $0.set(
        ["requests": ["memory": "1Gi"], "limits": ["memory": "2Gi", "cpu": "500m"]],
        at: ["spec", "taskManager", "resources"])
    }
    #expect(configuration["taskmanager.memory.process.size"] == "1073741824 bytes")
    #expect(configuration["kubernetes.taskmanager.memory.limit-factor"] == "2.0")
    #expect(configuration["kubernetes.taskmanager.cpu.amount"] == "0.5")
    #expect(configuration["kubernetes.taskmanager.cpu.limit-factor"] == nil)
  }

  @Test func replicasWinOverParallelism() throws {
    let configuration = try configuration { $0.set(3, at: ["spec", "taskManager", "replicas"]) }
    #expect(configuration["parallelism.default"] == "6")
    #expect(try configuration.expectedTaskManagers == 3)
  }

  @Test func usersDefaultsStayButWhatIsForcedDoesNot() throws {
    let configuration = try configuration {
      $0.set(
        [
          "pipeline.name": "mine", "execution.shutdown-on-application-finish": "true", "parallelism.default": "9",
          "taskmanager.numberOfTaskSlots": "2",
        ], at: ["spec", "flinkConfiguration"])
    }
    #expect(configuration["pipeline.name"] == "mine")
    #expect(configuration["execution.shutdown-on-application-finish"] == "false")
    #expect(configuration["parallelism.default"] == "2")
  }

  @Test func theOperatorsKeysFollowTheCurrentSpecAtOnce() throws {
    func with(_ configuration: JSONValue) throws -> FlinkDeploymentSpec {
      try spec { $0.set(configuration, at: ["spec", "flinkConfiguration"]) }
    }
    let observed = try settings.observeConfiguration(
      deployed: try with(["kubernetes.operator.x": "old", "kubernetes.operator.y": "old", "z": "old"]),
      current: try with(["kubernetes.operator.x": "new", "z": "new", "state.savepoints.dir": "s3://new"]),
      name: "basic", namespace: "ns")
    #expect(observed["kubernetes.operator.x"] == "new")
    #expect(observed["kubernetes.operator.y"] == nil)
    #expect(observed["z"] == "old")
    #expect(observed.savepointDirectory == "s3://new")
  }

  @Test func processMemoryIsTheSumThatFlinkMakes() throws {
    let mebibyte: Int64 = 1 << 20
    // 1024 + 256 metaspace = 1280; a tenth of the whole is 142, raised to 192.
    #expect(
      try ProcessMemory.jobManager(FlinkConfiguration(["jobmanager.memory.flink.size": "1g"])) == 1472 * mebibyte)
    #expect(try ProcessMemory.jobManager(FlinkConfiguration()) == nil)
    // 512 + 512 + 128 + 128 = 1280; network is a ninth of it, 142; overhead a ninth of 1422 + 256, raised to 192.
    let taskManager = try ProcessMemory.taskManager(
      FlinkConfiguration([
        "taskmanager.memory.task.heap.size": "512m", "taskmanager.memory.managed.size": "512m",
      ]), flinkVersion: .v1_20)
    let expected: Int64 = 1280 + 142 + 256 + 192
    #expect(taskManager.map { $0 / mebibyte } == expected)
  }

  @Test func listsAndMapsAreReadInBothNotations() {
    let configuration = FlinkConfiguration(["l": "a;b", "y": "[a, 'b']", "m": "a:1,b:'x,y'", "n": "{a: 1}"])
    #expect(configuration.list("l") == ["a", "b"])
    #expect(configuration.list("y") == ["a", "b"])
    #expect(configuration.map("m") == ["a": "1", "b": "x,y"])
    #expect(configuration.map("n") == ["a": "1"])
  }
}
