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
  /// The operator comes back so long after it has died, in milliseconds.
  static let restartDelay: Int64 = 1_500

  public static func run(
    _ scenario: Scenario, _ plan: FaultPlan = .none, guards: Guards = .all,
    logger: Logger = Logger(label: "simulation", factory: { _ in SwiftLogNoOpLogHandler() })
  ) async -> SimulationOutcome {
    let world = SimulatedWorld(plan: plan)
    prepare(world)
    let start = world.now
    let end = start + scenario.length * 1000
    var actions = scenario.actions[...]
    var settings = OperatorSettings()
    var life: SimulatedOperator? = SimulatedOperator(
      world: world, settings: settings, guards: guards, logger: logger)
    var restartAt: Int64?
    var callsAtLastAction = 0
    var turns = 0
    var quietFrom: Int?
    var stepsAtOnce = 0

    while world.now < end {
      var isBusy = false
      while let next = actions.first, world.now >= start + next.at * 1000 {
        actions.removeFirst()
        world.with { perform(next.action, &$0) }
        callsAtLastAction = world.with { $0.calls.count }
        if case .restartOperator(let defaults) = next.action {
          do {
            settings = try OperatorSettings(OperatorDefaults(defaults))
          } catch {
            world.with { $0.violations.append("the simulation's own settings are wrong: \(error)") }
          }
          world.with { $0.isCrashed = true }
        }
        isBusy = true
      }
      if world.with({ state in
        let wrote = state.runNode()
        state.flink.advance(to: state.now)
        state.checkWorld()
        return wrote
      }) {
        isBusy = true
      }
      if let at = restartAt, world.now >= at {
        restartAt = nil
        world.with { $0.isCrashed = false }
        life = SimulatedOperator(world: world, settings: settings, guards: guards, logger: logger)
        isBusy = true
      }
      if let running = life {
        if running.deliver() { isBusy = true }
        if await running.step() { isBusy = true }
        let dies = world.with { state in
          if state.crashesAfterSilence, state.now >= state.silentUntil {
            state.crashesAfterSilence = false
            state.isCrashed = true
          }
          return state.isCrashed
        }
        if dies {
          turns += running.turnCount
          running.die()
          life = nil
          restartAt = world.now + restartDelay
          isBusy = true
        }
      }
      if quietFrom == nil, world.now >= end - 60_000 { quietFrom = world.with { $0.calls.count } }
      if isBusy {
        stepsAtOnce += 1
        if stepsAtOnce > 2_000 {
          world.with { $0.violate("L1", "more than 2000 steps without time passing") }
          break
        }
        continue
      }
      stepsAtOnce = 0
      let due: [Int64] = [
        actions.first.map { start + $0.at * 1000 }, world.with { $0.node.nextDue }, restartAt, life?.nextDue(),
        world.with { $0.silentUntil > $0.now ? $0.silentUntil : nil },
        world.with { $0.podsSilentUntil > $0.now ? $0.podsSilentUntil : nil },
        end - 60_000 > world.now ? end - 60_000 : nil,
        end,
      ].compactMap { $0 }
      let next = max(due.min() ?? end, world.now + 1)
      world.with { $0.now = next }
    }
    if let life { turns += life.turnCount }
    return world.with { state in
      if let quietFrom, state.calls.count > quietFrom {
        state.violate("L1", "still writing in the last minute: \(state.calls[quietFrom...].prefix(5))")
      }
      return SimulationOutcome(
        calls: state.calls, reads: state.reads, violations: state.violations, end: state.endState(), turns: turns,
        callsSinceLastAction: state.calls.count - callsAtLastAction)
    }
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

  private static func perform(_ action: Scenario.Action, _ state: inout SimulatedWorld.State) {
    let namespace = SimulatedWorld.namespace
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
    case .restartOperator: break
    }
  }
}
