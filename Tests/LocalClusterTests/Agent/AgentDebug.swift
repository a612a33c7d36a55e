import Foundation
import Testing

@testable import LocalCluster

@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["AGENT_DEBUG"] != nil))
struct AgentDebug {
  @Test func hold() async throws {
    try await ClusterBed.with({
      $0.runsAgent = true; $0.kubeconfigPath = "/tmp/agent-kubeconfig"
    }) { bed in
      print("READY", bed.ready)
      while !FileManager.default.fileExists(atPath: "/tmp/agent-stop") { try await Task.sleep(for: .milliseconds(200)) }
      try FileManager.default.removeItem(atPath: "/tmp/agent-stop")
    }
  }
}
