import FlinkModel
import KubernetesAPI
import Lifecycle
import Logging
import Testing

@testable import FlinkController

@Suite struct DeletionPropagationTests {
  // covers: kubernetes.operator.resource.deletion.propagation
  @Test(arguments: [
    (nil, PropagationPolicy.background), ("Foreground", .foreground), ("background", .background),
    // It would leave the pods of a native cluster behind.
    ("Orphan", .background),
  ])
  func deploymentsAreDeletedAsConfigured(_ word: String?, _ policy: PropagationPolicy) async throws {
    var keys: [String: String] = [:]
    keys["kubernetes.operator.resource.deletion.propagation"] = word
    let kubernetes = DeletionsOnly()
    let reconciler = FlinkDeploymentReconciler(
      kubernetes: kubernetes, flink: NoFlink(), resolver: NoFlink(),
      settings: try OperatorSettings(OperatorDefaults(keys)), logger: Logger(label: "test"), recordEvent: { _ in })
    let deployments = [
      ObjectIdentity(name: "demo", uid: "uid-1"), ObjectIdentity(name: "demo-taskmanager", uid: "uid-2"),
    ]
    let result = await reconciler.perform(
      .deleteDeployments(deployments, operationID: "op"), ObjectMetadata(name: "demo", namespace: "default"))
    #expect(result == .succeeded)
    #expect(
      kubernetes.deletions == ["uid-1", "uid-2"].map { DeleteOptions(uid: $0, propagation: policy) })
  }

  @Test func anotherWordIsNamed() {
    let error = #expect(throws: InvalidField.self) {
      try OperatorSettings(OperatorDefaults(["kubernetes.operator.resource.deletion.propagation": "Sideways"]))
    }
    #expect(error?.description.contains("Foreground, Background or Orphan") == true)
  }
}
