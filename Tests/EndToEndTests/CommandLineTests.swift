import Foundation
import Testing

/// What the command says to a person who made a mistake: one line with the cause and what to do.
@Suite struct CommandLineTests {
  @Test func helpNamesTheCommands() async throws {
    let help = try await runTool(LocalInstance.binary.path, ["--help"])
    #expect(help.contains("run") && help.contains("local"))
    let run = try await runTool(LocalInstance.binary.path, ["run", "--help"])
    for option in ["--kubeconfig", "--context", "--namespace", "--health-address", "--config", "--log-level"] {
      #expect(run.contains(option))
    }
  }

  @Test func badFlagIsNamed() async throws {
    let text = try await runTool(LocalInstance.binary.path, ["run", "--no-such-flag"], expectFailure: true)
    #expect(text.contains("--no-such-flag"))
  }

  @Test func badHealthAddressIsNamed() async throws {
    let text = try await runTool(
      LocalInstance.binary.path, ["run", "--health-address", "nowhere"], expectFailure: true)
    #expect(text.contains("--health-address 'nowhere'"))
  }

  @Test func missingKubeconfigIsOneLine() async throws {
    let text = try await runTool(
      LocalInstance.binary.path, ["run", "--kubeconfig", "/nonexistent/kubeconfig"], expectFailure: true)
    #expect(text.contains("/nonexistent/kubeconfig"))
    #expect(lines(text) == 1, "\(text)")
  }

  @Test func unreachableServerIsOneLine() async throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("kubeconfig-\(UUID().uuidString)")
    try """
    apiVersion: v1
    kind: Config
    clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]
    users: [{name: a, user: {token: x}}]
    contexts: [{name: a, context: {cluster: a, user: a}}]
    current-context: a
    """.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let text = try await runTool(LocalInstance.binary.path, ["run", "--kubeconfig", file.path], expectFailure: true)
    #expect(text.contains("127.0.0.1:1") && text.contains("Connection refused"), "\(text)")
    #expect(lines(text) == 1, "\(text)")
  }

  @Test(.timeLimit(.minutes(2))) func missingDefinitionIsOneLine() async throws {
    let empty = FileManager.default.temporaryDirectory.appendingPathComponent("no-crds-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: empty) }
    let instance = try await LocalInstance.start(
      extraArguments: ["--no-agent", "--no-operator", "--crds", empty.path])
    let result: Result<String, any Error>
    do {
      result = .success(
        try await runTool(
          LocalInstance.binary.path, ["run", "--kubeconfig", instance.kubeconfig], expectFailure: true))
    } catch {
      result = .failure(error)
    }
    _ = try await instance.stop()
    try instance.removeScratch()
    let text = try result.get()
    #expect(text.contains("does not know FlinkDeployments") && text.contains("crds/"), "\(text)")
    #expect(lines(text) == 1, "\(text)")
  }

  private func lines(_ text: String) -> Int { text.split(separator: "\n").count }
}
