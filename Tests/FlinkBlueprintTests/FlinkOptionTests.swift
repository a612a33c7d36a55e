import FlinkBlueprint
import FlinkModel
import KubernetesAPI
import Testing

/// Flink's own options for Kubernetes, in both modes. In native mode Flink makes the TaskManagers from the same options,
/// which it finds in its configuration.
@Suite struct FlinkOptionTests {
  private func objects(
    _ mode: DeploymentMode, _ keys: [String: String], _ edit: (inout JSONValue) -> Void = { _ in }
  ) throws -> ClusterObjects {
    try RenderCase(manifest: "basic-1.20", version: .v1_20, mode: mode).objects { spec in
      for (key, value) in keys { spec.set(.string(value), at: ["flinkConfiguration", key]) }
      edit(&spec)
    }
  }

  private func pod(_ deployment: JSONValue?) -> JSONValue { deployment?["spec", "template", "spec"] ?? .null }

  private func main(_ deployment: JSONValue?) -> JSONValue {
    pod(deployment)["containers"]?.arrayValue?.first { $0["name"] == "flink-main-container" } ?? .null
  }

  private func environment(_ deployment: JSONValue?, _ name: String) -> JSONValue? {
    main(deployment)["env"]?.arrayValue?.first { $0["name"]?.stringValue == name }
  }

  /// Both managers' Deployments, of which a native cluster has one.
  private func managers(_ objects: ClusterObjects) -> [JSONValue] {
    [objects.jobManager, objects.taskManager].compactMap { $0 }
  }

  @Test(arguments: [DeploymentMode.native, .standalone])
  func imagesAreTakenAsSaid(_ mode: DeploymentMode) throws {
    let objects = try objects(
      mode,
      [
        "kubernetes.container.image.pull-policy": "Never", "kubernetes.container.image.pull-secrets": "one;two",
        "kubernetes.entry.path": "/entry.sh", "kubernetes.flink.conf.dir": "/conf",
      ])
    for manager in managers(objects) {
      #expect(main(manager)["imagePullPolicy"] == "Never")
      #expect(pod(manager)["imagePullSecrets"] == [["name": "one"], ["name": "two"]])
      #expect(main(manager)["command"] == ["/entry.sh"])
      let mounts = main(manager)["volumeMounts"]?.arrayValue ?? []
      #expect(mounts.contains { $0["name"] == "flink-config-volume" && $0["mountPath"] == "/conf" })
    }
  }

