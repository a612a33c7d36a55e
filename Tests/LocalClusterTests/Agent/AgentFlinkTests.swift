import Foundation
import Testing

@testable import LocalCluster

/// Real Flink in pods of the shapes that the operator renders.
@Suite(
  .serialized,
  .enabled(if: ClusterBed.kubectl != nil && FlinkCache.isFilled, "needs kubectl, a fetched Flink and the example jar"))
struct AgentFlinkTests {
  private func manifests(name: String, arguments: [String]) -> String {
    let all = ["standalone-job"] + arguments
    let container = """
            serviceAccountName: default
            containers:
            - name: flink-main-container
              image: flink:1.20
              command: ["/docker-entrypoint.sh"]
              volumeMounts: [{name: conf, mountPath: /opt/flink/conf}, {name: lib, mountPath: /opt/flink/usrlib}]
      """
    func deployment(_ role: String, _ name: String, _ rest: String) -> String {
      """
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: \(name)}
      spec:
        replicas: 1
        selector: {matchLabels: {component: \(role)}}
        template:
          metadata: {labels: {component: \(role)}}
          spec:
            volumes: [{name: conf, configMap: {name: conf}}, {name: lib, emptyDir: {}}]
      \(container)
      \(rest)
      ---

      """
    }
    return """
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: conf}
      data:
        flink-conf.yaml: |
          jobmanager.rpc.address: \(name).default
          jobmanager.memory.process.size: 2048m
          taskmanager.memory.process.size: 2048m
          taskmanager.numberOfTaskSlots: 2
          parallelism.default: 1
          execution.checkpointing.interval: 1s
          execution.checkpointing.dir: file:///tmp/checkpoints
          web.refresh-interval: 200
          pipeline.classpaths: file:///opt/flink/examples/streaming/StateMachineExample.jar
      ---
      apiVersion: v1
      kind: Service
      metadata: {name: \(name)}
      spec: {clusterIP: None, selector: {component: jobmanager}, ports: [{name: rpc, port: 6123}, {name: blob, port: 6124}]}
      ---
      apiVersion: v1
      kind: Service
      metadata: {name: \(name)-rest}
      spec: {selector: {component: jobmanager}, ports: [{name: rest, port: 8081, targetPort: 8081}]}
      ---

      """
        + deployment(
          "jobmanager", name,
          """
                  args: \(all)
                  ports: [{name: rest, containerPort: 8081}]
                  startupProbe: {httpGet: {path: /config, port: rest}, periodSeconds: 1, failureThreshold: 1000}
          """) + deployment("taskmanager", "\(name)-taskmanager", "        args: [taskmanager]")
  }

  @Test func aJobRunsAndCompletesACheckpointAndNothingIsLeft() async throws {
    try await ClusterBed.with({ $0.runsAgent = true }) { bed in
      let id = "00000000000000000000000000000a11"
      let entry = "org.apache.flink.streaming.examples.statemachine.StateMachineExample"
      let text = manifests(name: "job", arguments: ["--job-classname", entry, "--job-id", id])
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: text)
      _ = try await bed.kubectlSucceeds("wait", "--for=condition=Available", "deployment/job", "--timeout=90s")
      let address = try await bed.kubectlSucceeds("get", "svc", "job-rest", "-o", "jsonpath={.spec.clusterIP}")
      let url = try #require(URL(string: "http://\(address):8081/jobs/\(id)/checkpoints"))
      try await bed.eventually(seconds: 90) {
        // Not there yet is an answer too: the job starts after the REST port.
        guard let data = try? Data(contentsOf: url) else { return false }
        return String(decoding: data, as: UTF8.self).contains("\"external_path\":\"file:/tmp/checkpoints/\(id)/chk-")
      }
      let log = try await bed.kubectlSucceeds("logs", "deployment/job-taskmanager", "--tail=5")
      #expect(log.contains("count="))
      _ = try await bed.kubectlSucceeds("delete", "deployment", "--all")
      try await bed.eventually(seconds: 30) {
        try await bed.kubectlSucceeds("get", "pods", "-o", "name") == ""
      }
      try await bed.eventually(seconds: 20) {
        try FileManager.default.contentsOfDirectory(atPath: bed.ready.runDirectory + "/pods/pods").isEmpty
      }
    }
  }

  @Test func aTaskManagerWithoutMemorySettingsFailsAsTheImageDoes() async throws {
    try await ClusterBed.with({ $0.runsAgent = true }) { bed in
      let text = manifests(name: "job", arguments: [])
        .replacing("taskmanager.memory.process.size: 2048m", with: "taskmanager.memory.process.size: 500m")
      _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: text)
      try await bed.eventually(seconds: 30) {
        try await bed.kubectlSucceeds("logs", "-l", "component=taskmanager", "--tail=3", "--ignore-errors")
          .contains("IllegalConfigurationException: TaskManager memory configuration failed")
      }
    }
  }
}

enum FlinkCache {
  static var isFilled: Bool {
    let images = ImageCatalog(cache: ImageCatalog.defaultCache(environment: ProcessInfo.processInfo.environment))
    guard case .flink = images.resolve("flink:1.20") else { return false }
    return FileManager.default.fileExists(atPath: images.examples + "/StateMachineExample.jar")
  }
}
