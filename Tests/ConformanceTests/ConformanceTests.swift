import KubernetesAPI
import Testing

/// The scenarios recorded from a real kube-apiserver, replayed in process.
@Suite struct ConformanceTests {
  @Test func theTranscriptsAreThere() { #expect(Scenarios.names.count >= 70) }

  @Test(arguments: Scenarios.names)
  func replays(_ name: String) async throws {
    let outcome = await Replayer.replay(try Scenarios.load(name), against: InProcessServer())
    let reason = Scenarios.unsupported[name] ?? (Scenarios.needingControllers.contains(name) ? "controllers" : nil)
    if let reason {
      #expect(outcome.failure != nil, "\(name) passes now: take it from the list (\(reason))")
    } else {
      #expect(outcome.failure == nil, "after \(outcome.stepsPassed) steps: \(outcome.failure ?? "")")
    }
  }
}
