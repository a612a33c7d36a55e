import Foundation
import FoundationNetworking
import KubernetesAPI
import Testing

@testable import LocalCluster

/// An application cluster whose JobManager uses the Kubernetes API itself: for its high availability, and in native mode
/// for its TaskManagers.
struct KubernetesFlink {
  let bed: ClusterBed
  let version: String
  let name: String
  let jobID = "00000000000000000000000000000c0b"

  /// The rights that deployments give to Flink, as in a cluster.
  static let serviceAccount: String = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("deploy/jobs/service-account.yaml")
    return (try? String(contentsOf: file, encoding: .utf8)) ?? ""
  }()

  /// Those of the supported versions that are fetched.
  static let versions: [String] = {
    let images = ImageCatalog(cache: ImageCatalog.defaultCache(environment: ProcessInfo.processInfo.environment))
    return ["1.20", "2.2"].filter { if case .flink = images.resolve("flink:\($0)") { true } else { false } }
  }()

  private var shared: String { bed.folder + "/flink" }

  private func configuration(_ more: [(String, String)]) -> String {
    let all =
      [
        ("jobmanager.rpc.address", "\(name).default"), ("jobmanager.memory.process.size", "1600m"),
        ("taskmanager.memory.process.size", "1600m"), ("taskmanager.numberOfTaskSlots", "1"),
        ("parallelism.default", "1"), ("blob.server.port", "6124"), ("taskmanager.rpc.port", "6122"),
        ("execution.checkpointing.interval", "500ms"), ("execution.checkpointing.dir", "file://\(shared)/checkpoints"),
        ("kubernetes.cluster-id", name), ("kubernetes.namespace", "default"), ("high-availability.type", "kubernetes"),
        ("high-availability.storageDir", "file://\(shared)/ha"), ("high-availability.jobmanager.port", "6123"),
        ("high-availability.kubernetes.leader-election.lease-duration", "6s"),
        ("high-availability.kubernetes.leader-election.renew-deadline", "5s"),
        ("high-availability.kubernetes.leader-election.retry-period", "1s"),
      ] + more
    return all.map { "    \($0.0): \($0.1)\n" }.joined()
  }

  private func configMap(_ more: [(String, String)]) -> String {
    let file = version.hasPrefix("1.") ? "flink-conf.yaml" : "config.yaml"
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: flink-config-\(name)}\ndata:\n  \(file): |\n"
      + configuration(more) + "---\n"
  }

  private func services() -> String {
    """
    apiVersion: v1
    kind: Service
    metadata: {name: \(name)}
    spec:
      clusterIP: None
      selector: {app: \(name), component: jobmanager}
      ports: [{name: rpc, port: 6123}, {name: blob, port: 6124}]
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: \(name)-rest}
    spec: {selector: {app: \(name), component: jobmanager}, ports: [{name: rest, port: 8081}]}
    ---

    """
  }

  private func deployment(_ name: String, component: String, replicas: Int = 1, arguments: [String]) -> String {
    """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: \(name)}
    spec:
      replicas: \(replicas)
      selector: {matchLabels: {app: \(self.name), component: \(component)}}
      template:
        metadata: {labels: {app: \(self.name), component: \(component)}}
        spec:
          serviceAccountName: flink
          volumes:
          - {name: conf, configMap: {name: flink-config-\(self.name)}}
          - {name: shared, hostPath: {path: \(shared), type: DirectoryOrCreate}}
          containers:
          - name: flink-main-container
            image: flink:\(version)
            command: [/docker-entrypoint.sh]
            args: \(arguments)
            env: [{name: _POD_IP_ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
            volumeMounts: [{name: conf, mountPath: /opt/flink/conf}, {name: shared, mountPath: \(shared)}]
    ---

    """
  }

  /// Native mode: only a JobManager is applied. Its TaskManagers' pods get the volume from a pod template.
  func applyNative() async throws {
    let template = """
      apiVersion: v1
      kind: Pod
      metadata: {name: template}
      spec:
        containers:
        - {name: flink-main-container, volumeMounts: [{name: shared, mountPath: \(shared)}]}
        volumes: [{name: shared, hostPath: {path: \(shared)}}]
      """
    try FileManager.default.createDirectory(atPath: shared, withIntermediateDirectories: true)
    try template.write(toFile: shared + "/template.yaml", atomically: true, encoding: .utf8)
    let conf = configMap([
      ("execution.target", "kubernetes-application"), ("kubernetes.service-account", "flink"),
      ("kubernetes.container.image.ref", "flink:\(version)"),
      ("kubernetes.pod-template-file.taskmanager", shared + "/template.yaml"),
      ("$internal.application.main", "org.apache.flink.streaming.examples.statemachine.StateMachineExample"),
      ("$internal.pipeline.job-id", jobID),
      ("pipeline.jars", "local:///opt/flink/examples/streaming/StateMachineExample.jar"),
      (
        "kubernetes.internal.jobmanager.entrypoint.class",
        "org.apache.flink.kubernetes.entrypoint.KubernetesApplicationClusterEntrypoint"
      ),
    ])
    let arguments = ["bash", "-c", "kubernetes-jobmanager.sh kubernetes-application"]
    let text = conf + services() + deployment(name, component: "jobmanager", arguments: arguments)
    _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: text)
  }

  /// Standalone mode with a JobManager that waits for the leader's end.
  func applyStandaloneWithStandby() async throws {
    let conf = configMap([
      ("pipeline.classpaths", "file:///opt/flink/examples/streaming/StateMachineExample.jar")
    ])
    let arguments = [
      "standalone-job", "--job-classname", "org.apache.flink.streaming.examples.statemachine.StateMachineExample",
      "--job-id", jobID, "-D", "jobmanager.rpc.address=$(_POD_IP_ADDRESS)",  // Flink 2 knows no --host
    ]
    let text =
      conf + services() + deployment(name, component: "jobmanager", replicas: 2, arguments: arguments)
      + deployment("\(name)-taskmanager", component: "taskmanager", arguments: ["taskmanager"])
    _ = try await bed.kubectlSucceeds("apply", "-f", "-", input: text)
  }

  // MARK: What it does

  /// Answers of the JobManager's REST interface; nil while nobody answers.
  func rest(_ path: String, method: String = "GET") async throws -> JSONValue? {
    let address = try await bed.kubectlSucceeds("get", "svc", "\(name)-rest", "-o", "jsonpath={.spec.clusterIP}")
    var request = URLRequest(url: try #require(URL(string: "http://\(address):8081\(path)")), timeoutInterval: 10)
    request.httpMethod = method
    guard let (data, _) = try? await URLSession.shared.data(for: request) else { return nil }  // not up yet
    return try? JSONValue(parsing: Array(data))
  }

  func waitForCheckpoint() async throws {
    try await bed.eventually(seconds: 120) {
      (try await rest("/jobs/\(jobID)/checkpoints")?["counts", "completed"]?.intValue ?? 0) > 1
    }
  }

  func waitForRestore() async throws {
    try await bed.eventually(seconds: 120) {
      try await rest("/jobs/\(jobID)/checkpoints")?["latest", "restored", "external_path"]?.stringValue != nil
    }
    try await bed.eventually(seconds: 60) { try await rest("/jobs/\(jobID)")?["state"] == "RUNNING" }
  }

  /// Names, one for each object.
  func names(_ kind: String, component: String) async throws -> [String] {
    try await bed.kubectlSucceeds(
      "get", kind, "-l", "app=\(name),component=\(component)", "-o", "jsonpath={.items[*].metadata.name}"
    ).split(separator: " ").map(String.init).sorted()
  }

  /// The pod's address that the leader of `role` has published.
  func leaderAddress(of role: String = "dispatcher") async throws -> String? {
    let outcome = try await bed.kubectl("get", "configmap", "\(name)-cluster-config-map", "-o", "json")
    guard outcome.status == 0, let map = try? JSONValue(parsing: Array(outcome.output.utf8)) else { return nil }
    let text = map["data", "org.apache.flink.k8s.leader.\(role)"]?.stringValue
    return text?.split(separator: "@").last?.split(separator: ":").first.map(String.init)
  }

  func cancel() async throws { _ = try await rest("/jobs/\(jobID)?mode=cancel", method: "PATCH") }
}
