import KubernetesAPI
import Lifecycle
import Testing

@testable import FlinkController

@Suite struct ObjectUpdateTests {
  private func existing(_ json: JSONValue) -> KubernetesObject {
    var json = json
    json["metadata"] = ["name": "x", "uid": "u", "resourceVersion": "3"]
    return KubernetesObject(json)
  }

  @Test func removesKeysThatAreNotWantedAnyMore() {
    let patch = FlinkDeploymentReconciler.update(
      existing(["data": ["a": "1", "b": "2"]]), to: ["metadata": ["labels": ["app": "x"]], "data": ["a": "3"]])
    #expect(patch["data"] == ["a": "3", "b": .null])
    #expect(patch["metadata", "uid"] == "u")
    #expect(patch["metadata", "resourceVersion"] == "3")
    #expect(patch["metadata", "labels"] == ["app": "x"])
  }

  @Test func leavesTheAddressOfAServiceAlone() {
    let patch = FlinkDeploymentReconciler.update(
      existing(["spec": ["clusterIP": "10.0.0.1"]]), to: ["spec": ["clusterIP": "None", "ports": []]])
    #expect(patch["spec"] == ["ports": []])
  }
}
