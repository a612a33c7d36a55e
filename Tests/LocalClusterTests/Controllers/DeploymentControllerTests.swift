import KubernetesAPI
import Testing

@testable import LocalCluster

@Suite struct DeploymentControllerTests {
  static func deployment(
    replicas: Int = 2, image: String = "app:1", strategy: JSONValue = ["type": "Recreate"], extra: JSONValue = [:]
  ) -> JSONValue {
    var spec: JSONValue = [
      "replicas": JSONValue(replicas), "selector": ["matchLabels": ["app": "web"]],
      "template": [
        "metadata": ["labels": ["app": "web"]],
        "spec": ["containers": [["name": "main", "image": .string(image)]], "nodeName": "node"],
      ], "strategy": strategy, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
    ]
    for (name, value) in extra.objectValue ?? [:] { spec[name] = value }
    return ["metadata": ["name": "web"], "spec": spec]
  }

  static let rolling: JSONValue = ["type": "RollingUpdate", "rollingUpdate": ["maxSurge": 1, "maxUnavailable": 0]]

  static func bed() -> ControllerBed { ControllerBed(controllers: [.deployment, .replicaSet, .garbageCollector]) }

  private func condition(_ bed: ControllerBed, _ type: String) -> JSONValue? {
    ConditionList(bed.get(.deployments, "web")?["status", "conditions"])[type]
  }

  @Test func makesOneReplicaSetAndItsPods() throws {
    var bed = Self.bed()
    bed.add(.deployments, Self.deployment())
    bed.settle()

    let sets = bed.all(.replicaSets)
    try #require(sets.count == 1)
    let hash = try #require(sets[0].metadata.labels["pod-template-hash"])
    #expect(sets[0].metadata.name == "web-\(hash)")
    #expect(sets[0].metadata.annotations["deployment.kubernetes.io/revision"] == "1")
    #expect(sets[0].metadata.annotations["deployment.kubernetes.io/desired-replicas"] == "2")
    #expect(bed.pods.count == 2)
    for pod in bed.pods {
      #expect(pod.metadata.labels == ["app": "web", "pod-template-hash": hash])
      #expect(pod.metadata.ownerReferences.first?.uid == sets[0].metadata.uid)
    }
    let status = try #require(bed.get(.deployments, "web")?["status"])
    #expect(status["replicas"] == 2)
    #expect(status["unavailableReplicas"] == 2)
    #expect(status["observedGeneration"] == 1)
    #expect(status["readyReplicas"] == nil)
    #expect(condition(bed, "Available")?["status"] == "False")
    #expect(condition(bed, "Progressing")?["reason"] == "ReplicaSetUpdated")
    #expect(bed.get(.deployments, "web")?["metadata", "annotations"]?["deployment.kubernetes.io/revision"] == "1")
  }

  @Test func isCompleteWhenAllPodsAreReadyAndThenWritesNothing() throws {
    var bed = Self.bed()
    bed.add(.deployments, Self.deployment())
    bed.settle()
    for pod in bed.pods { bed.makeReady(pod) }
    bed.settle()
    let status = try #require(bed.get(.deployments, "web")?["status"])
    #expect(status["availableReplicas"] == 2)
    #expect(status["unavailableReplicas"] == nil)
    #expect(condition(bed, "Progressing")?["reason"] == "NewReplicaSetAvailable")
    #expect(condition(bed, "Available")?["status"] == "True")
    for item in [("web", ControllerName.deployment)] {
      bed.machine.enqueue(ControllerItem(controller: item.1, key: ObjectKey(namespace: "ns", name: item.0)))
    }
    #expect(bed.settle().isEmpty)
  }

  @Test func makesNoSecondPodWhileTheWatchLags() {
    var bed = Self.bed()
    bed.holdsEvents = true
    bed.add(.deployments, Self.deployment())
    bed.deliver()
    bed.settle()
    let set = bed.all(.replicaSets)[0]
    bed.machine.enqueue(ControllerItem(controller: .replicaSet, key: set.key))
    bed.settle()
    #expect(bed.pods.count == 2)
    bed.deliver()
    bed.settle()
    #expect(bed.pods.count == 2)
  }

