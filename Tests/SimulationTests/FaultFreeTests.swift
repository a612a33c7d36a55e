import Simulation
import Testing

@Suite struct FaultFreeTests {
  @Test(arguments: Scenario.all.map(\.name))
  func keepsTheInvariantsWithoutFaults(_ name: String) async throws {
    let scenario = try #require(Scenario.named(name))
    let outcome = await Simulation.run(scenario)
    #expect(outcome.violations == [], "\(outcome.end)\n\(outcome.calls.joined(separator: "\n"))")
    #expect(!outcome.calls.isEmpty)
  }

  @Test func isDeterministic() async throws {
    let scenario = try #require(Scenario.named("image-savepoint"))
    let first = await Simulation.run(scenario)
    let second = await Simulation.run(scenario)
    #expect(first.calls == second.calls)
    #expect(first.end == second.end)
    #expect(first.turns == second.turns)
  }

  @Test func endsWhereTheScenariosLead() async throws {
    let expectations: [(String, [String])] = [
      ("edit-soon", ["lifecycle STABLE", "demo-taskmanager replicas 2"]),
      ("deploy", ["lifecycle STABLE jm READY job RUNNING state DEPLOYED phase running", "Ready True JobRunning"]),
      ("scale-stateless", ["lifecycle STABLE", "demo-taskmanager replicas 2"]),
      (
        "image-savepoint",
        ["lifecycle STABLE", "image flink:1.20-new", "--fromSavepoint *"]
      ),
      ("scale-last-state", ["lifecycle STABLE", "demo-taskmanager replicas 2", "--fromSavepoint *"]),
      ("suspend-resume-savepoint", ["lifecycle STABLE", "--fromSavepoint *"]),
      ("bad-spec-then-fix", ["lifecycle STABLE", "demo-taskmanager replicas 2"]),
      ("bad-image-then-fix", ["lifecycle STABLE", "Ready True JobRunning"]),
      ("bad-image-savepoint-then-revert", ["lifecycle STABLE", "--fromSavepoint *", "Ready True JobRunning"]),
      ("delete", ["pods 0"]),
      ("delete-with-savepoint", ["pods 0"]),
      ("delete-and-recreate", ["lifecycle STABLE"]),
      ("change-of-mind", ["lifecycle STABLE", "demo-taskmanager replicas 2", "--fromSavepoint *"]),
      ("failed-savepoint-then-success", ["lifecycle STABLE", "demo-taskmanager replicas 2", "--fromSavepoint *"]),
      ("failed-savepoint-then-revert", ["lifecycle STABLE", "demo-taskmanager replicas 1"]),
      ("jobmanager-lost-stateless", ["lifecycle STABLE", "Ready True JobRunning"]),
      // Checkpoints are followed as often as Flink replaces them.
      ("jobmanager-lost-savepoint", ["lifecycle STABLE", "--fromSavepoint *", "Ready True JobRunning"]),
      ("jobmanager-lost-retained", ["lifecycle STABLE", "--fromSavepoint *", "Ready True JobRunning"]),
      ("rollback-stateless-image", ["lifecycle ROLLED_BACK", "image flink:1.20 ", "Stalled True RolledBack"]),
      ("rollback-savepoint-image", ["lifecycle ROLLED_BACK", "image flink:1.20 ", "--fromSavepoint *"]),
      ("rollback-failing-job", ["lifecycle ROLLED_BACK", "--fromSavepoint *", "Stalled True RolledBack"]),
      ("rollback-then-revert", ["generation 3 observed 3 lifecycle STABLE", "Ready True JobRunning"]),
      ("rollback-then-new-spec", ["lifecycle STABLE", "demo-taskmanager replicas 2", "--fromSavepoint *"]),
      ("new-spec-while-rolling-back", ["lifecycle STABLE", "demo-taskmanager replicas 2", "--fromSavepoint *"]),
      ("rollback-then-suspend", ["lifecycle SUSPENDED", "Ready True Suspended"]),
      ("no-rollback-of-a-first-deployment", ["lifecycle DEPLOYED", "Stalled True ImagePullBackOff"]),
      ("restart-failed-job", ["lifecycle STABLE", "--fromSavepoint *", "Ready True JobRunning"]),
      ("failed-job-stays", ["lifecycle FAILED", "Stalled True JobFailed"]),
      ("cancelled-by-others", ["lifecycle STABLE", "--fromSavepoint *", "Ready True JobRunning"]),
      ("stopped-by-others", ["lifecycle STABLE", "--fromSavepoint *", "Ready True JobRunning"]),
      ("finished-job-shuts-down", ["jm MISSING job FINISHED", "Ready True JobFinished", "pods 0"]),
      ("finished-job-runs-again", ["generation 2 observed 2 lifecycle STABLE", "Ready True JobRunning"]),
      ("failed-job-shuts-down-then-upgrade", ["lifecycle STABLE", "--fromSavepoint *", "replicas 2"]),
      ("delete-finished-job", ["pods 0"]),
      ("session-deploy", ["lifecycle STABLE jm READY job - state DEPLOYED", "Running True JobManagerReady"]),
      ("session-upgrade", ["lifecycle STABLE jm READY", "image flink:1.20-new", "Ready True JobManagerReady"]),
      ("session-lost", ["lifecycle STABLE jm READY", "Ready True JobManagerReady"]),
      ("session-delete", ["pods 0"]),
      ("session-rollback", ["lifecycle ROLLED_BACK jm READY", "image flink:1.20 ", "Stalled True RolledBack"]),
      ("taskmanagers-lost", ["lifecycle STABLE", "Ready True JobRunning"]),
      ("suspended-first", ["lifecycle STABLE"]),
      (
        "ingress-edit",
        [
          "lifecycle STABLE", "ingress demo host new.example.com labels {\"b\":\"2\",\"component\":\"ingress\"}",
          "stable true", "generation 1", "generation 2 observed 2",
        ]
      ),
      ("ingress-added", ["lifecycle STABLE", "ingress demo host demo.example.com", "stable true"]),
      ("ingress-removed", ["lifecycle STABLE", "stable true"]),
      ("ingress-edit-suspended", ["lifecycle SUSPENDED", "ingress demo host new.example.com", "pods 0"]),
      ("ingress-edit-session", ["lifecycle STABLE", "ingress demo host new.example.com"]),
      (
        "ha-last-state", ["lifecycle STABLE", "demo-taskmanager replicas 2", "--fromSavepoint *", "configmap of a job"]
      ),
      ("ha-stateless", ["lifecycle STABLE", "args standalone-job --jars", "configmap of a job"]),
      ("ha-switched-off", ["lifecycle STABLE", "--fromSavepoint *"]),
      ("ha-jobmanager-lost", ["lifecycle STABLE", "--fromSavepoint *"]),
      ("ha-metadata-of-another", ["lifecycle STABLE", "configmap of a job"]),
      ("native-deploy", ["lifecycle STABLE", "Ready True JobRunning", "deployment demo replicas 1", "pods 2"]),
      ("native-scale-stateless", ["lifecycle STABLE", "pods 3"]),
      ("native-scale-savepoint", ["lifecycle STABLE", "pods 3"]),
      ("native-suspend-resume-savepoint", ["lifecycle STABLE", "pods 2"]),
      ("native-bad-image-then-fix", ["lifecycle STABLE", "Ready True JobRunning"]),
      ("native-jobmanager-lost-stateless", ["lifecycle STABLE", "Ready True JobRunning"]),
      ("native-delete-and-recreate", ["lifecycle STABLE", "pods 2"]),
    ]
    for (name, parts) in expectations {
      let outcome = await Simulation.run(try #require(Scenario.named(name)))
      let end = outcome.end.description
      for part in parts { #expect(end.contains(part), "\(name): no '\(part)' in\n\(end)") }
      if name == "ingress-removed" { #expect(!end.contains("ingress demo"), "\(end)") }
      if name == "delete" { #expect(!end.contains("deployment "), "\(end)") }
    }
  }
}
