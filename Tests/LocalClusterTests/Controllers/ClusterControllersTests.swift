import KubernetesAPI
import Testing

@testable import LocalCluster

@Suite struct EndpointsControllerTests {
  private func pod(_ name: String) -> JSONValue {
    [
      "metadata": ["name": .string(name), "labels": ["app": "e"]],
      "spec": [
        "nodeName": "node", "containers": [["name": "c", "ports": [["name": "web", "containerPort": 8080]]]],
      ],
    ]
  }

  private let service: JSONValue = [
    "metadata": ["name": "svc", "labels": ["l": "1"]],
    "spec": ["selector": ["app": "e"], "ports": [["name": "http", "port": 80, "targetPort": "web"]]],
  ]

  @Test func followsThePodsOfAService() throws {
    var bed = ControllerBed(controllers: [.endpoints])
    let first = bed.add(.pods, pod("p1"))
    bed.add(.services, service)
    bed.settle()
    let slice = try #require(bed.all(.endpointSlices).first)
    #expect(slice.json["endpoints"] == [])
    #expect(slice.metadata.labels["kubernetes.io/service-name"] == "svc")
    #expect(slice.metadata.labels["l"] == "1")

    bed.makeReady(first, address: "10.30.0.1")
    bed.add(.pods, pod("p2"))
    bed.change(.pods, "p2", ["status": ["phase": "Running", "podIP": "10.30.0.2"]])
    bed.settle()
    let endpoints = try #require(bed.all(.endpointSlices).first?.json["endpoints"]?.arrayValue)
    #expect(endpoints.map { $0["conditions", "ready"] } == [true, false])
    #expect(bed.all(.endpointSlices)[0].json["ports"] == [["name": "http", "protocol": "TCP", "port": 8080]])
    let subset = try #require(bed.get(.endpoints, "svc")?["subsets"]?.arrayValue?.first)
    #expect(subset["addresses"]?.arrayValue?.map { $0["ip"] } == ["10.30.0.1"])
    #expect(subset["notReadyAddresses"]?.arrayValue?.map { $0["ip"] } == ["10.30.0.2"])

    bed.change(.pods, "p1", ["metadata": ["deletionTimestamp": "2026-01-01T00:00:00Z"]])
    bed.settle()
    let leaving = bed.all(.endpointSlices)[0].json["endpoints"]?.arrayValue?.first
    #expect(leaving?["conditions"] == ["ready": false, "serving": true, "terminating": true])

    bed.remove(.services, "svc")
    bed.settle()
    #expect(bed.get(.endpoints, "svc") == nil)
  }

  @Test func publishesPodsThatAreNotReadyWhereAsked() {
    var bed = ControllerBed(controllers: [.endpoints])
    var headless = service
    headless.set("None", at: ["spec", "clusterIP"])
    headless.set(true, at: ["spec", "publishNotReadyAddresses"])
    bed.add(.services, headless)
    bed.add(.pods, pod("p1"))
    bed.change(.pods, "p1", ["status": ["phase": "Running", "podIP": "10.30.0.1"]])
    bed.settle()
    let endpoint = bed.all(.endpointSlices)[0].json["endpoints"]?.arrayValue?.first
    #expect(endpoint?["conditions", "ready"] == true)
    #expect(endpoint?["conditions", "serving"] == false)
    #expect(bed.all(.endpointSlices)[0].metadata.labels["service.kubernetes.io/headless"] == "")
  }

  @Test func leavesServicesWithoutSelectorAlone() {
    var bed = ControllerBed(controllers: [.endpoints])
    bed.add(.services, ["metadata": ["name": "svc"], "spec": ["ports": [["port": 80]]]])
    #expect(bed.settle().isEmpty)
  }
}

@Suite struct NamespaceControllerTests {
  private let namespace: JSONValue = ["metadata": ["name": "ns"], "spec": ["finalizers": ["kubernetes"]]]