  @Test func replacesPodsThatEndOrGo() {
    var bed = Self.bed()
    bed.add(.deployments, Self.deployment())
    bed.settle()
    let former = bed.pods
    bed.change(.pods, former[0].metadata.name, ["status": ["phase": "Failed"]])
    bed.remove(.pods, former[1].metadata.name)
    bed.settle()
    let running = bed.pods.filter { PodState($0).isActive }
    #expect(running.count == 2)
    #expect(Set(running.map(\.metadata.uid)).isDisjoint(with: former.map(\.metadata.uid)))
  }

  @Test func recreateStartsNothingNewBeforeTheLastOldPodIsGone() {
    var bed = Self.bed()
    bed.add(.deployments, Self.deployment())
    bed.settle()
    let old = bed.pods
    bed.change(.deployments, "web", ["spec": Self.deployment(image: "app:2")["spec"] ?? .null])
    bed.settle()
    #expect(bed.pods.count == 2)
    #expect(bed.pods.allSatisfy { $0.metadata.isBeingDeleted })
    bed.remove(.pods, old[0].metadata.name)
    bed.settle()
    #expect(bed.pods.count == 1)
    #expect(bed.all(.replicaSets).count == 1)
    bed.remove(.pods, old[1].metadata.name)
    bed.settle()
    #expect(bed.pods.count == 2)
    #expect(bed.pods.allSatisfy { $0.json["spec", "containers"]?.arrayValue?[0]["image"] == "app:2" })
    #expect(bed.get(.deployments, "web")?["metadata", "annotations"]?["deployment.kubernetes.io/revision"] == "2")
  }

  @Test func aRollingUpdateKeepsItsLimits() {
    var bed = Self.bed()
    bed.add(.deployments, Self.deployment(replicas: 3, strategy: Self.rolling))
    bed.settle()
    for pod in bed.pods { bed.makeReady(pod) }
    bed.settle()
    bed.change(
      .deployments, "web",
      ["spec": Self.deployment(replicas: 3, image: "app:2", strategy: Self.rolling)["spec"] ?? .null])
    for _ in 0..<20 {
      bed.settle { bed in
        let active = bed.pods.filter { PodState($0).isActive }
        // The limit is on what is asked for: pods of a ReplicaSet scaled down may take a moment to go.
        #expect(bed.all(.replicaSets).reduce(0) { $0 + ReplicaSetState($1).replicas } <= 4)
        #expect(active.count { PodState($0).isReady } >= 3)
      }
      for pod in bed.pods {
        if pod.metadata.isBeingDeleted {
          bed.remove(.pods, pod.metadata.name)
        } else if !PodState(pod).isReady {
          bed.makeReady(pod)
        }
      }
    }
    #expect(bed.pods.count == 3)
    #expect(bed.pods.allSatisfy { $0.json["spec", "containers"]?.arrayValue?[0]["image"] == "app:2" })
    #expect(condition(bed, "Progressing")?["reason"] == "NewReplicaSetAvailable")
  }

  @Test func scalesToZeroAndBack() {
    var bed = Self.bed()
    bed.add(.deployments, Self.deployment())
    bed.settle()
    bed.change(.deployments, "web", ["spec": ["replicas": 0]])
    bed.settle()
    #expect(bed.pods.allSatisfy { $0.metadata.isBeingDeleted })
    for pod in bed.pods { bed.remove(.pods, pod.metadata.name) }
    bed.settle()
    let status = bed.get(.deployments, "web")?["status"]
    #expect(status?["observedGeneration"] == 2)
    #expect(status?["replicas"] == nil)
    bed.change(.deployments, "web", ["spec": ["replicas": 3]])
    bed.settle()
    #expect(bed.pods.count == 3)
    #expect(bed.all(.replicaSets).count == 1)
  }

