import Testing

@testable import Operations

@Suite struct HealthRegistryTests {
  let health = HealthRegistry()

  @Test func nothingRegisteredIsHealthy() {
    #expect(health.report(.liveness).isHealthy)
    #expect(health.report(.readiness).checks.isEmpty)
  }

  @Test func probesAreApart() {
    health.set("store", for: .readiness, to: .failing(reason: "not synced"))
    #expect(health.report(.liveness).isHealthy)
    #expect(!health.report(.readiness).isHealthy)
    health.set("store", for: .readiness, to: .ok)
    #expect(health.report(.readiness).isHealthy)
    health.set("store", for: .readiness, to: .failing(reason: "lost"))
    health.remove("store", for: .readiness)
    #expect(health.report(.readiness).isHealthy)
  }

  @Test func checksMayUseTheRegistry() {
    health.register("self", for: .liveness) { [health] in
      health.report(.readiness).isHealthy ? .ok : .failing(reason: "not ready")
    }
    #expect(health.report(.liveness).isHealthy)
  }

  @Test func formatsAreWellFormed() {
    health.set("b\"\\", for: .readiness, to: .failing(reason: "line\nend\u{1}"))
    health.set("a", for: .readiness, to: .ok)
    let report = health.report(.readiness)
    #expect(report.text(title: "readyz") == "[+]a ok\n[-]b\"\\ failed: line\nend\u{1}\nreadyz check failed\n")
    #expect(
      report.json() == #"""
        {"healthy":false,"checks":[{"name":"a","ok":true},{"name":"b\"\\","ok":false,"reason":"line\nend\u0001"}]}

        """#)
    #expect(report.metrics().contains("flink_operator_ready{check=\"a\"} 1\n"))
    #expect(report.metrics().contains(#"flink_operator_ready{check="b\"\\"} 0"#))
  }
}
