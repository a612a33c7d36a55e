import FlinkModel
import Foundation
import KubernetesAPI
import YAML

/// A file in this folder's Resources.
func resource(_ name: String) throws -> String {
  try String(contentsOf: Bundle.module.bundleURL.appendingPathComponent("Resources/\(name)"), encoding: .utf8)
}

/// A file of the repository.
func repositoryFile(_ path: String) throws -> String {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
}

/// A small valid FlinkDeployment, to be spoilt.
func deployment(
  _ edit: (inout JSONValue) -> Void = { _ in }, status: FlinkDeploymentStatus = FlinkDeploymentStatus()
) -> FlinkDeployment {
  var json: JSONValue = [
    "metadata": ["name": "basic", "namespace": "default", "uid": "u", "generation": 1],
    "spec": [
      "image": "flink:1.20", "flinkVersion": "v1_20", "mode": "standalone", "serviceAccount": "flink",
      "flinkConfiguration": ["taskmanager.numberOfTaskSlots": "2"],
      "jobManager": ["resource": ["memory": "2048m", "cpu": 1]],
      "taskManager": ["resource": ["memory": "2048m", "cpu": 1]],
      "job": [
        "jarURI": "local:///opt/flink/usrlib/job.jar", "entryClass": "a.B", "parallelism": 2,
        "upgradeMode": "stateless",
      ],
    ],
  ]
  edit(&json)
  var deployment = FlinkDeployment(KubernetesObject(json))
  deployment.status = status
  return deployment
}

func spec(_ edit: (inout JSONValue) -> Void = { _ in }) throws -> FlinkDeploymentSpec {
  try deployment(edit).spec.get()
}