  @Test func saysWhyPodsCannotBeMade() {
    var bed = Self.bed()
    bed.podRefusal = APIStatus(code: 403, reason: "Forbidden", message: "pods \"web-\" is forbidden: no quota")
    bed.add(.deployments, Self.deployment())
    bed.settle()
    let set = bed.all(.replicaSets)[0]
    bed.machine.enqueue(ControllerItem(controller: .replicaSet, key: set.key))
    bed.settle()
    #expect(condition(bed, "ReplicaFailure")?["message"] == "pods \"web-\" is forbidden: no quota")
    #expect(condition(bed, "ReplicaFailure")?["reason"] == "FailedCreate")
    bed.podRefusal = nil
    bed.machine.enqueue(ControllerItem(controller: .replicaSet, key: set.key))
    bed.settle()
    #expect(bed.pods.count == 2)
    #expect(condition(bed, "ReplicaFailure") == nil)
  }

  @Test func timesOutWithoutProgress() throws {
    var bed = Self.bed()
    bed.add(.deployments, Self.deployment(extra: ["progressDeadlineSeconds": 2]))
    bed.settle()
    let item = ControllerItem(controller: .deployment, key: ObjectKey(namespace: "ns", name: "web"))
    let wake = try #require(bed.wakes[item])
    bed.now = wake
    bed.machine.enqueue(item)
    bed.settle()
    #expect(condition(bed, "Progressing")?["status"] == "False")
    #expect(condition(bed, "Progressing")?["reason"] == "ProgressDeadlineExceeded")
    for pod in bed.pods { bed.makeReady(pod) }
    bed.settle()
    #expect(condition(bed, "Progressing")?["reason"] == "NewReplicaSetAvailable")
  }

  @Test func aPausedDeploymentWaits() {
    var bed = Self.bed()
    bed.add(.deployments, Self.deployment(extra: ["paused": true]))
    bed.settle()
    #expect(bed.all(.replicaSets).isEmpty)
    #expect(condition(bed, "Progressing")?["reason"] == "DeploymentPaused")
    bed.change(.deployments, "web", ["spec": ["paused": false]])
    bed.settle()
    #expect(bed.pods.count == 2)
  }

  @Test func keepsAsManyOldReplicaSetsAsAsked() {
    var bed = Self.bed()
    let zero: (String) -> JSONValue = {
      Self.deployment(replicas: 0, image: $0, extra: ["revisionHistoryLimit": 1])
    }
    bed.add(.deployments, zero("app:1"))
    bed.settle()
    for number in 2...4 {
      bed.change(.deployments, "web", ["spec": zero("app:\(number)")["spec"] ?? .null])
      bed.settle()
    }
    #expect(bed.all(.replicaSets).count == 2)
    // Going back to a template that is still there takes up its ReplicaSet again.
    bed.change(.deployments, "web", ["spec": zero("app:3")["spec"] ?? .null])
    bed.settle()
    #expect(bed.all(.replicaSets).count == 2)
    #expect(bed.get(.deployments, "web")?["metadata", "annotations"]?["deployment.kubernetes.io/revision"] == "5")
  }

  @Test func waitsForMinReadySeconds() throws {
    var bed = Self.bed()
    bed.add(.deployments, Self.deployment(replicas: 1, extra: ["minReadySeconds": 10]))
    bed.settle()
    bed.makeReady(bed.pods[0])
    bed.settle()
    #expect(bed.get(.deployments, "web")?["status", "readyReplicas"] == 1)
    #expect(bed.get(.deployments, "web")?["status", "availableReplicas"] == nil)
    let item = ControllerItem(controller: .replicaSet, key: bed.all(.replicaSets)[0].key)
    bed.now = try #require(bed.wakes[item])
    bed.machine.enqueue(item)
    bed.settle()
    #expect(bed.get(.deployments, "web")?["status", "availableReplicas"] == 1)
  }

  @Test func adoptsPodsThatMatchAndBelongToNobody() {
    var bed = Self.bed()
    bed.add(.deployments, Self.deployment())
    bed.settle()
    let set = bed.all(.replicaSets)[0]
    let pod = bed.pods[0]
    bed.change(.pods, pod.metadata.name, ["metadata": ["ownerReferences": .null]])
    bed.settle()
    #expect(bed.pods.count == 2)
    #expect(bed.pods.allSatisfy { $0.metadata.isOwned(by: set.metadata.uid) })
  }
}
