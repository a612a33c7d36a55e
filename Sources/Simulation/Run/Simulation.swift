import FlinkController
import FlinkModel
import InMemoryKubernetes
import KubernetesAPI
public import Lifecycle
public import Logging

/// What one run has shown.
public struct SimulationOutcome: Sendable {
  /// The operator's changing calls in order.
  public let calls: [String]
  /// Of each of them, what faults can apply.
  public let contexts: [FaultKind.Context]
  /// The number of the operator's reading calls.
  public let reads: Int
  /// Broken invariants, and failures of the simulation itself.
  public let violations: [String]
  public let end: EndState
  public let turns: Int
  /// How many of the calls came after the last action of the scenario.
  public let callsSinceLastAction: Int
}

/// Runs the operator's own controller and core in a simulated world, on virtual time and one thread: equal scenarios and
/// plans give equal runs.
public enum Simulation {
  public static func run(
    _ scenario: Scenario, _ plan: FaultPlan = .none, guards: Guards = .all,
    logger: Logger = Logger(label: "simulation", factory: { _ in SwiftLogNoOpLogHandler() })
  ) async -> SimulationOutcome {
    let world = SimulatedWorld(plan: plan)
    prepare(world)
    let run = SimulationRun(world: world, scenario: scenario.shifted(by: plan.shift), guards: guards, logger: logger)
    return await run.run()
  }

  private static func prepare(_ world: SimulatedWorld) {
    world.with { state in
      _ = state.must(
        .create(
          .serviceAccounts, SimulatedWorld.namespace,
          ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "flink"]]))
      _ = state.must(.create(.customResourceDefinitions, nil, definition))
    }
  }

  private static let definition: JSONValue = [
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": ["name": "flinkdeployments.flink.apache.org"],
    "spec": [
      "group": "flink.apache.org", "scope": "Namespaced",
      "names": [
        "plural": "flinkdeployments", "singular": "flinkdeployment", "kind": "FlinkDeployment",
        "listKind": "FlinkDeploymentList",
      ],
      "versions": [
        [
          "name": "v1beta1", "served": true, "storage": true, "subresources": ["status": [:]],
          "schema": ["openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]],
        ]
      ],
    ],
  ]

  /// As backup tools do it: the object anew, and then its status.
  private static func restoreBackup(_ state: inout SimulatedWorld.State) {
    guard let backup = state.backup, let spec = backup["spec"], let status = backup["status"] else { return }
    let namespace = SimulatedWorld.namespace
    _ = state.must(
      .create(
        .flinkDeployments, namespace,
        [
          "apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment",
          "metadata": ["name": "demo", "namespace": .string(namespace)], "spec": spec,
        ]))
    _ = state.must(.patch(.flinkDeployments, namespace, "demo", "status", .merge(["status": status])))
    // What the resource before it had after the backup nobody can know.
    state.forget("demo")
    state.oracle.given.subtract(state.flink.storage.keys.filter { status.text.contains($0) })
    state.oracle.hadState.insert("demo")
  }

  static func perform(_ action: Scenario.Action, _ state: inout SimulatedWorld.State) {
    let namespace = SimulatedWorld.namespace
    defer { state.noteModes() }
    switch action {
    case .apply(let object):
      // After a delete the name may not be free yet: whoever applies tries again.
      if state.request(.create(.flinkDeployments, namespace, object)) == nil {
        state.pending.append(object)
      } else {
        state.forget(object["metadata", "name"]?.stringValue ?? "")
      }
    case .edit(let patch):
      _ = state.must(.patch(.flinkDeployments, namespace, "demo", nil, .merge(patch)))
    case .delete:
      state.request(.delete(.flinkDeployments, namespace, "demo"))
    case .removeDeployment(let name):
      state.oracle.lost.insert(name)
      state.request(.delete(.deployments, namespace, name, DeleteOptions(propagation: .background)))
    case .create(let type, let object):
      state.request(.create(type, namespace, object))
    case .remove(let type, let name):
      state.request(.delete(type, namespace, name, DeleteOptions(propagation: .background)))
    case .endJob(let end): state.flink.endJob(of: "demo", end, at: state.now)
    case .stopJob: state.flink.stopJob(of: "demo", at: state.now)
    case .failSavepoints(let count):
      state.flink.failingSavepoints = count
    case .putSavepoint(let path, let count):
      state.flink.put(path, count: count)
    case .restartManagers: state.node.restartsManagers = true
    case .backUp: state.backup = state.resource("demo")
    case .restoreBackup: restoreBackup(&state)
    case .restartOperator: break
    }
  }
}