  @Test func putsInWhatEveryNamespaceHas() {
    var bed = ControllerBed(controllers: [.namespace])
    bed.add(.namespaces, namespace)
    bed.settle()
    #expect(bed.get(.serviceAccounts, "default") != nil)
    #expect(bed.get(.configMaps, "kube-root-ca.crt")?["data", "ca.crt"] == "PEM")
    bed.remove(.serviceAccounts, "default")
    bed.change(.configMaps, "kube-root-ca.crt", ["data": ["ca.crt": "changed"]])
    bed.settle()
    #expect(bed.get(.serviceAccounts, "default") != nil)
    #expect(bed.get(.configMaps, "kube-root-ca.crt")?["data", "ca.crt"] == "PEM")
  }

  @Test func emptiesANamespaceBeforeItGoes() {
    var bed = ControllerBed(controllers: [.namespace])
    bed.add(.namespaces, namespace)
    bed.add(.configMaps, ["metadata": ["name": "held", "finalizers": ["example.com/hold"]]])
    bed.add(.leases, ["metadata": ["name": "free"]])
    bed.add(.leases, ["metadata": ["name": "elsewhere"]], namespace: "other")
    bed.settle()
    bed.change(.namespaces, "ns", ["metadata": ["deletionTimestamp": "2026-01-01T00:00:00Z"]])
    bed.settle()
    #expect(bed.get(.leases, "free") == nil)
    #expect(bed.get(.serviceAccounts, "default") == nil)
    let conditions = ConditionList(bed.get(.namespaces, "ns")?["status", "conditions"])
    #expect(conditions["NamespaceContentRemaining"]?["status"] == "True")
    #expect(conditions["NamespaceFinalizersRemaining"]?["reason"] == "SomeFinalizersRemain")
    bed.remove(.configMaps, "held")
    bed.settle()
    #expect(bed.get(.namespaces, "ns") == nil)
    #expect(bed.get(.leases, "elsewhere", namespace: "other") != nil)
  }
}

@Suite struct SchedulerTests {
  private func node(ready: Bool) -> JSONValue {
    [
      "metadata": ["name": "node"],
      "status": ["conditions": [["type": "Ready", "status": .string(ready ? "True" : "False")]]],
    ]
  }

  @Test func bindsPodsOnceANodeIsReady() {
    var bed = ControllerBed(controllers: [.scheduler])
    bed.add(.pods, ["metadata": ["name": "p"], "spec": ["containers": []]])
    bed.add(.pods, ["metadata": ["name": "other"], "spec": ["schedulerName": "nobody", "containers": []]])
    bed.add(.nodes, node(ready: false))
    bed.settle()
    #expect(bed.get(.pods, "p")?["spec", "nodeName"] == nil)
    bed.change(.nodes, "node", node(ready: true))
    bed.settle()
    // It was made by hand: nobody there would run a pod.
    #expect(bed.get(.pods, "p")?["spec", "nodeName"] == nil)
    bed.add(.leases, ["metadata": ["name": "node"]], namespace: "kube-node-lease")
    bed.settle()
    #expect(bed.get(.pods, "p")?["spec", "nodeName"] == "node")
    #expect(bed.get(.pods, "other")?["spec", "nodeName"] == nil)
  }
}

@Suite struct ClaimProtectionTests {
  @Test func aClaimStaysWhileAPodUsesIt() {
    var bed = ControllerBed(controllers: [.claimProtection])
    let claims = ClaimProtectionController.claims
    bed.add(claims, ["metadata": ["name": "data", "finalizers": ["kubernetes.io/pvc-protection"]]])
    bed.add(
      .pods,
      [
        "metadata": ["name": "p"],
        "spec": ["volumes": [["name": "v", "persistentVolumeClaim": ["claimName": "data"]]]],
      ])
    bed.change(claims, "data", ["metadata": ["deletionTimestamp": "2026-01-01T00:00:00Z"]])
    bed.settle()
    #expect(bed.get(claims, "data") != nil)
    bed.remove(.pods, "p")
    bed.settle()
    #expect(bed.get(claims, "data") == nil)
  }
}
