import Foundation
import KubernetesAPI
import Testing
import YAML

/// The webhook of a running operator, called by the local cluster's API server over TLS, with what deploy/ installs.
@Suite(.serialized) struct AdmissionWebhookTests {
  private static let port = 29443

  @Test(.timeLimit(.minutes(5))) func manifestsAreJudgedBeforeTheyAreStored() async throws {
    try await LocalInstance.with(extraArguments: ["--no-operator", "--no-agent"]) { instance in
      try await instance.kubectl("apply", "-f", "-", input: try configurations())
      let first = try start(instance)
      defer { first.terminate() }
      try await eventually("the operator has the API server trust it", within: .seconds(60)) {
        guard first.isRunning else { throw Unexpected("the operator ended") }
        return try await bundles(instance).allSatisfy { !$0.isEmpty }
      }
      try await judged(instance)

      // Nobody answers: nothing is locked out.
      first.terminate()
      try await eventually("the operator ends", within: .seconds(30)) { !first.isRunning }
      try await instance.kubectl("apply", "-f", "-", input: try manifest("unjudged", ["job": ["parallelism": 0]]))

      // The next operator serves with the certificate that is kept.
      let before = try await bundles(instance)
      let second = try start(instance)
      defer { second.terminate() }
      try await eventually("an answer of the new operator", within: .seconds(60)) {
        let text = try await output("try", try manifest("late", ["job": ["parallelism": 0]]), instance)
        return text.contains("spec.job.parallelism is '0'")
      }
      let after = try await bundles(instance)
      #expect(after == before)
      // What was stored meanwhile can be changed in its metadata, and ended.
      try await instance.kubectl("label", "flinkdep", "unjudged", "a=b")
      try await instance.kubectl("delete", "flinkdep", "unjudged", "--timeout=30s")
      second.terminate()
      try await eventually("the operator ends", within: .seconds(30)) { !second.isRunning }

      // A certificate that is of no use is replaced, and the new one trusted.
      try await instance.kubectl(
        "patch", "secret", "flink-operator-webhook-certificate", "--type=merge", "-p",
        #"{"data":{"tls.key":"bm9uZQ=="}}"#)
      let third = try start(instance)
      defer { third.terminate() }
      try await eventually("another bundle", within: .seconds(60)) {
        let present = try await bundles(instance)
        return zip(present, after).allSatisfy { $0 != $1 }
      }
      try await eventually("an answer under the new certificate", within: .seconds(60)) {
        let text = try await output("try", try manifest("later", ["job": ["parallelism": 0]]), instance)
        return text.contains("spec.job.parallelism is '0'")
      }
      third.terminate()
      try await eventually("the operator ends", within: .seconds(30)) { !third.isRunning }
    }
  }

  private func judged(_ instance: LocalInstance) async throws {
    let refused = try await output("apply", try manifest("bad", ["job": ["parallelism": 0]]), instance)
    #expect(refused.contains("denied the request") && refused.contains("spec.job.parallelism is '0'"), "\(refused)")

    let stateful: JSONValue = [
      "flinkConfiguration": [
        "execution.checkpointing.savepoint-dir": "s3://b/s", "execution.checkpointing.dir": "s3://b/c",
      ],
      "job": ["upgradeMode": "savepoint", "state": "suspended"],
    ]
    let created = try await output("apply", try manifest("good", stateful), instance)
    #expect(created.contains("good created") && !created.contains("Warning"), "\(created)")
    for (patch, words) in [
      (#"{"spec":{"job":{"state":"running"}}}"#, "the job will resume from the state it was suspended with"),
      (#"{"spec":{"job":{"parallelism":3}}}"#, "the job will restart with a savepoint (changed: "),
      (#"{"spec":{"job":{"upgradeMode":"last-state","parallelism":2}}}"#, "the job will restart from its last state"),
      (
        #"{"spec":{"job":{"upgradeMode":"stateless","parallelism":3}}}"#,
        "stateless: the job will restart and its state will be dropped"
      ),
      (#"{"spec":{"job":{"state":"suspended"}}}"#, "stateless: the job will stop and its state will be dropped"),
    ] {
      let said = try await output("try-patch", patch, instance)
      _ = try await output("patch", patch, instance)
      #expect(said.contains("Warning: ") && said.contains(words), "\(patch): \(said)")
    }
    let bare: JSONValue = [
      "flinkConfiguration": [
        "execution.checkpointing.savepoint-dir": .null, "execution.checkpointing.interval": "10 s",
      ],
      "job": ["upgradeMode": "last-state"],
    ]
    let doubted = try await output("try", try manifest("bare", bare), instance)
    #expect(
      doubted.contains("Warning: no HA and no savepoint directory: an upgrade cannot keep state"), "\(doubted)")
    let typo = #"{"spec":{"flinkConfiguration":{"kubernetes.operator.job.restart.fail":"true"}}}"#
    let warned = try await output("patch", typo, instance)
    #expect(
      warned.contains("Warning: ") && warned.contains("did you mean kubernetes.operator.job.restart.failed?"),
      "\(warned)")

    let job: JSONValue = [
      "apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkSessionJob", "metadata": ["name": "session-job"],
      "spec": ["deploymentName": "later", "job": ["jarURI": "https://example.com/a.jar", "parallelism": 1]],
    ]
    let accepted = try await output("apply", YAML.write(job), instance)
    #expect(accepted.contains("does not act upon FlinkSessionJob"), "\(accepted)")
    let label = try await instance.kubectl(
      "get", "flinksessionjob", "session-job", "-o", "jsonpath={.metadata.labels.target\\.session}")
    #expect(label == "later")
  }

  /// Standard output and error of `kubectl apply -f -`, of a trial that stores nothing, or of a merge patch of the
  /// resource `good`.
  private func output(_ verb: String, _ input: String, _ instance: LocalInstance) async throws -> String {
    let command =
      switch verb {
      case "apply": "apply -f -"
      case "try": "apply --dry-run=server -f -"
      case "try-patch": "patch flinkdep good --dry-run=server --type=merge --patch-file=/dev/stdin"
      default: "patch flinkdep good --type=merge --patch-file=/dev/stdin"
      }
    return try await runTool(
      "bash", ["-c", "kubectl --kubeconfig '\(instance.kubeconfig)' \(command) 2>&1 || true"], input: input)
  }

  private func manifest(_ name: String, _ spec: JSONValue) throws -> String {
    YAML.write(try FlinkJob.manifest(name: name, spec: spec))
  }

  private func bundles(_ instance: LocalInstance) async throws -> [String] {
    var bundles: [String] = []
    for kind in ["validatingwebhookconfiguration", "mutatingwebhookconfiguration"] {
      bundles.append(
        try await instance.kubectl("get", kind, "e2e", "-o", "jsonpath={.webhooks[0].clientConfig.caBundle}"))
    }
    return bundles
  }

  /// The webhook configurations of deploy/, with the operator's own address instead of its Service's.
  private func configurations() throws -> String {
    let file = LocalInstance.repository.appendingPathComponent("deploy/operator/webhook.yaml")
    let objects = try YAML.parseAll(try String(contentsOf: file, encoding: .utf8))
      .filter { $0["kind"]?.stringValue?.hasSuffix("WebhookConfiguration") == true }
    return try objects.map { object in
      var object = object
      object.set("e2e", at: ["metadata", "name"])
      var webhook = try #require(object["webhooks"]?.arrayValue?.first)
      let path = try #require(webhook["clientConfig", "service", "path"]?.stringValue)
      webhook["clientConfig"] = ["url": .string("https://127.0.0.1:\(Self.port)\(path)")]
      object["webhooks"] = [webhook]
      return YAML.write(object)
    }.joined(separator: "---\n")
  }

  private func start(_ instance: LocalInstance) throws -> Process {
    let process = Process()
    process.executableURL = LocalInstance.binary
    // What is judged here is not acted upon, so that each change is judged by the one before.
    process.arguments = [
      "run", "--namespace", "elsewhere", "--kubeconfig", instance.kubeconfig, "--health-address", "127.0.0.1:0",
      "--webhook-address",
      "127.0.0.1:\(Self.port)", "--webhook-configuration", "e2e",
    ]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }
}
