import Foundation
import KubernetesAPI
import Testing

/// A job that its JobManager starts again and again gets nowhere: the operator begins another incarnation of it, from
/// its newest checkpoint.
@Suite(.serialized) struct UnhealthyJobTests {
  // covers: kubernetes.operator.cluster.health-check.enabled, kubernetes.operator.cluster.health-check.restarts.threshold
  // covers: kubernetes.operator.cluster.health-check.restarts.window
  @Test(.timeLimit(.minutes(10)), arguments: FlinkUnderTest.all)
  func aJobThatFailsOverAndOverIsBegunAgain(flink: FlinkUnderTest) async throws {
    let data = try DataFolder()
    try await LocalInstance.with { instance in
      let prefix = "kubernetes.operator.cluster.health-check"
      let failing = 300
      let spec = HighAvailabilityTests.spec.merging(patch: [
        "flinkConfiguration": [
          "\(prefix).enabled": "true", "\(prefix).restarts.threshold": "2", "\(prefix).restarts.window": "5 min",
          "restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "100000",
          "restart-strategy.fixed-delay.delay": "500ms",
        ],
        "job": [
          "args": .array((data.arguments(rate: 60).arrayValue ?? []) + ["--fail-at", .string("\(failing)")])
        ],
      ])
      let job = try await data.apply("unhealthy", in: "default", of: instance, flink: flink, spec: spec)
      try await eventually("an event RestartUnhealthyJob\n\(instance.logTail)", within: .seconds(180)) {
        try await job.events().contains {
          $0["reason"]?.stringValue == "RestartUnhealthyJob" && $0["type"]?.stringValue == "Warning"
            && $0["message"]?.stringValue?.contains("restarted about") == true
        }
      }
      try await job.wait(for: "another incarnation") { $0.attempt > 1 }
      try await eventually("it goes on from a checkpoint\n\(instance.logTail)", within: .seconds(120)) {
        (try? await job.restoredCheckpoint()) != nil
      }
      // What it fails at is corrected.
      try await job.patch(spec: ["job": ["args": data.arguments(rate: 60)]])
      try await job.waitRunning()
      try await data.waitForMore(than: failing + 30)
      try await job.endsWithAllNumbers(data)
    }
    try data.remove()
  }
}
