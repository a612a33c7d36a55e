import KubernetesAPI
import Testing

@testable import LocalCluster

@Suite struct AgentEnvironmentTests {
  @Test(arguments: [
    ("$(A)", "1"), ("x$(A)y$(B)", "x1y2"), ("$$(A)", "$(A)"), ("$(NONE)", "$(NONE)"), ("$A", "$A"), ("$(A", "$(A"),
    ("$$$(A)", "$1"), ("100%$", "100%$"), ("", ""),
  ])
  func variablesExpandByKubernetesRules(text: String, expected: String) {
    #expect(VariableExpansion.expand(text) { ["A": "1", "B": "2"][$0] } == expected)
  }

  private func pod(_ container: JSONValue) -> PodSpecification {
    PodSpecification(
      KubernetesObject([
        "metadata": ["name": "p", "namespace": "ns", "uid": "u", "labels": ["app": "demo"]],
        "spec": ["nodeName": "n", "containers": [container]],
      ]))
  }

  private func environment(
    _ container: JSONValue, sources: EnvironmentSources = EnvironmentSources()
  ) throws -> [String: String] {
    let pod = pod(container)
    let fields = DownwardFields(pod: pod, podAddress: "127.1.1.1", nodeAddress: "127.1.0.1")
    return try ContainerEnvironment(try #require(pod.containers.first), fields: fields, base: [:], sources: sources)
      .values
  }

  @Test func fieldsResourcesAndReferencesAreFilledIn() throws {
    var sources = EnvironmentSources()
    sources.values = ["configmap/c": ["k": "v"], "secret/s": ["t": "hidden"]]
    let values = try environment(
      [
        "name": "main", "resources": ["limits": ["memory": "1Gi", "cpu": "1500m"]],
        "envFrom": [["prefix": "P_", "configMapRef": ["name": "c"]]],
        "env": [
          ["name": "IP", "valueFrom": ["fieldRef": ["fieldPath": "status.podIP"]]],
          ["name": "LABEL", "valueFrom": ["fieldRef": ["fieldPath": "metadata.labels['app']"]]],
          ["name": "MEMORY", "valueFrom": ["resourceFieldRef": ["resource": "limits.memory", "divisor": "1Mi"]]],
          ["name": "CPU", "valueFrom": ["resourceFieldRef": ["resource": "limits.cpu"]]],
          ["name": "SECRET", "valueFrom": ["secretKeyRef": ["name": "s", "key": "t"]]],
          ["name": "OPTIONAL", "valueFrom": ["configMapKeyRef": ["name": "c", "key": "none", "optional": true]]],
          ["name": "ALL", "value": "$(IP)/$(P_k)/$(LATER)"], ["name": "LATER", "value": "x"],
        ],
      ], sources: sources)
    #expect(
      values == [
        "P_k": "v", "IP": "127.1.1.1", "LABEL": "demo", "MEMORY": "1024", "CPU": "2", "SECRET": "hidden",
        "ALL": "127.1.1.1/v/$(LATER)", "LATER": "x",
      ])
  }

  @Test func aMissingObjectOrKeyIsNamed() {
    let reference: JSONValue = ["configMapKeyRef": ["name": "c", "key": "k"]]
    let container: JSONValue = ["name": "main", "env": [["name": "A", "valueFrom": reference]]]
    #expect(throws: ContainerConfigurationError(message: "configmap \"c\" not found")) {
      try environment(container)
    }
    var sources = EnvironmentSources()
    sources.values = ["configmap/c": [:]]
    #expect(throws: ContainerConfigurationError(message: "couldn't find key k in ConfigMap ns/c")) {
      try environment(container, sources: sources)
    }
  }
}
