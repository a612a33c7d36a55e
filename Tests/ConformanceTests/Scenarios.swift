import Foundation
import KubernetesAPI

/// The recorded scenarios this project carries.
enum Scenarios {
  private static let folder = Bundle.module.bundlePath + "/Transcripts"

  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
  }()

  static func load(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name).json"))))
  }

  /// What the API server and the controllers together do not do, with the reason.
  static let unsupported: [String: String] = [
    "crd-cel": "x-kubernetes-validations (CEL) are not evaluated"
  ]

  /// What shows the order of managers, or an age, as recorded only when its writes fall into one second.
  static let dependingOnSeconds: Set<String> = [
    "ssa-conflict-force", "ssa-create", "ssa-status", "managed-fields-update", "crd-printer-columns", "kubectl-get",
    "table-output",
  ]

  /// What needs controllers besides, which the API server in process is without.
  static let needingControllers: Set<String> = [
    "deployment-pods", "deployment-progress-deadline", "endpoints", "kubectl-rollout-status",
    "kubectl-apply-client-side", "kubectl-get", "rollout-rolling",
  ]
}
