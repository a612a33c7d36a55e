import Foundation
import KubernetesClient
import Logging
import Testing

@testable import LocalCluster

/// A node that joins an API server elsewhere: here one without an agent of its own.
@Suite(.serialized, .enabled(if: ClusterBed.kubectl != nil && geteuid() == 0, "needs kubectl and root"))
struct JoinTests {
  private func withNode(_ bed: ClusterBed, _ body: () async throws -> Void) async throws {
    let configuration = try ClusterConfiguration.load(kubeconfigPath: bed.ready.kubeconfigPath, context: nil)
    let client = KubernetesClient(configuration: configuration, logger: Logger(label: "node"))
    var options = LocalClusterOptions(runDirectory: bed.folder + "/node")
    options.nodeName = "joined"
    let node = LocalCluster(options: options, logger: Logger(label: "node"))
    let server = try #require(APIServerAddress(url: bed.ready.server))
    let running = Task {
      try await node.join(client, server: server, certificateAuthority: "") { _ in }
    }
    do {
      try await body()
    } catch {
      running.cancel()
      await client.shutdown()
      throw error
    }
    running.cancel()
    try await running.value
    await client.shutdown()
    #expect(!FileManager.default.fileExists(atPath: bed.folder + "/node"))
  }

  @Test func itRunsPodsAndServesServices() async throws {
    try await ClusterBed.with { bed in
      try await withNode(bed) {
        try await bed.eventually(seconds: 30) {
          try await bed.kubectl(
            "get", "node", "joined", "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
          ).output == "True"
        }
        let pods = try await bed.kubectlSucceeds("get", "node", "joined", "-o", "jsonpath={.status.capacity.pods}")
        #expect(pods == "250")
        _ = try await bed.kubectlSucceeds(
          "apply", "-f", "-",
          input: """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web}
            spec:
              replicas: 1
              selector: {matchLabels: {app: web}}
              template:
                metadata: {labels: {app: web}}
                spec:
                  containers:
                  - name: main
                    image: busybox
                    command: [sh, -c, "exec python3 -m http.server 8080 --bind $IP --directory /var/run/secrets/kubernetes.io"]
                    env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
                    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: web}
            spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
            """)
        try await bed.eventually(seconds: 60) {
          try await bed.kubectl("get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}").output == "1"
        }
        let podAddress = try await bed.kubectlSucceeds("get", "pods", "-o", "jsonpath={.items[0].status.podIP}")
        #expect(podAddress.hasPrefix("10."))
        let address = try await bed.kubectlSucceeds("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
        #expect(address.hasPrefix("10.96."))
        let url = try #require(URL(string: "http://\(address)/serviceaccount/ca.crt"))
        try await bed.eventually(seconds: 20) {
          // Not yet listened on is an answer too.
          guard let data = try? Data(contentsOf: url) else { return false }
          return String(decoding: data, as: UTF8.self) == (try bed.authorityPEM)
        }
        // The heart beats.
        func beat() async throws -> String {
          try await bed.kubectlSucceeds(
            "get", "lease", "joined", "-n", "kube-node-lease", "-o", "jsonpath={.spec.renewTime}")
        }
        let first = try await beat()
        try await bed.eventually(seconds: 40) { try await beat() != first }
        _ = try await bed.kubectlSucceeds("delete", "deployment", "web")
        try await bed.eventually(seconds: 40) { try await bed.kubectlSucceeds("get", "pods", "-o", "name") == "" }
      }
    }
  }

  @Test func anAddressIsReadFromAURL() {
    #expect(APIServerAddress(url: "https://127.0.0.1:6443") == APIServerAddress(host: "127.0.0.1", port: 6443))
    #expect(APIServerAddress(url: "https://host.test/base") == APIServerAddress(host: "host.test", port: 443))
    #expect(APIServerAddress(url: "https://[::1]:99") == APIServerAddress(host: "::1", port: 99))
    #expect(APIServerAddress(url: "nonsense") == nil)
  }
}