  @Test(arguments: [DeploymentMode.native, .standalone])
  func eachComponentHasItsPlaceAndItsNames(_ mode: DeploymentMode) throws {
    var keys: [String: String] = [:]
    for component in ["jobmanager", "taskmanager"] {
      keys["kubernetes.\(component).service-account"] = "\(component)-account"
      keys["kubernetes.\(component).node-selector"] = "disk:\(component),zone:a"
      keys["kubernetes.\(component).tolerations"] =
        "key:dedicated,operator:Equal,value:\(component),effect:NoExecute,tolerationSeconds:60"
      keys["kubernetes.\(component).labels"] = "team:\(component)"
      keys["kubernetes.\(component).annotations"] = "note:\(component)"
    }
    let objects = try objects(mode, keys)
    #expect(managers(objects).count == (mode == .native ? 1 : 2))
    for (manager, component) in zip(managers(objects), ["jobmanager", "taskmanager"]) {
      let name = JSONValue.string(component)
      #expect(pod(manager)["serviceAccountName"]?.stringValue == "\(component)-account")
      #expect(pod(manager)["nodeSelector"] == ["disk": name, "zone": "a"])
      #expect(
        pod(manager)["tolerations"] == [
          [
            "effect": "NoExecute", "key": "dedicated", "operator": "Equal", "value": name, "tolerationSeconds": 60,
          ]
        ])
      #expect(manager["spec", "template", "metadata", "labels"]?["team"] == name)
      #expect(manager["spec", "template", "metadata", "annotations"]?["note"] == name)
    }
  }

  @Test(arguments: [DeploymentMode.native, .standalone])
  func limitsAreRequestsTimesTheirFactors(_ mode: DeploymentMode) throws {
    var keys: [String: String] = [:]
    for component in ["jobmanager", "taskmanager"] {
      keys["kubernetes.\(component).cpu.limit-factor"] = "1.5"
      keys["kubernetes.\(component).memory.limit-factor"] = "2"
    }
    let resource: JSONValue = ["resource": ["cpu": 2, "memory": "1g"]]
    let objects = try objects(mode, keys) {
      $0.set(resource, at: ["jobManager"])
      $0.set(resource, at: ["taskManager"])
    }
    for manager in managers(objects) {
      #expect(main(manager)["resources", "requests"] == ["cpu": "2", "memory": "1024Mi"])
      #expect(main(manager)["resources", "limits"] == ["cpu": "3", "memory": "2048Mi"])
    }
  }

  @Test(arguments: [
    ("ClusterIP", "ClusterIP", nil), ("NodePort", "NodePort", nil), ("LoadBalancer", "LoadBalancer", nil),
    ("Headless_ClusterIP", "ClusterIP", "None"),
  ])
  func theServiceIsExposedAsSaid(_ word: String, _ type: String, _ address: String?) throws {
    for mode in [DeploymentMode.native, .standalone] {
      let objects = try objects(
        mode,
        [
          "kubernetes.rest-service.exposed.type": word, "kubernetes.rest-service.annotations": "a:rest",
          "kubernetes.internal-service.annotations": "a:internal",
        ])
      #expect(objects.restService["spec", "type"]?.stringValue == type)
      #expect(objects.restService["spec", "clusterIP"]?.stringValue == address)
      #expect(objects.restService["metadata", "annotations"]?["a"] == "rest")
      #expect(objects.internalService?["metadata", "annotations"]?["a"] == "internal")
    }
  }

  @Test(arguments: [DeploymentMode.native, .standalone])
  func secretsAndHadoopsConfigurationAreMounted(_ mode: DeploymentMode) throws {
    let objects = try objects(
      mode,
      [
        "kubernetes.secrets": "keys:/etc/keys", "kubernetes.hadoop.conf.config-map.name": "hadoop",
        "kubernetes.env.secretKeyRef": "env:PASSWORD,secret:db,key:word",
      ])
    for manager in managers(objects) {
      let volumes = pod(manager)["volumes"]?.arrayValue ?? []
      let mounts = main(manager)["volumeMounts"]?.arrayValue ?? []
      #expect(volumes.contains(["name": "keys-volume", "secret": ["secretName": "keys"]]))
      #expect(mounts.contains(["name": "keys-volume", "mountPath": "/etc/keys"]))
      #expect(volumes.contains(["name": "hadoop-config-volume", "configMap": ["name": "hadoop"]]))
      #expect(mounts.contains(["name": "hadoop-config-volume", "mountPath": "/opt/hadoop/conf"]))
      #expect(environment(manager, "HADOOP_CONF_DIR")?["value"] == "/opt/hadoop/conf")
      #expect(
        environment(manager, "PASSWORD")?["valueFrom"] == ["secretKeyRef": ["name": "db", "key": "word"]])
    }
  }

  @Test func variablesAreTheComponents() throws {
    let objects = try objects(
      .standalone, ["containerized.master.env.MODE": "jm", "containerized.taskmanager.env.MODE": "tm"])
    #expect(environment(objects.jobManager, "MODE")?["value"] == "jm")
    #expect(environment(objects.taskManager, "MODE")?["value"] == "tm")
  }

  @Test func devicesAreAskedFor() throws {
    let keys = [
      "external-resources": "gpu;fpga;none", "external-resource.gpu.amount": "2",
      "external-resource.gpu.kubernetes.config-key": "nvidia.com/gpu",
      // Not known to Kubernetes.
      "external-resource.fpga.amount": "1",
    ]
    let standalone = try objects(.standalone, keys)
    for section in ["requests", "limits"] {
      let resources = main(standalone.taskManager)["resources"]?[section]?.objectValue
      #expect(resources?["nvidia.com/gpu"] == "2")
      #expect(resources?.members.count == 3)
    }
    #expect(main(standalone.jobManager)["resources", "limits"]?["nvidia.com/gpu"] == nil)
    #expect(throws: BlueprintError.self) {
      try objects(.standalone, keys.merging(["external-resource.gpu.amount": "many"]) { $1 })
    }
  }

  // covers: spec.jobManager.resources.claims, spec.taskManager.resources.claims
  @Test func claimsOfDevicesAreHandedOn() throws {
    let claims: JSONValue = [["name": "accelerator", "request": "one"]]
    let objects = try objects(.standalone, [:]) {
      $0.set(["resources": ["claims": claims, "limits": ["memory": "1Gi"]]], at: ["jobManager"])
      $0.set(["resources": ["claims": claims, "limits": ["memory": "2Gi"]]], at: ["taskManager"])
    }
    for manager in managers(objects) { #expect(main(manager)["resources", "claims"] == claims) }
    let native = try self.objects(.native, [:]) {
      $0.set(["resources": ["claims": claims, "limits": ["memory": "2Gi"]]], at: ["taskManager"])
    }
    #expect(native.podTemplate?["data"]?["taskmanager-pod-template.yaml"]?.stringValue?.contains("accelerator") == true)
  }

  // covers: spec.taskManager.resource.cpu, spec.jobManager.replicas
  @Test func sizesAndNumbersAreTheSpecs() throws {
    let objects = try objects(
      .standalone, ["high-availability.type": "kubernetes", "high-availability.storageDir": "s3://b/ha"]
    ) {
      $0.set(["resource": ["cpu": 0.5, "memory": "1g"], "replicas": 2], at: ["jobManager"])
      $0.set(["resource": ["cpu": 1.25, "memory": "2g"]], at: ["taskManager"])
    }
    #expect(main(objects.taskManager)["resources", "requests"] == ["cpu": "1250m", "memory": "2048Mi"])
    #expect(main(objects.jobManager)["resources", "requests"] == ["cpu": "500m", "memory": "1024Mi"])
    #expect(objects.jobManager["spec", "replicas"] == 2)
  }

  @Test func ownersAreTheResource() throws {
    // What the configuration says of owners gives way, as with the Apache operator.
    let objects = try objects(
      .native,
      [
        "kubernetes.jobmanager.owner.reference":
          "apiVersion:v1,kind:Pod,name:x,uid:1,controller:false,blockOwnerDeletion:false"
      ])
    for (_, object) in objects.inCreationOrder {
      let owners = object["metadata", "ownerReferences"]?.arrayValue ?? []
      #expect(owners.map { $0["uid"] } == ["uid-1"] && owners.map { $0["kind"] } == ["FlinkDeployment"])
    }
  }
}
