import Foundation
import InMemoryKubernetes
import KubernetesAPI
import Testing

/// The scenarios recorded from a real kube-apiserver, replayed in process.
@Suite struct ConformanceTests {
  /// Scenarios that do not pass yet, with the reason.
  static let unsupported: [String: String] = [
    "access-reviews": "access reviews need authorization by rules",
    "crd-cel": "x-kubernetes-validations (CEL) are not evaluated",
    "deployment-pods": "controllers: replayed over HTTPS against the local cluster",
    "deployment-progress-deadline": "controllers: replayed over HTTPS against the local cluster",
    "endpoints": "controllers: replayed over HTTPS against the local cluster",
    "kubectl-get": "controllers: replayed over HTTPS against the local cluster",
    "kubectl-rollout-status": "controllers: replayed over HTTPS against the local cluster",
    "rollout-rolling": "controllers: replayed over HTTPS against the local cluster",
    "rbac": "authorization allows everything",
    "token-request": "tokens are issued by the front",
    "webhook-validating": "admission webhooks are not called",
  ]

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
