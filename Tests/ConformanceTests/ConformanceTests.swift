import Foundation
import InMemoryKubernetes
import KubernetesAPI
import Testing

/// The scenarios recorded from a real kube-apiserver, replayed in process.
@Suite struct ConformanceTests {
  /// Scenarios that do not pass yet, with the reason.
  static let unsupported: [String: String] = {
    let controllers = "the workload controllers are not part of the API server in process"
    return [
      "access-reviews": "whoever is known may do everything",
      "crd-cel": "x-kubernetes-validations (CEL) are not evaluated",
      "deployment-pods": controllers,
      "deployment-progress-deadline": controllers,
      "endpoints": controllers,
      "kubectl-apply-client-side": controllers,
      "kubectl-get": controllers,
      "kubectl-rollout-status": controllers,
      "rbac": "whoever is known may do everything",
      "rollout-rolling": controllers,
      "token-request": "tokens are issued by the front",
      "webhook-validating": "admission webhooks are not called",
      "yaml-bodies": "the unquoted key n is text here, as in YAML 1.2",
    ]
  }()

  static let scenarios: [String] = {
    let folder = Bundle.module.bundlePath + "/Transcripts"
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
  }()

  @Test func theTranscriptsAreThere() { #expect(Self.scenarios.count >= 70) }

  @Test(arguments: scenarios)
  func replays(_ name: String) throws {
    let path = Bundle.module.bundlePath + "/Transcripts/\(name).json"
    let data = try #require(FileManager.default.contents(atPath: path))
    let outcome = Replayer.replay(try JSONValue(parsing: Array(data)))
    if let reason = Self.unsupported[name] {
      #expect(outcome.failure != nil, "\(name) passes now: take it from the list (\(reason))")
    } else {
      #expect(outcome.failure == nil, "after \(outcome.stepsPassed) steps: \(outcome.failure ?? "")")
    }
  }
}
